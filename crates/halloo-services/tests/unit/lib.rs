//! Tests of `src/lib.rs`.

use super::quoted;

#[test]
fn long_names_are_cut_between_letters() {
    assert_eq!(quoted("greeter.Greeter"), "greeter.Greeter");
    assert_eq!(quoted(&"a".repeat(300)).len(), 256);
    assert_eq!(quoted(&"☃".repeat(100)).len(), 255);
}
