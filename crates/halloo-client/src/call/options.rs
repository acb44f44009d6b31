//! What all four kinds of call take before they are awaited: time limit, metadata, reply limit.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use halloo_call::{Call, Enclosing, OutgoingHead, Scope, Side};
use halloo_core::{Deadline, DecodeLimits, Metadata, MetadataError, Method, Status};

use crate::call::codec::CallCodecs;
use crate::call::compression::{CallCompression, CompressionChoice};
use crate::call::deadline::{Limit, now};
use crate::call::state::{OpenedCall, noted};
use crate::channel::Channel;
use crate::credentials::{CallCredentials, Credentials};
use crate::failure::calling;

#[derive(Debug, Default)]
pub(crate) struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) wait_for_ready: Option<bool>,
    pub(crate) max_reply_bytes: Option<usize>,
    metadata: Metadata,
    rare: Option<Box<RareOptions>>,
}

/// What few calls have.
#[derive(Debug, Default)]
struct RareOptions {
    credentials: Option<Credentials>,
    compression: Option<CompressionChoice>,
    codec: Option<&'static str>,
    outer: Outer,
    /// The first metadata that cannot travel; the call fails with it.
    fault: Option<MetadataError>,
}

/// Within which call another is made.
#[derive(Debug, Default)]
enum Outer {
    /// The one whose handler makes it.
    #[default]
    Ambient,
    Scope(Box<Scope>),
    Detached,
}

impl CallOptions {
    pub(crate) fn append(&mut self, key: Cow<'static, str>, value: String) {
        let appended = self.metadata.append(key, value);
        self.keep_fault(appended);
    }

    pub(crate) fn append_bin(&mut self, key: Cow<'static, str>, value: Bytes) {
        let appended = self.metadata.append_bin(key, value);
        self.keep_fault(appended);
    }

    fn keep_fault(&mut self, appended: Result<(), MetadataError>) {
        if let Err(fault) = appended {
            self.rare.get_or_insert_default().fault.get_or_insert(fault);
        }
    }

    pub(crate) fn add_credentials(&mut self, credentials: Arc<dyn CallCredentials>) {
        let own = &mut self.rare.get_or_insert_default().credentials;
        *own = Some(Credentials::and(own.as_ref(), credentials));
    }

    pub(crate) fn choose_compression(&mut self, choice: CompressionChoice) {
        self.rare.get_or_insert_default().compression = Some(choice);
    }

    pub(crate) fn choose_codec(&mut self, subtype: &'static str) {
        self.rare.get_or_insert_default().codec = Some(subtype);
    }

    pub(crate) fn place_within(&mut self, scope: Scope) {
        self.rare.get_or_insert_default().outer = Outer::Scope(Box::new(scope));
    }

    pub(crate) fn detach(&mut self) {
        self.rare.get_or_insert_default().outer = Outer::Detached;
    }

    /// Puts the channel's defaults under what the call says.
    ///
    /// # Errors
    /// What the call fails with before it begins.
    pub(crate) fn open<Q: 'static, A: 'static>(
        self,
        channel: &Channel,
        method: &Method<Q, A>,
    ) -> Result<OpenedCall<Q, A>, Status> {
        let called = method.method();
        let defaults = channel.defaults();
        let mut credentials = defaults.credentials.clone();
        let mut choice = None;
        let mut codec = defaults.codec;
        let mut outer = Outer::Ambient;
        if let Some(rare) = self.rare {
            if let Some(fault) = rare.fault {
                return Err(calling(&fault.into(), called));
            }
            choice = rare.compression;
            codec = rare.codec.or(codec);
            outer = rare.outer;
            credentials = Credentials::join(defaults.credentials.as_ref(), rare.credentials);
        }
        let (enclosing, scope) = match outer {
            Outer::Ambient => (Enclosing::current(), None),
            Outer::Scope(scope) => (scope.enclosing(), Some(scope)),
            Outer::Detached => (None, None),
        };
        if let Some(scope) = &scope {
            scope.check().map_err(|status| calling(&status, called))?;
        }
        let timeout = match (self.timeout, self.deadline) {
            (None, None) => defaults.timeout,
            (timeout, _) => timeout,
        };
        let mut call = Call::new(called);
        let mut limit = None;
        if timeout.is_some() || self.deadline.is_some() || enclosing.is_some() {
            let now = now();
            let of_timeout = timeout.map(|timeout| Deadline::after(now, timeout));
            let own = of_timeout.into_iter().chain(self.deadline).min();
            limit = Limit::new(called, now, own, enclosing);
            call.set_deadline(limit.as_ref().map(Limit::deadline));
        }
        if !defaults.metadata.is_empty() {
            let mut metadata = defaults.metadata.clone();
            metadata.extend(self.metadata);
            call.set_metadata(metadata.into());
        } else if !self.metadata.is_empty() {
            call.set_metadata(self.metadata.into());
        }
        let observed = channel.observation().call(Side::Client, called, None);
        let codecs = noted(observed.as_deref(), CallCodecs::of(method, codec))?;
        let CallCompression { compressor, encodings } = defaults.compression.of_call(choice);
        let mut head = Box::new(OutgoingHead::new(called, codecs.request.subtype(), call));
        head.encodings = encodings;
        head.wait_for_ready = self.wait_for_ready.unwrap_or(defaults.wait_for_ready);
        head.observed = observed;
        Ok(OpenedCall {
            head,
            codecs,
            compressor,
            max_request_bytes: defaults.max_request_bytes,
            reply_limits: DecodeLimits::new(self.max_reply_bytes.unwrap_or(defaults.max_reply_bytes)),
            credentials: credentials.map(|credentials| (credentials, Arc::clone(&defaults.authority))),
            limit,
            scope,
        })
    }
}

