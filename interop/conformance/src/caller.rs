//! The client under test: makes the calls that the tool asks for, and tells how they ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use halloo::compression::{Deflate, Gzip, Zstd};
use halloo::metadata::Value;
use halloo::protobuf::well_known::Any;
use halloo::protobuf::{Message, MessageName};
use halloo::tls::ClientTls;
use halloo::{Channel, MessageReceiver, MessageSender, Metadata, Status};
use tokio::time::timeout;

use crate::client_compat_request::cancel::CancelTiming;
use crate::{
    BidiStreamResponse, ClientCompatRequest, ClientCompatResponse, ClientErrorResult, ClientResponseResult, Codec,
    Compression, ConformancePayload, ConformanceServiceClient, ServerStreamResponse, StreamType, TLSCreds, delay,
    fields,
};

/// Makes calls. Clones share their connections.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    channels: Arc<Mutex<HashMap<Target, Channel>>>,
}

/// What a channel is made for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Target {
    address: String,
    authority: Vec<u8>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// The options that all four kinds of call have.
macro_rules! with_options {
    ($call:expr, $case:expr) => {{
        let case: &Case = $case;
        let mut call = $call;
        for (key, value) in case.metadata.iter() {
            call = match value {
                Value::Ascii(text) => call.metadata(key.to_owned(), text),
                Value::Binary(bytes) => call.metadata_bin(key.to_owned(), bytes.to_vec()),
            };
        }
        if let Some(timeout) = case.timeout {
            call = call.timeout(timeout);
        }
        if let Some(limit) = case.max_reply_bytes {
            call = call.max_reply_bytes(limit);
        }
        if case.is_json {
            call = call.json();
        }
        match case.compression {
            Compression::COMPRESSION_GZIP => call.compress(Gzip),
            Compression::COMPRESSION_DEFLATE => call.compress(Deflate),
            Compression::COMPRESSION_ZSTD => call.compress(Zstd),
            _ => call,
        }
    }};
}

impl Caller {
    /// Makes the call of a case.
    pub async fn answer(&self, request: ClientCompatRequest) -> ClientCompatResponse {
        let told = ClientCompatResponse::default().with_test_name(&*request.test_name);
        match self.call(request).await {
            Ok(result) => told.with_response(result),
            // No call was made.
            Err(status) => told.with_error(ClientErrorResult::default().with_message(format!("{status:?}"))),
        }
    }

    async fn call(&self, request: ClientCompatRequest) -> Result<ClientResponseResult, Status> {
        let client = ConformanceServiceClient::new(self.channel(&request)?);
        let case = Case::read(&request)?;
        let mut end = End::default();
        match request.method.as_deref().unwrap_or_default() {
            "Unary" => {
                let call = with_options!(client.unary(case.only_message()?), &case);
                end.of_reply(case.until_cancelled(call).await, |reply| reply.payload.into_option());
            }
            "IdempotentUnary" => {
                let call = with_options!(client.idempotent_unary(case.only_message()?), &case);
                end.of_reply(case.until_cancelled(call).await, |reply| reply.payload.into_option());
            }
            "Unimplemented" => {
                let call = with_options!(client.unimplemented(case.only_message()?), &case);
                end.of_reply(case.until_cancelled(call).await, |_| None);
            }
            "ServerStream" => {
                let call = with_options!(client.server_stream(case.only_message()?), &case);
                let whole = async {
                    match call.await {
                        Ok(replies) => read_all(replies, &case, &mut end, server_payload).await,
                        Err(status) => end.fail(&status),
                    }
                };
                if case.until_cancelled(whole).await.is_none() {
                    end.give_up();
                }
            }
            "ClientStream" => {
                let messages = case.messages()?;
                match with_options!(client.client_stream(), &case).await {
                    Ok((requests, reply)) => {
                        send_all(requests, messages, &case, &mut end).await;
                        end.of_reply(case.until_cancelled(reply).await, |reply| reply.payload.into_option());
                    }
                    Err(status) => end.fail(&status),
                }
            }
            "BidiStream" => {
                let messages = case.messages()?;
                match with_options!(client.bidi_stream(), &case).await {
                    Ok((requests, replies)) => bidi((requests, replies), messages, &case, &mut end).await,
                    Err(status) => end.fail(&status),
                }
            }
            other => return Err(Status::invalid_argument(format!("there is no method {other:?}"))),
        }
        Ok(end.0)
    }

