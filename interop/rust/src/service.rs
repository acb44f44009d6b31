//! The service of the matrix: what its `.proto` says, and nothing else.

use std::time::Duration;

use halloo::compression::{Deflate, Gzip};
use halloo::metadata::MetadataError;
use halloo::{Code, MessageReceiver, MessageSender, Metadata, Reply, Request, Status};

use crate::journal::Journal;
use crate::{CountRequest, Failure, Interop, Key, Number, Payload, Seen, Size, WatchRequest, details};

/// Implements the service.
#[derive(Debug, Default)]
pub struct InteropService {
    journal: Journal,
}

impl Interop for InteropService {
    async fn echo(&self, request: Request<Payload>) -> halloo::Result<Payload> {
        let headers = echoed(request.metadata(), "x-echo", "x-echo-bin")?;
        let trailers = echoed(request.metadata(), "x-trail", "x-trail-bin")?;
        let compression = request.metadata().get("x-compress").map(str::to_owned);
        let reply = Reply::from_parts(request.into_message(), headers.into(), trailers);
        Ok(match compression.as_deref() {
            Some("gzip") => reply.compress(Gzip),
            Some("deflate") => reply.compress(Deflate),
            _ => reply,
        })
    }

    async fn count(&self, request: Request<CountRequest>, replies: &mut MessageSender<Number>) -> Result<(), Status> {
        for value in 0..request.count {
            replies.send(Number::default().with_value(value.into())).await?;
        }
        request.failure.as_option().map_or(Ok(()), |failure| Err(status_of(failure)))
    }

    async fn sum(&self, mut requests: MessageReceiver<Number>) -> halloo::Result<Number> {
        let mut sum = 0;
        while let Some(number) = requests.next().await? {
            sum += number.value;
        }
        Ok(Number::default().with_value(sum).into())
    }

    async fn chat(
        &self,
        mut requests: MessageReceiver<Payload>,
        replies: &mut MessageSender<Payload>,
    ) -> Result<(), Status> {
        for value in requests.metadata().get_all("x-echo") {
            replies.header("x-echo", value)?;
            replies.trailer("x-trail", value)?;
        }
        for value in requests.metadata().get_all_bin("x-echo-bin") {
            replies.header_bin("x-echo-bin", value.clone())?;
            replies.trailer_bin("x-trail-bin", value)?;
        }
        match requests.metadata().get("x-compress") {
            Some("gzip") => replies.compress(Gzip)?,
            Some("deflate") => replies.compress(Deflate)?,
            _ => {}
        }
        while let Some(payload) = requests.next().await? {
            if payload.text == "bye" {
                break;
            }
            replies.send(payload).await?;
        }
        Ok(())
    }

    async fn fail(&self, request: Request<Failure>) -> halloo::Result<Payload> {
        let mut status = status_of(&request);
        *status.metadata_mut() = echoed(request.metadata(), "x-trail", "x-trail-bin")?;
        Err(status)
    }

    async fn produce(&self, request: Request<Size>) -> halloo::Result<Payload> {
        Ok(Payload::default().with_body(vec![0; request.bytes as usize]).into())
    }

    async fn hold(&self, request: Request<Key>) -> halloo::Result<Payload> {
        self.journal.started(&request.key, seen(request.time_left()));
        // Here the handler learns of the cancellation by being dropped.
        let _dropped = RecordWhenDropped { journal: self.journal.clone(), key: request.key.clone() };
        std::future::pending().await
    }

    async fn hold_stream(&self, request: Request<Key>, replies: &mut MessageSender<Number>) -> Result<(), Status> {
        replies.send(Number::default().with_value(1)).await?;
        // And here a task that outlives the handler waits for it.
        let (journal, key, cancelled) = (self.journal.clone(), request.key.clone(), request.cancelled());
        journal.started(&key, seen(request.time_left()));
        tokio::spawn(async move {
            cancelled.await;
            journal.cancelled(&key);
        });
        std::future::pending().await
    }

    async fn watch(&self, request: Request<WatchRequest>) -> halloo::Result<Seen> {
        let stage = request.stage.as_known().ok_or_else(|| Status::invalid_argument("there is no such stage"))?;
        Ok(self.journal.wait(&request.key, stage).await?.into())
    }
}

struct RecordWhenDropped {
    journal: Journal,
    key: String,
}

impl Drop for RecordWhenDropped {
    fn drop(&mut self) {
        self.journal.cancelled(&self.key);
    }
}

fn seen(time_left: Option<Duration>) -> Seen {
    let millis = time_left.map_or(0, |left| i64::try_from(left.as_millis()).unwrap_or(i64::MAX));
    Seen::default().with_has_deadline(time_left.is_some()).with_time_left_millis(millis)
}

/// The caller's `x-echo` and `x-echo-bin`, in order, under other keys.
fn echoed(metadata: &Metadata, key: &'static str, binary_key: &'static str) -> Result<Metadata, Status> {
    let fault = |error: MetadataError| Status::internal(error.to_string());
    let mut echoed = Metadata::new();
    for value in metadata.get_all("x-echo") {
        echoed.append(key, value).map_err(fault)?;
    }
    for value in metadata.get_all_bin("x-echo-bin") {
        echoed.append_bin(binary_key, value).map_err(fault)?;
    }
    Ok(echoed)
}

fn status_of(failure: &Failure) -> Status {
    let code = u32::try_from(failure.code).map_or(Code::Unknown, Code::from_u32);
    let status = Status::new(code, &*failure.message);
    if failure.violations.is_empty() { status } else { status.details_bytes(details::encode(failure)) }
}
