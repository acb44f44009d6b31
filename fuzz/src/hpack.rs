//! HPACK: any blocks in a row are decoded or refused within limits, the blocks that a decoder remembers change
//! nothing, and what our encoder writes comes back as it was.

use std::sync::Arc;

use halloo_http2::testing::{HpackDecoder, HpackEncoder};
use halloo_http2::{HeaderList, Limits, Template};

use crate::fields::{REQUEST, RESPONSE, fields_of};
use crate::input::Input;

const NAMES: [&str; 6] = ["x-request-id", ":path", "authorization", "grpc-timeout", "cookie", "date"];

/// Runs one input: a table size, and then blocks of any bytes between lists for the encoder.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut any = AnyBlocks::new(input.choose(&[4096, 0, 64, 65_536]));
    let mut ours = OurBlocks::new();
    while !input.is_empty() {
        match input.below(4) {
            0 | 1 => {
                let len = usize::from(input.byte());
                any.decode(input.bytes(len));
            }
            2 => ours.resize(input.size(8192)),
            _ => ours.carry(&mut input),
        }
    }
}

/// Blocks of any bytes, by a decoder that may recognise them and by one that cannot.
struct AnyBlocks {
    decoder: HpackDecoder,
    other: HpackDecoder,
    had_size_update: bool,
    is_broken: bool,
}

impl AnyBlocks {
    fn new(max_table_bytes: usize) -> Self {
        let (decoder, other) = (HpackDecoder::new(max_table_bytes), HpackDecoder::new(max_table_bytes));
        Self { decoder, other, had_size_update: false, is_broken: false }
    }

    fn decode(&mut self, block: &[u8]) {
        if self.is_broken {
            return;
        }
        self.had_size_update |= matches!(block.first(), Some(0x20..0x40));
        // A size update to the size that the table has leaves it as it is, but the block is another one.
        let same_size: &[u8] = if self.had_size_update { &[] } else { &[0x3f, 0xe1, 0x1f] };
        let decoded = self.decoder.decode(block);
        let other = self.other.decode(&[same_size, block].concat());
        assert_eq!(decoded.as_ref().map(contents), other.as_ref().map(contents));
        match decoded {
            Ok(fields) => check_limits(&fields),
            Err(why) => self.is_broken = !why.starts_with("over a limit"),
        }
    }
}

/// Lists that our encoder and decoder carry.
struct OurBlocks {
    encoder: HpackEncoder,
    decoder: HpackDecoder,
    templates: [Template; 2],
}

impl OurBlocks {
    fn new() -> Self {
        let templates = [Template::new(fields_of(&REQUEST)), Template::new(fields_of(&RESPONSE))];
        Self { encoder: HpackEncoder::new(), decoder: HpackDecoder::new(8192), templates }
    }

    fn resize(&mut self, bytes: usize) {
        self.encoder.set_max_table_bytes(bytes);
    }

    fn carry(&mut self, input: &mut Input<'_>) {
        let shape = input.byte();
        let template = self.templates.get(usize::from(shape & 3));
        let mut fields = HeaderList::new();
        for _ in 0..shape >> 2 & 7 {
            let kind = input.byte();
            let name = match NAMES.get(usize::from(kind & 7)) {
                Some(name) => name.as_bytes(),
                None => input.bytes(3),
            };
            let value = input.bytes(usize::from(kind >> 3));
            if kind & 7 == 2 {
                fields.push_sensitive(name, value);
            } else {
                fields.push(name, value);
            }
        }
        let block = self.encoder.encode(template, &fields);
        let decoded = self.decoder.decode(&block).expect("what we encode we can decode");
        let mut wanted: Vec<_> = template.map(|template| pairs(template.fields())).unwrap_or_default();
        wanted.extend(pairs(&fields));
        assert_eq!(pairs(&decoded), wanted);
        let worst: usize = wanted.iter().map(|(name, value, _)| name.len() + value.len() + 12).sum();
        assert!(block.len() <= worst + 10, "{} bytes for {wanted:?}", block.len());
    }
}

type Pairs = Vec<(Vec<u8>, Vec<u8>, bool)>;

fn pairs(fields: &HeaderList) -> Pairs {
    fields.iter().map(|field| (field.name.to_vec(), field.value.to_vec(), field.sensitive)).collect()
}

fn contents(fields: &Arc<HeaderList>) -> Pairs {
    pairs(fields)
}

fn check_limits(fields: &HeaderList) {
    let limits = Limits::default();
    assert!(fields.len() <= limits.max_header_fields);
    assert!(fields.list_bytes() <= limits.max_header_list_bytes as usize);
    let sum: usize = fields.iter().map(|field| field.name.len() + field.value.len() + 32).sum();
    assert_eq!(sum, fields.list_bytes());
}
