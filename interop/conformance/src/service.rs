//! The service that the tool's clients call: each request says what to answer, and is told in the answer.

use std::sync::Arc;

use halloo::compression::{Deflate, Gzip, Zstd};
use halloo::interceptor::Call;
use halloo::metadata::Value;
use halloo::protobuf::well_known::Any;
use halloo::protobuf::{Message, MessageName};
use halloo::{MessageReceiver, MessageSender, Metadata, Reply, Request, Status};

use crate::conformance_payload::RequestInfo;
use crate::unary_response_definition::Response;
use crate::{
    BidiStreamRequest, BidiStreamResponse, ClientStreamRequest, ClientStreamResponse, ConformancePayload,
    ConformanceService, IdempotentUnaryRequest, IdempotentUnaryResponse, ServerStreamRequest, ServerStreamResponse,
    StreamResponseDefinition, UnaryRequest, UnaryResponse, UnaryResponseDefinition, delay, fields,
};

/// Implements the service, all but the method that nobody implements.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conformance;

impl ConformanceService for Conformance {
    async fn unary(&self, request: Request<UnaryRequest>) -> halloo::Result<UnaryResponse> {
        let seen = Seen::of_call(request.call()).and(&*request);
        let wrap = |payload| UnaryResponse::default().with_payload(payload);
        answer(request.response_definition.as_option(), seen, wrap).await
    }

    async fn idempotent_unary(
        &self,
        request: Request<IdempotentUnaryRequest>,
    ) -> halloo::Result<IdempotentUnaryResponse> {
        let seen = Seen::of_call(request.call()).and(&*request);
        let wrap = |payload| IdempotentUnaryResponse::default().with_payload(payload);
        answer(request.response_definition.as_option(), seen, wrap).await
    }

    async fn client_stream(
        &self,
        mut requests: MessageReceiver<ClientStreamRequest>,
    ) -> halloo::Result<ClientStreamResponse> {
        let mut seen = Seen::of_call(requests.call());
        let mut first = None;
        while let Some(request) = requests.next().await? {
            seen = seen.and(&request);
            first.get_or_insert(request);
        }
        let definition = first.as_ref().and_then(|request| request.response_definition.as_option());
        answer(definition, seen, |payload| ClientStreamResponse::default().with_payload(payload)).await
    }

    async fn server_stream(
        &self,
        request: Request<ServerStreamRequest>,
        replies: &mut MessageSender<ServerStreamResponse>,
    ) -> Result<(), Status> {
        let mut seen = Seen::of_call(request.call()).and(&*request);
        let Some(definition) = request.response_definition.as_option() else { return Ok(()) };
        open(replies, definition, &seen)?;
        for data in &definition.response_data {
            delay(definition.response_delay_ms).await;
            replies.send(ServerStreamResponse::default().with_payload(payload(data, seen.take()))).await?;
        }
        failure(definition, seen)
    }

    async fn bidi_stream(
        &self,
        mut requests: MessageReceiver<BidiStreamRequest>,
        replies: &mut MessageSender<BidiStreamResponse>,
    ) -> Result<(), Status> {
        let mut seen = Seen::of_call(requests.call());
        let Some(first) = requests.next().await? else { return Ok(()) };
        seen = seen.and(&first);
        let definition = first.response_definition.as_option().cloned().unwrap_or_default();
        open(replies, &definition, &seen)?;
        let mut data = definition.response_data.iter();
        let wrap = |payload| BidiStreamResponse::default().with_payload(payload);
        if first.full_duplex {
            for data in data.by_ref() {
                delay(definition.response_delay_ms).await;
                replies.send(wrap(payload(data, seen.take()))).await?;
                let Some(request) = requests.next().await? else { break };
                seen = seen.and(&request);
            }
        } else {
            while let Some(request) = requests.next().await? {
                seen = seen.and(&request);
            }
        }
        for data in data {
            delay(definition.response_delay_ms).await;
            replies.send(wrap(payload(data, seen.take()))).await?;
        }
        failure(&definition, seen)
    }
}

/// What a server has seen of a call and not told yet.
struct Seen {
    compression: Option<Arc<dyn halloo::compression::Compression>>,
    info: RequestInfo,
    is_told: bool,
}

