//! Cases with streams, and those that break off.

use std::time::Duration;

use halloo::{Code, MessageReceiver};

use crate::check::{Checked, expect, expect_failure};
use crate::large::{PLENTY, expect_zeros};
use crate::payload::zeros;
use crate::{
    ResponseParameters, StreamingInputCallRequest, StreamingOutputCallRequest, StreamingOutputCallResponse,
    TestServiceClient,
};

const REQUEST_BYTES: [usize; 4] = [27_182, 8, 1_828, 45_904];
const RESPONSE_BYTES: [i32; 4] = [31_415, 9, 2_653, 58_979];

pub(super) async fn client_streaming(client: &TestServiceClient) -> Checked {
    let requests = REQUEST_BYTES.map(|bytes| StreamingInputCallRequest::default().with_payload(zeros(bytes)));
    let reply = client.streaming_input_call().timeout(PLENTY).send_all(requests).await?;
    expect("the sum of sizes", &reply.aggregated_payload_size, &74_922)
}

pub(super) async fn server_streaming(client: &TestServiceClient) -> Checked {
    let parameters = RESPONSE_BYTES.map(|bytes| ResponseParameters::default().with_size(bytes));
    let request = StreamingOutputCallRequest::default().with_response_parameters(parameters);
    let mut replies = client.streaming_output_call(request).timeout(PLENTY).await?;
    expect_replies(&mut replies).await
}

pub(super) async fn ping_pong(client: &TestServiceClient) -> Checked {
    let (mut requests, mut replies) = client.full_duplex_call().timeout(PLENTY).await?;
    for (sent, wanted) in REQUEST_BYTES.into_iter().zip(RESPONSE_BYTES) {
        requests.send(asking(wanted).with_payload(zeros(sent))).await?;
        let reply = replies.next().await?.ok_or("the replies ended early")?;
        expect_zeros(&reply.payload.body, wanted)?;
    }
    requests.finish();
    expect("what follows the last reply", &replies.next().await?, &None)
}

pub(super) async fn empty_stream(client: &TestServiceClient) -> Checked {
    let (requests, mut replies) = client.full_duplex_call().timeout(PLENTY).await?;
    requests.finish();
    expect("the first reply", &replies.next().await?, &None)
}

/// Not among gRPC's cases; the only one that makes the server's HalfDuplexCall answer.
pub(super) async fn half_duplex(client: &TestServiceClient) -> Checked {
    let (mut requests, mut replies) = client.half_duplex_call().timeout(PLENTY).await?;
    requests.send_all(RESPONSE_BYTES.map(asking)).await?;
    requests.finish();
    expect_replies(&mut replies).await
}

async fn expect_replies(replies: &mut MessageReceiver<StreamingOutputCallResponse>) -> Checked {
    for bytes in RESPONSE_BYTES {
        let reply = replies.next().await?.ok_or("the replies ended early")?;
        expect_zeros(&reply.payload.body, bytes)?;
    }
    expect("what follows the last reply", &replies.next().await?, &None)
}

pub(super) async fn cancel_after_begin(client: &TestServiceClient) -> Checked {
    let (requests, reply) = client.streaming_input_call().timeout(PLENTY).await?;
    // A stream of requests that breaks off cancels its call.
    drop(requests);
    expect_failure(reply.await, Code::Cancelled).map(drop)
}

pub(super) async fn cancel_after_first_response(client: &TestServiceClient) -> Checked {
    let (mut requests, mut replies) = client.full_duplex_call().timeout(PLENTY).await?;
    requests.send(asking(RESPONSE_BYTES[0]).with_payload(zeros(REQUEST_BYTES[0]))).await?;
    let reply = replies.next().await?.ok_or("there is no reply")?;
    expect_zeros(&reply.payload.body, RESPONSE_BYTES[0])?;
    drop(requests);
    expect_failure(replies.next().await, Code::Cancelled).map(drop)
}

pub(super) async fn timeout_on_sleeping_server(client: &TestServiceClient) -> Checked {
    let begun = client.full_duplex_call().timeout(Duration::from_millis(1)).await;
    let outcome = match begun {
        Ok((mut requests, mut replies)) => {
            // It may be too late for that; the reply tells how the call ended.
            let sent = requests.send(StreamingOutputCallRequest::default().with_payload(zeros(REQUEST_BYTES[0]))).await;
            replies.next().await.and(sent)
        }
        Err(status) => Err(status),
    };
    expect_failure(outcome, Code::DeadlineExceeded).map(drop)
}

fn asking(bytes: i32) -> StreamingOutputCallRequest {
    StreamingOutputCallRequest::default().with_response_parameters([ResponseParameters::default().with_size(bytes)])
}
