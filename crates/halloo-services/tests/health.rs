//! The table of health: states, watchers, limits, and the end. No runtime: futures are polled by hand.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use halloo_core::Code;
use halloo_services::health::{Health, ServingStatus, Watch};

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What `watch` says now; `None` if it waits.
fn poll(watch: &mut Watch, waker: &Waker) -> Option<Option<ServingStatus>> {
    match pin!(watch.next()).poll(&mut Context::from_waker(waker)) {
        Poll::Ready(response) => Some(response.map(|response| response.status.as_known().unwrap())),
        Poll::Pending => None,
    }
}

fn is_ready(future: impl Future) -> bool {
    pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn check(health: &Health, service: &str) -> Result<ServingStatus, Code> {
    health.check(service).map(|response| response.status.as_known().unwrap()).map_err(|status| status.code())
}

#[test]
fn the_server_serves_from_the_start_and_a_service_is_unknown_until_something_is_said() {
    let health = Health::default();
    assert_eq!(check(&health, ""), Ok(ServingStatus::SERVING));
    assert_eq!(check(&health, "a.A"), Err(Code::NotFound));
    health.set_serving("a.A");
    assert_eq!(check(&health, "a.A"), Ok(ServingStatus::SERVING));
    health.set_not_serving("a.A");
    assert_eq!(check(&health, "a.A"), Ok(ServingStatus::NOT_SERVING));
    assert_eq!(check(&health, ""), Ok(ServingStatus::SERVING));
    health.clear("a.A");
    assert_eq!(check(&health, "a.A"), Err(Code::NotFound));
}

#[test]
fn a_beginning_server_keeps_what_was_said_before() {
    let health = Health::default();
    health.set_not_serving("a.A");
    health.begin(["a.A", "b.B"]);
    assert_eq!(check(&health, "a.A"), Ok(ServingStatus::NOT_SERVING));
    assert_eq!(check(&health, "b.B"), Ok(ServingStatus::SERVING));
}

#[test]
fn a_watch_says_the_state_at_once_and_then_each_change() {
    let (health, bell) = (Health::default(), Arc::<Bell>::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut watch = health.watch("a.A").unwrap();
    assert_eq!(poll(&mut watch, &waker), Some(Some(ServingStatus::SERVICE_UNKNOWN)));
    assert_eq!(poll(&mut watch, &waker), None);
    health.set_serving("b.B");
    assert_eq!(bell.0.load(Ordering::Relaxed), 0, "other services are of no interest");
    health.set_serving("a.A");
    assert_eq!(bell.0.load(Ordering::Relaxed), 1);
    assert_eq!(poll(&mut watch, &waker), Some(Some(ServingStatus::SERVING)));
    assert_eq!(poll(&mut watch, &waker), None);
    health.set_serving("a.A");
    assert_eq!(bell.0.load(Ordering::Relaxed), 1, "nothing has changed");
    health.clear("a.A");
    assert_eq!(poll(&mut watch, &waker), Some(Some(ServingStatus::SERVICE_UNKNOWN)));
}

#[test]
fn a_slow_watcher_sees_the_latest_state_alone() {
    let health = Health::default();
    let mut watch = health.watch("").unwrap();
    assert_eq!(poll(&mut watch, Waker::noop()), Some(Some(ServingStatus::SERVING)));
    for _ in 0..1000 {
        health.set_not_serving("");
        health.set_serving("");
    }
    assert_eq!(poll(&mut watch, Waker::noop()), None, "it is as it was");
    health.set_not_serving("");
    assert_eq!(poll(&mut watch, Waker::noop()), Some(Some(ServingStatus::NOT_SERVING)));
    assert_eq!(poll(&mut watch, Waker::noop()), None);
}

#[test]
fn a_stop_is_told_ends_every_watch_and_is_for_good() {
    let (health, bell) = (Health::default(), Arc::<Bell>::default());
    let waker = Waker::from(Arc::clone(&bell));
    health.set_serving("a.A");
    let mut known = health.watch("a.A").unwrap();
    let mut unknown = health.watch("b.B").unwrap();
    assert_eq!(poll(&mut known, &waker), Some(Some(ServingStatus::SERVING)));
    assert_eq!(poll(&mut unknown, &waker), Some(Some(ServingStatus::SERVICE_UNKNOWN)));
    assert_eq!((poll(&mut known, &waker), poll(&mut unknown, &waker)), (None, None));
    health.stop();
    assert_eq!(bell.0.load(Ordering::Relaxed), 2);
    assert_eq!(poll(&mut known, &waker), Some(Some(ServingStatus::NOT_SERVING)));
    assert_eq!(poll(&mut known, &waker), Some(None));
    assert_eq!(poll(&mut unknown, &waker), Some(None));
    health.set_serving("a.A");
    health.clear("");
    assert_eq!(check(&health, "a.A"), Ok(ServingStatus::NOT_SERVING));
    assert_eq!(check(&health, ""), Ok(ServingStatus::NOT_SERVING));
    let mut late = health.watch("a.A").unwrap();
    assert_eq!(poll(&mut late, &waker), Some(Some(ServingStatus::NOT_SERVING)));
    assert_eq!(poll(&mut late, &waker), Some(None));
}

#[test]
fn it_is_known_when_nobody_watches() {
    let (health, bell) = (Health::default(), Arc::<Bell>::default());
    assert!(is_ready(health.unwatched()));
    let (first, second) = (health.watch("").unwrap(), health.watch("a.A").unwrap());
    let mut unwatched = health.unwatched();
    let waker = Waker::from(Arc::clone(&bell));
    assert!(pin!(&mut unwatched).poll(&mut Context::from_waker(&waker)).is_pending());
    drop(first);
    assert_eq!(bell.0.load(Ordering::Relaxed), 0);
    drop(second);
    assert_eq!(bell.0.load(Ordering::Relaxed), 1);
    assert!(is_ready(unwatched));
}

#[test]
fn a_list_has_all_names_up_to_a_hundred() {
    let health = Health::default();
    health.set_not_serving("a.A");
    let statuses = health.list().unwrap().statuses;
    assert_eq!(statuses.len(), 2);
    assert_eq!(statuses["a.A"].status, ServingStatus::NOT_SERVING);
    assert_eq!(statuses[""].status, ServingStatus::SERVING);
    for number in 2..100 {
        health.set_serving(number.to_string());
    }
    assert_eq!(health.list().unwrap().statuses.len(), 100);
    health.set_serving("one too many");
    assert_eq!(health.list().unwrap_err().code(), Code::ResourceExhausted);
}

#[test]
fn names_of_a_peer_are_bounded() {
    let health = Health::default();
    assert!(health.watch("x".repeat(1024)).is_ok());
    assert_eq!(health.watch("x".repeat(1025)).unwrap_err().code(), Code::InvalidArgument);
    let status = health.check(&"x".repeat(100_000)).unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().len() < 300, "{} bytes", status.message().len());
}
