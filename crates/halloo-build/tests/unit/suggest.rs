//! Tests of `src/suggest.rs`.

use super::*;

#[test]
fn slips_are_found() {
    let names = ["HelloRequest", "HelloReply", "string", "int32"];
    for (slip, meant) in
        [("HelloRequst", "HelloRequest"), ("helloreply", "HelloReply"), ("strin", "string"), ("itn32", "int32")]
    {
        assert_eq!(nearest(slip, names), Some(meant), "{slip}");
    }
}

#[test]
fn far_names_are_not_suggested() {
    assert_eq!(nearest("Goodbye", ["HelloRequest", "string"]), None);
    assert_eq!(nearest("Foo", ["Bar"]), None);
}

#[test]
fn swaps_count_once() {
    assert_eq!((distance("ab", "ba"), distance("abc", "abd"), distance("", "abc")), (1, 1, 3));
}
