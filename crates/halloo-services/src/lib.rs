//! gRPC's standard services and messages: their contract, and what they answer.
//!
//! [`health`] is a table of states that can be watched; [`reflection`] an index over the descriptors that generated
//! code carries; [`details`] what a failure says to programs. A server registers the services, a client calls them.
//! Nothing here knows a server, a channel or a runtime. The contracts are in `proto/`, what is generated from them in
//! `generated/`.

pub mod details;
pub mod health;
pub mod reflection;

pub use details::StatusDetails;

/// Bytes of a name that a peer sent which an error repeats.
const MAX_QUOTED_BYTES: usize = 256;

/// A peer's text, short enough for a status message.
fn quoted(text: &str) -> &str {
    let mut end = text.len().min(MAX_QUOTED_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
#[path = "../tests/unit/lib.rs"]
mod tests;
