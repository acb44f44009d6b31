//! A service made by hand: one method of each kind, over texts. What it does, the request says.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use halloo_call::{
    Call, Dispatch, Handling, HttpRequest, IncomingCall, MessageReceiver, MessageSender, Outcome, ResponderEnd,
    ResponseHead, Route,
};
use halloo_core::{Codec, Codecs, DecodeLimits, EncodeBuffer, Metadata, Method, MethodDescriptor, MethodKind, Status};

pub struct Text;

impl Codec<String> for Text {
    fn subtype(&self) -> &'static str {
        "text"
    }

    fn encode(&self, message: &String, out: &mut EncodeBuffer) -> Result<(), Status> {
        if message == "unspeakable" {
            return Err(Status::internal("that cannot be encoded"));
        }
        out.put_bytes(Bytes::copy_from_slice(message.as_bytes()));
        Ok(())
    }

    fn decode(&self, body: Bytes, _limits: &DecodeLimits) -> Result<String, Status> {
        String::from_utf8(body.into()).map_err(|error| Status::internal("the text is not UTF-8").caused_by(error))
    }
}

pub const TEXTS: Codecs<String> = Codecs::new(&[&Text]);

static DESCRIPTORS: [MethodDescriptor; 4] = [
    MethodDescriptor::new("talk.Talk", "Say", "/talk.Talk/Say", MethodKind::Unary),
    MethodDescriptor::new("talk.Talk", "Count", "/talk.Talk/Count", MethodKind::ServerStreaming),
    MethodDescriptor::new("talk.Talk", "Join", "/talk.Talk/Join", MethodKind::ClientStreaming),
    MethodDescriptor::new("talk.Talk", "Chat", "/talk.Talk/Chat", MethodKind::BidiStreaming),
];

pub static SAY: Method<String, String> = Method::new(&DESCRIPTORS[0], TEXTS, TEXTS);
pub static COUNT: Method<String, String> = Method::new(&DESCRIPTORS[1], TEXTS, TEXTS);
pub static JOIN: Method<String, String> = Method::new(&DESCRIPTORS[2], TEXTS, TEXTS);
pub static CHAT: Method<String, String> = Method::new(&DESCRIPTORS[3], TEXTS, TEXTS);

/// What the service has seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub calls: AtomicUsize,
    pub running: AtomicUsize,
}

#[derive(Clone, Debug, Default)]
pub struct Talk {
    pub seen: Arc<Seen>,
    pub routes: Arc<Routes>,
}

/// Those of the methods, and one for every other path.
#[derive(Debug)]
pub struct Routes([Arc<Route>; DESCRIPTORS.len() + 1]);

impl Default for Routes {
    fn default() -> Self {
        let method = |index| u32::try_from(index).ok().filter(|_| index < DESCRIPTORS.len());
        Self(std::array::from_fn(|index| Arc::new(Route { method: method(index), ..Route::default() })))
    }
}

