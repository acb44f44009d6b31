//! The post office: handlers that do what a letter's text says, and remember what happened to them.

use std::sync::Arc;

use halloo::interceptor::Call;
use halloo::metadata::Value;
use halloo::{Code, MessageReceiver, MessageSender, Metadata, Reply, Request, Status};
use halloo_tests::{Letter, Post};
use tokio::sync::{Semaphore, watch};

use super::soon;

/// What the handlers have seen.
pub struct Seen {
    pub started: watch::Sender<usize>,
    pub running: watch::Sender<usize>,
    /// Tasks that a handler spawned and that heard of the call's cancellation.
    pub told: watch::Sender<usize>,
    /// Errors that a handler got from its requests or replies.
    pub failed: watch::Sender<Vec<Status>>,
    /// What `gate` waits for.
    pub gate: Semaphore,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            started: watch::Sender::new(0),
            running: watch::Sender::new(0),
            told: watch::Sender::new(0),
            failed: watch::Sender::new(Vec::new()),
            gate: Semaphore::new(0),
        }
    }
}

impl Seen {
    /// Waits until so many handlers are at work.
    pub async fn running(&self, count: usize) {
        soon(self.running.subscribe().wait_for(|running| *running == count)).await.unwrap();
    }

    /// Waits until so many handlers have begun.
    pub async fn started(&self, count: usize) {
        soon(self.started.subscribe().wait_for(|started| *started >= count)).await.unwrap();
    }

    /// Waits until so many tasks of handlers have heard of a cancellation.
    pub async fn told(&self, count: usize) {
        soon(self.told.subscribe().wait_for(|told| *told == count)).await.unwrap();
    }

    /// Waits until a handler's own `next` or `send` has failed, and returns the first failure.
    pub async fn failed(&self) -> Status {
        soon(self.failed.subscribe().wait_for(|failed| !failed.is_empty())).await.unwrap()[0].clone()
    }

    fn note<T>(&self, result: Result<T, Status>) -> Result<T, Status> {
        result.inspect_err(|status| self.failed.send_modify(|failed| failed.push(status.clone())))
    }
}

