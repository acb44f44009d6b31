//! Envelopes: a body cut into any chunks gives the same messages, or the same refusal, as in one piece.

use bytes::Bytes;
use halloo_core::{Deframer, Envelope, EnvelopeError};

use crate::input::Input;

/// Runs one input: the limit, then sizes of chunks up to a 0, then the body.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let max = input.size(5000);
    let mut cuts = Vec::new();
    loop {
        match input.size(3000) {
            0 => break,
            cut => cuts.push(cut),
        }
    }
    let body = Bytes::copy_from_slice(input.rest());
    let whole = read_by_hand(&body, max);

    let mut deframer = Deframer::new();
    let mut taken = Vec::new();
    let mut taken_bytes = 0;
    let mut refused = None;
    for chunk in chunks(&body, &cuts) {
        deframer.push(chunk);
        while refused.is_none() {
            match deframer.next(max) {
                Ok(Some(envelope)) => {
                    taken_bytes += 5 + envelope.body.len();
                    taken.push(envelope);
                }
                Ok(None) => break,
                Err(error) => refused = Some(error),
            }
        }
        if let Some(error) = refused {
            assert_eq!(deframer.next(max), Err(error), "a refusal stays");
        }
    }
    assert_eq!((&taken, refused), (&whole.0, whole.1));
    assert_eq!(deframer.buffered(), body.len() - taken_bytes);
    assert_eq!(deframer.is_clean(), taken_bytes == body.len());
}

fn chunks(body: &Bytes, cuts: &[usize]) -> Vec<Bytes> {
    let mut rest = body.clone();
    let mut chunks = Vec::new();
    for cut in cuts.iter().cycle().take(body.len()) {
        if rest.is_empty() {
            break;
        }
        chunks.push(rest.split_to((*cut).min(rest.len())));
    }
    chunks.push(rest);
    chunks
}

/// The oracle: what the five bytes say, read from one slice.
fn read_by_hand(mut body: &[u8], max: usize) -> (Vec<Envelope>, Option<EnvelopeError>) {
    let mut envelopes = Vec::new();
    while let [flag, a, b, c, d, rest @ ..] = body {
        if *flag > 1 {
            return (envelopes, Some(EnvelopeError::UnknownFlag { flag: *flag }));
        }
        let size = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if size > max {
            return (envelopes, Some(EnvelopeError::TooLarge { size }));
        }
        let Some((payload, after)) = rest.split_at_checked(size) else { break };
        envelopes.push(Envelope { compressed: *flag == 1, body: Bytes::copy_from_slice(payload) });
        body = after;
    }
    (envelopes, None)
}
