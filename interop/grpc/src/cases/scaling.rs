//! A further connection where the first may carry no more calls (gRFC A105).

use halloo::{MessageReceiver, MessageSender};

use super::Caller;
use crate::check::{Checked, expect};
use crate::large::PLENTY;
use crate::{
    BoolValue, ResponseParameters, StreamingOutputCallRequest, StreamingOutputCallResponse, TestServiceClient,
};

/// To a server that allows two calls a connection: the third call goes by a second one.
pub(super) async fn connection_scaling(caller: &Caller) -> Checked {
    let client = TestServiceClient::new(caller.builder().max_connections_per_subchannel(2).build()?);
    let first = OpenCall::begin(&client).await?;
    let second = OpenCall::begin(&client).await?;
    let third = OpenCall::begin(&client).await?;
    expect("the second call's connection", &second.connection, &first.connection)?;
    if third.connection == first.connection {
        return Err(format!("the third call came by {}, too", third.connection).into());
    }
    for call in [first, second, third] {
        call.end().await?;
    }
    Ok(())
}

/// A call that occupies a stream.
struct OpenCall {
    /// The client's address, as the server sees it.
    connection: String,
    requests: MessageSender<StreamingOutputCallRequest>,
    replies: MessageReceiver<StreamingOutputCallResponse>,
}

impl OpenCall {
    async fn begin(client: &TestServiceClient) -> Checked<Self> {
        let (mut requests, mut replies) = client.full_duplex_call().timeout(PLENTY).await?;
        let wanted = BoolValue::default().with_value(true);
        let parameters = ResponseParameters::default().with_fill_peer_socket_address(wanted);
        requests.send(StreamingOutputCallRequest::default().with_response_parameters([parameters])).await?;
        let connection = replies.next().await?.ok_or("there is no reply")?.peer_socket_address;
        if connection.is_empty() {
            return Err("the server does not tell the client's address".into());
        }
        Ok(Self { connection, requests, replies })
    }

    async fn end(mut self) -> Checked {
        self.requests.finish();
        expect("what follows the reply", &self.replies.next().await?, &None)
    }
}
