//! Files that are taken in parts, acknowledged, checked, and gone on with after a broken connection.
//!
//! What has arrived of a file lies in `.NAME.CHECKSUM.part` until all of it is there and its checksum is right; then it is
//! renamed. So there is never half a file under its name, and only the same file goes on where another try stopped.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use halloo::{MessageReceiver, MessageSender, Status};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

halloo::include_proto!("upload");

use part::Content;

/// What one part carries, at best: large enough to be fast, small enough for progress that moves.
pub const PART_BYTES: usize = 64 * 1024;

const MAX_NAME_BYTES: usize = 100;

/// A folder that takes files.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    max_file_bytes: u64,
    /// Names that a call is writing to.
    busy: Mutex<HashSet<String>>,
}

impl Store {
    /// Takes files of up to `max_file_bytes` into `folder`, which exists.
    pub fn new(folder: impl Into<PathBuf>, max_file_bytes: u64) -> Self {
        Self { folder: folder.into(), max_file_bytes, busy: Mutex::default() }
    }
}

impl Upload for Store {
    async fn put(
        &self,
        mut parts: MessageReceiver<Part>,
        progress: &mut MessageSender<Progress>,
    ) -> Result<(), Status> {
        let Some(Content::File(file)) = parts.next().await?.and_then(|part| part.content) else {
            return Err(Status::invalid_argument("the first part announces the file"));
        };
        let mut incoming = self.open(*file).await?;
        println!("📩 Receiving {}, {} of {} bytes are here", incoming.file.name, incoming.received, incoming.file.size);
        progress.send(Progress::default().with_received(incoming.received)).await?;
        while let Some(part) = parts.next().await? {
            let Some(Content::Data(data)) = part.content else {
                return Err(Status::invalid_argument("what follows the announcement is data"));
            };
            incoming.write(&data).await?;
            progress.send(Progress::default().with_received(incoming.received)).await?;
        }
        let stored = incoming.store().await?;
        println!("📤 Stored {}, {} bytes", stored.name, stored.size);
        progress.send(Progress::default().with_received(stored.size).with_stored(stored)).await
    }
}

impl Store {
    async fn open(&self, file: File) -> Result<Incoming<'_>, Status> {
        check_name(&file.name)?;
        if file.size > self.max_file_bytes {
            let (size, limit) = (file.size, self.max_file_bytes);
            return Err(Status::resource_exhausted(format!("the file has {size} bytes, this server takes {limit}")));
        }
        if file.sha256.len() != 32 {
            return Err(Status::invalid_argument("sha256 is 32 bytes"));
        }
        if !self.busy().insert(file.name.clone()) {
            return Err(Status::aborted(format!("{} is being uploaded at this moment", file.name)));
        }
        let turn = Turn { store: self, name: file.name.clone() };
        let path = self.folder.join(&file.name);
        if tokio::fs::try_exists(&path).await.map_err(disk_fault)? {
            return Err(Status::already_exists(format!("there is a {} already", file.name)));
        }
        let part_path = self.folder.join(format!(".{}.{}.part", file.name, hex(&file.sha256)));
        let mut incoming = Incoming {
            disk: tokio::fs::File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&part_path)
                .await
                .map_err(disk_fault)?,
            sha256: Sha256::new(),
            received: 0,
            paths: (part_path, path),
            file,
            _turn: turn,
        };
        incoming.take_up().await.map_err(disk_fault)?;
        Ok(incoming)
    }

    fn busy(&self) -> MutexGuard<'_, HashSet<String>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's right to a name, until it is dropped.
struct Turn<'s> {
    store: &'s Store,
    name: String,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.store.busy().remove(&self.name);
    }
}

/// A file of which a part is here. Dropped before it is stored, it leaves that part for another try.
struct Incoming<'s> {
    file: File,
    disk: tokio::fs::File,
    sha256: Sha256,
    received: u64,
    /// While it arrives, and when it is stored.
    paths: (PathBuf, PathBuf),
    _turn: Turn<'s>,
}

impl Incoming<'_> {
    /// Reads what an earlier try has left.
    async fn take_up(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; PART_BYTES];
        loop {
            let bytes = self.disk.read(&mut buffer).await?;
            if bytes == 0 {
                return Ok(());
            }
            self.sha256.update(&buffer[..bytes]);
            self.received += bytes as u64;
        }
    }

    async fn write(&mut self, data: &[u8]) -> Result<(), Status> {
        let received = self.received + data.len() as u64;
        if received > self.file.size {
            return Err(Status::invalid_argument(format!("more data than the {} bytes announced", self.file.size)));
        }
        self.disk.write_all(data).await.map_err(disk_fault)?;
        // tokio writes behind; what is acknowledged shall be written.
        self.disk.flush().await.map_err(disk_fault)?;
        self.sha256.update(data);
        self.received = received;
        Ok(())
    }

    async fn store(self) -> Result<File, Status> {
        let Self { file, disk, sha256, received, paths: (part_path, path), _turn } = self;
        if received < file.size {
            return Err(Status::invalid_argument(format!("the data ended after {received} of {} bytes", file.size)));
        }
        if sha256.finalize()[..] != file.sha256[..] {
            tokio::fs::remove_file(&part_path).await.map_err(disk_fault)?;
            return Err(Status::data_loss(format!("{} arrived with another sha256 than announced", file.name)));
        }
        disk.sync_all().await.map_err(disk_fault)?;
        tokio::fs::rename(&part_path, &path).await.map_err(disk_fault)?;
        Ok(file)
    }
}

/// Lets through what names a file in this folder on every system, and nothing that leads out of it.
fn check_name(name: &str) -> Result<(), Status> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let begins_plainly = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins_plainly && name.len() <= MAX_NAME_BYTES && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(Status::invalid_argument(format!(
        "{name:?} is no name for a file here: 1 to {MAX_NAME_BYTES} of a-z, A-Z, 0-9, and (not first) . - _"
    )))
}

/// Keeps paths and the system's words in this server's log; the client has no use for them.
fn disk_fault(error: io::Error) -> Status {
    eprintln!("cannot store a file: {error}");
    Status::internal("the server cannot store the file")
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
