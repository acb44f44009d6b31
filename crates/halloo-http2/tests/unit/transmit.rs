//! Tests of `src/transmit.rs`.

use super::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    /// Whatever is pushed and however it is written, the bytes come out in order.
    #[test]
    fn bytes_keep_their_order(
        steps in prop::collection::vec((0_u8..4, prop_oneof![0_usize..60, 0_usize..70_000]), 0..80),
    ) {
        let mut out = Transmit::default();
        let mut wanted = Vec::new();
        let mut written = Vec::new();
        for (n, (action, len)) in steps.into_iter().enumerate() {
            match action {
                0 => {
                    let frame = vec![n as u8; len % 100];
                    out.frames().extend_from_slice(&frame);
                    wanted.extend_from_slice(&frame);
                }
                1 => {
                    let len = len.min(16_384);
                    out.push_data_head(StreamId::new(1), len, End::Open);
                    out.push_payload(Bytes::from(vec![n as u8; len]));
                    let head = Head { len, kind: Kind::DATA, flags: Flags::NONE, stream: 1 };
                    wanted.extend_from_slice(&head.to_bytes());
                    wanted.extend(vec![n as u8; len]);
                }
                2 => out.compact(),
                _ => {
                    let mut slices = [IoSlice::new(&[]); 3];
                    let count = out.chunks_vectored(&mut slices);
                    let seen: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
                    let len = len.min(seen.len());
                    written.extend_from_slice(&seen[..len]);
                    out.advance(len);
                }
            }
            prop_assert_eq!(out.len(), wanted.len() - written.len());
        }
        while out.has_remaining() {
            let len = out.chunk().len();
            written.extend_from_slice(out.chunk());
            out.advance(len);
        }
        prop_assert_eq!(out.written(), wanted.len() as u64);
        prop_assert!(written == wanted);
    }
}
