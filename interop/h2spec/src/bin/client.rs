//! What h2specd tests: `h2specd-client http://127.0.0.1:PORT/` makes one connection and one call on it.
//!
//! What becomes of the call does not matter: h2specd judges the frames. It ends when the connection does.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use halloo_call::{Call, Carry, MessageSender, OutgoingCall, OutgoingHead, exchange};
use halloo_core::{Address, Codec, DecodeLimits, EncodeBuffer, MethodDescriptor, MethodKind, Status};
use halloo_transport::{ConnectOptions, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

static METHOD: MethodDescriptor =
    MethodDescriptor::new("h2spec.Service", "Call", "/h2spec.Service/Call", MethodKind::Unary);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let url = std::env::args().nth(1).unwrap_or_default();
    let Ok(target) = url.trim_start_matches("http://").trim_end_matches('/').parse() else {
        eprintln!("usage: h2specd-client http://127.0.0.1:PORT/, and not {url:?}");
        return ExitCode::from(2);
    };
    match run(target).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(target: SocketAddr) -> io::Result<()> {
    let (address, relay) = start_relay(target).await?;
    // Some cases break the connection before it is up.
    match connect(&Address::Tcp(address), ConnectOptions::new(target.to_string())).await {
        Ok(connection) => {
            let (caller, responder) = exchange();
            let mut requests = MessageSender::for_requests(&caller, &Raw, usize::MAX);
            let head = OutgoingHead::new(&METHOD, "proto", Call::new(&METHOD));
            if connection.start(OutgoingCall::new(head, responder)).is_ok() {
                // A call that has failed already has nothing to send.
                let _ = requests.send(Bytes::from_static(b"hello")).await;
                requests.finish();
            }
            eprintln!("{}", connection.closed().await.reason);
        }
        Err(error) => eprintln!("no connection: {error}"),
    }
    relay.await?
}

/// Puts a relay before `target` that lets bursts arrive whole.
///
/// The cases send a response's head and then, in writes of their own, what is wrong. The head is not gRPC's, so a
/// client that sees it alone cancels the call, rightly, and what follows meets a stream that is already reset.
async fn start_relay(target: SocketAddr) -> io::Result<(SocketAddr, JoinHandle<io::Result<()>>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let relay = tokio::spawn(async move {
        let (ours, _) = listener.accept().await?;
        let (from_client, to_client) = ours.into_split();
        let (from_server, to_server) = TcpStream::connect(target).await?.into_split();
        let answers = tokio::spawn(pass(from_server, to_client, Duration::from_millis(50)));
        let asked = pass(from_client, to_server, Duration::ZERO).await;
        // The client has gone; what the server still says matters to nobody.
        answers.abort();
        asked
    });
    Ok((address, relay))
}

/// Passes bytes on once nothing more has come for `pause`.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, pause: Duration) -> io::Result<()> {
    let mut burst = Vec::new();
    while from.read_buf(&mut burst).await? > 0 {
        while let Ok(Ok(1..)) = timeout(pause, from.read_buf(&mut burst)).await {}
        to.write_all(&burst).await?;
        burst.clear();
    }
    to.shutdown().await
}

/// Messages as bytes.
struct Raw;

impl Codec<Bytes> for Raw {
    fn subtype(&self) -> &'static str {
        "proto"
    }

    fn encode(&self, message: &Bytes, out: &mut EncodeBuffer) -> Result<(), Status> {
        out.put_bytes(message.clone());
        Ok(())
    }

    fn decode(&self, body: Bytes, _: &DecodeLimits) -> Result<Bytes, Status> {
        Ok(body)
    }
}
