//! Every algorithm both ways, and what a peer may send instead.
#![cfg(all(feature = "gzip", feature = "zstd"))]
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use halloo_call::{Deflate, Gzip, Zstd, built_in_compressions};
use halloo_core::{Compression, DecompressBuffer, DecompressError};

fn compressed(algorithm: &dyn Compression, message: &[u8]) -> Vec<u8> {
    let mut body = b"before".to_vec();
    algorithm.compress(message, &mut body).unwrap();
    assert!(body.starts_with(b"before"), "it appends");
    body.split_off(6)
}

fn restored(algorithm: &dyn Compression, body: &[u8], max_bytes: usize) -> Result<Vec<u8>, DecompressError> {
    let mut message = DecompressBuffer::new(max_bytes);
    algorithm.decompress(body, &mut message)?;
    Ok(message.into_bytes().into())
}

/// Bytes without any order.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..bytes).map(step).collect()
}

#[test]
fn messages_come_back_as_they_were() {
    let text = b"it was the best of times, it was the worst of times ".repeat(2000);
    for algorithm in built_in_compressions() {
        for message in [&b""[..], b"x", &text, &[0; 100_000], &noise(70_000)] {
            let body = compressed(&*algorithm, message);
            assert_eq!(restored(&*algorithm, &body, message.len()).unwrap(), message, "{}", algorithm.name());
        }
        assert!(compressed(&*algorithm, &text).len() * 20 < text.len());
    }
}

#[test]
fn levels_differ_in_size_alone() {
    let message: Vec<u8> = (0..20_000_u32).flat_map(|number| (number * number).to_string().into_bytes()).collect();
    fn sizes(fast: &dyn Compression, small: &dyn Compression, message: &[u8]) {
        let (large, small_body) = (compressed(fast, message), compressed(small, message));
        assert!(small_body.len() < large.len(), "{} {}", small_body.len(), large.len());
        assert_eq!(restored(fast, &small_body, message.len()).unwrap(), message);
        // The state that the thread keeps has another level.
        assert_eq!(compressed(fast, message), large);
    }
    sizes(&Gzip::level(1), &Gzip::level(9), &message);
    sizes(&Deflate::level(0), &Deflate::level(99), &message);
    sizes(&Zstd::level(1), &Zstd::level(19), &message);
}

#[test]
fn the_limit_is_exact() {
    for algorithm in built_in_compressions() {
        for size in [1, 4095, 4096, 4097, 100_000] {
            let message = vec![7; size];
            let body = compressed(&*algorithm, &message);
            assert_eq!(restored(&*algorithm, &body, size).unwrap(), message);
            let name = algorithm.name();
            assert_eq!(restored(&*algorithm, &body, size - 1), Err(DecompressError::TooLarge), "{name} {size}");
        }
    }
}

/// A GiB of zeros: the sum of what was produced before it stopped is what the buffer holds.
#[test]
fn a_bomb_stops_while_it_unfolds() {
    for algorithm in built_in_compressions() {
        let part = compressed(&*algorithm, &vec![0; 16 << 20]);
        // gzip members and zstd frames may follow each other; deflate has one stream, whose part is bomb enough.
        let parts = if algorithm.name() == "deflate" { 1 } else { 64 };
        let bomb = part.repeat(parts);
        assert!(bomb.len() < 2 << 20, "{}", bomb.len());
        let mut message = DecompressBuffer::new(1 << 20);
        assert_eq!(algorithm.decompress(&bomb, &mut message), Err(DecompressError::TooLarge));
        assert!(message.len() <= (1 << 20) + 1, "{} {}", algorithm.name(), message.len());
    }
}

#[test]
fn every_truncation_and_what_follows_the_end_are_faults() {
    for algorithm in built_in_compressions() {
        let body = compressed(&*algorithm, &noise(300));
        // Without a byte there is no frame, and nothing in it.
        let first = usize::from(algorithm.name() == "zstd");
        for end in first..body.len() {
            assert!(restored(&*algorithm, &body[..end], 4096).is_err(), "{} {end}", algorithm.name());
        }
        for more in [&b"\0"[..], b"garbage", &[0; 100]] {
            let body = [&body, more].concat();
            let error = restored(&*algorithm, &body, 4096).unwrap_err();
            assert!(matches!(error, DecompressError::Malformed { .. }), "{} {error}", algorithm.name());
        }
    }
}

#[test]
fn damage_never_passes_for_a_message_with_a_checksum() {
    for algorithm in [&Gzip as &dyn Compression, &Deflate] {
        let message = b"a checksum covers these words, all of them, from here to the end".repeat(3);
        let body = compressed(algorithm, &message);
        for (at, bit) in (0..body.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut damaged = body.clone();
            damaged[at] ^= 1 << bit;
            // Time, system and effort in gzip's head mean nothing to anybody.
            if let Ok(read) = restored(algorithm, &damaged, 4096) {
                assert_eq!(read, message, "{} {at}", algorithm.name());
            }
        }
    }
}

#[test]
fn gzip_members_follow_each_other_and_have_what_the_format_allows() {
    let (one, two) = (compressed(&Gzip, b"one "), compressed(&Gzip, b"two"));
    assert_eq!(restored(&Gzip, &[one.clone(), two].concat(), 7).unwrap(), b"one two");
    let deflated = &one[10..];
    for (flags, optional) in [
        (1, &b""[..]),
        (4, b"\x03\0abc"),
        (8, b"name\0"),
        (16, b"comment\0"),
        (2, b"\0\0"),
        (31, b"\0\0name\0comment\0\x12\x34"),
    ] {
        let body = [b"\x1f\x8b\x08", &[flags][..], &[0; 6], optional, deflated].concat();
        assert_eq!(restored(&Gzip, &body, 7).unwrap(), b"one ", "{flags}");
    }
    for head in [b"\x1f\x8b\x08\x20", b"\x1f\x8b\x07\0", b"\x1f\x8c\x08\0", b"\x78\x9c\x08\0"] {
        let error = restored(&Gzip, &[head, &[0; 6][..], deflated].concat(), 7).unwrap_err();
        assert_eq!(error.to_string(), "malformed compressed bytes: a gzip member does not begin so");
    }
}

/// Go's encoder makes no frame of a message of no bytes.
#[test]
fn no_zstd_frame_at_all_is_an_empty_message() {
    assert_eq!(restored(&Zstd, b"", 0).unwrap(), b"");
    let frames = [compressed(&Zstd, b"one "), compressed(&Zstd, b""), compressed(&Zstd, b"two")].concat();
    assert_eq!(restored(&Zstd, &frames, 7).unwrap(), b"one two");
}

#[test]
fn a_zstd_frame_may_not_claim_memory() {
    // Magic, no single segment, window of 2^(10 + exponent), an empty raw block that is the last.
    let frame = |exponent: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0][..], &[exponent << 3], &[1, 0, 0]].concat();
    assert_eq!(restored(&Zstd, &frame(13), 4096).unwrap(), b"");
    restored(&Zstd, &frame(14), 4096).unwrap_err();
    // A single segment of 2^40 bytes.
    let claim = [&[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..], &(1_u64 << 40).to_le_bytes(), &[1, 0, 0]].concat();
    restored(&Zstd, &claim, 4096).unwrap_err();
}

#[test]
fn deflate_is_the_zlib_format() {
    assert_eq!(compressed(&Deflate, b"abc")[0], 0x78);
}
