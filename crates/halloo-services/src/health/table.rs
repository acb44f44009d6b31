//! How each service is, and who watches.
//!
//! One lock, held for as long as a look-up takes; wakers are neither woken nor dropped under it, since a task that ends
//! may be a watcher. A watcher keeps no queue: it reads the state when it is polled, so
//! that a slow one sees the latest and nothing else. What a server does with it is the server's business.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use halloo_core::Status;
use tracing::debug;

use super::messages::health_check_response::ServingStatus;
use super::messages::{HealthCheckResponse, HealthListResponse};
use crate::quoted;

/// Services that a list may hold; health.proto has the number.
const MAX_LISTED: usize = 100;

/// Bytes of a watched name: it is kept for as long as the client watches.
const MAX_WATCHED_NAME_BYTES: usize = 1024;

/// Says how a server and each of its services is. Clones share it; all methods may be called from anywhere.
///
/// A service is named in full, such as `greeter.Greeter`; the empty name stands for the server as a whole, which is
/// serving from the start. The states are independent of each other: nothing follows for the services from the
/// server's, and nothing the other way round. Names need not be those of services: a probe may ask for `ready`.
///
/// ```
/// # use halloo_services as halloo;
/// use halloo::health::{Health, ServingStatus};
///
/// let health = Health::default();
/// assert_eq!(health.status(""), Some(ServingStatus::SERVING));
/// health.set_not_serving("greeter.Greeter");
/// assert_eq!(health.status("greeter.Greeter"), Some(ServingStatus::NOT_SERVING));
/// ```
#[derive(Clone)]
pub struct Health {
    table: Arc<Mutex<Table>>,
}

struct Table {
    services: BTreeMap<String, ServingStatus>,
    watchers: HashMap<u64, Watcher>,
    next_watcher: u64,
    is_stopping: bool,
    /// Who waits until nobody watches.
    unwatched: Option<Waker>,
}

struct Watcher {
    service: String,
    waker: Option<Waker>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            table: Arc::new(Mutex::new(Table {
                services: BTreeMap::from([(String::new(), ServingStatus::SERVING)]),
                watchers: HashMap::new(),
                next_watcher: 0,
                is_stopping: false,
                unwatched: None,
            })),
        }
    }
}

impl Health {
    /// Says that `service` takes calls. Without effect once the server stops.
    pub fn set_serving(&self, service: impl AsRef<str>) {
        self.set(service.as_ref(), Some(ServingStatus::SERVING));
    }

    /// Says that `service` takes no calls, so that clients and load balancers go elsewhere. Calls that come
    /// nevertheless are served. Without effect once the server stops.
    pub fn set_not_serving(&self, service: impl AsRef<str>) {
        self.set(service.as_ref(), Some(ServingStatus::NOT_SERVING));
    }

    /// Forgets `service`: a check fails with NOT_FOUND, a watch says SERVICE_UNKNOWN. Without effect once the
    /// server stops.
    pub fn clear(&self, service: impl AsRef<str>) {
        self.set(service.as_ref(), None);
    }

    /// Returns how `service` is; `None` if nobody has said.
    #[must_use]
    pub fn status(&self, service: &str) -> Option<ServingStatus> {
        self.lock().services.get(service).copied()
    }

