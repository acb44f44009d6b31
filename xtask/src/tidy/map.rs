//! The files that `ARCHITECTURE.md` names: each is a source, `call/exchange/state.rs` for that of `halloo-call`.

use std::fs;

use crate::Failure;
use crate::failure::While;
use crate::process::root;
use crate::tidy::sources::rust_files;

/// Checks that every file has a source.
pub(crate) fn check() -> Result<Vec<String>, Failure> {
    let path = root().join("ARCHITECTURE.md");
    let text = fs::read_to_string(&path).while_doing(|| format!("cannot read {}", path.display()))?;
    let folder = root().join("crates");
    let sources: Vec<String> = rust_files(&folder)?
        .iter()
        .filter_map(|file| source_name(&file.strip_prefix(&folder).ok()?.to_string_lossy().replace('\\', "/")))
        .collect();
    Ok(faults(&text, &sources))
}

/// What the map calls a file within `crates`; none if it is not of a library's sources.
fn source_name(file: &str) -> Option<String> {
    let (package, source) = file.split_once("/src/")?;
    Some(format!("/{}/{source}", package.strip_prefix("halloo-").unwrap_or(package)))
}

fn faults(text: &str, sources: &[String]) -> Vec<String> {
    let lines = text.lines().enumerate();
    let named = lines.flat_map(|(index, line)| line.split('`').skip(1).step_by(2).map(move |name| (index + 1, name)));
    let is_file = |name: &str| name.ends_with(".rs") && !name.contains(char::is_whitespace);
    named
        .filter(|(_, name)| is_file(name) && !sources.iter().any(|source| source.ends_with(&format!("/{name}"))))
        .map(|(line, name)| format!("ARCHITECTURE.md:{line}: there is no source `{name}`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_source_is_named() {
        let sources: Vec<String> = ["halloo-call/src/exchange/state.rs", "halloo-call/tests/ends.rs"]
            .iter()
            .filter_map(|file| source_name(file))
            .collect();
        assert_eq!(
            faults("`state.rs`, `exchange/state.rs` and `call/exchange/state.rs`", &sources),
            Vec::<String>::new()
        );
        let text = "x\n`call/state.rs`, `ends.rs`, `tate.rs`, `a ends.rs`";
        let expected = ["call/state.rs", "ends.rs", "tate.rs"];
        assert_eq!(
            faults(text, &sources),
            expected.map(|name| format!("ARCHITECTURE.md:2: there is no source `{name}`"))
        );
    }
}
