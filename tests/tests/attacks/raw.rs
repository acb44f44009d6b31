//! An HTTP/2 client that sends whatever it is told, and reads what comes back with a decoder that is not Halloo's.

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::rig::Rig;
use crate::support::soon;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const CANCEL: u32 = 8;
pub(crate) const INTERNAL_ERROR: u32 = 2;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const SETTINGS_TIMEOUT: u32 = 4;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// What a server said on one stream.
#[derive(Debug, Default)]
pub(crate) struct Response {
    /// Of headers and trailers, in order.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) data: Vec<u8>,
    pub(crate) reset: Option<u32>,
}

impl Response {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `13 some text`.
    pub(crate) fn status(&self) -> String {
        let code = self.field("grpc-status").unwrap_or("none");
        format!("{code} {}", self.field("grpc-message").unwrap_or_default())
    }
}

pub(crate) struct Raw<Io = TcpStream> {
    pub(crate) socket: Io,
    input: BytesMut,
    decoder: fluke_hpack::Decoder<'static>,
}

/// One frame's bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A header block of literals that enter no table (RFC 7541 section 6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            put_length(&mut bytes, text.len());
            bytes.extend(text.as_bytes());
        }
    }
    bytes
}

/// A string's length as an integer with a prefix of seven bits (RFC 7541 section 5.1).
pub(crate) fn put_length(bytes: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short) if short < 127 => bytes.push(short),
        _ => {
            bytes.push(127);
            let mut rest = length - 127;
            while rest >= 128 {
                bytes.push((rest % 128) as u8 | 128);
                rest /= 128;
            }
            bytes.push(rest as u8);
        }
    }
}

/// The head of a call, with `more` behind it.
pub(crate) fn call_fields<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    call_fields_to("/post.Post/Answer", more)
}

pub(crate) fn call_fields_to<'a>(path: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "test"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    fields.extend(more);
    fields
}

impl Raw {
    /// Connects and says nothing.
    pub(crate) async fn silent(rig: &Rig) -> Self {
        let socket = TcpStream::connect(rig.target.trim_start_matches("http://")).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self::over(socket)
    }

    /// Connects and shakes hands, with these SETTINGS.
    pub(crate) async fn open_with(rig: &Rig, settings: &[(u16, u32)]) -> Self {
        let mut raw = Self::silent(rig).await;
        raw.shake_hands(settings).await;
        raw
    }

    pub(crate) async fn open(rig: &Rig) -> Self {
        Self::open_with(rig, &[]).await
    }

    /// Sends bytes until the server takes no more, because it has hung up or reads no more. Says whether all left.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.socket.try_write(bytes).is_ok_and(|sent| sent == bytes.len())
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Raw<Io> {
    /// Speaks over a connection that says nothing yet.
    pub(crate) fn over(socket: Io) -> Self {
        Self { socket, input: BytesMut::new(), decoder: fluke_hpack::Decoder::new() }
    }

    /// Sends the preface and these SETTINGS, and acknowledges the server's.
    pub(crate) async fn shake_hands(&mut self, settings: &[(u16, u32)]) {
        self.send(PREFACE).await;
        let payload: Vec<u8> =
            settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        self.send(&frame(SETTINGS, 0, 0, &payload)).await;
        self.send(&frame(SETTINGS, ACK, 0, &[])).await;
    }

    /// Sends bytes; the server may have hung up.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _ = soon(self.socket.write_all(bytes)).await;
    }

    /// All bytes until the server ends its side.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = self.input.split().to_vec();
        soon(self.socket.read_to_end(&mut rest)).await.unwrap();
        rest
    }

    /// The next frame; `None` when the server has hung up.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        soon(self.read_frame()).await
    }

    async fn read_frame(&mut self) -> Option<Frame> {
        while self.input.len() < 9 || self.input.len() < 9 + self.payload_length() {
            match self.socket.read_buf(&mut self.input).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
        let length = self.payload_length();
        let head = self.input.split_to(9);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let payload = self.input.split_to(length).to_vec();
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    fn payload_length(&self) -> usize {
        u32::from_be_bytes([0, self.input[0], self.input[1], self.input[2]]) as usize
    }

    /// Reads to the server's GOAWAY: its code and text. The socket is closed behind it.
    pub(crate) async fn goaway(&mut self) -> (u32, String) {
        let mut goaway = None;
        while let Some(frame) = self.next().await {
            if frame.kind == GOAWAY {
                let code = u32::from_be_bytes(frame.payload[4..8].try_into().unwrap());
                goaway = Some((code, String::from_utf8_lossy(&frame.payload[8..]).into_owned()));
            }
        }
        goaway.expect("the server says why it hangs up")
    }

    /// Sends a call with these fields and, in an envelope or several, this body.
    pub(crate) async fn call(&mut self, stream: u32, fields: &[(&str, &str)], body: &[u8]) {
        self.send(&frame(HEADERS, END_HEADERS, stream, &block(fields))).await;
        self.send(&frame(DATA, END_STREAM, stream, body)).await;
    }

    /// Reads to the end of a stream.
    pub(crate) async fn response(&mut self, stream: u32) -> Response {
        let mut response = Response::default();
        loop {
            let frame = self.next().await.expect("the server answers");
            match frame.kind {
                HEADERS => {
                    let fields = self.decoder.decode(&frame.payload).unwrap();
                    if frame.stream == stream {
                        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
                        response.fields.extend(fields.into_iter().map(|(name, value)| (text(name), text(value))));
                    }
                }
                _ if frame.stream != stream => continue,
                DATA => response.data.extend(&frame.payload),
                RST_STREAM => {
                    response.reset = Some(frame.payload.as_slice().get_u32());
                    return response;
                }
                _ => continue,
            }
            if frame.stream == stream && frame.flags & END_STREAM != 0 {
                return response;
            }
        }
    }

    /// A PING and its answer: whatever was sent before has been dealt with.
    pub(crate) async fn settle(&mut self) {
        self.send(&frame(PING, 0, 0, b"settled?")).await;
        while let Some(frame) = self.next().await {
            if frame.kind == PING && frame.flags == ACK {
                return;
            }
        }
        panic!("the server has hung up");
    }
}
