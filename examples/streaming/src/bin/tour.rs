//! A launch in one process: mission control's chat and the rocket's telemetry, two services on one port.

use std::time::Duration;

use halloo::{Channel, MessageReceiver, Server};
use streaming::chat::{ChatClient, ChatServer, Line, Room, Say};
use streaming::telemetry::{Site, TelemetryClient, TelemetryServer, WatchRequest};

const READINGS: u64 = 18;

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let server = Server::bind("127.0.0.1:0").await?;
    println!("🟢 Server started on port {}", server.port());
    let channel = Channel::new(format!("http://127.0.0.1:{}", server.port()))?;
    let handle = server.handle();
    let site = Site::launch(Duration::from_millis(60), handle.stopping());
    let services = (ChatServer::new(Room::default()), TelemetryServer::new(site));
    let serving = tokio::spawn(server.serve(services));

    countdown(&ChatClient::new(channel.clone())).await?;
    watch(&TelemetryClient::new(channel)).await?;

    handle.shutdown();
    serving.await.expect("the server does not panic")
}

/// Bidirectional: each speaks, and both hear it.
async fn countdown(chat: &ChatClient) -> Result<(), halloo::Error> {
    let (mut flight, mut hears) = chat.join().await?;
    flight.send(Say::default().with_name("flight")).await?;
    print_next(&mut hears).await?;
    let (mut range, _range_hears) = chat.join().await?;
    range.send(Say::default().with_name("range")).await?;
    print_next(&mut hears).await?;
    flight.send(Say::default().with_text("Range, go or no go?")).await?;
    print_next(&mut hears).await?;
    range.send(Say::default().with_text("Go, flight.")).await?;
    print_next(&mut hears).await?;
    flight.send_all(["3", "2", "1", "Lift-off!"].map(|text| Say::default().with_text(text))).await?;
    for _ in 0..4 {
        print_next(&mut hears).await?;
    }
    flight.finish();
    range.finish();
    Ok(())
}

async fn print_next(hears: &mut MessageReceiver<Line>) -> Result<(), halloo::Error> {
    if let Some(Line { name, text, .. }) = hears.next().await? {
        println!("📬 {name:>6}: {text}");
    }
    Ok(())
}

/// Server streaming: drawn as it comes.
async fn watch(telemetry: &TelemetryClient) -> Result<(), halloo::Error> {
    let mut readings = telemetry.watch(WatchRequest::default().with_readings(READINGS)).await?;
    while let Some(reading) = readings.next().await? {
        let height = " ".repeat((reading.altitude / 50.0) as usize);
        println!("T+{:4.1} s {:5.0} m {:4.0} m/s {height}🚀", reading.seconds, reading.altitude, reading.speed);
    }
    Ok(())
}
