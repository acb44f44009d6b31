//! Both directions at once: without a deadlock, and with `select!`.

use halloo::Status;
use streaming::numbers::{NumbersClient, number};
use tokio::sync::mpsc;

use crate::calculator;

async fn many(numbers: &NumbersClient) -> Result<i64, Status> {
    let (mut requests, mut replies) = numbers.running_sum().await?;
    let send = async {
        requests.send_all((1..=100_000).map(number)).await?;
        requests.finish();
        Ok::<_, Status>(())
    };
    let receive = async {
        let mut last = 0;
        while let Some(sum) = replies.next().await? {
            last = sum.value;
        }
        Ok::<_, Status>(last)
    };
    let ((), last) = tokio::try_join!(send, receive)?;
    Ok(last)
}

async fn typed(numbers: &NumbersClient, mut typed: mpsc::Receiver<i64>) -> Result<Vec<i64>, Status> {
    let (mut requests, mut replies) = numbers.running_sum().await?;
    let mut sums = Vec::new();
    loop {
        tokio::select! {
            sum = replies.next() => match sum? {
                Some(sum) => sums.push(sum.value),
                None => return Ok(sums),
            },
            value = typed.recv() => match value {
                Some(value) => requests.send(number(value)).await?,
                None => break,
            },
        }
    }
    requests.finish();
    while let Some(sum) = replies.next().await? {
        sums.push(sum.value);
    }
    Ok(sums)
}

#[tokio::test]
async fn both_directions_flow_at_once() {
    assert_eq!(many(&calculator().await).await.unwrap(), 5_000_050_000);
}

#[tokio::test]
async fn a_select_loses_nothing() {
    let (keys, lines) = mpsc::channel(1);
    tokio::spawn(async move {
        for value in 1..=1000 {
            keys.send(value).await.unwrap();
        }
    });
    let sums = typed(&calculator().await, lines).await.unwrap();
    assert_eq!(sums, (1..=1000).map(|n| n * (n + 1) / 2).collect::<Vec<i64>>());
}
