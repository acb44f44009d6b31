//! Header blocks that come again, byte for byte: what they decode to is remembered.
use std::sync::Arc;

use super::decode::Decoded;
use crate::headers::HeaderList;
use crate::validate::Outline;

/// Holds the latest blocks that changed nothing, with their lists and outlines: a peer that repeats a block gets the same list,
/// and with it what the driver attached to it, for the price of a comparison.
///
/// Blocks with sensitive fields are held too. A match needs the whole block, so it helps nobody to guess a value
/// piece by piece, and the copy ends with the connection that the value came over.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    blocks: Vec<RememberedBlock>,
    /// Where the search for a block to replace goes on.
    hand: usize,
}

#[derive(Debug)]
struct RememberedBlock {
    block: Vec<u8>,
    generation: u64,
    fields: Arc<HeaderList>,
    outline: Outline,
    met_again: bool,
}

const REMEMBERED_BLOCKS: usize = 4;
const REMEMBERED_BLOCK_BYTES: usize = 512;
const REMEMBERED_LIST_BYTES: usize = 4096;

impl Remembered {
    #[inline]
    pub(super) fn find(&mut self, block: &[u8], generation: u64) -> Option<Decoded> {
        let found = self.blocks.iter_mut().find(|held| held.generation == generation && held.block == block)?;
        found.met_again = true;
        Some(Decoded { fields: Arc::clone(&found.fields), outline: found.outline, overflow: None })
    }

    /// Takes a block, and returns a list that is remembered no longer: the one that it displaced, or the block's own
    /// when it is too large.
    pub(super) fn keep(&mut self, block: &[u8], generation: u64, decoded: &Decoded) -> Option<Arc<HeaderList>> {
        if block.len() > REMEMBERED_BLOCK_BYTES || decoded.fields.records().len() > REMEMBERED_LIST_BYTES {
            return Some(Arc::clone(&decoded.fields));
        }
        let fields = Arc::clone(&decoded.fields);
        let outline = decoded.outline;
        if self.blocks.len() < REMEMBERED_BLOCKS {
            self.blocks.push(RememberedBlock { block: block.to_vec(), generation, fields, outline, met_again: false });
            return None;
        }
        let place = self.place(generation);
        place.block.clear();
        place.block.extend_from_slice(block);
        place.generation = generation;
        place.outline = outline;
        place.met_again = false;
        Some(std::mem::replace(&mut place.fields, fields))
    }

    /// Goes round for a block that is stale or has not been met again since the last time round.
    fn place(&mut self, generation: u64) -> &mut RememberedBlock {
        loop {
            self.hand = (self.hand + 1) % REMEMBERED_BLOCKS;
            let held = &mut self.blocks[self.hand];
            if !std::mem::take(&mut held.met_again) || held.generation != generation {
                break;
            }
        }
        &mut self.blocks[self.hand]
    }
}
