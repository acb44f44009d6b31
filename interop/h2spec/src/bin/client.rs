//! What h2specd tests: `h2specd-client http://127.0.0.1:PORT/` makes one connection and one call on it.
//!
//! What becomes of the call does not matter: h2specd judges the frames. It ends when the connection does.

use std::process::ExitCode;

use bytes::Bytes;
use halloo_call::{Call, Carry, MessageSender, OutgoingCall, exchange};
use halloo_core::{Codec, DecodeLimits, EncodeBuffer, MethodDescriptor, MethodKind, Status};
use halloo_transport::{Address, ConnectOptions, connect};

static METHOD: MethodDescriptor =
    MethodDescriptor::new("h2spec.Service", "Call", "/h2spec.Service/Call", MethodKind::Unary);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let url = std::env::args().nth(1).unwrap_or_default();
    let authority = url.trim_start_matches("http://").trim_end_matches('/');
    let Ok(address) = authority.parse() else {
        eprintln!("usage: h2specd-client http://127.0.0.1:PORT/, and not {url:?}");
        return ExitCode::from(2);
    };
    let connection = match connect(&Address::Tcp(address), ConnectOptions::new(authority)).await {
        Ok(connection) => connection,
        // Some cases break the connection before it is up.
        Err(error) => {
            eprintln!("no connection: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (caller, responder) = exchange();
    let mut requests = MessageSender::for_requests(&caller, &Raw, usize::MAX);
    let call = OutgoingCall { method: &METHOD, subtype: "proto", call: Call::new(&METHOD) };
    if connection.start(call, responder).is_ok() {
        // A call that has failed already has nothing to send.
        let _ = requests.send(Bytes::from_static(b"hello")).await;
        requests.finish();
    }
    eprintln!("{}", connection.closed().await.reason);
    drop(caller);
    ExitCode::SUCCESS
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
