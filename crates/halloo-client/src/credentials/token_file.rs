//! `TokenFile`: a token that somebody else keeps fresh in a file, as Kubernetes does.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use halloo_core::{Metadata, Status};

use super::bearer::bearer_metadata;
use super::cache::{Held, TokenCache};
use super::call_credentials::{CallCredentials, CredentialRequest, CredentialsFuture};
use crate::call::deadline::now;

/// How old the content of a token file may be. Kubernetes renews a token when a fifth of its life is left, which is
/// two minutes at least.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// Larger ones would not fit into a request.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Sends the content of a file as a bearer token, for example a projected service account token of Kubernetes.
///
/// The file is read for the first call, and again for the first call after an interval; calls that come meanwhile wait
/// for that one reading. White space around the token is dropped. If the file cannot be read any more, its last
/// content is used and the log warns; while it never could, calls fail with UNAVAILABLE, which is remembered for a
/// second. A clone shares what was read.
///
/// ```
/// use halloo::Channel;
/// use halloo::credentials::TokenFile;
///
/// let token = TokenFile::new("/var/run/secrets/tokens/greeter");
/// let channel = Channel::builder("unix:greeter.sock").credentials(token).build()?;
/// # Ok::<(), halloo::Error>(())
/// ```
#[derive(Clone)]
pub struct TokenFile {
    path: Arc<Path>,
    cache: Arc<TokenCache>,
}

impl TokenFile {
    /// Makes credentials of the file at `path`, without reading it yet. It is read again after 60 seconds.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::read_every(path, DEFAULT_INTERVAL)
    }

    /// Makes credentials of the file at `path`, which is read again after `interval`.
    pub fn read_every(path: impl Into<PathBuf>, interval: Duration) -> Self {
        let path: Arc<Path> = path.into().into();
        let cache = TokenCache::new({
            let path = Arc::clone(&path);
            move || {
                let path = Arc::clone(&path);
                Box::pin(async move {
                    let metadata = tokio::task::spawn_blocking(move || read(&path))
                        .await
                        .unwrap_or_else(|_| Err(Status::unavailable("the runtime ends, no token file is read")))?;
                    let due = now().checked_add(interval).unwrap_or_else(|| now() + DEFAULT_INTERVAL);
                    Ok(Held { metadata, renew_at: due, wait_at: due, useless_at: None })
                })
            }
        });
        Self { path, cache }
    }
}

impl CallCredentials for TokenFile {
    fn metadata(&self, _request: CredentialRequest) -> CredentialsFuture<'_> {
        Box::pin(self.cache.token())
    }
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFile").field("path", &self.path).finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<Metadata, Status> {
    let shown = path.display();
    let mut content = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut content));
    let length = match read {
        Ok(length) => length as u64,
        Err(error) => {
            return Err(Status::unavailable(format!("cannot read the token file {shown}: {error}")).caused_by(error));
        }
    };
    if length > MAX_FILE_BYTES {
        return Err(Status::unavailable(format!("the token file {shown} is over {MAX_FILE_BYTES} bytes")));
    }
    match content.trim() {
        "" => Err(Status::unavailable(format!("the token file {shown} is empty"))),
        token => bearer_metadata(token).map_err(|error| {
            Status::unavailable(format!("the token file {shown} holds more than one line of printable ASCII"))
                .caused_by(error)
        }),
    }
}
