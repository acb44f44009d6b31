//! `KeyFile`: a file with keys, and whose turn it is to look whether it has changed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use halloo_core::Status;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use crate::key_set::{KeySet, unusable};

const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// How often tokens with unknown key ids, which anybody can send, may cause the file to be read.
const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(1);

const MAX_FILE_BYTES: u64 = 1024 * 1024;

type Parse = dyn Fn(&[u8]) -> Result<KeySet, Status> + Send + Sync;

pub(crate) struct KeyFile {
    path: Arc<Path>,
    parse: Arc<Parse>,
    interval: Duration,
    seen: Arc<Mutex<Seen>>,
}

/// What was in the file, and when.
struct Seen {
    content: Vec<u8>,
    at: Instant,
}

/// The right to read the file; nobody else does meanwhile.
pub(crate) struct Turn {
    path: Arc<Path>,
    parse: Arc<Parse>,
    seen: OwnedMutexGuard<Seen>,
}

impl KeyFile {
    pub(crate) fn open(
        path: PathBuf,
        parse: impl Fn(&[u8]) -> Result<KeySet, Status> + Send + Sync + 'static,
    ) -> Result<(Self, KeySet), Status> {
        let content = read(&path).map_err(|error| {
            let text = format!("cannot read the keys in {}: {error}", path.display());
            let status = match error.kind() {
                io::ErrorKind::NotFound => Status::not_found(text),
                _ => Status::unavailable(text),
            };
            status.caused_by(error)
        })?;
        let set = parse(&content).map_err(|why| unusable(format!("{}: {}", path.display(), why.message())))?;
        let seen = Arc::new(Mutex::new(Seen { content, at: Instant::now() }));
        Ok((Self { path: path.into(), parse: Arc::new(parse), interval: DEFAULT_INTERVAL, seen }, set))
    }

    pub(crate) fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// The turn, if the time has come and nobody has it.
    pub(crate) fn turn_if_due(&self) -> Option<Turn> {
        let seen = Arc::clone(&self.seen).try_lock_owned().ok()?;
        self.turn(seen, self.interval)
    }

    /// The turn, once nobody else has it, unless the file has just been read. Cancel safe.
    pub(crate) async fn turn_for_unknown_key(&self) -> Option<Turn> {
        let seen = Arc::clone(&self.seen).lock_owned().await;
        self.turn(seen, UNKNOWN_KEY_INTERVAL.min(self.interval))
    }

    fn turn(&self, seen: OwnedMutexGuard<Seen>, after: Duration) -> Option<Turn> {
        let is_due = seen.at.elapsed() >= after;
        is_due.then(|| Turn { path: Arc::clone(&self.path), parse: Arc::clone(&self.parse), seen })
    }
}

impl Turn {
    /// Gives the keys to `install` if the file has changed and has some. Otherwise the log says why it has none. Goes
    /// on when it is dropped.
    pub(crate) async fn read(self, install: impl FnOnce(KeySet) + Send + 'static) {
        let Self { path, parse, mut seen } = self;
        let reading = tokio::task::spawn_blocking(move || {
            seen.at = Instant::now();
            let content = match read(&path) {
                Ok(content) if content == seen.content => return,
                Ok(content) => content,
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "cannot read the keys again; the old ones stay");
                    return;
                }
            };
            let set = parse(&content);
            seen.content = content;
            match set {
                Ok(set) => {
                    tracing::info!(path = %path.display(), "the keys have changed");
                    install(set);
                }
                Err(why) => {
                    let why = why.message();
                    tracing::warn!(path = %path.display(), why, "the keys have changed and cannot be used; the old ones stay");
                }
            }
        });
        // It does not panic, and a runtime that ends needs no keys.
        let _ = reading.await;
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!("it is over {MAX_FILE_BYTES} bytes")));
    }
    Ok(content)
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("path", &self.path).field("interval", &self.interval).finish_non_exhaustive()
    }
}
