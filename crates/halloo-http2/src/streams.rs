//! The table of streams: a slab and a hash index from id to place, with the ids that were reset lately.
//! The peer chooses ids, so the index hashes with a multiplier that it cannot know. Nothing here writes frames.

use crate::stream::{Cause, State, Stream};
use crate::window::Unread;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};

/// The place of a stream in the table; valid until the stream is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u32);

/// Stands for "no place" in the links below.
const NONE: u32 = u32::MAX;

/// The streams that are open, or closed with their driver still at work.
#[derive(Debug)]
pub(crate) struct Streams {
    slots: Vec<Slot>,
    /// The first of the chained vacant slots.
    vacant: u32,
    /// Heads of chains through `Slot::next_in_bucket`; a power of two of them.
    buckets: Vec<u32>,
    multiplier: u32,
    /// Leaves as many bits of a hash as `buckets` has places.
    shift: u32,
    len: usize,
    /// The stream found last: most calls in a row are about the same one.
    latest: (u32, Key),
    /// Unread bytes of streams that have left the table.
    pub(crate) gone: Unread,
    reset_here: VecDeque<u32>,
    closed: [(u32, Cause); CLOSED],
    next_closed: usize,
}

/// How many ids of reset streams are remembered at most: as many as a default peer can have open at once.
const RESET_HERE: usize = 1024;
/// How many ids of streams closed otherwise are remembered, to name the peer's mistake exactly.
const CLOSED: usize = 8;

#[derive(Debug)]
struct Slot {
    stream: Option<Stream>,
    next_in_bucket: u32,
    /// Neighbours in the schedule.
    turn: Option<Links>,
}

/// A place in a doubly linked list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    pub(crate) before: Option<Key>,
    pub(crate) after: Option<Key>,
}

