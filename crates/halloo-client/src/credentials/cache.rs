//! `TokenCache`: one token that all calls use, and one task at a time that fetches the next.
//!
//! ```text
//!  fetched ──────────▶ renew_at ──────────▶ wait_at ──────────▶ useless_at
//!   calls use it        they use it, and     they wait for       a failure to renew
//!                       one fetch begins     the fetch           fails them
//! ```

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use halloo_core::{Metadata, Status};
use tokio::sync::watch;

use crate::call::deadline::now;
use crate::failure::no_runtime;

/// How long a fetch may take.
const FETCH_LIMIT: Duration = Duration::from_secs(30);

/// How long a failure is remembered, so that calls that fail do not become a storm of fetches.
const FAILURE_KEPT: Duration = Duration::from_secs(1);

pub(super) type FetchFuture = Pin<Box<dyn Future<Output = Result<Held, Status>> + Send>>;

/// A token and until when it is good for what.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) metadata: Metadata,
    pub(super) renew_at: Instant,
    pub(super) wait_at: Instant,
    /// `None`: it is used until there is another.
    pub(super) useless_at: Option<Instant>,
}

pub(super) struct TokenCache {
    fetch: Box<dyn Fn() -> FetchFuture + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    failure: Option<(Status, Instant)>,
    fetching: Option<watch::Receiver<Option<Fetched>>>,
}

type Fetched = Result<Metadata, Status>;

/// Where a call's token comes from.
enum Found {
    Held(Metadata),
    Fetching(watch::Receiver<Option<Fetched>>),
}

impl TokenCache {
    pub(super) fn new(fetch: impl Fn() -> FetchFuture + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { fetch: Box::new(fetch), state: Mutex::default() })
    }

    /// The token. The fetch that it waits for goes on when the call is dropped, for the others and for the next.
    pub(super) async fn token(self: &Arc<Self>) -> Fetched {
        let mut fetching = match self.find()? {
            Found::Held(metadata) => return Ok(metadata),
            Found::Fetching(fetching) => fetching,
        };
        match fetching.wait_for(Option::is_some).await {
            Ok(fetched) => fetched.clone().unwrap_or_else(|| Err(abandoned())),
            Err(_) => Err(abandoned()),
        }
    }

    fn find(self: &Arc<Self>) -> Result<Found, Status> {
        let now = now();
        let mut state = self.lock();
        let failure = state.failure.as_ref().filter(|(_, until)| now < *until).map(|(status, _)| status.clone());
        match &state.held {
            Some(held) if now < held.renew_at => return Ok(Found::Held(held.metadata.clone())),
            Some(held) if now < held.wait_at || (failure.is_some() && held.is_good(now)) => {
                let metadata = held.metadata.clone();
                if failure.is_none() {
                    self.start_fetch(&mut state)?;
                }
                return Ok(Found::Held(metadata));
            }
            _ => {}
        }
        match failure {
            Some(failure) => Err(failure),
            None => self.start_fetch(&mut state).map(Found::Fetching),
        }
    }

    /// Joins the fetch that is under way, or begins one.
    fn start_fetch(self: &Arc<Self>, state: &mut State) -> Result<watch::Receiver<Option<Fetched>>, Status> {
        if let Some(fetching) = &state.fetching {
            return Ok(fetching.clone());
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return Err(no_runtime()) };
        let (sender, receiver) = watch::channel(None);
        state.fetching = Some(receiver.clone());
        runtime.spawn(Fetch { cache: Arc::clone(self), sender, is_over: false }.run());
        Ok(receiver)
    }

    /// Keeps what was fetched, and returns what the waiting calls get.
    fn keep(&self, fetched: Result<Held, Status>) -> Fetched {
        let now = now();
        let mut state = self.lock();
        state.fetching = None;
        match fetched {
            Ok(held) => {
                state.failure = None;
                let metadata = held.metadata.clone();
                state.held = Some(held);
                Ok(metadata)
            }
            Err(status) => {
                state.failure = Some((status.clone(), now + FAILURE_KEPT));
                match &state.held {
                    Some(held) if held.is_good(now) => {
                        tracing::warn!(%status, "a token could not be renewed; the one before is used");
                        Ok(held.metadata.clone())
                    }
                    _ => Err(status),
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn is_good(&self, now: Instant) -> bool {
        self.useless_at.is_none_or(|useless_at| now < useless_at)
    }
}

/// A fetch that is under way.
struct Fetch {
    cache: Arc<TokenCache>,
    sender: watch::Sender<Option<Fetched>>,
    is_over: bool,
}

impl Fetch {
    async fn run(mut self) {
        let fetched = match tokio::time::timeout(FETCH_LIMIT, (self.cache.fetch)()).await {
            Ok(fetched) => fetched,
            Err(_) => Err(Status::unavailable(format!("no token within {} s", FETCH_LIMIT.as_secs()))),
        };
        self.end(fetched);
    }

    fn end(&mut self, fetched: Result<Held, Status>) {
        self.is_over = true;
        self.sender.send_replace(Some(self.cache.keep(fetched)));
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        if !self.is_over {
            self.end(Err(abandoned()));
        }
    }
}

/// The fetch has panicked, or its runtime has ended.
fn abandoned() -> Status {
    Status::unavailable("the task that fetched a token has ended without one")
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("TokenCache")
            .field("has_token", &state.held.is_some())
            .field("is_fetching", &state.fetching.is_some())
            .finish_non_exhaustive()
    }
}
