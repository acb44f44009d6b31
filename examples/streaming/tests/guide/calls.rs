//! A client's side of the four kinds, and how streams end.

use std::time::Duration;

use halloo::{Code, MessageReceiver, MessageSender, Request, Status};
use streaming::numbers::{Calculator, Number, Numbers, NumbersClient, number};

use crate::calculator;

async fn unary(numbers: &NumbersClient) -> Result<(), Status> {
    let square = numbers.square(number(7)).await?;
    assert_eq!(square.value, 49);
    Ok(())
}

async fn server_streaming(numbers: &NumbersClient) -> Result<(), Status> {
    let mut replies = numbers.count(number(3)).await?;
    while let Some(reply) = replies.next().await? {
        println!("{}", reply.value);
    }
    Ok(())
}

async fn client_streaming(numbers: &NumbersClient) -> Result<(), Status> {
    let sum = numbers.sum().send_all((1..=100).map(number)).await?;
    assert_eq!(sum.value, 5050);

    // The same by hand, where the messages come from something that waits.
    let (mut requests, reply) = numbers.sum().await?;
    for value in 1..=100 {
        requests.send(number(value)).await?;
    }
    requests.finish();
    assert_eq!(reply.await?.value, 5050);
    Ok(())
}

async fn bidirectional(numbers: &NumbersClient) -> Result<(), Status> {
    let (mut requests, mut replies) = numbers.running_sum().await?;
    for value in [5, 10, 20] {
        requests.send(number(value)).await?;
        if let Some(sum) = replies.next().await? {
            println!("so far {}", sum.value);
        }
    }
    requests.finish();
    assert!(replies.next().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn the_four_kinds() {
    let numbers = calculator().await;
    unary(&numbers).await.unwrap();
    server_streaming(&numbers).await.unwrap();
    client_streaming(&numbers).await.unwrap();
    bidirectional(&numbers).await.unwrap();
}

#[tokio::test]
async fn a_request_stream_that_is_dropped_is_no_shorter_stream() {
    let numbers = calculator().await;
    let (mut requests, reply) = numbers.sum().await.unwrap();
    requests.send(number(1)).await.unwrap();
    drop(requests);
    assert_eq!(reply.await.unwrap_err().code(), Code::Cancelled);
}

#[tokio::test]
async fn what_came_before_a_failure_has_come() {
    let numbers = calculator().await;
    let (mut requests, mut replies) = numbers.running_sum().await.unwrap();
    requests.send_all([i64::MAX - 1, 1, 1].map(number)).await.unwrap();
    assert_eq!(replies.next().await.unwrap().unwrap().value, i64::MAX - 1);
    assert_eq!(replies.next().await.unwrap().unwrap().value, i64::MAX);
    let status = replies.next().await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::OutOfRange, "the sum is too large"));
    // The sender learns that nobody reads; why, the replies have said.
    assert!(requests.send(number(1)).await.is_err());
}

#[tokio::test]
async fn a_deadline_covers_the_whole_stream() {
    let numbers = calculator().await;
    let (_requests, mut replies) = numbers.running_sum().timeout(Duration::from_millis(20)).await.unwrap();
    assert_eq!(replies.next().await.unwrap_err().code(), Code::DeadlineExceeded);
}

struct Labelled;

impl Numbers for Labelled {
    async fn square(&self, request: Request<Number>) -> halloo::Result<Number> {
        Calculator.square(request).await
    }

    async fn count(&self, request: Request<Number>, replies: &mut MessageSender<Number>) -> Result<(), Status> {
        replies.header("x-unit", "metres")?;
        replies.send_all((1..=request.value).map(number)).await?;
        replies.trailer("x-checked", "yes")
    }

    async fn sum(&self, requests: MessageReceiver<Number>) -> halloo::Result<Number> {
        Calculator.sum(requests).await
    }

    async fn running_sum(
        &self,
        requests: MessageReceiver<Number>,
        replies: &mut MessageSender<Number>,
    ) -> Result<(), Status> {
        Calculator.running_sum(requests, replies).await
    }
}

async fn labels(numbers: &NumbersClient) -> Result<(), Status> {
    let mut replies = numbers.count(number(2)).metadata("x-who", "the guide").await?;
    assert_eq!(replies.headers().await?.get("x-unit"), Some("metres"));
    while replies.next().await?.is_some() {}
    assert_eq!(replies.trailers().and_then(|trailers| trailers.get("x-checked")), Some("yes"));
    Ok(())
}

#[tokio::test]
async fn headers_come_first_and_trailers_last() {
    labels(&NumbersClient::in_process(Labelled)).await.unwrap();
}

#[tokio::test]
async fn a_handler_is_a_function() {
    let mut replies = MessageSender::collect();
    Calculator.running_sum([1, 2, 3].map(number).into(), &mut replies).await.unwrap();
    assert_eq!(replies.into_messages(), [1, 3, 6].map(number));
}
