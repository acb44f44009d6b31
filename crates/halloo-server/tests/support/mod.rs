//! A service of raw bytes and a client without a channel, so that server and transport are tested alone.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "it is test code, outside of test functions")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use halloo_call::{Call, Carry, MessageReceiver, MessageSender, OutgoingCall, OutgoingHead, Reply, Request, exchange};
use halloo_core::{
    Address, Codec, Codecs, Deadline, DecodeLimits, EncodeBuffer, Metadata, Method, MethodDescriptor, MethodKind,
    ServiceDescriptor, Status,
};
use halloo_server::{Methods, Server, ServerHandle, Service};
use halloo_transport::{ClientConnection, ConnectOptions, ListenAddress, connect};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub(crate) struct Raw;

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

const CODECS: Codecs<Bytes> = Codecs::new(&[&Raw]);

macro_rules! methods {
    ($($constant:ident $name:literal $kind:ident),* $(,)?) => {
        pub(crate) static SERVICE: ServiceDescriptor = ServiceDescriptor::new("test.Service", &[
            $(MethodDescriptor::new("test.Service", $name, concat!("/test.Service/", $name), MethodKind::$kind)),*
        ], &[]);
        $(pub(crate) static $constant: Method<Bytes, Bytes> = {
            static DESCRIPTOR: MethodDescriptor =
                MethodDescriptor::new("test.Service", $name, concat!("/test.Service/", $name), MethodKind::$kind);
            Method::new(&DESCRIPTOR, CODECS, CODECS)
        };)*
    };
}

methods! {
    ECHO "Echo" Unary,
    FAIL "Fail" Unary,
    PANIC "Panic" Unary,
    HANG "Hang" Unary,
    BLOCK "Block" Unary,
    REPEAT "Repeat" ServerStreaming,
    COLLECT "Collect" ClientStreaming,
    CHAT "Chat" BidiStreaming,
    NOBODY "Nobody" Unary,
    OCCUPY "Occupy" Unary,
    SPEND "Spend" Unary,
}

/// What the service tells a test about its handlers.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) hanging: Notify,
    pub(crate) cancelled: Notify,
    pub(crate) dropped: Notify,
    /// Ends the handlers that occupy their thread.
    pub(crate) release: AtomicBool,
    /// The tasks that ran a handler of `Spend`, at its start and at its end.
    pub(crate) tasks: Mutex<Vec<Option<tokio::task::Id>>>,
}

struct TellDropped(Arc<Seen>);

impl Drop for TellDropped {
    fn drop(&mut self) {
        self.0.dropped.notify_one();
    }
}

pub(crate) struct TestService(pub(crate) Arc<Seen>);

impl Service for TestService {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        &SERVICE
    }

    fn register(self, methods: &mut Methods) {
        self.register_unary(methods);
        register_streaming(methods);
    }
}

impl TestService {
    fn register_unary(&self, methods: &mut Methods) {
        methods.unary(&ECHO, |request: Request<Bytes>| async move {
            let mut reply = Reply::new(Bytes::clone(&request));
            for (key, value) in request.metadata().iter() {
                match value {
                    halloo_core::Value::Ascii(text) => reply.headers_mut().append(key.to_owned(), text).map(drop)?,
                    halloo_core::Value::Binary(bytes) => {
                        reply.headers_mut().append_bin(key.to_owned(), bytes.to_vec()).map(drop)?;
                    }
                }
            }
            reply.trailer("x-trailer", "end")
        });
        methods.unary(&FAIL, |_| async {
            Err(Status::failed_precondition("not today: ☃")
                .details_bytes(Bytes::from_static(b"why"))
                .trailer("x-why", "snow"))
        });
        methods.unary(&PANIC, |_: Request<Bytes>| async { panic!("a secret") });
        let seen = Arc::clone(&self.0);
        methods.unary(&HANG, move |request: Request<Bytes>| {
            let seen = Arc::clone(&seen);
            async move {
                let _dropped = TellDropped(Arc::clone(&seen));
                let cancelled = request.cancelled();
                tokio::spawn({
                    let seen = Arc::clone(&seen);
                    async move {
                        cancelled.await;
                        seen.cancelled.notify_one();
                    }
                });
                seen.hanging.notify_one();
                std::future::pending().await
            }
        });
        methods.unary(&BLOCK, |request: Request<Bytes>| async move {
            let until = Instant::now() + Duration::from_millis(5);
            while &request[..] != b"short" && Instant::now() < until {
                std::hint::spin_loop();
            }
            Ok(request.into_message().into())
        });
        let seen = Arc::clone(&self.0);
        methods.unary(&OCCUPY, move |request: Request<Bytes>| occupy(Arc::clone(&seen), request));
        let seen = Arc::clone(&self.0);
        methods.unary(&SPEND, move |request: Request<Bytes>| {
            let seen = Arc::clone(&seen);
            async move {
                // More than half of what tokio gives a task for one turn.
                for _ in 0..100 {
                    tokio::task::consume_budget().await;
                }
                seen.tasks.lock().unwrap().push(tokio::task::try_id());
                Ok(request.into_message().into())
            }
        });
    }
}

