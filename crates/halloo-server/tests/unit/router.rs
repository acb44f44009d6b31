//! Tests of `src/router.rs`.

use super::*;

#[test]
fn distance_counts_edits() {
    for (a, b, expected) in
        [("", "", 0), ("SayHelo", "SayHello", 1), ("sayhello", "SayHello", 0), ("", "abc", 3), ("kitten", "sitting", 3)]
    {
        assert_eq!(distance(a, b), expected, "{a} {b}");
    }
}