impl Seen {
    fn of_call(call: &Call) -> Self {
        let time_left = call.time_left().map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        let info = RequestInfo { timeout_ms: time_left, ..RequestInfo::default() };
        let info = info.with_request_headers(fields::headers(call.metadata()));
        Self { compression: compression(call.metadata()), info, is_told: false }
    }

    fn and<M: Message + MessageName>(mut self, request: &M) -> Self {
        self.info.requests.push(Any::pack(request, M::TYPE_URL));
        self
    }

    /// All of it the first time, then the requests that have come since.
    fn take(&mut self) -> RequestInfo {
        self.is_told = true;
        std::mem::take(&mut self.info)
    }
}

/// The reply or the failure that is asked for.
async fn answer<T>(
    definition: Option<&UnaryResponseDefinition>,
    mut seen: Seen,
    wrap: impl FnOnce(ConformancePayload) -> T,
) -> halloo::Result<T> {
    let Some(definition) = definition else { return Ok(wrap(payload(&[], seen.take())).into()) };
    delay(definition.response_delay_ms).await;
    let UnaryResponseDefinition { response_headers, response_trailers, .. } = definition;
    if let Some(Response::Error(error)) = &definition.response {
        let mut status = fields::status(error, Some(Any::pack(&seen.take(), RequestInfo::TYPE_URL)));
        // A failed call has trailers alone.
        *status.metadata_mut() = fields::metadata(response_headers.iter().chain(response_trailers))?;
        return Err(status);
    }
    let data = match &definition.response {
        Some(Response::ResponseData(data)) => data,
        _ => &Vec::new(),
    };
    let headers = fields::metadata(response_headers)?;
    let reply = wrap(payload(data, seen.take()));
    let reply = Reply::from_parts(reply, headers.into(), fields::metadata(response_trailers)?);
    Ok(match seen.compression {
        Some(algorithm) => reply.compress(algorithm),
        None => reply,
    })
}

fn payload(data: &[u8], info: RequestInfo) -> ConformancePayload {
    let payload = ConformancePayload::default().with_data(data);
    if info == RequestInfo::default() { payload } else { payload.with_request_info(info) }
}

/// Sets headers, trailers and compression of a stream of replies, and lets the headers leave if messages follow.
fn open<T>(replies: &mut MessageSender<T>, definition: &StreamResponseDefinition, seen: &Seen) -> Result<(), Status> {
    if let Some(algorithm) = &seen.compression {
        replies.compress(Arc::clone(algorithm))?;
    }
    for (key, value) in fields::metadata(&definition.response_headers)?.iter() {
        match value {
            Value::Ascii(text) => replies.header(key.to_owned(), text)?,
            Value::Binary(bytes) => replies.header_bin(key.to_owned(), bytes.to_vec())?,
        }
    }
    for (key, value) in fields::metadata(&definition.response_trailers)?.iter() {
        match value {
            Value::Ascii(text) => replies.trailer(key.to_owned(), text)?,
            Value::Binary(bytes) => replies.trailer_bin(key.to_owned(), bytes.to_vec())?,
        }
    }
    if definition.response_data.is_empty() { Ok(()) } else { replies.send_headers() }
}

/// The end of a stream of replies. What no reply has told, the failure does.
fn failure(definition: &StreamResponseDefinition, mut seen: Seen) -> Result<(), Status> {
    let Some(error) = definition.error.as_option() else { return Ok(()) };
    let untold = (!seen.is_told).then(|| Any::pack(&seen.take(), RequestInfo::TYPE_URL));
    Err(fields::status(error, untold))
}

/// What the case is about, as its name tells: the tool's clients do not insist on compressed replies.
fn compression(metadata: &Metadata) -> Option<Arc<dyn halloo::compression::Compression>> {
    let case = metadata.get("x-test-case-name")?;
    let name = case.split("Compression:COMPRESSION_").nth(1)?.split('/').next()?;
    Some(match name {
        "GZIP" => Arc::new(Gzip),
        "DEFLATE" => Arc::new(Deflate),
        "ZSTD" => Arc::new(Zstd),
        _ => return None,
    })
}
