//! Cases with one message each way.

use halloo::Metadata;

use crate::check::{Checked, expect};
use crate::large::{PLENTY, REQUEST_BYTES, RESPONSE_BYTES, expect_large, expect_zeros, large_request};
use crate::payload::zeros;
use crate::{Empty, ResponseParameters, SimpleRequest, StreamingOutputCallRequest, TestServiceClient};

const ECHO_INITIAL: &str = "x-grpc-test-echo-initial";
const INITIAL_VALUE: &str = "test_initial_metadata_value";
const ECHO_TRAILING: &str = "x-grpc-test-echo-trailing-bin";
const TRAILING_VALUE: [u8; 3] = [0xab; 3];

/// Larger than any window at the start of a connection.
const VERY_LARGE_BYTES: usize = 10 << 20;

pub(super) async fn empty_unary(client: &TestServiceClient) -> Checked {
    let reply = client.empty_call(Empty::default()).timeout(PLENTY).await?;
    expect("the reply", &*reply, &Empty::default())
}

pub(super) async fn very_large_request(client: &TestServiceClient) -> Checked {
    let request = SimpleRequest::default().with_response_size(10).with_payload(zeros(VERY_LARGE_BYTES));
    let reply = client.unary_call(request).timeout(PLENTY).await?;
    expect_zeros(&reply.payload.body, 10)
}

pub(super) async fn custom_metadata(client: &TestServiceClient) -> Checked {
    let call = client.unary_call(large_request()).metadata(ECHO_INITIAL, INITIAL_VALUE);
    let reply = call.metadata_bin(ECHO_TRAILING, &TRAILING_VALUE[..]).timeout(PLENTY).await?;
    expect_echoes(reply.headers(), reply.trailers())?;
    expect_large(Ok(reply))?;

    let call = client.full_duplex_call().metadata(ECHO_INITIAL, INITIAL_VALUE);
    let call = call.metadata_bin(ECHO_TRAILING, &TRAILING_VALUE[..]).timeout(PLENTY);
    let (mut requests, mut replies) = call.await?;
    let parameters = ResponseParameters::default().with_size(RESPONSE_BYTES);
    let request = StreamingOutputCallRequest::default().with_response_parameters([parameters]);
    requests.send(request.with_payload(zeros(REQUEST_BYTES))).await?;
    requests.finish();
    let headers = replies.headers().await?.clone();
    let reply = replies.next().await?.ok_or("there is no reply")?;
    expect_zeros(&reply.payload.body, RESPONSE_BYTES)?;
    expect("what follows the reply", &replies.next().await?, &None)?;
    expect_echoes(&headers, replies.trailers().ok_or("there are no trailers")?)
}

fn expect_echoes(headers: &Metadata, trailers: &Metadata) -> Checked {
    expect(ECHO_INITIAL, &headers.get_all(ECHO_INITIAL).collect(), &vec![INITIAL_VALUE])?;
    let values = trailers.get_all_bin(ECHO_TRAILING).map(Vec::from).collect();
    expect(ECHO_TRAILING, &values, &vec![TRAILING_VALUE.to_vec()])
}
