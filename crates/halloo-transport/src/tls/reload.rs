//! A configuration of TLS that follows its files: read again when a handshake begins, built again when they differ.
//!
//! Nothing watches and no timer runs: a server that nobody connects to does nothing. Connections keep what they
//! began with.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use halloo_core::Status;

use super::material::{Pem, PemText};

/// How long what was read counts as fresh, unless its owner says otherwise.
pub(super) const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);

/// What a configuration is built of.
pub(super) trait Material: fmt::Debug + Send + Sync + 'static {
    type Config: Send + Sync + 'static;

    /// Where it comes from.
    fn pems(&self) -> Vec<&Pem>;

    /// Builds it; `contents` are what the places hold, in their order.
    fn build(&self, contents: &[PemText]) -> Result<Self::Config, Status>;
}

/// What the places of `material` hold, in their order.
pub(super) fn read(material: &impl Material) -> Result<Vec<PemText>, Status> {
    material.pems().into_iter().map(Pem::read).collect()
}

/// Tells whether contents are the same as others.
fn print_of(contents: &[PemText]) -> u64 {
    let mut hasher = DefaultHasher::new();
    contents.hash(&mut hasher);
    hasher.finish()
}

/// Where a handshake finds its configuration.
pub(super) enum Configurations<M: Material> {
    Fixed(Arc<M::Config>),
    Files(Reloading<M>),
}

impl<M: Material> Configurations<M> {
    /// See [`Reloading::current`].
    pub(super) async fn current(&self) -> Result<Arc<M::Config>, Status> {
        match self {
            Self::Fixed(config) => Ok(Arc::clone(config)),
            Self::Files(files) => files.current().await,
        }
    }
}

/// The configuration as the files have it.
pub(super) struct Reloading<M: Material> {
    material: Arc<M>,
    interval: Duration,
    state: Mutex<State<M::Config>>,
    /// Held by whoever reads the files.
    reading: tokio::sync::Mutex<()>,
}

struct State<C> {
    current: Option<Arc<C>>,
    /// Of the contents that were tried last, whether they were good or not.
    tried: Option<u64>,
    /// The last reason for not taking what the files hold.
    complaint: Option<String>,
    read_at: Option<Instant>,
}

impl<M: Material> Reloading<M> {
    /// Begins with what was built of `contents`, if there are any; else with what the first handshake finds.
    pub(super) fn new(material: M, contents: Option<&[PemText]>, interval: Duration) -> Self {
        let built = contents.and_then(|contents| Some((Arc::new(material.build(contents).ok()?), print_of(contents))));
        let (current, tried) = built.unzip();
        let state = State { current, tried, complaint: None, read_at: None };
        Self {
            material: Arc::new(material),
            interval,
            state: Mutex::new(state),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// What a handshake that begins at this moment uses. While one reads the files, others go on with what there is.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// Only while there never was a good one: what is wrong with the files.
    pub(super) async fn current(&self) -> Result<Arc<M::Config>, Status> {
        let fresh = self.fresh();
        let (current, reading) = match fresh {
            Fresh::Yes(current) => return Ok(current),
            Fresh::No(current) => match self.reading.try_lock() {
                Ok(reading) => (Some(current), reading),
                Err(_) => return Ok(current),
            },
            Fresh::Nothing => (None, self.reading.lock().await),
        };
        if let (None, Fresh::Yes(current) | Fresh::No(current)) = (&current, self.fresh()) {
            return Ok(current);
        }
        let (material, tried) = (Arc::clone(&self.material), self.lock().tried);
        let loaded = tokio::task::spawn_blocking(move || load(&*material, tried)).await;
        let loaded = loaded.unwrap_or_else(|error| Err((None, Status::internal(format!("reading failed: {error}")))));
        let result = self.take(loaded);
        drop(reading);
        result
    }

    fn fresh(&self) -> Fresh<M::Config> {
        let state = self.lock();
        let Some(current) = &state.current else { return Fresh::Nothing };
        let never = !self.material.pems().into_iter().any(Pem::is_file);
        let recently = state.read_at.is_some_and(|at| at.elapsed() < self.interval);
        if never || recently { Fresh::Yes(Arc::clone(current)) } else { Fresh::No(Arc::clone(current)) }
    }

    fn take(&self, loaded: Loaded<M::Config>) -> Result<Arc<M::Config>, Status> {
        let mut state = self.lock();
        state.read_at = Some(Instant::now());
        match loaded {
            Ok(None) => state.complaint = None,
            Ok(Some((config, print))) => {
                if state.current.is_some() {
                    tracing::info!(from = ?self.material, "TLS goes on with what its files hold now");
                }
                *state = State {
                    current: Some(Arc::new(config)),
                    tried: Some(print),
                    complaint: None,
                    read_at: state.read_at,
                };
            }
            Err((print, status)) => {
                let Some(current) = state.current.clone() else { return Err(status) };
                state.tried = print.or(state.tried);
                let complaint = status.message().to_owned();
                if state.complaint.as_ref() != Some(&complaint) {
                    tracing::warn!(
                        reason = complaint,
                        "TLS keeps its certificates, because the new ones cannot be used"
                    );
                    state.complaint = Some(complaint);
                }
                return Ok(current);
            }
        }
        state.current.clone().ok_or_else(|| Status::internal("the files of TLS were never good"))
    }

    fn lock(&self) -> MutexGuard<'_, State<M::Config>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Fresh<C> {
    Yes(Arc<C>),
    No(Arc<C>),
    Nothing,
}

/// A new configuration and the print of its contents; `None` if they are those that were tried last.
type Loaded<C> = Result<Option<(C, u64)>, (Option<u64>, Status)>;

fn load<M: Material>(material: &M, tried: Option<u64>) -> Loaded<M::Config> {
    let contents = read(material).map_err(|status| (None, status))?;
    let print = print_of(&contents);
    if tried == Some(print) {
        return Ok(None);
    }
    let config = material.build(&contents).map_err(|status| (Some(print), status))?;
    Ok(Some((config, print)))
}

impl<M: Material> fmt::Debug for Reloading<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading").field("material", &self.material).finish_non_exhaustive()
    }
}
