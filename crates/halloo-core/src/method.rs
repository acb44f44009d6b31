//! Descriptors of services and methods, which every layer refers to: constants that generated code writes, or names that a
//! program learns while it runs.

use std::fmt;
use std::sync::Arc;

use crate::codec::Codecs;

/// Says which sides of a method stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MethodKind {
    /// One request, one reply.
    Unary,
    /// One request, any number of replies.
    ServerStreaming,
    /// Any number of requests, one reply.
    ClientStreaming,
    /// Any number of requests and replies, independent of each other.
    BidiStreaming,
}

impl MethodKind {
    /// Says whether the client may send any number of messages.
    pub const fn streams_requests(self) -> bool {
        matches!(self, Self::ClientStreaming | Self::BidiStreaming)
    }

    /// Says whether the server may send any number of messages.
    pub const fn streams_replies(self) -> bool {
        matches!(self, Self::ServerStreaming | Self::BidiStreaming)
    }
}

/// Says what a second call of a method does: the `idempotency_level` option of the `.proto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// The `.proto` does not say.
    #[default]
    Unknown,
    /// The method changes nothing.
    NoSideEffects,
    /// Calling twice has the effect of calling once.
    Idempotent,
}

/// Describes one method of a service.
///
/// ```
/// # mod halloo { pub use halloo_core as descriptor; }
/// use halloo::descriptor::{MethodDescriptor, MethodKind};
///
/// static SAY_HELLO: MethodDescriptor =
///     MethodDescriptor::new("greeter.Greeter", "SayHello", "/greeter.Greeter/SayHello", MethodKind::Unary);
/// assert_eq!(SAY_HELLO.full_name(), "greeter.Greeter/SayHello");
/// ```
#[derive(Debug)]
pub struct MethodDescriptor {
    service: &'static str,
    name: &'static str,
    path: &'static str,
    kind: MethodKind,
    idempotency: Idempotency,
    options: &'static [u8],
    service_options: &'static [u8],
}

impl MethodDescriptor {
    /// Makes a descriptor.
    ///
    /// # Panics
    /// When `path` is not `/service/name`; in a constant, that is a compile error.
    pub const fn new(service: &'static str, name: &'static str, path: &'static str, kind: MethodKind) -> Self {
        assert!(is_path_of(path, service, name), "the path of a method is `/service/name`");
        Self { service, name, path, kind, idempotency: Idempotency::Unknown, options: &[], service_options: &[] }
    }

    /// Sets the level of idempotency. The default is [`Idempotency::Unknown`].
    pub const fn idempotency(mut self, level: Idempotency) -> Self {
        self.idempotency = level;
        self
    }

    /// Sets what the `.proto` declares about the method and about its service: an encoded
    /// `google.protobuf.MethodOptions` and an encoded `google.protobuf.ServiceOptions`. The default is nothing.
    pub const fn encoded_options(mut self, method: &'static [u8], service: &'static [u8]) -> Self {
        self.options = method;
        self.service_options = service;
        self
    }

    /// Returns the full name of the service, for example `greeter.Greeter`.
    pub const fn service(&self) -> &'static str {
        self.service
    }

    /// Returns the name of the method within its service, for example `SayHello`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the `:path` of a request, for example `/greeter.Greeter/SayHello`.
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// Returns the name with its service, for example `greeter.Greeter/SayHello`.
    pub const fn full_name(&self) -> &'static str {
        self.path.split_at(1).1
    }

    /// Returns which sides stream.
    pub const fn kind(&self) -> MethodKind {
        self.kind
    }

    /// Returns what a second call does.
    pub const fn idempotency_level(&self) -> Idempotency {
        self.idempotency
    }

    /// Returns the method's options as the `.proto` declares them, an encoded `google.protobuf.MethodOptions`; empty if
    /// there are none. `halloo::protobuf::CustomOptions` reads custom ones by their types.
    pub const fn options(&self) -> &'static [u8] {
        self.options
    }

    /// Returns the options of the method's service, an encoded `google.protobuf.ServiceOptions`; empty if there are none.
    pub const fn service_options(&self) -> &'static [u8] {
        self.service_options
    }
}

