//! Tests of `src/docs.rs`.

use super::lines;

fn check(comment: &str, expected: &[&str]) {
    assert_eq!(lines(comment), expected);
}

#[test]
fn prose_keeps_its_lines() {
    check(" Says hello.\n\n Twice.\n", &[" Says hello.", "", " Twice."]);
}

#[test]
fn markup_is_escaped() {
    check(" A map<string, X> and [x] see https://a.b/c.", &[" A map\\<string, X\\> and \\[x\\] see <https://a.b/c>."]);
    check(" `Vec<u8>` stays", &[" `Vec<u8>` stays"]);
}

#[test]
fn code_is_never_rust() {
    check(" See:\n\n     let x = 1;\n\n After.", &[" See:", "", " ```text", " let x = 1;", " ```", "", " After."]);
    check(" ```\n x\n ```", &[" ```text", " x", " ```"]);
    check(" ```rust\n x", &[" ```text", " x", " ```"]);
}