impl Streams {
    pub(crate) fn new() -> Self {
        let seed = RandomState::new().build_hasher().finish();
        Self {
            slots: Vec::new(),
            vacant: NONE,
            buckets: Vec::new(),
            multiplier: seed as u32 | 1,
            shift: u32::BITS - 1,
            len: 0,
            latest: (0, Key(NONE)),
            gone: Unread::default(),
            reset_here: VecDeque::new(),
            closed: [(0, Cause::Finished); CLOSED],
            next_closed: 0,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(crate) fn find(&mut self, id: u32) -> Option<Key> {
        if self.latest.0 == id && id != 0 {
            return Some(self.latest.1);
        }
        let key = self.search(id)?;
        self.latest = (id, key);
        Some(key)
    }

    /// As `find`, for readers.
    pub(crate) fn search(&self, id: u32) -> Option<Key> {
        let mut at = *self.buckets.get(self.bucket(id))?;
        while let Some(slot) = self.slots.get(at as usize) {
            if slot.stream.as_ref().is_some_and(|stream| stream.id.as_u32() == id) {
                return Some(Key(at));
            }
            at = slot.next_in_bucket;
        }
        None
    }

    #[inline]
    pub(crate) fn get(&self, key: Key) -> &Stream {
        self.slots[key.0 as usize].stream.as_ref().expect("a key lives no longer than its stream")
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key) -> &mut Stream {
        self.slots[key.0 as usize].stream.as_mut().expect("a key lives no longer than its stream")
    }

    /// Adds a stream whose id is not in the table.
    #[inline]
    pub(crate) fn insert(&mut self, stream: Stream) -> Key {
        let id = stream.id.as_u32();
        if self.len >= self.buckets.len() {
            self.grow();
        }
        let at = self.vacant;
        let at = match self.slots.get_mut(at as usize) {
            Some(slot) => {
                self.vacant = slot.next_in_bucket;
                slot.stream = Some(stream);
                at
            }
            None => {
                if self.slots.is_empty() {
                    self.slots.reserve_exact(1);
                }
                self.slots.push(Slot { stream: Some(stream), next_in_bucket: NONE, turn: None });
                self.slots.len() as u32 - 1
            }
        };
        self.link(at, id);
        self.len += 1;
        self.latest = (id, Key(at));
        Key(at)
    }

    /// Removes a stream; it must have left the schedule. Its unread bytes stay accounted for in `gone`.
    pub(crate) fn remove(&mut self, key: Key) {
        let Some(stream) = self.slots[key.0 as usize].stream.take() else { return };
        let id = stream.id.as_u32();
        self.unlink(key.0, id);
        let slot = &mut self.slots[key.0 as usize];
        slot.next_in_bucket = self.vacant;
        slot.turn = None;
        self.vacant = key.0;
        self.len -= 1;
        if self.latest.0 == id {
            self.latest = (0, Key(NONE));
        }
        self.gone.absorb(stream.recv_window.unread);
        match stream.state {
            State::Closed(Cause::ResetHere) => self.remember_reset(id),
            State::Closed(cause) => self.remember_closed(id, cause),
            State::Active { .. } => {}
        }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        let used = self.slots.iter().enumerate().filter(|(_, slot)| slot.stream.is_some());
        used.map(|(at, _)| Key(at as u32))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.slots.iter().filter_map(|slot| slot.stream.as_ref())
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Key, &mut Stream)> {
        let used = self.slots.iter_mut().enumerate();
        used.filter_map(|(at, slot)| slot.stream.as_mut().map(|stream| (Key(at as u32), stream)))
    }

    /// Remembers a stream on which RST_STREAM was sent: frames that crossed it are to be ignored (RFC 9113
    /// section 5.1).
    pub(crate) fn remember_reset(&mut self, id: u32) {
        if self.reset_here.len() == RESET_HERE {
            self.reset_here.pop_front();
        }
        self.reset_here.push_back(id);
    }

    fn remember_closed(&mut self, id: u32, cause: Cause) {
        self.closed[self.next_closed] = (id, cause);
        self.next_closed = (self.next_closed + 1) % CLOSED;
    }

    /// What closed a stream that is not in the table, as far as that is remembered.
    pub(crate) fn cause(&self, id: u32) -> Option<Cause> {
        if self.reset_here.contains(&id) {
            return Some(Cause::ResetHere);
        }
        self.closed.iter().find(|(closed, _)| *closed == id).map(|(_, cause)| *cause)
    }

    /// Gives memory back while the table is empty; what is remembered of closed streams stays.
    pub(crate) fn trim(&mut self) {
        if self.is_empty() {
            (self.slots, self.buckets, self.vacant) = (Vec::new(), Vec::new(), NONE);
            self.reset_here.shrink_to_fit();
        }
    }

    pub(crate) fn links(&self, key: Key) -> Option<Links> {
        self.slots[key.0 as usize].turn
    }

    pub(crate) fn links_mut(&mut self, key: Key) -> &mut Option<Links> {
        &mut self.slots[key.0 as usize].turn
    }

    /// The high bits of a product with a random odd number are evenly spread whatever the ids are.
    #[inline]
    fn bucket(&self, id: u32) -> usize {
        (id.wrapping_mul(self.multiplier) >> self.shift) as usize
    }

    fn link(&mut self, at: u32, id: u32) {
        let bucket = self.bucket(id);
        self.slots[at as usize].next_in_bucket = std::mem::replace(&mut self.buckets[bucket], at);
    }

    fn unlink(&mut self, at: u32, id: u32) {
        let bucket = self.bucket(id);
        let next = self.slots[at as usize].next_in_bucket;
        if self.buckets[bucket] == at {
            self.buckets[bucket] = next;
            return;
        }
        let mut before = self.buckets[bucket];
        while let Some(slot) = self.slots.get_mut(before as usize) {
            if slot.next_in_bucket == at {
                slot.next_in_bucket = next;
                return;
            }
            before = slot.next_in_bucket;
        }
    }

    fn grow(&mut self) {
        // One call at a time is what many connections ever have.
        let buckets = (self.buckets.len() * 2).max(2);
        self.buckets.clear();
        self.buckets.resize(buckets, NONE);
        self.shift = u32::BITS - buckets.trailing_zeros();
        let ids: Vec<_> = self.keys().map(|key| (key.0, self.get(key).id.as_u32())).collect();
        for (at, id) in ids {
            self.link(at, id);
        }
    }
}

#[cfg(test)]
#[path = "../tests/unit/streams.rs"]
mod tests;
