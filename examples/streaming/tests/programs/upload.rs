//! Files that arrive, that are refused, and that go on after their connection was cut.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

use halloo::{Code, Status};
use sha2::{Digest, Sha256};
use streaming::upload::{File, Part, UploadClient, hex};

use crate::program::Program;

const UPLOAD: &str = env!("CARGO_BIN_EXE_upload");

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("upload-{test}-{}", std::process::id()));
        fs::create_dir_all(path.join("stored")).unwrap();
        Self(path)
    }

    /// A file to send whose bytes repeat late.
    fn file(&self, name: &str, bytes: usize) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, (0..bytes).map(|index| (index / 251 + index) as u8).collect::<Vec<_>>()).unwrap();
        path
    }

    fn stored(&self) -> PathBuf {
        self.0.join("stored")
    }

    fn serve(&self) -> (Program, String) {
        let stored = self.stored();
        let (server, port) = Program::serve(UPLOAD, &["serve", stored.to_str().unwrap(), "127.0.0.1:0", "6"]);
        (server, format!("127.0.0.1:{port}"))
    }

    /// Names of what lies in the store.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.stored())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind lies in the build's own folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn send(file: &Path, address: &str) -> Program {
    Program::start(UPLOAD, &["send", file.to_str().unwrap(), &format!("http://{address}")])
}

#[test]
fn a_file_arrives_whole_and_once() {
    let folder = Folder::new("whole");
    let (mut server, address) = folder.serve();
    for (name, bytes) in [("a.bin", 300_000), ("empty", 0)] {
        let file = folder.file(name, bytes);
        let content = fs::read(&file).unwrap();
        let sha256 = hex(&Sha256::digest(&content));
        let said = send(&file, &address).end_well();
        assert_eq!(
            said,
            format!("📨 Sending {name}, {bytes} bytes\n📬 Stored {name}, {bytes} bytes, sha256 {sha256}\n"),
            "and stderr, which is no terminal, stays empty"
        );
        assert_eq!(fs::read(folder.stored().join(name)).unwrap(), content);
        assert_eq!(server.line(), format!("📩 Receiving {name}, 0 of {bytes} bytes are here"));
        assert_eq!(server.line(), format!("📤 Stored {name}, {bytes} bytes"));
        let again = send(&file, &address).end();
        assert!(
            again.stderr.starts_with(&format!("Error: there is a {name} already (ALREADY_EXISTS)\n")),
            "{}",
            again.stderr
        );
    }
    assert_eq!(folder.names(), ["a.bin", "empty"]);
}

#[test]
fn a_file_over_the_limit_is_refused_before_it_is_sent() {
    let folder = Folder::new("limit");
    let (_server, address) = folder.serve();
    let ended = send(&folder.file("large", 6_000_001), &address).end();
    let expected = "Error: the file has 6000001 bytes, this server takes 6000000 (RESOURCE_EXHAUSTED)\n";
    assert!(!ended.success && ended.stderr.starts_with(expected), "{}", ended.stderr);
    assert!(folder.names().is_empty());
}

#[test]
fn an_upload_goes_on_where_its_connection_broke() {
    const BYTES: usize = 3_000_000;
    let folder = Folder::new("resume");
    let (_server, address) = folder.serve();
    let file = folder.file("film.mp4", BYTES);
    let content = fs::read(&file).unwrap();
    let part = folder.stored().join(format!(".film.mp4.{}.part", hex(&Sha256::digest(&content))));
    let relay = cut_once(address, move || fs::metadata(&part).map_or(0, |metadata| metadata.len()), BYTES as u64 / 3);
    let ended = send(&file, &relay).end();
    assert!(ended.success, "{}", ended.stderr);
    assert!(ended.stderr.contains("trying again"), "{}", ended.stderr);
    let went_on = ended.stdout.lines().find_map(|line| line.strip_prefix("📨 Going on after ")).unwrap();
    let went_on: usize = went_on.strip_suffix(" bytes").unwrap().parse().unwrap();
    assert!((BYTES / 3..BYTES).contains(&went_on), "{went_on}");
    assert!(ended.stdout.lines().last().unwrap().starts_with("📬 Stored film.mp4, 3000000 bytes, "));
    assert_eq!(fs::read(folder.stored().join("film.mp4")).unwrap(), content);
    assert_eq!(folder.names(), ["film.mp4"]);
}

