//! `LoadBalancer`: owns a channel's subchannels and publishes the `Picker` that chooses one for each call.

mod pick_first;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use halloo_call::Call;
use halloo_core::Status;
use halloo_transport::Address;

use crate::failure::ConnectFailure;
use crate::state::ConnectivityState;

pub use pick_first::PickFirst;

/// Decides which addresses of a target are connected, and which of them each call takes.
///
/// Pure: called serially with the time; it acts through the [`Control`] that it is lent.
pub trait LoadBalancer: Send + 'static {
    /// The resolver has found the target's addresses. They replace those before; the list may be empty.
    fn handle_addresses(&mut self, now: Instant, addresses: Vec<Address>, control: &mut Control);

    /// The resolver found nothing. Addresses that are known stay good.
    fn handle_resolver_failure(&mut self, now: Instant, status: Status, control: &mut Control);

    /// The state of a subchannel has changed.
    fn handle_subchannel(&mut self, now: Instant, id: SubchannelId, update: SubchannelUpdate, control: &mut Control);

    /// A call came, or somebody waits for the channel, while it was IDLE: connect.
    fn exit_idle(&mut self, now: Instant, control: &mut Control);

    /// The time of [`poll_timeout`](Self::poll_timeout) has come. The default does nothing.
    fn handle_timeout(&mut self, now: Instant, control: &mut Control) {
        let _ = (now, control);
    }

    /// When it wants [`handle_timeout`](Self::handle_timeout). The default is never.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// Chooses a subchannel for a call. Immutable: any number of calls ask at the same time, so it has to be quick.
pub trait Picker: Send + Sync + 'static {
    /// Where `call` goes.
    fn pick(&self, call: &Call) -> Pick;
}

/// Where a call goes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Pick {
    /// To this subchannel. If it is not connected any more, the call waits for the next picker.
    Subchannel(SubchannelId),
    /// Nowhere yet: it waits for the next picker, or for its deadline.
    Queue,
    /// It fails, or waits for the next picker if it waits for ready.
    Fail(Status),
}

/// Names a subchannel of one channel; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubchannelId(u64);

/// What has become of a subchannel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SubchannelUpdate {
    /// Its connection has ended, or its back-off is over: it can be connected.
    Idle,
    /// An attempt has begun.
    Connecting,
    /// It is connected.
    Ready,
    /// The attempt has failed; IDLE follows when its back-off is over.
    Failed(ConnectFailure),
}

/// How a balancer acts on its channel. What it asks for happens after it has returned.
#[derive(Debug)]
pub struct Control {
    target: String,
    next_id: u64,
    commands: VecDeque<Command>,
}

pub(crate) enum Command {
    Create(SubchannelId, Address),
    Connect(SubchannelId),
    Remove(SubchannelId),
    Publish(ConnectivityState, Arc<dyn Picker>),
    RequestAddresses,
}

impl Control {
    pub(crate) fn new(target: impl Into<String>) -> Self {
        Self { target: target.into(), next_id: 0, commands: VecDeque::new() }
    }

    /// Makes a subchannel, IDLE at first.
    pub fn create(&mut self, address: Address) -> SubchannelId {
        let id = SubchannelId(self.next_id);
        self.next_id += 1;
        self.commands.push_back(Command::Create(id, address));
        id
    }

    /// Connects an IDLE subchannel. In any other state nothing happens.
    pub fn connect(&mut self, id: SubchannelId) {
        self.commands.push_back(Command::Connect(id));
    }

    /// Drops a subchannel. Its connection takes no more calls and ends when the running ones have; no update of
    /// it follows.
    pub fn remove(&mut self, id: SubchannelId) {
        self.commands.push_back(Command::Remove(id));
    }

    /// Publishes the channel's state and the picker of the calls from this moment on.
    pub fn publish(&mut self, state: ConnectivityState, picker: Arc<dyn Picker>) {
        self.commands.push_back(Command::Publish(state, picker));
    }

    /// Asks the resolver for addresses again.
    pub fn request_addresses(&mut self) {
        self.commands.push_back(Command::RequestAddresses);
    }

    /// The status of calls while no address can be reached: it names the target and each failure.
    #[must_use]
    pub fn unreachable(&self, failures: &[ConnectFailure]) -> Status {
        ConnectFailure::status(&self.target, failures)
    }

    pub(crate) fn next_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }
}

/// Lets every call wait.
#[derive(Debug)]
pub(crate) struct Wait;

impl Picker for Wait {
    fn pick(&self, _call: &Call) -> Pick {
        Pick::Queue
    }
}

/// Fails every call.
#[derive(Debug)]
pub(crate) struct Fail(pub(crate) Status);

impl Picker for Fail {
    fn pick(&self, _call: &Call) -> Pick {
        Pick::Fail(self.0.clone())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(id, address) => write!(f, "create {} {address}", id.0),
            Self::Connect(id) => write!(f, "connect {}", id.0),
            Self::Remove(id) => write!(f, "remove {}", id.0),
            Self::Publish(state, _) => write!(f, "publish {state}"),
            Self::RequestAddresses => f.write_str("request addresses"),
        }
    }
}
