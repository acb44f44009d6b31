//! A client for a small device: one thread, one connection: `device [URL [--wait]]`.
//!
//! It makes a call, and with `--wait` keeps the connection until it is stopped. See `docs/small-devices.md`.

use std::time::Duration;

use device::{GreeterClient, HelloRequest};
use halloo::Channel;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), halloo::Error> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or("http://localhost:50051".into());
    // A network that went away without a word is noticed after 20 seconds of a call, and then it connects anew.
    let channel = Channel::builder(url).keepalive(Duration::from_secs(10)).keepalive_timeout(Duration::from_secs(10));
    let greeter = GreeterClient::new(channel.build()?);
    let reply = greeter.say_hello(HelloRequest::default().with_name("device")).timeout(Duration::from_secs(30)).await?;
    println!("{}", reply.message);
    if args.next().is_some_and(|arg| arg == "--wait") {
        std::future::pending::<()>().await;
    }
    Ok(())
}
