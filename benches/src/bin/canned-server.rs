//! `canned-server ADDR`: the floor. It answers each request with the same bytes, from a bare tokio loop.
//!
//! It looks for the ends of requests and writes the stream's number into the answer; it decodes, checks and limits
//! nothing. No server can do less.
#![expect(clippy::print_stdout, reason = "the line says that it listens")]

use std::error::Error;
use std::io;

use halloo_bench::options::Options;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PREFACE: usize = 24;
const HEAD: usize = 9;

/// An empty SETTINGS frame, the acknowledgement of the peer's, and 2^31-1 - 65 535 for the connection's window.
const HELLO: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0\0\0\x04\x08\0\0\0\0\0\x7f\xff\0\0";

/// HEADERS with `:status: 200` and the content type, DATA with the reply's message, HEADERS with `grpc-status: 0`.
const ANSWER: &[u8] = b"\0\0\x14\x01\x04\0\0\0\0\x88\x0f\x10\x10application/grpc\
    \0\0\x1b\0\0\0\0\0\0\0\0\0\0\x16\x0a\x14Hello, gRPC Learner!\
    \0\0\x0f\x01\x05\0\0\0\0\0\x0bgrpc-status\x010";

/// Where the stream's number stands in the three frames.
const STREAM_AT: [usize; 3] = [5, HEAD + 0x14 + 5, HEAD + 0x14 + HEAD + 0x1b + 5];

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_command_line(&["runtime", "threads"], &[])?;
    options.runtime()?.block_on(async {
        let listener = TcpListener::bind(&options.address).await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            tokio::spawn(serve(socket));
        }
    })
}

async fn serve(mut socket: TcpStream) -> io::Result<()> {
    let mut input = vec![0; 64 << 10];
    let mut output = Vec::with_capacity(64 << 10);
    socket.read_exact(&mut input[..PREFACE]).await?;
    socket.write_all(HELLO).await?;
    let mut filled = 0;
    loop {
        let read = socket.read(&mut input[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let done = answer(&input[..filled], &mut output);
        input.copy_within(done..filled, 0);
        filled -= done;
        socket.write_all(&output).await?;
        output.clear();
    }
}

/// Appends an answer for each request that ends in `input`; returns how many bytes are done with.
fn answer(input: &[u8], output: &mut Vec<u8>) -> usize {
    let mut rest = input;
    while let Some((head, after)) = rest.split_first_chunk::<HEAD>() {
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let Some(after) = after.get(len..) else { break };
        rest = after;
        let ends_request = head[3] <= 1 && head[4] & 1 != 0;
        if ends_request {
            let start = output.len();
            output.extend_from_slice(ANSWER);
            for at in STREAM_AT {
                output[start + at..start + at + 4].copy_from_slice(&head[5..]);
            }
        }
    }
    input.len() - rest.len()
}
