//! Every Rust block of the page stands, line for line, in a file that is compiled.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn what_the_page_shows_is_compiled() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for folder in ["src", "src/bin", "tests/guide"] {
        let entries = fs::read_dir(package.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.filter(|path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs"));
        sources.extend(files.map(|path| without_indent(&fs::read_to_string(path).unwrap())));
    }
    let page = fs::read_to_string(package.join("../../docs/streaming.md")).unwrap();
    let blocks: Vec<&str> = page.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 10, "the page has only {} blocks", blocks.len());
    for block in blocks {
        let text = without_indent(block);
        assert!(sources.iter().any(|source| source.contains(&text)), "nothing compiles this:\n{block}");
    }
}

fn without_indent(text: &str) -> String {
    text.lines().map(str::trim_start).collect::<Vec<_>>().join("\n") + "\n"
}
