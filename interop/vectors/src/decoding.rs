//! Blocks of other people's encoders, through our decoder.

use std::collections::BTreeMap;
use std::fmt;

use halloo_http2::testing::HpackDecoder;

use crate::stories::{Story, lines};

/// As many as the archive has: less would be a broken copy of it.
const LEAST_BLOCKS: usize = 10_035;

/// What was decoded, by encoder.
pub(crate) struct Count {
    stories: usize,
    blocks: usize,
    fields: usize,
    encoders: BTreeMap<String, usize>,
}

/// Decodes every story that has blocks; each list has to be the story's.
pub(crate) fn check(stories: &[Story]) -> Result<Count, String> {
    let mut count = Count { stories: 0, blocks: 0, fields: 0, encoders: BTreeMap::new() };
    for story in stories.iter().filter(|story| story.is_encoded()) {
        // The sizes in the stories stay below the initial one, which a decoder allows until another is acknowledged.
        let mut decoder = HpackDecoder::new(4096);
        for (at, case) in story.cases.iter().enumerate() {
            let block = case.block.as_deref().unwrap_or_default();
            let fields = decoder.decode(block).map_err(|error| format!("{}, block {at}: {error}", story.name))?;
            if lines(&fields) != case.fields {
                return Err(format!("{}, block {at}: {fields:?} and not {:?}", story.name, case.fields));
            }
            count.blocks += 1;
            count.fields += case.fields.len();
        }
        count.stories += 1;
        let encoder = story.name.split('/').next().unwrap_or_default();
        *count.encoders.entry(encoder.to_owned()).or_default() += 1;
    }
    match count.blocks {
        LEAST_BLOCKS.. => Ok(count),
        few => Err(format!("there are {few} blocks; at least {LEAST_BLOCKS} were expected")),
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stories, blocks, fields, encoders } = self;
        let encoders: Vec<String> = encoders.iter().map(|(name, stories)| format!("{name} {stories}")).collect();
        write!(f, "{stories} ({}), {blocks} blocks, {fields} fields", encoders.join(", "))
    }
}
