//! The client's part in gRPC's negative HTTP/2 cases; the server does in each what its name says.

use std::time::Duration;

use tokio::task::JoinSet;

use super::Caller;
use crate::TestServiceClient;
use crate::check::Checked;
use crate::large::{PLENTY, large_request, large_unary};

/// Calls that run at the same time where the server allows one.
const CALLS: usize = 10;

/// The second call goes by another connection, and nobody notices.
pub(super) async fn goaway(client: &TestServiceClient) -> Checked {
    large_unary(client).await?;
    // tidy: allow(sleep): gRPC's description of the case has it, so that the GOAWAY is here before the second call
    tokio::time::sleep(Duration::from_secs(1)).await;
    large_unary(client).await
}

/// However much has come before the stream is reset, the call fails.
pub(super) async fn reset(client: &TestServiceClient) -> Checked {
    match client.unary_call(large_request()).timeout(PLENTY).await {
        // A call that runs into its deadline has not noticed the reset.
        Err(status) if status.code() != halloo::Code::DeadlineExceeded => Ok(()),
        Err(status) => Err(format!("the call was reset, and failed with {status}").into()),
        Ok(_) => Err("the call was reset, and succeeded".into()),
    }
}

/// On one connection, so that calls have to wait for each other.
pub(super) async fn max_streams(caller: &Caller) -> Checked {
    let client = TestServiceClient::new(caller.builder().max_connections_per_subchannel(1).build()?);
    // With its reply come the server's settings.
    large_unary(&client).await?;
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let client = client.clone();
        calls.spawn(async move { large_unary(&client).await });
    }
    while let Some(call) = calls.join_next().await {
        call??;
    }
    Ok(())
}
