//! Tests of `src/descriptors.rs`.

use super::*;

fn file(name: &str, imports: &[&str]) -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some(name.to_owned()),
        dependency: imports.iter().map(|&import| import.to_owned()).collect(),
        ..Default::default()
    }
}

#[test]
fn files_come_after_their_imports_whatever_their_order_was() {
    let files = [file("c", &["b", "a"]), file("a", &[]), file("b", &["a"]), file("unused", &[])];
    let forward = sorted(files.to_vec(), &["c".to_owned(), "a".to_owned()]).expect("all are there");
    let names: Vec<&str> = forward.iter().map(name).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let mut reversed = files.to_vec();
    reversed.reverse();
    assert_eq!(sorted(reversed, &["a".to_owned(), "c".to_owned()]).expect("all are there"), forward);
}

#[test]
fn imports_that_are_not_there_and_cycles_end() {
    let error = sorted(vec![file("a", &["b"])], &["a".to_owned()]).expect_err("b is not there");
    assert_eq!(error.to_string(), "`a` imports `b`, which is not among the descriptors");
    let cycle = vec![file("a", &["b"]), file("b", &["a"])];
    assert_eq!(sorted(cycle, &["a".to_owned()]).expect("cycles are refused elsewhere").len(), 2);
}

#[test]
fn literals_hold_every_byte() {
    let all: Vec<u8> = (0..=255).chain([b' '; 300]).collect();
    let text = literal(&all);
    let parsed: syn::LitByteStr = syn::parse_str(&text).expect("it is a literal");
    assert_eq!(parsed.value(), all);
    assert!(text.lines().all(|line| line.len() <= LITERAL_WIDTH + 10), "{text}");
}
