//! Tests of `src/caller.rs`.

use serde_json::json;

use super::*;

#[test]
fn scopes_come_in_three_shapes() {
    for claims in [json!({"scope": "a  b"}), json!({"scp": ["a", "b", 7]}), json!({"scp": "a b"})] {
        assert_eq!(Caller::new(claims).scopes(), ["a", "b"]);
    }
    for claims in [json!({}), json!({"scope": 7}), json!({"scope": ""})] {
        assert!(Caller::new(claims).scopes().is_empty());
    }
}

#[test]
fn any_end_is_a_time() {
    for (end, expected) in
        [(json!(7), 7), (json!(7.9), 7), (json!(u64::MAX), 1 << 48), (json!("x"), 0), (json!(1e300), 0)]
    {
        let caller = Caller::new(json!({"exp": end}));
        assert_eq!(caller.expires(), UNIX_EPOCH + Duration::from_secs(expected));
    }
}

#[test]
fn debug_shows_no_other_claims() {
    let caller = Caller::new(json!({"sub": "ada", "email": "ada@example.org", "scope": "greet"}));
    assert_eq!(format!("{caller:?}"), r#"Caller { subject: Some("ada"), issuer: None, scopes: ["greet"], .. }"#);
}
