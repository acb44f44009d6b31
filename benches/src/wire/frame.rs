//! The head of a frame (RFC 9113 section 4.1), and the start of a client's connection.

/// The size of a frame's head.
pub const HEAD_BYTES: usize = 9;

/// The kind of frame that carries messages.
pub const DATA: u8 = 0;
/// The kind of frame that carries header fields.
pub const HEADERS: u8 = 1;
/// The kind of frame that ends a stream in anger.
pub const RST_STREAM: u8 = 3;
/// The kind of frame that says how the peer wants to be treated.
pub const SETTINGS: u8 = 4;
/// The kind of frame that is answered with itself.
pub const PING: u8 = 6;
/// The kind of frame that says farewell.
pub const GOAWAY: u8 = 7;
/// The kind of frame that lets the peer send more.
pub const WINDOW_UPDATE: u8 = 8;

/// The flag of DATA and HEADERS that end their stream.
pub const END_STREAM: u8 = 1;
/// The flag of SETTINGS and PING that answer.
pub const ACK: u8 = 1;
/// The flag of HEADERS that no CONTINUATION follows.
pub const END_HEADERS: u8 = 4;

/// What a stream, and a connection, may send before it is allowed more.
pub const DEFAULT_WINDOW: u32 = 65_535;

/// The window that our side opens for each stream and for the connection.
const OUR_WINDOW: u32 = 1 << 30;

const SETTINGS_INITIAL_WINDOW_SIZE: u16 = 4;

/// The head of a frame.
pub fn head(len: usize, kind: u8, flags: u8, stream: u32) -> [u8; HEAD_BYTES] {
    let [_, l0, l1, l2] = (len as u32).to_be_bytes();
    let [s0, s1, s2, s3] = stream.to_be_bytes();
    [l0, l1, l2, kind, flags, s0, s1, s2, s3]
}

/// Appends what a client sends first: the preface, SETTINGS, and windows that never stop a server.
pub fn put_client_start(out: &mut Vec<u8>) {
    out.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    out.extend_from_slice(&head(6, SETTINGS, 0, 0));
    out.extend_from_slice(&SETTINGS_INITIAL_WINDOW_SIZE.to_be_bytes());
    out.extend_from_slice(&OUR_WINDOW.to_be_bytes());
    put_window_update(OUR_WINDOW - DEFAULT_WINDOW, out);
}

/// Appends a WINDOW_UPDATE for the connection.
pub fn put_window_update(bytes: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&head(4, WINDOW_UPDATE, 0, 0));
    out.extend_from_slice(&bytes.to_be_bytes());
}