/// Refers to a method: to a descriptor of generated code, or to one that the program has learned while it runs, as tools and
/// proxies do. Cheap to clone.
///
/// ```
/// # use halloo_core as halloo;
/// use halloo::{MethodDescriptor, MethodKind, MethodRef};
///
/// static SAY_HELLO: MethodDescriptor =
///     MethodDescriptor::new("greeter.Greeter", "SayHello", "/greeter.Greeter/SayHello", MethodKind::Unary);
/// let constant = MethodRef::new(&SAY_HELLO);
/// let learned = MethodRef::learned("greeter.Greeter", "SayHello", MethodKind::Unary);
/// assert_eq!(constant.path(), learned.path());
/// ```
#[derive(Clone)]
pub struct MethodRef(Held);

#[derive(Clone)]
enum Held {
    Constant(&'static MethodDescriptor),
    Learned(Arc<Learned>),
}

/// The path is `/service/name`.
struct Learned {
    path: Box<str>,
    service_len: usize,
    kind: MethodKind,
}

impl MethodRef {
    /// Refers to a descriptor that lives for ever.
    #[must_use]
    pub const fn new(constant: &'static MethodDescriptor) -> Self {
        Self(Held::Constant(constant))
    }

    /// Refers to a method that no descriptor of this program describes. Nothing is known of its options, and nothing of
    /// its idempotency. It is forgotten with its last clone.
    #[must_use]
    pub fn learned(service: &str, name: &str, kind: MethodKind) -> Self {
        let path = format!("/{service}/{name}").into();
        Self(Held::Learned(Arc::new(Learned { path, service_len: service.len(), kind })))
    }

    /// Returns the descriptor, if there is one.
    #[must_use]
    pub const fn descriptor(&self) -> Option<&'static MethodDescriptor> {
        match self.0 {
            Held::Constant(constant) => Some(constant),
            Held::Learned(_) => None,
        }
    }

    /// Returns the full name of the service, for example `greeter.Greeter`.
    #[must_use]
    pub fn service(&self) -> &str {
        match &self.0 {
            Held::Constant(constant) => constant.service(),
            Held::Learned(learned) => &learned.path[1..=learned.service_len],
        }
    }

    /// Returns the name of the method within its service, for example `SayHello`.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.0 {
            Held::Constant(constant) => constant.name(),
            Held::Learned(learned) => &learned.path[learned.service_len + 2..],
        }
    }

    /// Returns the `:path` of a request, for example `/greeter.Greeter/SayHello`.
    #[must_use]
    pub fn path(&self) -> &str {
        match &self.0 {
            Held::Constant(constant) => constant.path(),
            Held::Learned(learned) => &learned.path,
        }
    }

    /// Returns the name with its service, for example `greeter.Greeter/SayHello`.
    #[must_use]
    pub fn full_name(&self) -> &str {
        &self.path()[1..]
    }

    /// Returns which sides stream.
    #[must_use]
    pub fn kind(&self) -> MethodKind {
        match &self.0 {
            Held::Constant(constant) => constant.kind(),
            Held::Learned(learned) => learned.kind,
        }
    }

    /// Returns what a second call does.
    #[must_use]
    pub fn idempotency_level(&self) -> Idempotency {
        self.descriptor().map_or(Idempotency::Unknown, MethodDescriptor::idempotency_level)
    }

    /// Returns where what it refers to is: the same for clones, and for no other as long as one of them lives.
    #[must_use]
    pub fn address(&self) -> usize {
        match &self.0 {
            Held::Constant(constant) => std::ptr::from_ref(*constant).addr(),
            Held::Learned(learned) => Arc::as_ptr(learned).addr(),
        }
    }
}

impl From<&'static MethodDescriptor> for MethodRef {
    fn from(constant: &'static MethodDescriptor) -> Self {
        Self::new(constant)
    }
}

impl From<&Self> for MethodRef {
    fn from(other: &Self) -> Self {
        other.clone()
    }
}

/// The name with its service, for example `greeter.Greeter/SayHello`.
impl fmt::Display for MethodRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.full_name())
    }
}

