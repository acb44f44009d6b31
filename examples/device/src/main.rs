//! A client for a small device: one thread, one connection, one call for each line on stdin: `device [URL]`.
//!
//! Between calls it sleeps, and keeps the connection. See `docs/small-devices.md`.

use device::{GreeterClient, HelloRequest};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), halloo::Error> {
    let url = std::env::args().nth(1).unwrap_or("http://localhost:50051".into());
    let greeter = GreeterClient::connect(url).await?;
    println!("ready");
    let mut names = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(name)) = names.next_line().await {
        match greeter.say_hello(HelloRequest::default().with_name(name)).await {
            Ok(reply) => println!("{}", reply.message),
            // The channel connects again by itself; the device goes on.
            Err(status) => println!("not now: {}", status.code()),
        }
    }
    Ok(())
}