    fn channel(&self, request: &ClientCompatRequest) -> Result<Channel, Status> {
        let ClientCompatRequest { host, port, server_tls_cert: authority, client_tls_creds, .. } = request;
        let identity = client_tls_creds.as_option().map(|TLSCreds { cert, key, .. }| (cert.clone(), key.clone()));
        let target = Target { address: format!("{host}:{port}"), authority: authority.clone(), identity };
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(&target) {
            return Ok(channel.clone());
        }
        let address = &target.address;
        let channel = if target.authority.is_empty() {
            Channel::builder(format!("http://{address}"))
        } else {
            let tls = ClientTls::new().ca(&target.authority)?;
            let tls = match &target.identity {
                Some((certificate, key)) => tls.identity(certificate, key)?,
                None => tls,
            };
            Channel::builder(format!("https://{address}")).tls(tls)
        };
        let channel = channel.compress_min_bytes(0).build()?;
        channels.insert(target, channel.clone());
        Ok(channel)
    }
}

/// What a request says of its call, in Halloo's words.
struct Case {
    messages: Vec<Any>,
    metadata: Metadata,
    timeout: Option<Duration>,
    delay_millis: u32,
    cancel: Option<Cancel>,
    compression: Compression,
    max_reply_bytes: Option<usize>,
    is_json: bool,
    is_full_duplex: bool,
}

/// When a call is given up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cancel {
    BeforeEndOfRequests,
    AfterRequests(Duration),
    AfterReplies(usize),
}

impl Case {
    fn read(request: &ClientCompatRequest) -> Result<Self, Status> {
        let cancel = request.cancel.as_option().map(|cancel| match cancel.cancel_timing {
            Some(CancelTiming::BeforeCloseSend(_)) => Cancel::BeforeEndOfRequests,
            Some(CancelTiming::AfterCloseSendMs(millis)) => Cancel::AfterRequests(Duration::from_millis(millis.into())),
            Some(CancelTiming::AfterNumResponses(count)) => Cancel::AfterReplies(count as usize),
            None => Cancel::AfterRequests(Duration::ZERO),
        });
        let max_reply_bytes = request.message_receive_limit as usize;
        Ok(Self {
            messages: request.request_messages.clone(),
            metadata: fields::metadata(&request.request_headers)?,
            timeout: request.timeout_ms.map(|millis| Duration::from_millis(millis.into())),
            delay_millis: request.request_delay_ms,
            cancel,
            compression: request.compression.as_known().unwrap_or_default(),
            max_reply_bytes: (max_reply_bytes > 0).then_some(max_reply_bytes),
            is_json: request.codec == Codec::CODEC_JSON,
            is_full_duplex: request.stream_type == StreamType::STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM,
        })
    }

    fn messages<M: Message + MessageName>(&self) -> Result<Vec<M>, Status> {
        let unpack = |any: &Any| match any.unpack_if(M::TYPE_URL) {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(Status::invalid_argument(format!("{} is no {}", any.type_url, M::FULL_NAME))),
            Err(error) => Err(Status::invalid_argument(format!("no {}: {error}", M::FULL_NAME))),
        };
        self.messages.iter().map(unpack).collect()
    }

    fn only_message<M: Message + MessageName>(&self) -> Result<M, Status> {
        let mut messages = self.messages()?;
        match (messages.pop(), messages.is_empty()) {
            (Some(message), true) => Ok(message),
            _ => Err(Status::invalid_argument("the method takes one message")),
        }
    }

    /// Waits for what follows the requests; `None` if the call is given up before.
    async fn until_cancelled<F: IntoFuture>(&self, rest: F) -> Option<F::Output> {
        match self.cancel {
            Some(Cancel::AfterRequests(limit)) => timeout(limit, rest.into_future()).await.ok(),
            _ => Some(rest.await),
        }
    }
}

