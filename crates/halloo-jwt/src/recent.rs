//! `Recent`: tokens that were verified a moment ago, so that a client's next call costs a look-up.
//!
//! Two generations: when the young one is full it becomes the old one, whose tokens are forgotten unless they come
//! again.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::caller::Caller;
use crate::key_set::KeySet;

/// Tokens of a generation.
const GENERATION: usize = 512;

/// Longer tokens are verified each time. With both generations full of such, this is 2 MiB.
const MAX_TOKEN_BYTES: usize = 2048;

/// How long a verification is trusted: as long as a key that was taken away may go on to count.
const TRUSTED: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(crate) struct Recent {
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    /// What the tokens were verified with; other keys know none of them.
    keys: Option<Arc<KeySet>>,
    young: HashMap<Box<str>, Verified>,
    old: HashMap<Box<str>, Verified>,
}

#[derive(Clone)]
struct Verified {
    caller: Caller,
    at: Instant,
}

impl Recent {
    /// The caller whose token was verified with `keys` a moment ago. Whether it has expired is not looked at.
    pub(crate) fn find(&self, token: &str, keys: &Arc<KeySet>) -> Option<Caller> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if !generations.keys.as_ref().is_some_and(|known| Arc::ptr_eq(known, keys)) {
            return None;
        }
        let verified = match generations.young.get(token) {
            Some(verified) => verified.clone(),
            None => {
                let (token, verified) = generations.old.remove_entry(token)?;
                generations.put(token, verified.clone());
                verified
            }
        };
        (verified.at.elapsed() < TRUSTED).then_some(verified.caller)
    }

    pub(crate) fn remember(&self, token: &str, keys: &Arc<KeySet>, caller: Caller) {
        if token.len() > MAX_TOKEN_BYTES {
            return;
        }
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if !generations.keys.as_ref().is_some_and(|known| Arc::ptr_eq(known, keys)) {
            *generations = Generations { keys: Some(Arc::clone(keys)), ..Generations::default() };
        }
        generations.put(token.into(), Verified { caller, at: Instant::now() });
    }
}

impl Generations {
    fn put(&mut self, token: Box<str>, verified: Verified) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, verified);
    }
}

/// Shows no token: they are secrets as long as they have not expired.
impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "../tests/unit/recent.rs"]
mod tests;
