//! `Seldom`: a list that is empty in nearly every call that carries one.
//!
//! Metadata and extensions are moved and dropped several times a call, mostly empty: as one word that costs next to
//! nothing.

use std::ops::Deref;

/// A list in a box that is made with the first element.
#[derive(Clone)]
#[expect(clippy::box_collection, reason = "an empty list is to be one word, not three")]
pub(crate) struct Seldom<T>(Option<Box<Vec<T>>>);

impl<T> Seldom<T> {
    pub(crate) const fn new() -> Self {
        Self(None)
    }

    /// The list, to change.
    pub(crate) fn list_mut(&mut self) -> &mut Vec<T> {
        self.0.get_or_insert_default()
    }

    pub(crate) fn into_list(self) -> Vec<T> {
        self.0.map(|list| *list).unwrap_or_default()
    }
}

impl<T> Default for Seldom<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for Seldom<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

impl<T: PartialEq> PartialEq for Seldom<T> {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl<T: Eq> Eq for Seldom<T> {}
