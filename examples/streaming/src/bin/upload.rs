//! The upload: `upload serve FOLDER [ADDRESS [MEGABYTES]]`, and `upload send FILE [URL]`.

use std::io::{IsTerminal, SeekFrom};
use std::path::Path;
use std::time::Duration;

use halloo::{Code, Server, Status};
use sha2::{Digest, Sha256};
use streaming::upload::{File, PART_BYTES, Part, Progress, Store, UploadClient, UploadServer, hex};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

/// Tries in a row that get no further, until it is given up.
const MAX_TRIES: u32 = 6;

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |index: usize, default: &'static str| args.get(index).map_or(default, String::as_str);
    match (arg(0, ""), arg(1, ""), arg(3, "100").parse::<u64>()) {
        (_, "", _) => {}
        ("serve", folder, Ok(megabytes)) => return serve(folder, arg(2, "[::]:50063"), megabytes * 1_000_000).await,
        ("send", file, _) => return send(Path::new(file), arg(2, "http://localhost:50063")).await,
        _ => {}
    }
    eprintln!("usage: upload serve FOLDER [ADDRESS [MEGABYTES]]\n       upload send FILE [URL]");
    std::process::exit(2);
}

async fn serve(folder: &str, address: &str, max_file_bytes: u64) -> Result<(), halloo::Error> {
    tokio::fs::create_dir_all(folder).await.map_err(|error| cannot("make the folder", Path::new(folder), error))?;
    let server = Server::bind(address).await?;
    println!("🟢 Server started on port {}", server.port());
    server.serve(UploadServer::new(Store::new(folder, max_file_bytes))).await
}

async fn send(path: &Path, url: &str) -> Result<(), halloo::Error> {
    let file = announce(path).map_err(|error| cannot("read", path, error))?;
    let upload = UploadClient::connect(url).await?;
    println!("📨 Sending {}, {} bytes", file.name, file.size);
    let mut bar = Bar { size: file.size, received: 0, is_shown: std::io::stderr().is_terminal() };
    let mut tries = 0;
    loop {
        let before = bar.received;
        let status = match put(&upload, path, &file, &mut bar).await {
            Ok(stored) => {
                println!("📬 Stored {}, {} bytes, sha256 {}", stored.name, stored.size, hex(&stored.sha256));
                return Ok(());
            }
            Err(status) => status,
        };
        tries = if bar.received > before { 1 } else { tries + 1 };
        // UNAVAILABLE: the connection broke. ABORTED: the server has not noticed yet that the last try is over.
        if !matches!(status.code(), Code::Unavailable | Code::Aborted) || tries > MAX_TRIES {
            return Err(status);
        }
        eprintln!("{} after {} bytes; trying again", status.message(), bar.received);
        tokio::time::sleep(Duration::from_millis(50 << tries)).await;
    }
}

/// One try: asks where to go on, and sends from there while the server acknowledges.
async fn put(upload: &UploadClient, path: &Path, file: &File, bar: &mut Bar) -> Result<File, Status> {
    let (mut parts, mut progress) = upload.put().await?;
    parts.send(Part::default().with_file(file.clone())).await?;
    let Some(Progress { received: start, .. }) = progress.next().await? else { return Err(nothing_stored()) };
    if start > 0 {
        println!("📨 Going on after {start} bytes");
    }
    let send = async {
        let mut disk = tokio::fs::File::open(path).await.map_err(|error| cannot("read", path, error))?;
        disk.seek(SeekFrom::Start(start)).await.map_err(|error| cannot("read", path, error))?;
        loop {
            let mut data = vec![0; PART_BYTES];
            let bytes = disk.read(&mut data).await.map_err(|error| cannot("read", path, error))?;
            data.truncate(bytes);
            if bytes == 0 {
                parts.finish();
                return Ok(());
            }
            // Waits while the server is slower than this disk: no more than a window is in memory.
            parts.send(Part::default().with_data(data)).await?;
        }
    };
    let acknowledgements = async {
        let mut stored = None;
        while let Some(step) = progress.next().await? {
            bar.show(step.received);
            stored = step.stored.into_option().or(stored);
        }
        stored.ok_or_else(nothing_stored)
    };
    // Beside each other: who only sends, and reads later, waits for ever once both directions are full.
    let ((), stored) = tokio::try_join!(send, acknowledgements)?;
    bar.end();
    Ok(stored)
}

fn announce(path: &Path) -> std::io::Result<File> {
    let mut sha256 = Sha256::new();
    let size = std::io::copy(&mut std::fs::File::open(path)?, &mut sha256)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(File::default().with_name(name).with_size(size).with_sha256(&sha256.finalize()[..]))
}

fn nothing_stored() -> Status {
    Status::internal("the server ended the call without having stored the file")
}

fn cannot(what: &str, path: &Path, error: std::io::Error) -> Status {
    Status::failed_precondition(format!("cannot {what} {}: {error}", path.display()))
}

/// Progress for people: on stderr, and only where that is a terminal.
struct Bar {
    size: u64,
    received: u64,
    is_shown: bool,
}

impl Bar {
    fn show(&mut self, received: u64) {
        self.received = received;
        if self.is_shown {
            let percent = (received * 100).checked_div(self.size).unwrap_or(100);
            let width = percent as usize / 4;
            eprint!("\r[{:25}] {percent:3} % of {} bytes", "#".repeat(width), self.size);
        }
    }

    fn end(&self) {
        if self.is_shown {
            eprintln!();
        }
    }
}
