//! Tests of `src/access.rs`.

use halloo_core::MethodKind;

use super::*;

static METHODS: [MethodDescriptor; 2] = [
    MethodDescriptor::new("a.S", "Read", "/a.S/Read", MethodKind::Unary),
    MethodDescriptor::new("a.S", "Write", "/a.S/Write", MethodKind::Unary),
];
static SERVICE: ServiceDescriptor = ServiceDescriptor::new("a.S", &METHODS, &[]);

#[test]
fn a_method_needs_a_token_unless_it_is_open() {
    assert_eq!(Access::default().needs(&MethodRef::new(&METHODS[0])), Needs::Token(vec![]));
    let mut access = Access::default();
    access.open("/a.S/Read");
    assert_eq!(access.needs(&MethodRef::new(&METHODS[0])), Needs::Nothing);
    assert_eq!(access.needs(&MethodRef::new(&METHODS[1])), Needs::Token(vec![]));
    access.open("a.S");
    assert_eq!(access.needs(&MethodRef::new(&METHODS[1])), Needs::Nothing);
}

#[test]
fn a_methods_rule_comes_before_its_services() {
    let mut access = Access::default();
    access.open("a.S");
    access.require("a.S/Write", "write".into());
    assert_eq!(access.needs(&MethodRef::new(&METHODS[0])), Needs::Nothing);
    assert_eq!(access.needs(&MethodRef::new(&METHODS[1])), Needs::Token(vec!["write"]));
    let mut access = Access::default();
    access.require("a.S", "use".into());
    access.require("a.S/Write", "write".into());
    access.require("a.S/Write", "all".into());
    assert_eq!(access.needs(&MethodRef::new(&METHODS[0])), Needs::Token(vec!["use"]));
    assert_eq!(access.needs(&MethodRef::new(&METHODS[1])), Needs::Token(vec!["use", "write", "all"]));
}

#[test]
fn a_scope_for_a_name_that_is_not_there_is_a_mistake() {
    let mut access = Access::default();
    access.open("grpc.health.v1.Health");
    access.require("a.S", "use".into());
    access.require("a.S/Read", "read".into());
    access.check(&[&SERVICE]).unwrap();
    access.require("a.S/Raed", "read".into());
    assert_eq!(
        format!("{:?}", access.check(&[&SERVICE]).unwrap_err()),
        "a scope is required for a.S/Raed, and no service here has that name (NOT_FOUND)\n  \
         hint     the names are: a.S, a.S/Read, a.S/Write"
    );
}