fn register_streaming(methods: &mut Methods) {
    methods.server_streaming(&REPEAT, |request: Request<Bytes>, mut replies: MessageSender<Bytes>| async move {
        let count: usize = String::from_utf8_lossy(&request).parse().unwrap_or(0);
        replies.header("x-count", count.to_string())?;
        for index in 0..count {
            replies.send(Bytes::from(index.to_string())).await?;
        }
        replies.trailer("x-done", "yes")
    });
    methods.client_streaming(&COLLECT, |mut requests: MessageReceiver<Bytes>| async move {
        let mut bytes = 0;
        while let Some(request) = requests.next().await? {
            bytes += request.len();
        }
        Ok(Bytes::from(bytes.to_string()).into())
    });
    methods.bidi_streaming(
        &CHAT,
        |mut requests: MessageReceiver<Bytes>, mut replies: MessageSender<Bytes>| async move {
            while let Some(request) = requests.next().await? {
                replies.send(request).await?;
            }
            Ok(())
        },
    );
}

/// Keeps its thread until it is released, in the way that the request names.
async fn occupy(seen: Arc<Seen>, request: Request<Bytes>) -> halloo_call::Result<Bytes> {
    seen.hanging.notify_one();
    while !seen.release.load(Ordering::Acquire) {
        match &request[..] {
            b"block" => std::thread::park_timeout(Duration::from_millis(1)),
            b"burn" => std::hint::spin_loop(),
            _ => tokio::task::consume_budget().await,
        }
    }
    Ok(request.into_message().into())
}

/// A server on a port of its own, with a connection to it.
pub(crate) struct Rig {
    pub(crate) seen: Arc<Seen>,
    pub(crate) handle: ServerHandle,
    pub(crate) serving: JoinHandle<Result<(), Status>>,
    pub(crate) address: Address,
    pub(crate) connection: ClientConnection,
}

pub(crate) async fn rig(configure: impl FnOnce(Server) -> Server) -> Rig {
    let server = configure(Server::bind("127.0.0.1:0").await.unwrap().shutdown_on(std::future::pending()));
    let address = match server.address() {
        ListenAddress::Tcp(address) => Address::Tcp(*address),
        other => panic!("bound to {other}"),
    };
    let seen = Arc::new(Seen::default());
    let handle = server.handle();
    let serving = tokio::spawn(server.serve(TestService(Arc::clone(&seen))));
    let connection = connect(&address, ConnectOptions::new("test")).await.unwrap();
    Rig { seen, handle, serving, address, connection }
}

/// A call's two message halves.
pub(crate) fn start(
    connection: &ClientConnection,
    method: &'static Method<Bytes, Bytes>,
    call: Call,
) -> (MessageSender<Bytes>, MessageReceiver<Bytes>) {
    let (caller, responder) = exchange();
    let requests = MessageSender::for_requests(&caller, &Raw, usize::MAX);
    let replies = MessageReceiver::for_replies(caller, &Raw, DecodeLimits::default(), method.method());
    let head = OutgoingHead::new(method.method(), "proto", call);
    connection.start(OutgoingCall::new(head, responder)).unwrap();
    (requests, replies)
}

pub(crate) fn call_of(method: &'static Method<Bytes, Bytes>) -> Call {
    Call::new(method.method())
}

pub(crate) async fn unary_with(
    connection: &ClientConnection,
    method: &'static Method<Bytes, Bytes>,
    call: Call,
    request: impl Into<Bytes>,
) -> Result<(Bytes, Metadata, Metadata), Status> {
    let (mut requests, replies) = start(connection, method, call);
    requests.send(request.into()).await?;
    requests.finish();
    let (message, headers, trailers) = replies.only_message().await?;
    Ok((message, headers.into_metadata(), trailers))
}

pub(crate) async fn unary(
    connection: &ClientConnection,
    method: &'static Method<Bytes, Bytes>,
    request: impl Into<Bytes>,
) -> Result<Bytes, Status> {
    unary_with(connection, method, call_of(method), request).await.map(|(message, ..)| message)
}

pub(crate) fn deadline(timeout: Duration) -> Deadline {
    Deadline::after(Instant::now(), timeout)
}
