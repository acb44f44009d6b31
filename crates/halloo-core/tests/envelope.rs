//! Envelopes, from the codec's writes to the wire and back out of whatever chunks arrive.

use bytes::{BufMut, Bytes, BytesMut};
use halloo_core::{Deframer, EncodeBuffer, Envelope, EnvelopeError, SEGMENT_MIN_BYTES};

const LIMIT: usize = 1 << 20;

#[test]
fn an_empty_message_is_a_bare_prefix() {
    let mut buffer = EncodeBuffer::new();
    let mark = buffer.begin_envelope();
    assert_eq!(buffer.end_envelope(mark, false), 0);
    assert_eq!(buffer.len(), 5);
    assert_eq!(buffer.take_bytes(), [0_u8; 5].as_slice());
    assert!(buffer.is_empty());
}

#[test]
fn small_writes_become_one_piece() {
    let mut buffer = EncodeBuffer::new();
    for (text, compressed) in [("hello", false), ("you", true)] {
        let mark = buffer.begin_envelope();
        buffer.put_slice(&text.as_bytes()[..1]);
        buffer.tail_mut().put_slice(&text.as_bytes()[1..2]);
        buffer.put_bytes(Bytes::from_static(&text.as_bytes()[2..]));
        assert_eq!(buffer.end_envelope(mark, compressed), text.len());
    }
    assert_eq!(buffer.take_segments(), [b"\0\0\0\0\x05hello\x01\0\0\0\x03you".as_slice()]);
    assert!(buffer.is_empty() && buffer.take_segments().is_empty());
}

#[test]
fn large_bytes_are_kept_as_they_are() {
    let large = Bytes::from(vec![7; SEGMENT_MIN_BYTES]);
    let almost = Bytes::from(vec![8; SEGMENT_MIN_BYTES - 1]);
    let mut buffer = EncodeBuffer::new();
    let mark = buffer.begin_envelope();
    buffer.put_slice(b"ab");
    buffer.put_bytes(large.clone());
    buffer.put_bytes(large.clone());
    buffer.put_bytes(almost.clone());
    assert_eq!(buffer.end_envelope(mark, false), 2 + 3 * SEGMENT_MIN_BYTES - 1);
    let chunks: Vec<_> = buffer.chunks().map(<[u8]>::len).collect();
    assert_eq!(chunks, [7, SEGMENT_MIN_BYTES, SEGMENT_MIN_BYTES, SEGMENT_MIN_BYTES - 1]);
    let segments = buffer.take_segments();
    assert_eq!(segments[0], b"\0\0\0\x30\x01ab".as_slice());
    assert_eq!(segments[1].as_ptr(), large.as_ptr());
    assert_eq!(segments[2].as_ptr(), large.as_ptr());
    assert_ne!(segments[3].as_ptr(), almost.as_ptr());
    assert!(buffer.is_empty());
}

#[test]
fn envelopes_may_nest() {
    let mut buffer = EncodeBuffer::new();
    let outer = buffer.begin_envelope();
    buffer.put_bytes(Bytes::from(vec![1; SEGMENT_MIN_BYTES]));
    let within = buffer.begin_envelope();
    buffer.put_slice(b"x");
    assert_eq!(buffer.end_envelope(within, true), 1);
    assert_eq!(buffer.end_envelope(outer, false), SEGMENT_MIN_BYTES + 6);
    let all = buffer.take_bytes();
    assert_eq!(all[..5], [0, 0, 0, 0x10, 6]);
    assert_eq!(all[5 + SEGMENT_MIN_BYTES..], *b"\x01\0\0\0\x01x");
}

#[test]
fn truncate_goes_back_to_the_mark() {
    for large_before in [false, true] {
        for large_within in [false, true] {
            let mut buffer = EncodeBuffer::new();
            buffer.put_slice(b"before");
            if large_before {
                buffer.put_bytes(Bytes::from(vec![1; SEGMENT_MIN_BYTES]));
                buffer.put_slice(b"more");
            }
            let before: Vec<u8> = buffer.chunks().flatten().copied().collect();
            let mark = buffer.begin_envelope();
            buffer.put_slice(b"half a mess");
            if large_within {
                buffer.put_bytes(Bytes::from(vec![2; SEGMENT_MIN_BYTES]));
                buffer.put_bytes(Bytes::from(vec![3; SEGMENT_MIN_BYTES]));
                buffer.put_slice(b"age");
            }
            buffer.truncate(mark);
            assert_eq!(buffer.len(), before.len());
            buffer.put_slice(b"!");
            assert_eq!(buffer.take_bytes(), [before.as_slice(), b"!"].concat());
        }
    }
}

