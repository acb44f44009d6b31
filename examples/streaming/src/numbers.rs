//! The four kinds of call, as small as they can be: what `docs/streaming.md` begins with.

use halloo::{MessageReceiver, MessageSender, Request, Status};

halloo::include_proto!("numbers");

/// Counts and adds.
#[derive(Debug)]
pub struct Calculator;

impl Numbers for Calculator {
    async fn square(&self, request: Request<Number>) -> halloo::Result<Number> {
        Ok(number(request.value.saturating_mul(request.value)).into())
    }

    async fn count(&self, request: Request<Number>, replies: &mut MessageSender<Number>) -> Result<(), Status> {
        for value in 1..=request.value {
            replies.send(number(value)).await?;
        }
        Ok(())
    }

    async fn sum(&self, mut requests: MessageReceiver<Number>) -> halloo::Result<Number> {
        let mut sum: i64 = 0;
        while let Some(request) = requests.next().await? {
            sum = sum.saturating_add(request.value);
        }
        Ok(number(sum).into())
    }

    async fn running_sum(
        &self,
        mut requests: MessageReceiver<Number>,
        replies: &mut MessageSender<Number>,
    ) -> Result<(), Status> {
        let mut sum: i64 = 0;
        while let Some(request) = requests.next().await? {
            sum = sum.checked_add(request.value).ok_or_else(|| Status::out_of_range("the sum is too large"))?;
            replies.send(number(sum)).await?;
        }
        Ok(())
    }
}

/// A message for `value`.
pub fn number(value: i64) -> Number {
    Number::default().with_value(value)
}
