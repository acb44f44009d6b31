//! A service whose messages are text and not protobuf, written by hand: what `halloo` without its default features is for.
//!
//! `cargo xtask ci` checks that nothing of protobuf is built for it. Its calls are in `tests/calls.rs`.

use bytes::Bytes;
use halloo::client::UnaryCall;
use halloo::codec::{Codec, Codecs, DecodeLimits, EncodeBuffer};
use halloo::descriptor::{Method, MethodDescriptor, MethodKind, ServiceDescriptor};
use halloo::server::{Methods, Service};
use halloo::{Channel, Reply, Request, Status};

/// The codec of `application/grpc+text`: a message is its UTF-8.
struct Text;

impl Codec<String> for Text {
    fn subtype(&self) -> &'static str {
        "text"
    }

    fn encode(&self, message: &String, out: &mut EncodeBuffer) -> Result<(), Status> {
        out.put_slice(message.as_bytes());
        Ok(())
    }

    fn decode(&self, body: Bytes, _limits: &DecodeLimits) -> Result<String, Status> {
        String::from_utf8(body.into()).map_err(|error| Status::internal("the text is not UTF-8").caused_by(error))
    }
}

static SHOUTER: ServiceDescriptor = ServiceDescriptor::new("text.Shouter", &METHODS, b"");
static METHODS: [MethodDescriptor; 1] =
    [MethodDescriptor::new("text.Shouter", "Shout", "/text.Shouter/Shout", MethodKind::Unary)];
static SHOUT: Method<String, String> = Method::new(&METHODS[0], Codecs::new(&[&Text]), Codecs::new(&[&Text]));

/// Answers in capital letters.
#[derive(Clone, Copy, Debug)]
pub struct ShouterServer;

impl Service for ShouterServer {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        &SHOUTER
    }

    fn register(self, methods: &mut Methods) {
        methods.unary(&SHOUT, |request: Request<String>| async move { Ok(Reply::new(request.to_uppercase())) });
    }
}

/// Calls a [`ShouterServer`].
#[derive(Clone, Debug)]
pub struct ShouterClient {
    channel: Channel,
}

impl ShouterClient {
    /// Calls over `channel`.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// Sends `text`, which comes back in capital letters.
    pub fn shout(&self, text: &str) -> UnaryCall<'_, String, String> {
        self.channel.unary(&SHOUT, text.to_owned())
    }
}
