//! Whose turn it is to send DATA: a ring of streams with a backlog and an open window of their own.
//! One frame a turn, so that streams share the connection evenly. Linked through the table: leaving costs O(1).

use crate::streams::{Key, Links, Streams};

/// First and last of the streams in line.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    ends: Option<(Key, Key)>,
}

impl Schedule {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_none()
    }

    /// Puts a stream at the end of the line, if it is not in it.
    pub(crate) fn push(&mut self, streams: &mut Streams, key: Key) {
        if streams.links(key).is_some() {
            return;
        }
        let before = self.ends.map(|(_, last)| last);
        *streams.links_mut(key) = Some(Links { before, after: None });
        self.ends = match self.ends {
            None => Some((key, key)),
            Some((first, last)) => {
                if let Some(links) = streams.links_mut(last) {
                    links.after = Some(key);
                }
                Some((first, key))
            }
        };
    }

    /// Takes the stream whose turn it is.
    pub(crate) fn pop(&mut self, streams: &mut Streams) -> Option<Key> {
        let (first, _) = self.ends?;
        self.remove(streams, first);
        Some(first)
    }

    /// Takes a stream out of the line, if it is in it.
    pub(crate) fn remove(&mut self, streams: &mut Streams, key: Key) {
        let Some(Links { before, after }) = streams.links_mut(key).take() else { return };
        if let Some(links) = before.and_then(|before| streams.links_mut(before).as_mut()) {
            links.after = after;
        }
        if let Some(links) = after.and_then(|after| streams.links_mut(after).as_mut()) {
            links.before = before;
        }
        self.ends = self.ends.and_then(|(first, last)| {
            let first = if first == key { after? } else { first };
            let last = if last == key { before? } else { last };
            Some((first, last))
        });
    }
}
