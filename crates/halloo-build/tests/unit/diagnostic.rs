//! Tests of `src/diagnostic.rs`.

use super::backquoted;

#[test]
fn quotes_become_backquotes() {
    assert_eq!(backquoted("name 'a.B' is not defined"), "name `a.B` is not defined");
    assert_eq!(backquoted("expected ';' or 'x', but found '}'"), "expected `;` or `x`, but found `}`");
    assert_eq!(backquoted("the type's name isn't 'x'"), "the type's name isn't `x`");
}
