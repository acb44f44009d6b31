//! Tests of `src/recent.rs`.

use serde_json::json;

use super::*;
use crate::key_set::JwtAlgorithm;

fn keys() -> Arc<KeySet> {
    Arc::new(KeySet::secret(JwtAlgorithm::Hs256, &[7; 32]).unwrap())
}

fn len(recent: &Recent) -> usize {
    let generations = recent.generations.lock().unwrap();
    generations.young.len() + generations.old.len()
}

#[test]
fn it_keeps_what_comes_again_and_is_bounded() {
    let (recent, keys) = (Recent::default(), keys());
    let caller = Caller::new(json!({"sub": "ada"}));
    recent.remember("often", &keys, caller.clone());
    for number in 0..5 * GENERATION {
        recent.remember(&format!("{number}"), &keys, caller.clone());
        assert!(recent.find("often", &keys).is_some());
        assert!(len(&recent) <= 2 * GENERATION);
    }
    assert!(recent.find("0", &keys).is_none());
    recent.remember(&"x".repeat(MAX_TOKEN_BYTES + 1), &keys, caller);
    assert!(recent.find(&"x".repeat(MAX_TOKEN_BYTES + 1), &keys).is_none());
}

#[test]
fn other_keys_know_none_of_it() {
    let (recent, old, new) = (Recent::default(), keys(), keys());
    recent.remember("t", &old, Caller::new(json!({"sub": "ada"})));
    assert!(recent.find("t", &new).is_none());
    assert!(recent.find("t", &old).is_some());
    recent.remember("u", &new, Caller::new(json!({"sub": "ada"})));
    assert!(recent.find("t", &old).is_none());
}
