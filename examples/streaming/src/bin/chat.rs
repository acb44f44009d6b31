//! The chat: `chat serve [ADDRESS]`, and `chat join NAME [URL]`.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use halloo::Server;
use streaming::chat::{ChatClient, ChatServer, Line, Room, Say};
use streaming::typed::typed_lines;

/// How long a guest who leaves, or a server that stops, waits for the other side.
const GOODBYE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => serve("[::]:50061").await,
        ["serve", address] => serve(address).await,
        ["join", name] => join(name, "http://localhost:50061").await,
        ["join", name, url] => join(name, url).await,
        _ => {
            eprintln!("usage: chat serve [ADDRESS]\n       chat join NAME [URL]");
            std::process::exit(2);
        }
    }
}

async fn serve(address: &str) -> Result<(), halloo::Error> {
    let server = Server::bind(address).await?.drain(GOODBYE);
    println!("🟢 Server started on port {}", server.port());
    let room = Arc::new(Room::default());
    let (stopping, open) = (server.handle().stopping(), Arc::clone(&room));
    tokio::spawn(async move {
        stopping.await;
        open.close();
    });
    server.serve(ChatServer::new(room)).await
}

async fn join(name: &str, url: &str) -> Result<(), halloo::Error> {
    let chat = ChatClient::connect(url).await?;
    let (mut says, mut lines) = chat.join().await?;
    says.send(Say::default().with_name(name)).await?;
    let mut typed = typed_lines();
    let mut ctrl_c = pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            line = lines.next() => match line? {
                Some(line) => print(&line),
                None => return Ok(()),
            },
            text = typed.recv() => match text {
                // If the chat has ended meanwhile, `lines` tells how.
                Some(text) => drop(says.send(Say::default().with_text(text)).await),
                None => break,
            },
            _ = &mut ctrl_c => break,
        }
    }
    // Without it the server would see a call that was cancelled, not a guest who leaves.
    says.finish();
    let last_lines = async {
        while let Some(line) = lines.next().await? {
            print(&line);
        }
        Ok(())
    };
    tokio::time::timeout(GOODBYE, last_lines).await.unwrap_or(Ok(()))
}

fn print(line: &Line) {
    match &*line.name {
        "" => println!("* {}", line.text),
        name => println!("📬 {name}: {}", line.text),
    }
}