impl fmt::Debug for MethodRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MethodRef").field(&self.full_name()).finish()
    }
}

/// Compares byte by byte, since a `const fn` can neither concatenate nor compare strings.
const fn is_path_of(path: &str, service: &str, name: &str) -> bool {
    let (path, service, name) = (path.as_bytes(), service.as_bytes(), name.as_bytes());
    if path.len() != service.len() + name.len() + 2 {
        return false;
    }
    let mut at = 0;
    while at < path.len() {
        let expected = if at == 0 || at == service.len() + 1 {
            b'/'
        } else if at <= service.len() {
            service[at - 1]
        } else {
            name[at - service.len() - 2]
        };
        if path[at] != expected {
            return false;
        }
        at += 1;
    }
    true
}

/// Describes a service: its name, its methods, its options, and the file descriptors that reflection serves.
///
/// Generated code has one for each service, in capitals, and on the client and the server type: `GREETER`,
/// `GreeterClient::DESCRIPTOR`, `GreeterServer::<S>::DESCRIPTOR`.
#[derive(Debug)]
pub struct ServiceDescriptor {
    name: &'static str,
    methods: &'static [MethodDescriptor],
    file_descriptor_set: &'static [u8],
    options: &'static [u8],
}

impl ServiceDescriptor {
    /// Makes a descriptor. `file_descriptor_set` is an encoded `google.protobuf.FileDescriptorSet` of the file that
    /// declares the service and of its imports; it may be empty.
    pub const fn new(
        name: &'static str,
        methods: &'static [MethodDescriptor],
        file_descriptor_set: &'static [u8],
    ) -> Self {
        Self { name, methods, file_descriptor_set, options: &[] }
    }

    /// Sets what the `.proto` declares about the service: an encoded `google.protobuf.ServiceOptions`. The default is
    /// nothing.
    pub const fn encoded_options(mut self, options: &'static [u8]) -> Self {
        self.options = options;
        self
    }

    /// Returns the full name, for example `greeter.Greeter`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the methods in the order of the `.proto`.
    pub const fn methods(&self) -> &'static [MethodDescriptor] {
        self.methods
    }

    /// Returns the method with this name, for example `SayHello`.
    pub fn method(&self, name: &str) -> Option<&'static MethodDescriptor> {
        self.methods.iter().find(|method| method.name == name)
    }

    /// Returns the service's options as the `.proto` declares them, an encoded `google.protobuf.ServiceOptions`; empty if
    /// there are none. `halloo::protobuf::CustomOptions` reads custom ones by their types.
    pub const fn options(&self) -> &'static [u8] {
        self.options
    }

    /// Returns the encoded `google.protobuf.FileDescriptorSet`, or nothing.
    pub const fn file_descriptor_set(&self) -> &'static [u8] {
        self.file_descriptor_set
    }
}

/// Describes a method with the codecs of its request type `Q` and reply type `A`.
pub struct Method<Q: 'static, A: 'static> {
    method: MethodRef,
    request: Codecs<Q>,
    reply: Codecs<A>,
}

impl<Q: 'static, A: 'static> Method<Q, A> {
    /// Makes a method. The first codec of each list is the one that a client uses unless told otherwise.
    pub const fn new(descriptor: &'static MethodDescriptor, request: Codecs<Q>, reply: Codecs<A>) -> Self {
        Self { method: MethodRef::new(descriptor), request, reply }
    }

    /// Makes a method that the program may have learned while it runs; see [`new`](Self::new).
    pub const fn of(method: MethodRef, request: Codecs<Q>, reply: Codecs<A>) -> Self {
        Self { method, request, reply }
    }

    /// Returns which method it is.
    pub const fn method(&self) -> &MethodRef {
        &self.method
    }

    /// Returns the codecs of the request type.
    pub const fn request(&self) -> Codecs<Q> {
        self.request
    }

    /// Returns the codecs of the reply type.
    pub const fn reply(&self) -> Codecs<A> {
        self.reply
    }
}

impl<Q: 'static, A: 'static> fmt::Debug for Method<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method")
            .field("method", &self.method)
            .field("request", &self.request)
            .field("reply", &self.reply)
            .finish()
    }
}
