//! Many calls on one connection.

use halloo::Status;
use halloo_tests::Letter;

use crate::support::rig::{Rig, Transport};
use crate::support::soon;

/// One of a hundred calls: a stream each way, longer than any window.
async fn busy_call(client: halloo_tests::PostClient, index: u32) -> Result<usize, Status> {
    let (mut requests, mut replies) = client.chat().await?;
    let mut bytes = 0;
    for number in 0..20 {
        let parcel = vec![1; 16 * 1024];
        requests.send(Letter::default().with_number(index * 1000 + number).with_parcel(parcel)).await?;
        let reply = replies.next().await?.ok_or_else(|| Status::internal("the replies ended early"))?;
        assert_eq!(reply.number, index * 1000 + number);
        bytes += reply.parcel.len();
    }
    requests.finish();
    assert_eq!(replies.next().await?, None);
    Ok(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_paused_for_good_holds_up_none_of_99_others() {
    for transport in [Transport::Tcp, Transport::Unix, Transport::InProcess] {
        let rig = Rig::new(transport).await;
        let endless = Letter::default().with_text("endless").with_parcel(vec![2; 100_000]);
        let mut paused = rig.client.follow(endless).await.unwrap();
        paused.next().await.unwrap().unwrap();
        let others: Vec<_> = (0..99).map(|index| tokio::spawn(busy_call(rig.client.clone(), index))).collect();
        for other in others {
            assert_eq!(soon(other).await.unwrap().unwrap(), 20 * 16 * 1024);
        }
        // It was only paused.
        for _ in 0..100 {
            assert_eq!(soon(paused.next()).await.unwrap().unwrap().parcel.len(), 100_000);
        }
        drop(paused);
        rig.end().await;
    }
}

/// Twenty calls to a server that allows four a connection, from a client with so many connections at most: so many of
/// them run at the same time.
async fn twenty_calls(max_connections: usize, at_a_time: usize) {
    let setup = crate::support::rig::Setup::new(Transport::Tcp).server(|server| {
        let mut config = halloo::http2::Http2Config::default();
        config.limits.max_concurrent_streams = 4;
        server.http2(config)
    });
    let rig = setup.client(move |client| client.max_connections_per_subchannel(max_connections)).rig().await;
    let letter = || Letter::default().with_text("gate");
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = rig.client.clone();
            tokio::spawn(async move { client.answer(letter()).await })
        })
        .collect();
    rig.seen.running(at_a_time).await;
    rig.seen.gate.add_permits(20);
    for call in calls {
        soon(call).await.unwrap().unwrap();
    }
    assert_eq!(*rig.seen.started.borrow(), 20);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_a_connection_may_have_wait_for_their_turn() {
    twenty_calls(1, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_a_connection_may_have_take_more_connections() {
    twenty_calls(3, 12).await;
    twenty_calls(10, 20).await;
}
