//! `RareList`: a list that is empty in nearly every call that carries one.
//!
//! Metadata and extensions are moved and dropped several times a call, mostly empty: as one word that costs next to
//! nothing.

use std::ops::Deref;
use std::sync::Arc;

/// A list behind a pointer that is made with the first element, and shared by clones until one of them is changed.
///
/// Counted rather than boxed, because dropping it when it is empty is then no more than a look at the pointer: what
/// drops the elements is a function of its own.
#[derive(Clone)]
pub(crate) struct RareList<T>(Option<Arc<Vec<T>>>);

impl<T> RareList<T> {
    pub(crate) const fn new() -> Self {
        Self(None)
    }

    /// The list, to change, of elements that cannot be cloned: then nobody else has it.
    pub(crate) fn sole_mut(&mut self) -> &mut Vec<T> {
        Arc::get_mut(self.0.get_or_insert_default()).expect("a list that cannot be cloned is not shared")
    }
}

impl<T: Clone> RareList<T> {
    /// The list, to change.
    pub(crate) fn list_mut(&mut self) -> &mut Vec<T> {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    pub(crate) fn into_list(self) -> Vec<T> {
        self.0.map(Arc::unwrap_or_clone).unwrap_or_default()
    }
}

impl<T> Default for RareList<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for RareList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_ref().map_or(&[], |list| list.as_slice())
    }
}

impl<T: PartialEq> PartialEq for RareList<T> {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl<T: Eq> Eq for RareList<T> {}
