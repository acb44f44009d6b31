//! The large unary call, which many cases are made of.

use std::time::Duration;

use halloo::{Reply, Status};

use crate::check::{Checked, expect};
use crate::payload::zeros;
use crate::{SimpleRequest, SimpleResponse, TestServiceClient};

pub(crate) const REQUEST_BYTES: usize = 271_828;
pub(crate) const RESPONSE_BYTES: i32 = 314_159;

/// For a call that should take no time at all.
pub(crate) const PLENTY: Duration = Duration::from_secs(30);

/// The request that most cases send.
pub(crate) fn large_request() -> SimpleRequest {
    SimpleRequest::default().with_response_size(RESPONSE_BYTES).with_payload(zeros(REQUEST_BYTES))
}

/// Calls, and checks what comes back.
pub(crate) async fn large_unary(client: &TestServiceClient) -> Checked {
    expect_large(client.unary_call(large_request()).timeout(PLENTY).await).map(drop)
}

/// The reply, if it is what the large request asks for.
pub(crate) fn expect_large(outcome: Result<Reply<SimpleResponse>, Status>) -> Checked<SimpleResponse> {
    let response = outcome?.into_message();
    expect_zeros(&response.payload.body, RESPONSE_BYTES)?;
    Ok(response)
}

pub(crate) fn expect_zeros(body: &[u8], bytes: i32) -> Checked {
    expect("the size of the response's payload", &i32::try_from(body.len())?, &bytes)?;
    expect("whether the response's payload is zeros", &body.iter().all(|byte| *byte == 0), &true)
}
