//! One RPC between its two sides, whatever carries it.
//!
//! [`exchange()`] makes the two ends of a call; [`MessageSender`] and [`MessageReceiver`] put messages on them,
//! [`Request`] and [`Reply`] are what users hold, [`Interceptor`]s stand around a call, and [`Dispatch`] is how
//! drivers hand calls to a router. This crate knows no wire format besides the envelope, no HTTP and no runtime.

mod compression;
mod dispatch;
mod exchange;
mod message;
mod observe;

#[cfg(feature = "zstd")]
pub use compression::Zstd;
pub use compression::{
    CallCompression, Compressions, Compressor, DEFAULT_COMPRESS_MIN_BYTES, Encodings, Level, ReplyCompression,
    built_in_compressions,
};
#[cfg(feature = "gzip")]
pub use compression::{Deflate, Gzip};
pub use dispatch::call::Call;
pub use dispatch::carry::{Carry, OutgoingCall, OutgoingHead};
pub use dispatch::handling::Handling;
pub use dispatch::incoming::{HttpRequest, IncomingCall, RareHead};
pub use dispatch::interceptor::{Interceptor, Next, OutcomeFuture};
pub use dispatch::interface::Dispatch;
pub use dispatch::placement::{Execution, LONG_POLL, Placement};
pub use dispatch::route::Route;
pub use dispatch::running::{DeadlineTimer, RunningHandler};
pub use dispatch::scope::{Enclosing, Scope};
pub use dispatch::time_limits::{Allowance, TimeLimits};
pub use exchange::cancelled::Cancelled;
pub use exchange::ends::{CallerEnd, ExchangePool, HandlerWatch, RequestFeed, ResponderEnd, exchange};
pub use exchange::head::{LazyMetadata, ReadHead, ResponseHead};
pub use exchange::link::CallLink;
pub use exchange::pipe::Interest;
pub use exchange::progress::{RequestProgress, ResponseProgress, ResponseSink, Watch};
pub use exchange::rare::OnEnd;
pub use exchange::state::{Outcome, PIPE_LIMIT_BYTES};
pub use message::receiver::MessageReceiver;
pub use message::request::{Reply, Request, Result};
pub use message::sender::MessageSender;
pub use observe::failure_log::log_failure;
pub use observe::observation::{
    CallId, ConnectionId, Observation, ObservedCall, ObservedConnection, Side, StatsEvent, StatsHandler,
};
