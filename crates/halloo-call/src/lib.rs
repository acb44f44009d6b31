//! One RPC between its two sides, whatever carries it.
//!
//! [`exchange()`] makes the two ends of a call; [`MessageSender`] and [`MessageReceiver`] put messages on them,
//! [`Request`] and [`Reply`] are what users hold, [`Interceptor`]s stand around a call, and [`Dispatch`] is how
//! drivers hand calls to a router. This crate knows no wire format besides the envelope, no HTTP and no runtime.

mod call;
mod cancelled;
mod carry;
mod compression;
mod dispatch;
mod encode;
mod ends;
mod exchange;
mod failure_log;
mod handling;
mod head;
mod incoming;
mod interceptor;
mod link;
mod message;
mod observe;
mod pipe;
mod placement;
mod receiver;
mod scope;
mod sender;
#[cfg(feature = "stream")]
mod stream;
mod time_limits;
mod toll;

pub use call::Call;
pub use cancelled::Cancelled;
pub use carry::{Carry, OutgoingCall, Refused};
#[cfg(feature = "zstd")]
pub use compression::Zstd;
pub use compression::{
    CallCompression, Compressions, Compressor, DEFAULT_COMPRESS_MIN_BYTES, Encodings, Level, ReplyCompression,
    built_in_compressions,
};
#[cfg(feature = "gzip")]
pub use compression::{Deflate, Gzip};
pub use dispatch::{Dispatch, Route};
pub use ends::{
    CallerEnd, ExchangePool, HandlerWatch, RequestFeed, RequestProgress, ResponderEnd, ResponseProgress, ResponseSink,
    Watch, exchange,
};
pub use exchange::{Outcome, PIPE_LIMIT_BYTES};
pub use failure_log::log_failure;
pub use handling::Handling;
pub use head::{LazyMetadata, ReadHead, ResponseHead};
pub use incoming::{HttpRequest, IncomingCall, Unusual};
pub use interceptor::{Interceptor, Next, OutcomeFuture};
pub use link::CallLink;
pub use message::{Reply, Request, Result};
pub use observe::{
    CallId, ConnectionId, Observation, ObservedCall, ObservedConnection, Side, StatsEvent, StatsHandler,
};
pub use pipe::Interest;
pub use placement::{Execution, LONG_POLL, Placement};
pub use receiver::MessageReceiver;
pub use scope::{Enclosing, Scope};
pub use sender::MessageSender;
pub use time_limits::TimeLimits;
