//! Tests of `src/exchange/pipe.rs`.

use super::*;

#[test]
fn waiting_bytes_are_counted_whatever_they_come_in() {
    let mut pipe = Pipe::default();
    let mut expected = 0;
    for round in 0..3 {
        for length in [0, 1, 7, 1] {
            pipe.push(Bytes::from(vec![b'x'; length]));
            expected += length;
            assert_eq!(pipe.buffered(), expected, "round {round}");
        }
        assert_eq!((pipe.take(drop), pipe.buffered()), (expected, 0));
        expected = 0;
    }
    assert_eq!(pipe.take_credit(), 27);
}