#[test]
fn clear_empties() {
    let mut buffer = EncodeBuffer::new();
    buffer.put_slice(b"a");
    buffer.put_bytes(Bytes::from(vec![1; SEGMENT_MIN_BYTES]));
    buffer.put_slice(b"b");
    buffer.clear();
    assert!(buffer.is_empty());
    assert_eq!(buffer.chunks().count(), 0);
    assert!(buffer.take_bytes().is_empty());
}

#[test]
fn memory_is_reused_once_what_was_taken_is_gone() {
    let mut buffer = EncodeBuffer::new();
    buffer.put_slice(&[1; 600]);
    let capacity = buffer.tail_mut().capacity();
    let first = buffer.take_bytes();
    let address = first.as_ptr();
    drop(first);
    buffer.put_slice(&[2; 600]);
    assert_eq!(buffer.tail_mut().capacity(), capacity);
    assert_eq!(buffer.take_bytes().as_ptr(), address);
}

#[test]
fn one_large_segment_is_taken_without_a_copy() {
    let large = Bytes::from(vec![7; SEGMENT_MIN_BYTES]);
    let mut buffer = EncodeBuffer::new();
    buffer.put_bytes(large.clone());
    assert_eq!(buffer.take_bytes().as_ptr(), large.as_ptr());
    assert!(buffer.is_empty());
}

#[test]
fn a_message_within_a_chunk_is_a_slice_of_it() {
    let chunk = Bytes::from([framed(b"hello"), framed(b""), framed(b"you")].concat());
    let mut deframer = Deframer::new();
    deframer.push(chunk.clone());
    for (start, text) in [(5, b"hello".as_slice()), (15, b""), (20, b"you")] {
        let envelope = deframer.next(LIMIT).unwrap().unwrap();
        assert_eq!(envelope.body, text);
        if !text.is_empty() {
            assert_eq!(envelope.body.as_ptr(), chunk[start..].as_ptr());
        }
    }
    assert_eq!(deframer.next(LIMIT), Ok(None));
    assert!(deframer.is_clean());
}

#[test]
fn the_flag_is_reported() {
    for (flag, compressed) in [(0, false), (1, true)] {
        let mut deframer = Deframer::new();
        deframer.push(Bytes::from(vec![flag, 0, 0, 0, 1, 9]));
        let envelope = Envelope { compressed, body: Bytes::from_static(&[9]) };
        assert_eq!(deframer.next(LIMIT), Ok(Some(envelope)));
    }
}

#[test]
fn a_flag_that_nobody_knows_is_an_error_from_its_prefix() {
    for flag in [2, 0x80, 0xff] {
        let mut deframer = Deframer::new();
        deframer.push(Bytes::from(vec![flag, 0, 0, 0, 1]));
        for _ in 0..2 {
            assert_eq!(deframer.next(LIMIT), Err(EnvelopeError::UnknownFlag { flag }));
        }
        assert_eq!(deframer.buffered(), 5);
    }
    let text = EnvelopeError::UnknownFlag { flag: 2 }.to_string();
    assert_eq!(text, "a message's compressed-flag is 2, which is neither 0 nor 1");
}

#[test]
fn any_chunking_gives_the_same_messages() {
    let messages: Vec<Vec<u8>> = [0, 1, 5, 0, 1023, 1024, 1025, 3000, 2, 20_000, 0].into_iter().map(pattern).collect();
    let stream: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
    for chunk_bytes in (1..40).chain([1000, 1023, 1024, 1025, 1500, 4096, 30_000]) {
        check_chunking(&stream, &messages, || chunk_bytes);
    }
    let mut random = Random(1);
    for _ in 0..200 {
        check_chunking(&stream, &messages, || match random.below(3) {
            0 => random.below(8) + 1,
            1 => random.below(2000) + 1,
            _ => random.below(9000) + 1,
        });
    }
}