/// Counts a handler that runs, until it is dropped.
struct Running(Arc<Seen>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Dispatch for Talk {
    fn find(&self, path: &str) -> &Arc<Route> {
        let index = DESCRIPTORS.iter().position(|method| method.path() == path);
        &self.routes.0[index.unwrap_or(DESCRIPTORS.len())]
    }

    fn http_route(&self) -> &Arc<Route> {
        &self.routes.0[DESCRIPTORS.len()]
    }

    fn respond(&self, route: &Route, incoming: IncomingCall, responder: ResponderEnd) -> Handling {
        let method = route.method.map(|method| &DESCRIPTORS[method as usize]);
        self.seen.calls.fetch_add(1, Ordering::SeqCst);
        self.seen.running.fetch_add(1, Ordering::SeqCst);
        let running = Running(Arc::clone(&self.seen));
        let future = async move {
            let _running = running;
            let outcome = match method {
                Some(method) => answer(method, incoming, &responder).await,
                None => Err(Status::unimplemented(format!("there is no {}", incoming.unknown_path()))),
            };
            responder.finish(outcome);
        };
        Handling::http(Box::pin(future))
    }

    fn respond_http(&self, _request: HttpRequest, responder: ResponderEnd) -> Handling {
        let future = async move { responder.finish(Err(Status::unimplemented("no HTTP here"))) };
        Handling::http(Box::pin(future))
    }
}

async fn answer(method: &'static MethodDescriptor, incoming: IncomingCall, responder: &ResponderEnd) -> Outcome {
    let mut call = Call::new(method);
    call.set_metadata(incoming.metadata);
    call.set_deadline(incoming.deadline);
    responder.supply_request(incoming.arrived);
    let requests = MessageReceiver::for_requests(responder, &Text, DecodeLimits::default(), call);
    let mut replies = MessageSender::for_replies(responder, &Text, usize::MAX);
    match method.name() {
        "Say" => say(requests, &mut replies, responder).await,
        "Count" => count(requests, &mut replies).await,
        "Join" => join(requests, &mut replies).await,
        _ => chat(requests, &mut replies).await,
    }
}

async fn say(
    requests: MessageReceiver<String>,
    replies: &mut MessageSender<String>,
    responder: &ResponderEnd,
) -> Outcome {
    let metadata = requests.metadata().clone();
    let (request, ..) = requests.only_message().await?;
    match request.split_once(' ').unwrap_or((request.as_str(), "")) {
        ("hang", _) => pending().await,
        ("fail", why) => {
            return Err(Status::not_found(why).details_bytes(Bytes::from_static(b"details")).trailer("x-cost", "3"));
        }
        ("big", size) => replies.send("x".repeat(size.parse().unwrap())).await?,
        ("tell", key) => {
            let values: Vec<_> = metadata.get_all(key).map(ToOwned::to_owned).collect();
            let binary: Vec<_> = metadata.get_all_bin(key).map(|value| format!("{value:?}")).collect();
            replies.send([values, binary].concat().join(",")).await?;
        }
        ("twice", _) => {
            replies.send("one".into()).await?;
            replies.send("two".into()).await?;
        }
        ("wrong", field) => {
            use halloo_services::StatusDetails as _;
            return Err(Status::invalid_argument("that will not do").violation(field, "must not be empty"));
        }
        ("none", _) => {}
        _ => {
            let mut headers = Metadata::new();
            headers.append("x-served-by", "edison").unwrap();
            responder.send_head(ResponseHead::rpc(headers));
            replies.send(format!("you said: {request}")).await?;
            replies.trailer("x-cost", "1")?;
        }
    }
    Ok(Metadata::new())
}

async fn count(requests: MessageReceiver<String>, replies: &mut MessageSender<String>) -> Outcome {
    let (request, ..) = requests.only_message().await?;
    let (until, then) = request.split_once(' ').unwrap_or((request.as_str(), ""));
    for number in 0..until.parse().unwrap() {
        replies.send(format!("{number}")).await?;
    }
    match then {
        "fail" => Err(Status::aborted("lost count")),
        "hang" => pending().await,
        _ => Ok(Metadata::new()),
    }
}

async fn join(mut requests: MessageReceiver<String>, replies: &mut MessageSender<String>) -> Outcome {
    let mut all = Vec::new();
    while let Some(request) = requests.next().await? {
        match request.as_str() {
            "enough" => break,
            "stop" => return Err(Status::resource_exhausted("that will do")),
            _ => all.push(request),
        }
    }
    replies.send(all.join("+")).await?;
    Ok(Metadata::new())
}

async fn chat(mut requests: MessageReceiver<String>, replies: &mut MessageSender<String>) -> Outcome {
    while let Some(request) = requests.next().await? {
        replies.send(format!("re: {request}")).await?;
    }
    Ok(Metadata::new())
}

/// A status as `main` prints it, every measured time as `_`.
pub fn shown(status: &Status) -> String {
    let text = format!("{status:?}");
    text.lines()
        .map(|line| if line.starts_with("  ") { without_times(line) } else { line.to_owned() })
        .collect::<Vec<_>>()
        .join("\n")
}

fn without_times(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
    for index in 1..words.len() {
        let unit = words[index].trim_end_matches(')');
        let amount = words[index - 1].trim_start_matches('(');
        if matches!(unit, "ms" | "µs" | "s") && amount.parse::<f64>().is_ok() {
            let opening = if words[index - 1].starts_with('(') { "(" } else { "" };
            words[index - 1] = format!("{opening}_");
            words[index] = words[index].replace("µs", "ms");
        }
    }
    words.join(" ")
}
