//! Tests of `src/source.rs`.

use super::Source;

fn source(text: &str) -> Source {
    Source { name: "a.proto".to_owned(), path: "a.proto".to_owned(), text: text.to_owned() }
}

#[test]
fn words_are_found_in_code_only() {
    let source = source("// Foo\n/* Foo */ option x = \"Foo \\\" Foo\"; Foo_ a.Foo Foo x;");
    let at = source.find_word("Foo").unwrap();
    assert_eq!(&source.text[at..], "Foo x;");
}

#[test]
fn the_first_statement_comes_after_comments() {
    let source = source("\u{feff}// licence\n\n/* more */ edition = \"2023\";");
    assert!(source.text[source.first_token()..].starts_with("edition"));
}

#[test]
fn lines_count_from_zero() {
    let source = source("a\nbc\r\n\nd");
    assert_eq!((source.line_of(0), source.line_of(2), source.line_of(7)), (0, 1, 3));
    assert_eq!((source.line(1), source.line(2), source.line(3)), ("bc", "", "d"));
}
