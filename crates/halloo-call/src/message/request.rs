//! `Request` and `Reply`: a message with what came beside it. Both read like the message itself.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use halloo_core::{Compression, Deadline, Extensions, Metadata, Peer, Status};

use crate::compression::ReplyCompression;
use crate::dispatch::call::Call;
use crate::dispatch::scope::Scope;
use crate::exchange::cancelled::Cancelled;
use crate::exchange::encode::metadata_fault;
use crate::exchange::head::LazyMetadata;

/// Says how a handler answers and what a unary call returns: a reply, or a status.
pub type Result<T> = std::result::Result<Reply<T>, Status>;

/// Holds a request message and the facts of its call. Its fields are the message's: `request.name`.
///
/// ```
/// use halloo::Request;
///
/// struct Hello { name: String }
///
/// let request = Request::new(Hello { name: "Edison".into() });
/// assert_eq!(request.name, "Edison");
/// assert!(request.deadline().is_none());
/// ```
#[derive(Debug)]
pub struct Request<T> {
    message: T,
    call: Call,
}

impl<T> Request<T> {
    /// Makes a request that no connection brought, for a test that calls a handler directly.
    pub fn new(message: T) -> Self {
        Self::with_call(message, Call::detached())
    }

    /// Makes a request of `call`.
    pub fn with_call(message: T, call: Call) -> Self {
        Self { message, call }
    }

    /// Returns the message alone.
    pub fn into_message(self) -> T {
        self.message
    }

    /// Returns the message and the call's facts.
    pub fn into_parts(self) -> (T, Call) {
        (self.message, self.call)
    }

    /// Returns the facts of the call.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Returns the request's metadata; see [`Call::metadata`].
    pub fn metadata(&self) -> &Metadata {
        self.call.metadata()
    }

    /// Lends the request's metadata for changing it; see [`Call::metadata_mut`].
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        self.call.metadata_mut()
    }

    /// Returns when the call has to be over; see [`Call::deadline`].
    pub fn deadline(&self) -> Option<Deadline> {
        self.call.deadline()
    }

    /// Returns the time left until the deadline; see [`Call::time_left`].
    pub fn time_left(&self) -> Option<Duration> {
        self.call.time_left()
    }

    /// Returns who is at the other end; see [`Call::peer`].
    pub fn peer(&self) -> Option<&Peer> {
        self.call.peer()
    }

    /// Returns what interceptors have left for the handler; see [`Call::extensions`].
    pub fn extensions(&self) -> &Extensions {
        self.call.extensions()
    }

    /// Lends the extensions for changing them; see [`Call::extensions_mut`].
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        self.call.extensions_mut()
    }

    /// Returns a future that resolves when the call is cancelled or has ended; see [`Call::cancelled`].
    pub fn cancelled(&self) -> Cancelled {
        self.call.cancelled()
    }

    /// Returns what the call hands down to calls that other tasks make; see [`Call::scope`].
    pub fn scope(&self) -> Scope {
        self.call.scope()
    }
}

impl<T> From<&Request<T>> for Scope {
    fn from(request: &Request<T>) -> Self {
        request.call().into()
    }
}

impl<T> Deref for Request<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.message
    }
}

impl<T> DerefMut for Request<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.message
    }
}

/// Holds a reply message with its headers and trailers. Its fields are the message's: `reply.message`.
///
/// ```
/// use halloo::Reply;
///
/// # fn main() -> Result<(), halloo::Status> {
/// let reply = Reply::from("Hello").header("x-served-by", "edison")?.trailer("x-cost", "3")?;
/// assert_eq!(reply.headers().get("x-served-by"), Some("edison"));
/// assert_eq!(reply.len(), 5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Reply<T> {
    message: T,
    headers: LazyMetadata,
    trailers: Metadata,
    /// How it leaves, if the handler has said that.
    compression: Option<Box<ReplyCompression>>,
}

impl<T> Reply<T> {
    /// Makes a reply without headers or trailers.
    pub fn new(message: T) -> Self {
        Self { message, headers: LazyMetadata::default(), trailers: Metadata::new(), compression: None }
    }

    /// Makes a reply as it came off a connection.
    pub fn from_parts(message: T, headers: LazyMetadata, trailers: Metadata) -> Self {
        Self { message, headers, trailers, compression: None }
    }

    /// Returns the message alone.
    pub fn into_message(self) -> T {
        self.message
    }

    /// Returns message, headers and trailers.
    pub fn into_parts(self) -> (T, LazyMetadata, Metadata) {
        (self.message, self.headers, self.trailers)
    }

    /// Adds an ASCII header.
    ///
    /// # Errors
    /// INTERNAL if `key` or `value` may not travel as metadata.
    pub fn header(
        mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl AsRef<str>,
    ) -> std::result::Result<Self, Status> {
        self.headers.write().append(key, value.as_ref()).map_err(metadata_fault)?;
        Ok(self)
    }

    /// Adds a binary header; `key` ends in `-bin`.
    ///
    /// # Errors
    /// INTERNAL if `key` may not travel as binary metadata.
    pub fn header_bin(
        mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<Bytes>,
    ) -> std::result::Result<Self, Status> {
        self.headers.write().append_bin(key, value.into()).map_err(metadata_fault)?;
        Ok(self)
    }

    /// Adds an ASCII trailer.
    ///
    /// # Errors
    /// INTERNAL if `key` or `value` may not travel as metadata.
    pub fn trailer(
        mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl AsRef<str>,
    ) -> std::result::Result<Self, Status> {
        self.trailers.append(key, value.as_ref()).map_err(metadata_fault)?;
        Ok(self)
    }

    /// Adds a binary trailer; `key` ends in `-bin`.
    ///
    /// # Errors
    /// INTERNAL if `key` may not travel as binary metadata.
    pub fn trailer_bin(
        mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<Bytes>,
    ) -> std::result::Result<Self, Status> {
        self.trailers.append_bin(key, value.into()).map_err(metadata_fault)?;
        Ok(self)
    }

    /// Compresses the reply with `algorithm`, whatever the server does by default. A reply below the server's minimum
    /// size, and to a client that did not say that it knows the algorithm, stays as it is.
    #[must_use]
    pub fn compress(mut self, algorithm: impl Compression) -> Self {
        self.compression = Some(Box::new(ReplyCompression::With(Arc::new(algorithm))));
        self
    }

    /// Leaves the reply as it is, whatever the server does by default: for bytes that are compressed already.
    #[must_use]
    pub fn uncompressed(mut self) -> Self {
        self.compression = Some(Box::new(ReplyCompression::Uncompressed));
        self
    }

    /// Takes what was said of its compression. For servers.
    pub fn take_compression(&mut self) -> Option<Box<ReplyCompression>> {
        self.compression.take()
    }

    /// Returns the headers: what came (or goes) before the message.
    pub fn headers(&self) -> &Metadata {
        self.headers.read()
    }

    /// Lends the headers for changing them.
    pub fn headers_mut(&mut self) -> &mut Metadata {
        self.headers.write()
    }

    /// Returns the trailers: what came (or goes) after the message.
    pub fn trailers(&self) -> &Metadata {
        &self.trailers
    }

    /// Lends the trailers for changing them.
    pub fn trailers_mut(&mut self) -> &mut Metadata {
        &mut self.trailers
    }
}

impl<T> From<T> for Reply<T> {
    fn from(message: T) -> Self {
        Self::new(message)
    }
}

impl<T> Deref for Reply<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.message
    }
}

impl<T> DerefMut for Reply<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.message
    }
}
