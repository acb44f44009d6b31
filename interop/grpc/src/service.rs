//! The service that all cases call.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use halloo::compression::Gzip;
use halloo::metadata::MetadataError;
use halloo::server::Services;
use halloo::{Code, MessageReceiver, MessageSender, Metadata, Peer, Reply, Request, Status};

use crate::compressed::came_compressed;
use crate::payload::wanted;
use crate::server::MAX_MESSAGE_BYTES;
use crate::{
    BoolValue, EchoStatus, Empty, Payload, ResponseParameters, SimpleRequest, SimpleResponse,
    StreamingInputCallRequest, StreamingInputCallResponse, StreamingOutputCallRequest, StreamingOutputCallResponse,
    TestService, TestServiceServer,
};

/// Requests that HalfDuplexCall keeps until the last has come.
const MAX_KEPT_REQUESTS: usize = 1024;

const ECHO_INITIAL: &str = "x-grpc-test-echo-initial";
const ECHO_TRAILING: &str = "x-grpc-test-echo-trailing-bin";

/// Implements the service.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestServer;

impl TestServer {
    /// Returns what a server serves.
    #[must_use]
    pub fn services() -> impl Services {
        TestServiceServer::new(Self)
    }
}

impl TestService for TestServer {
    async fn empty_call(&self, _request: Request<Empty>) -> halloo::Result<Empty> {
        Ok(Empty::default().into())
    }

    async fn unary_call(&self, request: Request<SimpleRequest>) -> halloo::Result<SimpleResponse> {
        expect_compressed(request.expect_compressed.as_option(), came_compressed(&request.__buffa_unknown_fields))?;
        let Echo { header, trailer } = Echo::of(request.metadata());
        if let Some(mut status) = asked_status(request.response_status.as_option()) {
            if let Some(value) = trailer {
                status.metadata_mut().append_bin(ECHO_TRAILING, value).map_err(|error| untravelled(&error))?;
            }
            return Err(status);
        }
        let mut response = SimpleResponse::default();
        if request.response_size != 0 {
            let payload = wanted(request.response_type.as_known(), request.response_size, MAX_MESSAGE_BYTES)?;
            response.payload = payload.into();
        }
        if request.fill_server_id {
            response.server_id = format!("halloo-{}", std::process::id());
        }
        let mut reply = Reply::new(response);
        if let Some(value) = header {
            reply = reply.header(ECHO_INITIAL, value)?;
        }
        if let Some(value) = trailer {
            reply = reply.trailer_bin(ECHO_TRAILING, value)?;
        }
        Ok(if is_true(request.response_compressed.as_option()) { reply.compress(Gzip) } else { reply.uncompressed() })
    }

    async fn cacheable_unary_call(&self, _request: Request<SimpleRequest>) -> halloo::Result<SimpleResponse> {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        let payload = Payload::default().with_body(now.to_string());
        Reply::new(SimpleResponse::default().with_payload(payload)).header("cache-control", "max-age=60, public")
    }

