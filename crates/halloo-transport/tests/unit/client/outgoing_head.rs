//! Tests of `src/client/outgoing_head.rs`.

use super::*;

#[test]
fn what_a_program_names_leaves_without_outer_spaces() {
    let fields = constant_fields("/a.B/C", "text\t", "http", "localhost", "\tgreeter/1.0 ");
    assert_eq!(fields.find(b"content-type"), Some(b"application/grpc+text".as_slice()));
    assert_eq!(fields.find(b"user-agent"), Some(b"greeter/1.0".as_slice()));
    assert_eq!(fields.find(b"te"), Some(b"trailers".as_slice()));
}
