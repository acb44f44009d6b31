//! What our encoder writes, read by two other implementations: each has to find the fields that went in.

use std::collections::HashMap;
use std::fmt;

use fluke_hpack::Decoder as Fluke;
use halloo_http2::testing::{HpackDecoder, HpackEncoder};
use halloo_http2::{HeaderList, Template};
use httlib_hpack::Decoder as Httlib;

use crate::stories::{Case, Story};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// A way to send the lists of a story.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    /// Pseudo-headers leave as a template, as they do in a client.
    templates: bool,
    /// Cookies are never indexed.
    sensitive: bool,
    /// The peer changes the size of its table again and again.
    resizes: bool,
}

pub(crate) const CHECKS: [Check; 4] = [
    Check { name: "plainly", templates: false, sensitive: false, resizes: false },
    Check { name: "with templates", templates: true, sensitive: false, resizes: false },
    Check { name: "with sensitive cookies", templates: false, sensitive: true, resizes: false },
    Check { name: "with tables that change", templates: true, sensitive: true, resizes: true },
];

/// The sizes that the peer goes through; the last two come between the same two blocks.
const TABLE_BYTES: [&[usize]; 6] = [&[1365], &[2730], &[0], &[4096], &[64], &[0, 300]];

/// How many blocks pass before the size of the table changes.
const BLOCKS_A_SIZE: usize = 7;

/// What was encoded.
#[derive(Default)]
pub(crate) struct Count {
    lists: usize,
    fields: usize,
    text_bytes: usize,
    block_bytes: usize,
}

impl Check {
    pub(crate) fn run(&self, stories: &[&Story]) -> Result<Count, String> {
        let mut count = Count::default();
        for story in stories {
            let mut connection = Connection::new();
            for (at, case) in story.cases.iter().enumerate() {
                if self.resizes && at % BLOCKS_A_SIZE == 0 {
                    connection.resize(TABLE_BYTES[at / BLOCKS_A_SIZE % TABLE_BYTES.len()]);
                }
                let block = connection.encode(self, case);
                let place = || format!("{}, list {at}, {}", story.name, self.name);
                connection.compare(&block, case).map_err(|error| format!("{}: {error}", place()))?;
                count.add(case, &block);
            }
        }
        if count.lists == 0 { Err("there are no lists".to_owned()) } else { Ok(count) }
    }
}

/// Our encoder, and those who read what it writes.
struct Connection<'a> {
    encoder: HpackEncoder,
    ours: HpackDecoder,
    fluke: Fluke<'a>,
    httlib: Httlib<'a>,
    templates: HashMap<Vec<(String, String)>, Template>,
}

impl Connection<'_> {
    fn new() -> Self {
        Self {
            encoder: HpackEncoder::new(),
            ours: HpackDecoder::new(4096),
            fluke: Fluke::new(),
            httlib: Httlib::with_dynamic_size(4096),
            templates: HashMap::new(),
        }
    }

    fn resize(&mut self, sizes: &[usize]) {
        sizes.iter().for_each(|bytes| self.encoder.set_max_table_bytes(*bytes));
    }

    fn encode(&mut self, check: &Check, case: &Case) -> Vec<u8> {
        let pseudo = case.fields.iter().take_while(|(name, _)| check.templates && name.starts_with(':')).count();
        let (pseudo, rest) = case.fields.split_at(pseudo);
        let template = (!pseudo.is_empty()).then(|| {
            let made = self.templates.entry(pseudo.to_vec());
            &*made.or_insert_with_key(|pseudo| Template::new(header_list(pseudo, false)))
        });
        self.encoder.encode(template, &header_list(rest, check.sensitive))
    }

    fn compare(&mut self, block: &[u8], case: &Case) -> Result<(), String> {
        let wanted: Fields =
            case.fields.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone().into_bytes())).collect();
        let ours = self.ours.decode(block)?;
        let ours: Fields = ours.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect();
        let fluke: Fields = self.fluke.decode(block).map_err(|error| format!("fluke-hpack: {error:?}"))?;
        let mut httlib = Vec::new();
        self.httlib.decode(&mut block.to_vec(), &mut httlib).map_err(|error| format!("httlib-hpack: {error:?}"))?;
        let httlib: Fields = httlib.into_iter().map(|(name, value, _flags)| (name, value)).collect();
        for (reader, read) in [("halloo", ours), ("fluke-hpack", fluke), ("httlib-hpack", httlib)] {
            if read != wanted {
                return Err(format!("{reader} reads {read:?} and not {wanted:?}"));
            }
        }
        Ok(())
    }
}

fn header_list(fields: &[(String, String)], sensitive: bool) -> HeaderList {
    let mut list = HeaderList::new();
    for (name, value) in fields {
        if sensitive && name.contains("cookie") {
            list.push_sensitive(name.as_bytes(), value.as_bytes());
        } else {
            list.push(name.as_bytes(), value.as_bytes());
        }
    }
    list
}

impl Count {
    fn add(&mut self, case: &Case, block: &[u8]) {
        self.lists += 1;
        self.fields += case.fields.len();
        self.text_bytes += case.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        self.block_bytes += block.len();
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lists, fields, text_bytes, block_bytes } = self;
        let percent = block_bytes * 100 / text_bytes;
        write!(f, "{lists}, {fields} fields, {text_bytes} bytes to {block_bytes} ({percent} %)")
    }
}