    async fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
        replies: &mut MessageSender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        replies.compress(Gzip)?;
        answer(&request, request.peer(), replies).await
    }

    async fn streaming_input_call(
        &self,
        mut requests: MessageReceiver<StreamingInputCallRequest>,
    ) -> halloo::Result<StreamingInputCallResponse> {
        let mut bytes = 0_usize;
        while let Some(request) = requests.next().await? {
            expect_compressed(request.expect_compressed.as_option(), came_compressed(&request.__buffa_unknown_fields))?;
            bytes = bytes.saturating_add(request.payload.body.len());
        }
        let bytes = i32::try_from(bytes).map_err(|_| Status::out_of_range("the sum does not fit the response"))?;
        Ok(StreamingInputCallResponse::default().with_aggregated_payload_size(bytes).into())
    }

    async fn full_duplex_call(
        &self,
        mut requests: MessageReceiver<StreamingOutputCallRequest>,
        replies: &mut MessageSender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        prepare(&requests, replies)?;
        while let Some(request) = requests.next().await? {
            if let Some(status) = asked_status(request.response_status.as_option()) {
                return Err(status);
            }
            answer(&request, requests.peer(), replies).await?;
        }
        Ok(())
    }

    async fn half_duplex_call(
        &self,
        mut requests: MessageReceiver<StreamingOutputCallRequest>,
        replies: &mut MessageSender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        prepare(&requests, replies)?;
        let mut kept = Vec::new();
        while let Some(mut request) = requests.next().await? {
            if kept.len() == MAX_KEPT_REQUESTS {
                return Err(Status::resource_exhausted(format!("more than {MAX_KEPT_REQUESTS} requests are too many")));
            }
            // Nobody asks for it any more, and many of them would be much.
            request.payload = Payload::default().into();
            kept.push(request);
        }
        for request in kept {
            answer(&request, requests.peer(), replies).await?;
        }
        Ok(())
    }
}

/// Sets what a stream's replies share: metadata, and that single ones may be compressed.
fn prepare(
    requests: &MessageReceiver<StreamingOutputCallRequest>,
    replies: &mut MessageSender<StreamingOutputCallResponse>,
) -> Result<(), Status> {
    let Echo { header, trailer } = Echo::of(requests.metadata());
    if let Some(value) = header {
        replies.header(ECHO_INITIAL, value)?;
    }
    if let Some(value) = trailer {
        replies.trailer_bin(ECHO_TRAILING, value)?;
    }
    replies.compress(Gzip)
}

/// Sends the responses that a request asks for.
async fn answer(
    request: &StreamingOutputCallRequest,
    peer: Option<&Peer>,
    replies: &mut MessageSender<StreamingOutputCallResponse>,
) -> Result<(), Status> {
    for parameters in &request.response_parameters {
        pause(parameters).await;
        let payload = wanted(request.response_type.as_known(), parameters.size, MAX_MESSAGE_BYTES)?;
        let mut response = StreamingOutputCallResponse::default().with_payload(payload);
        if is_true(parameters.fill_peer_socket_address.as_option()) {
            response.peer_socket_address = peer.map(|peer| peer.address.to_string()).unwrap_or_default();
        }
        if is_true(parameters.compressed.as_option()) {
            replies.send(response).await?;
        } else {
            replies.send_uncompressed(response).await?;
        }
    }
    Ok(())
}

async fn pause(parameters: &ResponseParameters) {
    if let Ok(micros @ 1..) = u64::try_from(parameters.interval_us) {
        // tidy: allow(sleep): the request asks for it
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }
}

/// What goes back to the caller as it came.
struct Echo {
    header: Option<String>,
    trailer: Option<Bytes>,
}

impl Echo {
    fn of(metadata: &Metadata) -> Self {
        Self {
            header: metadata.get(ECHO_INITIAL).map(str::to_owned),
            trailer: metadata.get_all_bin(ECHO_TRAILING).next(),
        }
    }
}

fn is_true(flag: Option<&BoolValue>) -> bool {
    flag.is_some_and(|flag| flag.value)
}

fn expect_compressed(expected: Option<&BoolValue>, compressed: bool) -> Result<(), Status> {
    match expected {
        Some(expected) if expected.value && !compressed => {
            Err(Status::invalid_argument("the request says that it is compressed, and it is not"))
        }
        Some(expected) if !expected.value && compressed => {
            Err(Status::invalid_argument("the request says that it is not compressed, and it is"))
        }
        _ => Ok(()),
    }
}

fn asked_status(asked: Option<&EchoStatus>) -> Option<Status> {
    let asked = asked.filter(|asked| asked.code != 0)?;
    let code = u32::try_from(asked.code).map_or(Code::Unknown, Code::from_u32);
    Some(Status::new(code, &*asked.message))
}

fn untravelled(error: &MetadataError) -> Status {
    Status::internal(error.to_string())
}
