//! Cases of compressed messages. What came compressed says so: see `compressed.rs`.

use halloo::Code;
use halloo::compression::Gzip;

use super::Probe;
use crate::check::{Checked, expect, expect_failure};
use crate::compressed::came_compressed;
use crate::large::{PLENTY, expect_large, expect_zeros, large_request};
use crate::payload::zeros;
use crate::{
    BoolValue, ResponseParameters, SimpleRequest, StreamingInputCallRequest, StreamingOutputCallRequest,
    TestServiceClient,
};

pub(super) async fn client_unary(client: &TestServiceClient, probe: Probe) -> Checked {
    let request = |compressed| large_request().with_expect_compressed(flag(compressed));
    if probe == Probe::First {
        let outcome = client.unary_call(request(true)).timeout(PLENTY).await;
        expect_failure(outcome, Code::InvalidArgument)?;
    }
    expect_large(client.unary_call(request(true)).compress(Gzip).timeout(PLENTY).await)?;
    expect_large(client.unary_call(request(false)).timeout(PLENTY).await).map(drop)
}

pub(super) async fn server_unary(client: &TestServiceClient) -> Checked {
    for compressed in [true, false] {
        let request: SimpleRequest = large_request().with_response_compressed(flag(compressed));
        let response = expect_large(client.unary_call(request).timeout(PLENTY).await)?;
        expect("whether the reply is compressed", &came_compressed(&response.__buffa_unknown_fields), &compressed)?;
    }
    Ok(())
}

pub(super) async fn client_streaming(client: &TestServiceClient, probe: Probe) -> Checked {
    let request = |compressed, bytes| {
        StreamingInputCallRequest::default().with_expect_compressed(flag(compressed)).with_payload(zeros(bytes))
    };
    if probe == Probe::First {
        let outcome = client.streaming_input_call().timeout(PLENTY).send_all([request(true, 27_182)]).await;
        expect_failure(outcome, Code::InvalidArgument)?;
    }
    let (mut requests, reply) = client.streaming_input_call().compress(Gzip).timeout(PLENTY).await?;
    requests.send(request(true, 27_182)).await?;
    requests.send_uncompressed(request(false, 45_904)).await?;
    requests.finish();
    expect("the sum of sizes", &reply.await?.aggregated_payload_size, &73_086)
}

pub(super) async fn server_streaming(client: &TestServiceClient) -> Checked {
    const WANTED: [(bool, i32); 2] = [(true, 31_415), (false, 92_653)];
    let parameters = WANTED
        .map(|(compressed, bytes)| ResponseParameters::default().with_compressed(flag(compressed)).with_size(bytes));
    let request = StreamingOutputCallRequest::default().with_response_parameters(parameters);
    let mut replies = client.streaming_output_call(request).timeout(PLENTY).await?;
    for (compressed, bytes) in WANTED {
        let reply = replies.next().await?.ok_or("the replies ended early")?;
        expect_zeros(&reply.payload.body, bytes)?;
        expect("whether the reply is compressed", &came_compressed(&reply.__buffa_unknown_fields), &compressed)?;
    }
    expect("what follows the last reply", &replies.next().await?, &None)
}

fn flag(value: bool) -> BoolValue {
    BoolValue::default().with_value(value)
}