/// A handler that is at work, until it is dropped.
struct AtWork(Arc<Seen>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

/// A value that an interceptor hands to a handler.
#[derive(Clone, Debug)]
pub struct Stamp(pub &'static str);

/// The service. Its metadata comes back: `h-*` as headers, `t-*` as trailers and `grpc-*` as both.
#[derive(Clone, Default)]
pub struct Office {
    pub seen: Arc<Seen>,
}

impl Office {
    fn enter(&self) -> AtWork {
        self.seen.started.send_modify(|started| *started += 1);
        self.seen.running.send_modify(|running| *running += 1);
        AtWork(Arc::clone(&self.seen))
    }

    /// What a letter asks for besides an answer.
    async fn obey(&self, letter: &Letter, call: &Call) -> Result<(), Status> {
        match letter.text.as_str() {
            "hang" => std::future::pending().await,
            "gate" => self.seen.gate.acquire().await.unwrap().forget(),
            "panic" => panic!("the secret is 4711"),
            "fail" => return Err(failure(letter)),
            "abort" => return Err(Status::aborted(String::from_utf8_lossy(&letter.parcel))),
            "push back" => return Err(Status::unavailable("later").trailer("grpc-retry-pushback-ms", "250")),
            "cause" => return Err(failure_with_cause()),
            "tell" => {
                let (cancelled, seen) = (call.cancelled(), Arc::clone(&self.seen));
                tokio::spawn(async move {
                    cancelled.await;
                    seen.told.send_modify(|told| *told += 1);
                });
                std::future::pending().await
            }
            _ => {}
        }
        Ok(())
    }
}

/// A status with everything that a status can have.
pub fn failure(letter: &Letter) -> Status {
    Status::new(Code::from_u32(letter.number), "no such street: Ünter den Linden %41\n2")
        .details_bytes(letter.parcel.clone())
        .trailer("t-fee", "3")
        .trailer("t-fee", "4")
        .trailer_bin("t-seal-bin", vec![0, 255])
}

/// A status with everything that stays on its side.
fn failure_with_cause() -> Status {
    #[derive(Debug)]
    struct NoPower(std::io::Error);

    impl std::fmt::Display for NoPower {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("no power")
        }
    }

    impl std::error::Error for NoPower {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    Status::unavailable("the sorting machine is down")
        .caused_by(NoPower(std::io::Error::other("fuse 7")))
        .note("hint", "change the fuse")
}

/// What a handler knows of its call, in words.
fn facts(call: &Call) -> String {
    let deadline = if call.deadline().is_some() { "deadline" } else { "no deadline" };
    let stamp = call.extensions().get::<Stamp>().map_or("none", |stamp| stamp.0);
    let peer = call.peer().map_or("nobody".into(), |peer| format!("{} {:?}", peer.address, peer.security));
    format!("{deadline}; stamp {stamp}; peer {peer}")
}

fn reflect(from: &Metadata, prefix: &str, to: &mut Metadata) {
    for (key, value) in from.iter().filter(|(key, _)| key.starts_with(prefix)) {
        match value {
            Value::Ascii(text) => to.append(key.to_owned(), text).unwrap(),
            Value::Binary(bytes) => to.append_bin(key.to_owned(), bytes.to_vec()).unwrap(),
        }
    }
}

fn reply(letter: Letter, call: &Call) -> Reply<Letter> {
    let mut reply = Reply::new(letter);
    reflect(call.metadata(), "h-", reply.headers_mut());
    reflect(call.metadata(), "t-", reply.trailers_mut());
    reflect(call.metadata(), "grpc-", reply.headers_mut());
    reflect(call.metadata(), "grpc-", reply.trailers_mut());
    reply
}

/// The keys that a stream's headers and trailers may have: they are known when it is written.
const KEYS: [&str; 5] = ["h-a", "h-b-bin", "h-c", "t-a", "t-b-bin"];

fn reflect_stream(call: &Call, replies: &mut MessageSender<Letter>) -> Result<(), Status> {
    for (key, value) in call.metadata().iter() {
        let Some(key) = KEYS.into_iter().find(|known| *known == key) else { continue };
        match (key.starts_with("h-"), value) {
            (true, Value::Ascii(text)) => replies.header(key, text)?,
            (true, Value::Binary(bytes)) => replies.header_bin(key, bytes.to_vec())?,
            (false, Value::Ascii(text)) => replies.trailer(key, text)?,
            (false, Value::Binary(bytes)) => replies.trailer_bin(key, bytes.to_vec())?,
        }
    }
    Ok(())
}

impl Post for Office {
    async fn answer(&self, request: Request<Letter>) -> halloo::Result<Letter> {
        let _at_work = self.enter();
        let (letter, call) = request.into_parts();
        self.obey(&letter, &call).await?;
        let answer = match letter.text.as_str() {
            "facts" => letter.with_text(facts(&call)),
            "time" => letter.with_number(call.time_left().map_or(0, |left| left.as_millis() as u32)),
            "big" => Letter::default().with_parcel(vec![7; letter.number as usize]),
            _ => letter,
        };
        Ok(reply(answer, &call))
    }

    async fn follow(&self, request: Request<Letter>, replies: &mut MessageSender<Letter>) -> Result<(), Status> {
        let _at_work = self.enter();
        reflect_stream(request.call(), replies)?;
        if request.text == "headers" {
            self.seen.note(replies.send_headers())?;
            self.seen.gate.acquire().await.unwrap().forget();
            assert_eq!(replies.header("h-a", "late").unwrap_err().code(), Code::Internal);
            replies.send_headers()?;
        }
        if request.text == "endless" {
            loop {
                self.seen.note(replies.send(request.clone()).await)?;
            }
        }
        for number in 0..request.number {
            let text = if request.text == "facts" { facts(request.call()) } else { request.text.clone() };
            let letter = Letter::default().with_text(text).with_number(number).with_parcel(request.parcel.clone());
            self.seen.note(replies.send(letter).await)?;
        }
        self.obey(&request, request.call()).await
    }

    async fn collect(&self, mut requests: MessageReceiver<Letter>) -> halloo::Result<Letter> {
        let _at_work = self.enter();
        let mut sum = Letter::default();
        let mut texts = Vec::new();
        while let Some(letter) = self.seen.note(requests.next().await)? {
            self.obey(&letter, requests.call()).await?;
            sum.number += letter.number;
            sum.parcel.extend_from_slice(&(letter.parcel.len() as u32).to_be_bytes());
            match letter.text.as_str() {
                "early" => break,
                "facts" => texts.push(facts(requests.call())),
                text => texts.push(text.to_owned()),
            }
        }
        Ok(reply(sum.with_text(texts.join("+")), requests.call()))
    }

    async fn chat(
        &self,
        mut requests: MessageReceiver<Letter>,
        replies: &mut MessageSender<Letter>,
    ) -> Result<(), Status> {
        let _at_work = self.enter();
        reflect_stream(requests.call(), replies)?;
        while let Some(letter) = self.seen.note(requests.next().await)? {
            self.obey(&letter, requests.call()).await?;
            match letter.text.as_str() {
                "bye" => return Ok(()),
                "facts" => self.seen.note(replies.send(letter.with_text(facts(requests.call()))).await)?,
                _ => self.seen.note(replies.send(letter).await)?,
            }
        }
        Ok(())
    }
}
