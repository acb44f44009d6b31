//! Decompression: whatever the bytes are, it ends within its limit; and what was compressed comes back.

use halloo_core::{Compression, DecompressBuffer, DecompressError};

use crate::input::Input;

/// Runs one input: the algorithm, the limit, then a body that any peer may have sent.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let algorithms = halloo_call::built_in_compressions();
    let algorithm = &*algorithms[input.below(algorithms.len())];
    let max = input.size(70_000);
    let body = input.rest();

    let mut out = DecompressBuffer::new(max);
    let result = algorithm.decompress(body, &mut out);
    // A buffer has room for one byte that shows that there are too many.
    assert!(out.len() <= max + 1);
    if result.is_ok() {
        let message = out.into_bytes();
        assert!(message.len() <= max);
        // The limit is not what makes it readable, and one byte less makes it too large.
        assert_eq!(restore(algorithm, body, max + 1).as_deref(), Ok(&message[..]));
        if let Some(less) = message.len().checked_sub(1) {
            assert_eq!(restore(algorithm, body, less), Err(DecompressError::TooLarge));
        }
    }

    let mut compressed = Vec::new();
    algorithm.compress(body, &mut compressed).expect("it compresses everything");
    assert_eq!(restore(algorithm, &compressed, body.len()).as_deref(), Ok(body));
}

fn restore(algorithm: &dyn Compression, body: &[u8], max: usize) -> Result<Vec<u8>, DecompressError> {
    let mut out = DecompressBuffer::new(max);
    algorithm.decompress(body, &mut out)?;
    Ok(out.into_bytes().into())
}