/// A relay to `server` that cuts its first connection once `stored()` is `limit` or more, and no other.
fn cut_once(server: String, stored: impl Fn() -> u64 + Send + 'static, limit: u64) -> String {
    /// How much may be on its way, so that the cut falls into the middle.
    const AHEAD_BYTES: u64 = 1 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let upstream = TcpStream::connect(&server).unwrap();
        back(&upstream, &client);
        let mut relayed = 0;
        let mut buffer = vec![0; 16 * 1024];
        while stored() < limit {
            if relayed > stored() + AHEAD_BYTES {
                thread::yield_now();
                continue;
            }
            let bytes = (&client).read(&mut buffer).unwrap();
            (&upstream).write_all(&buffer[..bytes]).unwrap();
            relayed += bytes as u64;
        }
        client.shutdown(Shutdown::Both).unwrap();
        upstream.shutdown(Shutdown::Both).unwrap();
        for client in listener.incoming() {
            let client = client.unwrap();
            let upstream = TcpStream::connect(&server).unwrap();
            back(&upstream, &client);
            thread::spawn(move || std::io::copy(&mut &client, &mut &upstream));
        }
    });
    address
}

/// Relays what the server says.
fn back(upstream: &TcpStream, client: &TcpStream) {
    let (mut upstream, mut client) = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut upstream, &mut client));
}

/// Sends a file by hand and returns how it failed.
async fn failure(upload: &UploadClient, file: File, data: &[&[u8]]) -> Status {
    let (mut parts, mut progress) = upload.put().await.unwrap();
    let parts_of = data.iter().map(|data| Part::default().with_data(data.to_vec()));
    parts.send(Part::default().with_file(file)).await.unwrap();
    // The call may end in the middle; the replies tell how.
    let _ = parts.send_all(parts_of).await;
    parts.finish();
    loop {
        match progress.next().await {
            Ok(step) => assert!(step.expect("it fails").stored.is_unset()),
            Err(status) => return status,
        }
    }
}

#[tokio::test]
async fn nothing_leads_out_of_the_folder_and_nothing_wrong_is_stored() {
    let folder = Folder::new("wrong");
    let (_server, address) = folder.serve();
    let upload = UploadClient::connect(format!("http://{address}")).await.unwrap();
    let right = File::default().with_size(4_u64).with_sha256(&Sha256::digest("data")[..]);
    for name in ["../x", "/etc/x", "a/b", "a\\b", "", ".", "..", ".hidden", "a\0b", "C:x", "naïve", &"x".repeat(101)] {
        let status = failure(&upload, right.clone().with_name(name), &[b"data"]).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{name:?}");
    }
    let named = right.with_name("x");
    // Each under a name of its own, since a part that arrived stays for the next try.
    for (file, data, code) in [
        (named.clone().with_name("x1"), [b"da".as_slice(), b"ta!"], Code::InvalidArgument),
        (named.clone().with_name("x2"), [b"da", b""], Code::InvalidArgument),
        (named.clone().with_sha256(vec![1; 31]), [b"da", b"ta"], Code::InvalidArgument),
        (named.clone().with_sha256(vec![1; 32]), [b"da", b"ta"], Code::DataLoss),
        (named.clone().with_size(u64::MAX), [b"da", b"ta"], Code::ResourceExhausted),
    ] {
        let status = failure(&upload, file, &data).await;
        assert_eq!(status.code(), code, "{status:?}");
    }
    let (mut parts, mut progress) = upload.put().await.unwrap();
    parts.send(Part::default().with_data("data")).await.unwrap();
    assert_eq!(progress.next().await.unwrap_err().message(), "the first part announces the file");
    assert!(
        folder.names().iter().all(|name| name.starts_with(".x") && name.ends_with(".part")),
        "{:?}",
        folder.names()
    );
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "only the folder itself");
}
