//! Shows the three streaming kinds of call: alone (`streaming`), or as a server (`streaming serve [ADDRESS]`) and
//! clients (`streaming watch [URL]`, `streaming upload [URL]`, `streaming talk NAME [URL]`).

use std::time::Duration;

use halloo::Server;
use streaming::{Frame, LaunchClient, LaunchServer, Line, Site, WatchRequest};
use tokio::io::{AsyncBufReadExt, BufReader};

const URL: &str = "http://localhost:50061";

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |index: usize, default: &'static str| args.get(index).map_or(default, String::as_str);
    match arg(0, "all") {
        "all" => all().await,
        "serve" => serve(arg(1, "[::]:50061")).await,
        "watch" => watch(&LaunchClient::connect(arg(1, URL)).await?).await,
        "upload" => upload(&LaunchClient::connect(arg(1, URL)).await?).await,
        "talk" => talk(&LaunchClient::connect(arg(2, URL)).await?, arg(1, "visitor")).await,
        _ => {
            eprintln!("usage: streaming [serve [ADDRESS] | watch [URL] | upload [URL] | talk NAME [URL]]");
            Ok(())
        }
    }
}

async fn serve(address: &str) -> Result<(), halloo::Error> {
    let server = Server::bind(address).await?;
    println!("🚀 The launch site is open on port {}", server.port());
    server.serve(LaunchServer::new(Site::new(Duration::from_millis(500)))).await
}

/// Everything in one process, one kind of call after the other.
async fn all() -> Result<(), halloo::Error> {
    let server = Server::bind("127.0.0.1:0").await?;
    let url = format!("http://127.0.0.1:{}", server.port());
    let handle = server.handle();
    let serving = tokio::spawn(server.serve(LaunchServer::new(Site::new(Duration::from_millis(60)))));
    let launch = LaunchClient::connect(url).await?;
    rehearse(&launch).await?;
    watch(&launch).await?;
    upload(&launch).await?;
    handle.shutdown();
    serving.await.expect("the server does not panic")
}

/// Bidirectional: two speakers on mission control's loop.
async fn rehearse(launch: &LaunchClient) -> Result<(), halloo::Error> {
    let (mut flight, mut hears) = launch.talk().await?;
    let (mut range, _range_hears) = launch.talk().await?;
    for (who, text) in [("flight", "Range, go or no go?"), ("range", "Go, flight."), ("flight", "We have lift-off.")] {
        let speaker = if who == "flight" { &mut flight } else { &mut range };
        speaker.send(Line::default().with_who(who).with_text(text)).await?;
        if let Some(line) = hears.next().await? {
            println!("🎙  {:>6}: {}", line.who, line.text);
        }
    }
    flight.finish();
    range.finish();
    Ok(())
}

/// Server streaming: the feed, drawn as it comes.
async fn watch(launch: &LaunchClient) -> Result<(), halloo::Error> {
    let mut readings = launch.watch(WatchRequest::default().with_altitude(2000.0)).await?;
    while let Some(reading) = readings.next().await? {
        let height = " ".repeat((reading.altitude / 50.0) as usize);
        println!("T+{:4.1} s {:6.0} m {:4.0} m/s {height}🚀", reading.seconds, reading.altitude, reading.speed);
    }
    Ok(())
}

/// Client streaming: frames go up, a summary comes back.
async fn upload(launch: &LaunchClient) -> Result<(), halloo::Error> {
    let (mut frames, summary) = launch.upload().await?;
    for number in 1..=48_u8 {
        frames.send(Frame::default().with_pixels(vec![number; 64 * 1024])).await?;
        if number % 16 == 0 {
            println!("🎞  sent {number} of 48 frames");
        }
    }
    frames.finish();
    let summary = summary.await?;
    println!("🎞  the site has {} frames, {} KiB", summary.frames, summary.bytes / 1024);
    Ok(())
}

/// Bidirectional, by hand: what you type goes to everybody, and what anybody says is printed.
async fn talk(launch: &LaunchClient, who: &str) -> Result<(), halloo::Error> {
    let (mut lines, mut heard) = launch.talk().await?;
    let mut typed = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            text = typed.next_line() => match text.ok().flatten() {
                Some(text) => lines.send(Line::default().with_who(who).with_text(text)).await?,
                None => {
                    lines.finish();
                    return Ok(());
                }
            },
            line = heard.next() => match line? {
                Some(line) => println!("🎙  {:>6}: {}", line.who, line.text),
                None => return Ok(()),
            },
        }
    }
}