/// How a call has ended.
#[derive(Default)]
struct End(ClientResponseResult);

impl End {
    fn of_reply<A>(&mut self, reply: Option<halloo::Result<A>>, payload: impl FnOnce(A) -> Option<ConformancePayload>) {
        match reply {
            Some(Ok(reply)) => {
                self.0.response_headers = fields::headers(reply.headers());
                self.0.response_trailers = fields::headers(reply.trailers());
                self.0.payloads.push(payload(reply.into_message()).unwrap_or_default());
            }
            Some(Err(status)) => self.fail(&status),
            None => self.give_up(),
        }
    }

    fn fail(&mut self, status: &Status) {
        if !status.headers().is_empty() {
            self.0.response_headers = fields::headers(status.headers());
        }
        self.0.response_trailers = fields::headers(status.metadata());
        self.0.error = fields::error(status).into();
    }

    fn give_up(&mut self) {
        self.0.error = fields::given_up().into();
    }

    fn unsent(&mut self, count: usize) {
        self.0.num_unsent_requests = i32::try_from(count).unwrap_or(i32::MAX);
    }
}

fn server_payload(reply: ServerStreamResponse) -> Option<ConformancePayload> {
    reply.payload.into_option()
}

fn bidi_payload(reply: BidiStreamResponse) -> Option<ConformancePayload> {
    reply.payload.into_option()
}

/// Sends the requests of a stream, and its end unless the call is given up here.
async fn send_all<Q>(mut requests: MessageSender<Q>, messages: Vec<Q>, case: &Case, end: &mut End) {
    let count = messages.len();
    for (index, message) in messages.into_iter().enumerate() {
        delay(case.delay_millis).await;
        if requests.send(message).await.is_err() {
            // The replies tell why.
            end.unsent(count - index);
            return;
        }
    }
    // Dropping it instead cancels the call.
    if case.cancel != Some(Cancel::BeforeEndOfRequests) {
        requests.finish();
    }
}

/// Reads what is left of a stream of replies.
async fn read_all<A>(
    mut replies: MessageReceiver<A>,
    case: &Case,
    end: &mut End,
    payload: fn(A) -> Option<ConformancePayload>,
) {
    loop {
        let next = replies.next().await;
        if end.0.response_headers.is_empty()
            && let Ok(headers) = replies.headers().await
        {
            end.0.response_headers = fields::headers(headers);
        }
        match next {
            Ok(Some(reply)) => {
                end.0.payloads.push(payload(reply).unwrap_or_default());
                if case.cancel == Some(Cancel::AfterReplies(end.0.payloads.len())) {
                    return end.give_up();
                }
            }
            Ok(None) => {
                end.0.response_trailers = replies.trailers().map(fields::headers).unwrap_or_default();
                return;
            }
            Err(status) => return end.fail(&status),
        }
    }
}

async fn bidi<Q>(
    (mut requests, mut replies): (MessageSender<Q>, MessageReceiver<BidiStreamResponse>),
    messages: Vec<Q>,
    case: &Case,
    end: &mut End,
) {
    if case.is_full_duplex {
        let count = messages.len();
        for (index, message) in messages.into_iter().enumerate() {
            delay(case.delay_millis).await;
            if requests.send(message).await.is_err() {
                end.unsent(count - index);
                break;
            }
            match replies.next().await {
                Ok(Some(reply)) => end.0.payloads.push(reply.payload.into_option().unwrap_or_default()),
                Ok(None) => break,
                Err(_) => {
                    end.unsent(count - index - 1);
                    break;
                }
            }
            if case.cancel == Some(Cancel::AfterReplies(end.0.payloads.len())) {
                return end.give_up();
            }
        }
        send_all(requests, Vec::new(), case, end).await;
    } else {
        send_all(requests, messages, case, end).await;
    }
    let rest = read_all(replies, case, end, bidi_payload);
    if case.until_cancelled(rest).await.is_none() {
        end.give_up();
    }
}
