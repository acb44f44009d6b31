//! Tests of `src/failure.rs`.

use halloo_core::{MethodDescriptor, MethodKind};

use super::*;

static SAY_HELLO: MethodRef = MethodRef::new(&MethodDescriptor::new(
    "greeter.Greeter",
    "SayHello",
    "/greeter.Greeter/SayHello",
    MethodKind::Unary,
));

#[test]
fn the_cause_survives_a_note() {
    let status = Status::internal("no").caused_by(io::Error::other("disk"));
    let status = calling(&status, &SAY_HELLO);
    assert_eq!(format!("{status:?}"), "no (INTERNAL)\n  calling  greeter.Greeter/SayHello\n  cause    disk");
}
