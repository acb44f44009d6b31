//! As much of a client's HTTP/2 as a load needs: frames and header blocks that are known beforehand.
//!
//! None of it is the engine's: what is measured is not measured with itself, and the load costs a fraction of it.

mod frame;
mod hpack;
mod huffman;
mod requests;

pub use frame::{
    ACK, DATA, DEFAULT_WINDOW, END_HEADERS, END_STREAM, GOAWAY, HEAD_BYTES, HEADERS, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, head, put_client_start, put_window_update,
};
pub use requests::{Indexing, REPLY, Requests};