    /// Says that `services` take calls, except those of which something was said already. A server calls it with its
    /// own when it begins to serve.
    pub fn begin<'a>(&self, services: impl IntoIterator<Item = &'a str>) {
        for service in services {
            if self.status(service).is_none() {
                self.set_serving(service);
            }
        }
    }

    /// Says that nothing takes calls, for good, and ends every watch after that was told. A server calls it before
    /// it sends its clients away.
    pub fn stop(&self) {
        let mut table = self.lock();
        table.is_stopping = true;
        table.services.values_mut().for_each(|status| *status = ServingStatus::NOT_SERVING);
        let wakers: Vec<Waker> = table.watchers.values_mut().filter_map(|watcher| watcher.waker.take()).collect();
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Answers a check.
    ///
    /// # Errors
    /// NOT_FOUND if nothing was said of `service`.
    pub fn check(&self, service: &str) -> Result<HealthCheckResponse, Status> {
        let status = self.status(service);
        status.map(response).ok_or_else(|| Status::not_found(format!("unknown service {:?}", quoted(service))))
    }

    /// Answers a list.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED if there are more than 100 names, the server's own counted.
    pub fn list(&self) -> Result<HealthListResponse, Status> {
        let table = self.lock();
        let known = table.services.len();
        if known > MAX_LISTED {
            return Err(Status::resource_exhausted(format!(
                "{known} names are known, and a list holds {MAX_LISTED}: check those that matter"
            )));
        }
        let statuses = table.services.iter().map(|(service, status)| (service.clone(), response(*status))).collect();
        Ok(HealthListResponse { statuses, ..Default::default() })
    }

    /// Answers a watch.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if the name has more than 1024 bytes.
    pub fn watch(&self, service: impl Into<String>) -> Result<Watch, Status> {
        let service = service.into();
        if service.len() > MAX_WATCHED_NAME_BYTES {
            return Err(Status::invalid_argument(format!(
                "the name to watch has {} bytes; at most {MAX_WATCHED_NAME_BYTES} are allowed",
                service.len()
            )));
        }
        Ok(Watch { place: self.enter(service), said: None })
    }

    /// Returns a future that resolves when there is no [`Watch`]; for one waiter at a time.
    pub fn unwatched(&self) -> Unwatched {
        Unwatched { health: self.clone() }
    }

    fn set(&self, service: &str, status: Option<ServingStatus>) {
        let mut table = self.lock();
        if table.is_stopping {
            drop(table);
            debug!(service, ?status, "the server stops; its health does not change any more");
            return;
        }
        let before = match status {
            Some(status) => table.services.insert(service.to_owned(), status),
            None => table.services.remove(service),
        };
        if before == status {
            return;
        }
        let watching = table.watchers.values_mut().filter(|watcher| watcher.service == service);
        let wakers: Vec<Waker> = watching.filter_map(|watcher| watcher.waker.take()).collect();
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn enter(&self, service: String) -> WatcherSlot {
        let mut table = self.lock();
        let id = table.next_watcher;
        table.next_watcher += 1;
        table.watchers.insert(id, Watcher { service, waker: None });
        drop(table);
        WatcherSlot { health: self.clone(), id }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.lock();
        f.debug_struct("Health")
            .field("services", &table.services)
            .field("watchers", &table.watchers.len())
            .field("is_stopping", &table.is_stopping)
            .finish()
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse::default().with_status(status)
}

/// Follows one service.
#[derive(Debug)]
pub struct Watch {
    place: WatcherSlot,
    said: Option<ServingStatus>,
}

impl Watch {
    /// Waits until the state is another than the last one that was returned; the first is returned at once.
    /// SERVICE_UNKNOWN while nobody has said anything of the service. `None` once the server stops and the last state
    /// was returned.
    ///
    /// Cancel safe: dropped while it waits, no state is lost.
    pub async fn next(&mut self) -> Option<HealthCheckResponse> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<HealthCheckResponse>> {
        let mut table = self.place.health.lock();
        let Table { services, watchers, is_stopping, .. } = &mut *table;
        let Some(watcher) = watchers.get_mut(&self.place.id) else { return Poll::Ready(None) };
        let status = services.get(&watcher.service).copied().unwrap_or(ServingStatus::SERVICE_UNKNOWN);
        if self.said != Some(status) {
            self.said = Some(status);
            return Poll::Ready(Some(response(status)));
        }
        if *is_stopping {
            return Poll::Ready(None);
        }
        let before = watcher.waker.replace(cx.waker().clone());
        drop(table);
        drop(before);
        Poll::Pending
    }
}

/// Resolves when nobody watches.
#[derive(Debug)]
pub struct Unwatched {
    health: Health,
}

impl Future for Unwatched {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut table = self.health.lock();
        if table.watchers.is_empty() {
            return Poll::Ready(());
        }
        let before = table.unwatched.replace(cx.waker().clone());
        drop(table);
        drop(before);
        Poll::Pending
    }
}

/// A watcher's place in the table, given back when it is dropped.
struct WatcherSlot {
    health: Health,
    id: u64,
}

impl Drop for WatcherSlot {
    fn drop(&mut self) {
        let mut table = self.health.lock();
        let watcher = table.watchers.remove(&self.id);
        let waiting = if table.watchers.is_empty() { table.unwatched.take() } else { None };
        drop(table);
        drop(watcher);
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl fmt::Debug for WatcherSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)
    }
}
