//! What a sender does whose reader is slow.

use halloo::{MessageReceiver, MessageSender, Request, Status};
use streaming::numbers::{Number, Numbers, NumbersClient, number};
use tokio::sync::watch;

/// Streams the newest value, not every value.
struct Gauge {
    newest: watch::Receiver<i64>,
}

impl Numbers for Gauge {
    async fn count(&self, _: Request<Number>, replies: &mut MessageSender<Number>) -> Result<(), Status> {
        let mut newest = self.newest.clone();
        while newest.changed().await.is_ok() {
            replies.ready().await?;
            let value = *newest.borrow_and_update();
            replies.encode(number(value))?;
        }
        Ok(())
    }

    async fn square(&self, _: Request<Number>) -> halloo::Result<Number> {
        Err(Status::unimplemented("a gauge does not compute"))
    }

    async fn sum(&self, _: MessageReceiver<Number>) -> halloo::Result<Number> {
        Err(Status::unimplemented("a gauge does not compute"))
    }

    async fn running_sum(&self, _: MessageReceiver<Number>, _: &mut MessageSender<Number>) -> Result<(), Status> {
        Err(Status::unimplemented("a gauge does not compute"))
    }
}

#[tokio::test]
async fn the_newest_comes() {
    let (values, newest) = watch::channel(0);
    let mut replies = {
        values.send_replace(1);
        let mut gauge = newest.clone();
        gauge.mark_changed();
        NumbersClient::in_process(Gauge { newest: gauge }).count(number(0)).await.unwrap()
    };
    assert_eq!(replies.next().await.unwrap().unwrap().value, 1);
    for value in 2..=9 {
        values.send_replace(value);
    }
    assert_eq!(replies.next().await.unwrap().unwrap().value, 9);
    drop(values);
    assert_eq!(replies.next().await.unwrap(), None);
}
