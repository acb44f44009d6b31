//! The telemetry: `telemetry serve [ADDRESS [MILLISECONDS]]`, and `telemetry watch [URL [READINGS]]`.

use std::pin::pin;
use std::time::{Duration, Instant};

use halloo::Server;
use streaming::telemetry::{Reading, Site, TelemetryClient, TelemetryServer, WatchRequest};
use streaming::typed::typed_lines;

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |index: usize, default: &'static str| args.get(index).map_or(default, String::as_str);
    let number = arg(2, if arg(0, "") == "serve" { "50" } else { "0" }).parse();
    match (arg(0, ""), number) {
        ("serve", Ok(millis @ 1..)) => serve(arg(1, "[::]:50062"), Duration::from_millis(millis)).await,
        ("watch", Ok(readings)) => watch(arg(1, "http://localhost:50062"), readings).await,
        _ => {
            eprintln!("usage: telemetry serve [ADDRESS [MILLISECONDS]]\n       telemetry watch [URL [READINGS]]");
            std::process::exit(2);
        }
    }
}

async fn serve(address: &str, pace: Duration) -> Result<(), halloo::Error> {
    let server = Server::bind(address).await?;
    println!("🟢 Server started on port {}", server.port());
    let site = Site::launch(pace, server.handle().stopping());
    server.serve(TelemetryServer::new(site)).await
}

async fn watch(url: &str, readings: u64) -> Result<(), halloo::Error> {
    let telemetry = TelemetryClient::connect(url).await?;
    let mut feed = telemetry.watch(WatchRequest::default().with_readings(readings)).await?;
    let (mut received, mut skipped) = (0, 0);
    let mut paused: Option<Instant> = None;
    let mut typed = typed_lines();
    let mut ctrl_c = pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            // To pause is not to ask: what is unread fills the stream's window, and the server has no room.
            reading = feed.next(), if paused.is_none() => match reading? {
                Some(reading) => {
                    received += 1;
                    skipped += reading.skipped;
                    print(&reading);
                }
                None => break,
            },
            Some(_) = typed.recv() => match paused.take() {
                Some(since) => println!("Went on after {:.1} s", since.elapsed().as_secs_f64()),
                None => {
                    println!("Paused after {received} readings, Enter goes on");
                    paused = Some(Instant::now());
                }
            },
            _ = &mut ctrl_c => break,
        }
    }
    // Dropping the receiver cancels the call, if it has not ended.
    drop(feed);
    println!("📬 Received {received} readings, {skipped} were skipped");
    Ok(())
}

fn print(reading: &Reading) {
    let height = " ".repeat((reading.altitude / 50.0) as usize);
    let skipped = if reading.skipped > 0 { format!("({} skipped) ", reading.skipped) } else { String::new() };
    let Reading { number, seconds, altitude, speed, .. } = reading;
    println!("{number:>5} {skipped}T+{seconds:4.1} s {altitude:5.0} m {speed:4.0} m/s {height}🚀");
}
