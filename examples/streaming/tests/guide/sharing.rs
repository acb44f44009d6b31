//! Several tasks that send on one call.

use halloo::Status;
use streaming::numbers::{NumbersClient, number};
use tokio::sync::mpsc;

use crate::calculator;

async fn from_many_tasks(numbers: &NumbersClient) -> Result<i64, Status> {
    let (mut requests, reply) = numbers.sum().await?;
    let (values, mut queue) = mpsc::channel(16);
    for task in 0..4 {
        let values = values.clone();
        tokio::spawn(async move {
            for value in 0..10 {
                // It fails when the call has ended and the queue with it.
                let _ = values.send(task * 10 + value).await;
            }
        });
    }
    // Or the queue would never end.
    drop(values);
    while let Some(value) = queue.recv().await {
        requests.send(number(value)).await?;
    }
    requests.finish();
    Ok(reply.await?.value)
}

#[tokio::test]
async fn tasks_share_a_call_through_a_bounded_queue() {
    assert_eq!(from_many_tasks(&calculator().await).await.unwrap(), (0..40).sum::<i64>());
}
