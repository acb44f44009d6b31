//! Cases of calls that fail as they should.

use halloo::{Code, Status};

use crate::check::{Checked, expect, expect_failure};
use crate::large::PLENTY;
use crate::{
    EchoStatus, Empty, SimpleRequest, StreamingOutputCallRequest, TestServiceClient, UnimplementedServiceClient,
};

const MESSAGE: &str = "test status message";

/// White space that a header could not carry, and characters of one and of two UTF-16 units.
const SPECIAL_MESSAGE: &str = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";

pub(super) async fn status_code_and_message(client: &TestServiceClient) -> Checked {
    expect_unary(client, MESSAGE).await?;
    let (mut requests, mut replies) = client.full_duplex_call().timeout(PLENTY).await?;
    requests.send(StreamingOutputCallRequest::default().with_response_status(unknown(MESSAGE))).await?;
    requests.finish();
    expect_unknown(replies.next().await, MESSAGE)
}

pub(super) async fn special_status_message(client: &TestServiceClient) -> Checked {
    expect_unary(client, SPECIAL_MESSAGE).await
}

pub(super) async fn unimplemented_method(client: &TestServiceClient) -> Checked {
    let outcome = client.unimplemented_call(Empty::default()).timeout(PLENTY).await;
    expect_failure(outcome, Code::Unimplemented).map(drop)
}

pub(super) async fn unimplemented_service(client: &TestServiceClient) -> Checked {
    let client = UnimplementedServiceClient::new(client.channel().clone());
    let outcome = client.unimplemented_call(Empty::default()).timeout(PLENTY).await;
    expect_failure(outcome, Code::Unimplemented).map(drop)
}

async fn expect_unary(client: &TestServiceClient, message: &str) -> Checked {
    let request = SimpleRequest::default().with_response_status(unknown(message));
    expect_unknown(client.unary_call(request).timeout(PLENTY).await, message)
}

fn unknown(message: &str) -> EchoStatus {
    EchoStatus::default().with_code(2).with_message(message)
}

fn expect_unknown<T>(outcome: Result<T, Status>, message: &str) -> Checked {
    let status = expect_failure(outcome, Code::Unknown)?;
    expect("the message", &status.message(), &message)
}
