//! `JwtKeys`: where the keys come from, and the set that is in use at the moment.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use halloo_core::Status;

use crate::key_file::KeyFile;
use crate::key_set::{JwtAlgorithm, KeySet};

/// Holds the keys that tokens are verified with.
///
/// Each key is for one algorithm; what a token says about its own algorithm only has to agree. Keys from a file are
/// read again when the file has changed: at most once in a minute ([`reload_every`](Self::reload_every)), and at once,
/// at most once a second, when a token names a key that is not known. A file that cannot be read any more leaves the
/// keys as they are, and the log warns.
///
/// ```
/// # mod halloo { pub mod jwt { pub use halloo_jwt::*; } pub use halloo_call::*; pub use halloo_core::*; }
/// use halloo::jwt::{JwtAlgorithm, JwtKeys};
///
/// let keys = JwtKeys::secret(JwtAlgorithm::Hs256, b"32 bytes that nobody else can know")?;
/// assert!(JwtKeys::secret(JwtAlgorithm::Hs256, b"short").is_err());
/// # Ok::<(), halloo::Status>(())
/// ```
pub struct JwtKeys {
    current: RwLock<Arc<KeySet>>,
    file: Option<KeyFile>,
}

impl JwtKeys {
    /// Verifies with a secret that the issuer signs with, too.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if the secret is shorter than the hash of the algorithm, or the algorithm needs a key pair.
    pub fn secret(algorithm: JwtAlgorithm, secret: impl AsRef<[u8]>) -> Result<Self, Status> {
        KeySet::secret(algorithm, secret.as_ref()).map(Self::fixed)
    }

    /// Verifies with one public key in PEM (`BEGIN PUBLIC KEY`; for RSA also `BEGIN RSA PUBLIC KEY`).
    ///
    /// # Errors
    /// INVALID_ARGUMENT if it is none, or one for another algorithm.
    pub fn pem(algorithm: JwtAlgorithm, pem: impl AsRef<[u8]>) -> Result<Self, Status> {
        KeySet::pem(algorithm, pem.as_ref()).map(Self::fixed)
    }

    /// Verifies with the public key in a PEM file, which is read again when it has changed.
    ///
    /// # Errors
    /// As [`pem`](Self::pem); NOT_FOUND or UNAVAILABLE if the file cannot be read.
    pub fn pem_file(algorithm: JwtAlgorithm, path: impl Into<PathBuf>) -> Result<Self, Status> {
        Self::in_file(path.into(), move |content| KeySet::pem(algorithm, content))
    }

    /// Verifies with the keys of a JWKS document (RFC 7517 section 5), 64 at most. A token chooses by its `kid`, or is
    /// tried with four keys of its algorithm at most. A key without `alg` is for RS256, ES256, ES384 or EdDSA, as its
    /// kind says. Encryption keys and kinds that are not known are left out; so are secrets, which do not belong there.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if it is no JWKS document, or has no key to verify with.
    pub fn jwks(document: impl AsRef<[u8]>) -> Result<Self, Status> {
        KeySet::jwks(document.as_ref()).map(Self::fixed)
    }

    /// Verifies with the keys of a file with a JWKS document, which is read again when it has changed.
    ///
    /// # Errors
    /// As [`jwks`](Self::jwks); NOT_FOUND or UNAVAILABLE if the file cannot be read.
    pub fn jwks_file(path: impl Into<PathBuf>) -> Result<Self, Status> {
        Self::in_file(path.into(), KeySet::jwks)
    }

    /// Sets after what time a file is looked at again. Default: 60 seconds. Without a file it has no effect.
    #[must_use]
    pub fn reload_every(mut self, interval: Duration) -> Self {
        if let Some(file) = &mut self.file {
            file.set_interval(interval);
        }
        self
    }

    fn fixed(set: KeySet) -> Self {
        Self { current: RwLock::new(Arc::new(set)), file: None }
    }

    fn in_file(
        path: PathBuf,
        parse: impl Fn(&[u8]) -> Result<KeySet, Status> + Send + Sync + 'static,
    ) -> Result<Self, Status> {
        let (file, set) = KeyFile::open(path, parse)?;
        Ok(Self { current: RwLock::new(Arc::new(set)), file: Some(file) })
    }

    /// The keys at the moment. If it is time, their file is looked at beside.
    pub(crate) fn current(self: &Arc<Self>) -> Arc<KeySet> {
        if let (Some(turn), Ok(runtime)) =
            (self.file.as_ref().and_then(KeyFile::turn_if_due), tokio::runtime::Handle::try_current())
        {
            let keys = Arc::clone(self);
            runtime.spawn(turn.read(move |set| keys.install(set)));
        }
        self.read()
    }

    /// The keys after another look at their file, unless that has just been.
    pub(crate) async fn reloaded(self: &Arc<Self>) -> Arc<KeySet> {
        if let Some(file) = &self.file
            && let Some(turn) = file.turn_for_unknown_key().await
        {
            let keys = Arc::clone(self);
            turn.read(move |set| keys.install(set)).await;
        }
        self.read()
    }

    fn install(&self, set: KeySet) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
    }

    fn read(&self) -> Arc<KeySet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for JwtKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtKeys").field("file", &self.file).finish_non_exhaustive()
    }
}
