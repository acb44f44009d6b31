//! How handles elsewhere speak to a connection's task: one typed queue, and a waker a call that posts to it.
//!
//! The task drains the whole queue at every turn, so a burst of posts costs one wake-up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use crate::client::places::Places;

/// What a connection's task can be told; `S` starts a call (clients only).
#[derive(Debug)]
pub(crate) enum Mail<S> {
    /// A call has something new to look at.
    Call(u32),
    /// Start a call.
    Start(S),
    /// Take no more calls, end when the running ones have.
    Shutdown,
    /// End at once, cancelling what runs.
    Close,
}

#[derive(Debug)]
pub(crate) struct Mailbox<S> {
    state: Mutex<State<S>>,
}

#[derive(Debug)]
struct State<S> {
    mail: Vec<Mail<S>>,
    task: Option<Waker>,
    closed: bool,
    /// For starts; a server has none.
    places: Places,
}

impl<S> Mailbox<S> {
    pub(crate) fn new() -> Arc<Self> {
        Self::with(Places::unlimited())
    }

    /// Makes one that takes as many starts as there are places.
    pub(crate) fn with(places: Places) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { mail: Vec::new(), task: None, closed: false, places }) })
    }

    /// Posts `mail`; gives it back if the connection has ended.
    pub(crate) fn post(&self, mail: Mail<S>) -> Result<(), Mail<S>> {
        let state = self.lock();
        if state.closed {
            return Err(mail);
        }
        deliver(state, mail);
        Ok(())
    }

    /// Posts the start of a call; gives it back if there is no place for it.
    pub(crate) fn start(&self, start: S) -> Result<(), S> {
        let mut state = self.lock();
        if !state.places.enter() {
            return Err(start);
        }
        deliver(state, Mail::Start(start));
        Ok(())
    }

    /// Posts the start of a call that has [reserved](Places::reserve) its place; gives it back if no call starts any
    /// more.
    pub(crate) fn start_reserved(&self, start: S) -> Result<(), S> {
        let state = self.lock();
        if state.places.is_shut() {
            return Err(start);
        }
        deliver(state, Mail::Start(start));
        Ok(())
    }

    /// Takes and gives places; see [`Places`].
    pub(crate) fn places<T>(&self, with: impl FnOnce(&mut Places) -> T) -> T {
        with(&mut self.lock().places)
    }

    /// Moves all mail into `into`; if there was none, the task is woken by the next.
    pub(crate) fn drain(&self, into: &mut Vec<Mail<S>>, cx: &Context<'_>) {
        self.lock().drain(into, cx);
    }

    /// As [`drain`](Self::drain), and frees places; `true`: those who wait can have some.
    pub(crate) fn drain_and_free(&self, into: &mut Vec<Mail<S>>, cx: &Context<'_>, places: i64) -> bool {
        let mut state = self.lock();
        state.drain(into, cx);
        state.places.free(places)
    }

    /// Refuses mail from now on and returns what was left.
    pub(crate) fn close(&self) -> Vec<Mail<S>> {
        let mut state = self.lock();
        state.closed = true;
        state.places.shut();
        state.task = None;
        std::mem::take(&mut state.mail)
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> State<S> {
    #[inline]
    fn drain(&mut self, into: &mut Vec<Mail<S>>, cx: &Context<'_>) {
        if self.mail.is_empty() {
            if !self.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
                self.task = Some(cx.waker().clone());
            }
        } else {
            std::mem::swap(&mut self.mail, into);
        }
    }
}

#[inline]
fn deliver<S>(mut state: MutexGuard<'_, State<S>>, mail: Mail<S>) {
    state.mail.push(mail);
    let task = state.task.take();
    drop(state);
    if let Some(task) = task {
        task.wake();
    }
}

/// The waker of one call: posts the call's key to its connection, once until the connection has looked.
#[derive(Debug)]
pub(crate) struct CallWaker<S> {
    mailbox: Arc<Mailbox<S>>,
    key: u32,
    posted: AtomicBool,
    handler_ended: AtomicBool,
}

impl<S> CallWaker<S> {
    pub(crate) fn new(mailbox: &Arc<Mailbox<S>>, key: u32) -> Arc<Self> {
        Arc::new(Self {
            mailbox: Arc::clone(mailbox),
            key,
            posted: AtomicBool::new(false),
            handler_ended: AtomicBool::new(false),
        })
    }

    /// To be called before the connection looks at the call, so that nothing after it is missed.
    pub(crate) fn rearm(&self) {
        self.posted.swap(false, Ordering::AcqRel);
    }

    /// Says that the call's handler no longer runs.
    pub(crate) fn handler_ended(&self) {
        self.handler_ended.store(true, Ordering::Release);
        self.post();
    }

    pub(crate) fn has_handler_ended(&self) -> bool {
        self.handler_ended.load(Ordering::Acquire)
    }

    fn post(&self) {
        if !self.posted.swap(true, Ordering::AcqRel) {
            // A connection that has ended has no use for the news.
            let _ = self.mailbox.post(Mail::Call(self.key));
        }
    }
}

impl<S: Send + 'static> Wake for CallWaker<S> {
    fn wake(self: Arc<Self>) {
        self.post();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.post();
    }
}