/// Pushes all of `stream` in chunks, once taking messages after each push and once only at the end.
fn check_chunking(stream: &[u8], messages: &[Vec<u8>], mut chunk_bytes: impl FnMut() -> usize) {
    for eager in [true, false] {
        let mut deframer = Deframer::new();
        let mut received = Vec::new();
        let mut rest = stream;
        let mut taken_bytes = 0;
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(chunk_bytes().min(rest.len()));
            deframer.push(Bytes::copy_from_slice(chunk));
            rest = after;
            while (eager || rest.is_empty())
                && let Some(envelope) = deframer.next(LIMIT).expect("all are small")
            {
                taken_bytes += 5 + envelope.body.len();
                received.push(envelope.body);
            }
            assert_eq!(deframer.buffered(), stream.len() - rest.len() - taken_bytes);
        }
        assert_eq!(received, messages);
        assert!(deframer.is_clean());
    }
}

#[test]
fn a_message_over_the_limit_is_refused_from_its_prefix() {
    let mut deframer = Deframer::new();
    deframer.push(Bytes::from_static(b"\0\0\0\0\x01a\0\xff\xff\xff"));
    assert!(deframer.next(4).unwrap().is_some());
    assert_eq!(deframer.next(4), Ok(None), "the prefix is not complete");
    deframer.push(Bytes::from_static(b"\xff"));
    let refused = EnvelopeError::TooLarge { size: u32::MAX as usize };
    assert_eq!(deframer.next(4), Err(refused));
    assert_eq!(deframer.next(4), Err(refused), "it stays refused");
    assert_eq!(deframer.buffered(), 5);
    assert_eq!(refused.to_string(), "a message of 4294967295 bytes is larger than the limit");
}

#[test]
fn the_limit_itself_is_allowed() {
    let mut deframer = Deframer::new();
    deframer.push(Bytes::from_static(b"\0\0\0\0\x03abc"));
    assert_eq!(deframer.next(2), Err(EnvelopeError::TooLarge { size: 3 }));
    assert_eq!(deframer.next(3).unwrap().unwrap().body, b"abc".as_slice());
}

#[test]
fn a_body_that_ends_early_is_not_clean() {
    let whole = framed(b"abc");
    for len in 1..whole.len() {
        let mut deframer = Deframer::new();
        deframer.push(Bytes::copy_from_slice(&whole[..len]));
        assert_eq!(deframer.next(LIMIT), Ok(None));
        assert!(!deframer.is_clean());
        assert_eq!(deframer.buffered(), len);
    }
    let mut deframer = Deframer::new();
    deframer.push(Bytes::new());
    assert_eq!(deframer.next(LIMIT), Ok(None));
    assert!(deframer.is_clean());
}

#[test]
fn random_writes_arrive_as_they_were_written() {
    let mut random = Random(7);
    let mut buffer = EncodeBuffer::new();
    for _ in 0..300 {
        let mut messages = Vec::new();
        for _ in 0..random.below(4) {
            let message = write_message(&mut buffer, &mut random);
            messages.extend(message);
        }
        let len = buffer.len();
        let mut deframer = Deframer::new();
        let mut segment_bytes = 0;
        buffer.drain(|segment| {
            segment_bytes += segment.len();
            deframer.push(segment);
        });
        assert_eq!(segment_bytes, len);
        for message in messages {
            assert_eq!(deframer.next(LIMIT).unwrap().unwrap().body, message);
        }
        assert!(deframer.is_clean());
    }
}

/// Writes a message in random pieces; takes one in four back.
fn write_message(buffer: &mut EncodeBuffer, random: &mut Random) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mark = buffer.begin_envelope();
    for _ in 0..random.below(5) {
        let piece = pattern(random.below(6000));
        message.extend_from_slice(&piece);
        match random.below(3) {
            0 => buffer.put_slice(&piece),
            1 => buffer.put_bytes(piece.into()),
            _ => buffer.tail_mut().extend_from_slice(&piece),
        }
    }
    assert_eq!(buffer.end_envelope(mark, false), message.len());
    if random.below(4) == 0 {
        buffer.truncate(mark);
        return None;
    }
    Some(message)
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(message.len() as u32);
    frame.put_slice(message);
    frame.into()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 31 + len) as u8).collect()
}

/// A small fixed sequence of numbers (xorshift), the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn only_one_small_piece_is_lent_whole() {
    let mut buffer = EncodeBuffer::new();
    assert_eq!(buffer.whole(), Some([].as_slice()));
    buffer.put_slice(b"small");
    assert_eq!(buffer.whole(), Some(b"small".as_slice()));
    buffer.put_slice(&[1; SEGMENT_MIN_BYTES]);
    assert_eq!(buffer.whole(), None, "it is worth giving away");
    buffer.clear();
    buffer.put_bytes(Bytes::from(vec![1; SEGMENT_MIN_BYTES]));
    assert_eq!(buffer.whole(), None);
}
