//! `grpc-status-details-bin`: any bytes are shown in a few lines that are fit for a terminal.

use halloo_core::Status;

/// As many lines as `Debug` may make of details, the message's own among them.
const MAX_LINES: usize = 10;

/// Runs one input, the bytes of a status's details.
pub fn run(data: &[u8]) {
    let shown = format!("{:?}", Status::internal("no").details_bytes(data.to_vec()));
    assert!(shown.starts_with("no (INTERNAL)"));
    assert!(shown.lines().count() <= MAX_LINES, "{shown}");
    assert!(shown.chars().all(|char| char == '\n' || !char.is_control()), "{shown:?}");
}
