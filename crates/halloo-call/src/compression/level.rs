//! `Level`: an algorithm with another effort than its default.

/// An algorithm at a level of one's own, as `Gzip::level(9)` makes it. Only compressing is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level<C> {
    pub(crate) algorithm: C,
    pub(crate) level: u32,
}

impl<C> Level<C> {
    /// Returns the level.
    pub fn level(&self) -> u32 {
        self.level
    }

    /// Returns the algorithm.
    pub fn algorithm(&self) -> &C {
        &self.algorithm
    }
}