/// Gives a call builder its options; `self.options` holds them.
macro_rules! call_options {
    ($call:ident) => {
        impl<Q: 'static, A: 'static> $call<'_, Q, A> {
            /// Limits the time from the moment the call is awaited until it has ended, streams included. Default:
            /// the channel's, which has none. Once it has passed the call fails with DEADLINE_EXCEEDED on both
            /// sides.
            pub fn timeout(mut self, timeout: ::std::time::Duration) -> Self {
                self.options.timeout = Some(timeout);
                self
            }

            /// Limits the time as [`timeout`](Self::timeout) does, by its end. If both are set, the earlier counts.
            pub fn deadline(mut self, deadline: ::halloo_core::Deadline) -> Self {
                self.options.deadline = Some(deadline);
                self
            }

            /// Makes the call within another, for tasks that a handler has spawned: `.within(&request)`, or the
            /// [`Scope`](::halloo_call::Scope) that the task took along. It has no more time than what is left of
            /// that call, and is cancelled when that call is cancelled or ends. Default: within the call whose handler
            /// awaits this one, which needs no saying.
            ///
            /// A call that is cancelled with the other one fails with DEADLINE_EXCEEDED if that one's deadline has
            /// passed, else with CANCELLED.
            pub fn within(mut self, scope: impl Into<::halloo_call::Scope>) -> Self {
                self.options.place_within(scope.into());
                self
            }

            /// Makes the call as if no handler made it: the deadline of the handler's call does not count. A call that
            /// is to go on after the handler also has to be in a task of its own, as what the handler awaits is
            /// dropped with it. Default: a handler's calls have no more time than the handler.
            pub fn detached(mut self) -> Self {
                self.options.detach();
                self
            }

            /// Sets whether the call waits while no server can be reached, until its deadline, rather than fail with
            /// UNAVAILABLE ("wait for ready"). Once it has left for a server, it fails as any other. Default: the
            /// channel's, which is to fail.
            pub fn wait_for_ready(mut self, wait: bool) -> Self {
                self.options.wait_for_ready = Some(wait);
                self
            }

            /// Adds metadata behind the channel's. A key or value that may not travel fails the call with INTERNAL
            /// when it is awaited.
            pub fn metadata(
                mut self,
                key: impl Into<::std::borrow::Cow<'static, str>>,
                value: impl Into<String>,
            ) -> Self {
                self.options.append(key.into(), value.into());
                self
            }

            /// Adds binary metadata; the key ends in `-bin`. See [`metadata`](Self::metadata).
            pub fn metadata_bin(
                mut self,
                key: impl Into<::std::borrow::Cow<'static, str>>,
                value: impl Into<::bytes::Bytes>,
            ) -> Self {
                self.options.append_bin(key.into(), value.into());
                self
            }

            /// Adds credentials behind the channel's; where both have a value for the same key, these win. A connection
            /// that does not protect them as they require fails the call with UNAUTHENTICATED, and they are not sent.
            pub fn credentials(mut self, credentials: impl $crate::credentials::CallCredentials) -> Self {
                self.options.add_credentials(::std::sync::Arc::new(credentials));
                self
            }

            /// Makes the call with messages as JSON (`application/grpc+json`); see [`codec`](Self::codec).
            ///
            /// The client needs a JSON form: `.json(true)` in `build.rs`, and the feature `json`.
            pub fn json(self) -> Self {
                self.codec($crate::call::codec::JSON)
            }

            /// Chooses how messages are written, by content-subtype: `json`, `proto`, or the name of a codec of your
            /// own. Default: the channel's, which is the method's first. Without the codec the call fails with
            /// INTERNAL before it is sent; a server without it answers UNIMPLEMENTED.
            pub fn codec(mut self, subtype: &'static str) -> Self {
                self.options.choose_codec(subtype);
                self
            }

            /// Compresses the requests with `algorithm` instead of the channel's default, those below the channel's
            /// minimum size excepted. A server that does not know it fails the call with UNIMPLEMENTED.
            pub fn compress(mut self, algorithm: impl ::halloo_core::Compression) -> Self {
                self.options.choose_compression($crate::call::compression::CompressionChoice::With(
                    ::std::sync::Arc::new(algorithm),
                ));
                self
            }

            /// Leaves the requests as they are, whatever the channel does by default.
            pub fn uncompressed(mut self) -> Self {
                self.options.choose_compression($crate::call::compression::CompressionChoice::Uncompressed);
                self
            }

            /// Limits each reply message, in bytes. Default: the channel's, 4 MiB. A larger one fails the call with
            /// RESOURCE_EXHAUSTED.
            pub fn max_reply_bytes(mut self, bytes: usize) -> Self {
                self.options.max_reply_bytes = Some(bytes);
                self
            }
        }

        impl<Q: 'static, A: 'static> ::std::fmt::Debug for $call<'_, Q, A> {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($call))
                    .field("method", &self.method.method().full_name())
                    .field("options", &self.options)
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use call_options;
