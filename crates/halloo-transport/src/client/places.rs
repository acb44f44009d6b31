//! `Places`: how many calls a client's connection takes more than it has, so that those above the peer's
//! MAX_CONCURRENT_STREAMS wait where another connection can take them (gRFC A105).
//!
//! Pure; it lies under the lock of its connection's mailbox. Callers take places, the connection's task frees them.
//! While somebody waits for one, newcomers get none: those who wait are served first.

/// The free places of one connection.
#[derive(Debug)]
pub(crate) struct Places {
    door: Door,
    /// Below zero when the peer has lowered its limit under what runs.
    left: i64,
    /// Somebody was told that there is none, and waits.
    waited_for: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// There is a place, and nobody waits.
    Open,
    /// There is none for newcomers.
    Full,
    /// No call starts any more.
    Shut,
}

impl Places {
    /// For a connection that lets calls wait by itself.
    pub(crate) const fn unlimited() -> Self {
        Self { door: Door::Open, left: i64::MAX / 2, waited_for: false }
    }

    /// Without any, until the connection's task frees some.
    pub(crate) const fn none() -> Self {
        Self { door: Door::Full, left: 0, waited_for: false }
    }

    /// Takes a place for a newcomer; `false`: there is none for it.
    #[inline]
    pub(crate) fn enter(&mut self) -> bool {
        if self.door != Door::Open {
            return false;
        }
        self.left -= 1;
        if self.left == 0 {
            self.door = Door::Full;
        }
        true
    }

    /// Takes a place for somebody who has waited, or whom nobody who waits is behind.
    pub(crate) fn reserve(&mut self) -> bool {
        if self.left <= 0 || self.door == Door::Shut {
            return false;
        }
        self.left -= 1;
        if self.left == 0 {
            self.door = Door::Full;
        }
        true
    }

    /// As [`reserve`](Self::reserve); if there is none, [`free`](Self::free) will tell, and no newcomer gets one before.
    pub(crate) fn reserve_or_wait(&mut self) -> bool {
        let reserved = self.reserve();
        self.waited_for |= !reserved;
        reserved
    }

    /// Frees `count` places, or takes as many away. `true`: those who wait can have some.
    #[inline]
    pub(crate) fn free(&mut self, count: i64) -> bool {
        self.left += count;
        match self.door {
            Door::Open if self.left > 0 => false,
            Door::Shut => false,
            _ => self.settle(),
        }
    }

    #[cold]
    fn settle(&mut self) -> bool {
        let has_room = self.left > 0;
        self.door = if has_room && !self.waited_for { Door::Open } else { Door::Full };
        has_room && self.waited_for
    }

    /// Lets newcomers in again.
    pub(crate) fn nobody_waits(&mut self) {
        self.waited_for = false;
        self.free(0);
    }

    /// No call starts any more.
    pub(crate) fn shut(&mut self) {
        self.door = Door::Shut;
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.door == Door::Shut
    }
}

#[cfg(test)]
#[path = "../../tests/unit/client/places.rs"]
mod tests;
