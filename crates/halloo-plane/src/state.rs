//! `ConnectivityState`: the five states of a channel or subchannel, as gRPC names them.

use std::fmt;

/// Says how a channel, or one address of it, is connected (gRPC's connectivity semantics).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectivityState {
    /// Not connected and not trying; the next call connects.
    Idle,
    /// Resolving a name, opening a socket or waiting for the peer's first words. Calls wait.
    Connecting,
    /// Connected. Calls leave at once.
    Ready,
    /// The last attempts failed; another follows after a back-off. Calls fail with UNAVAILABLE.
    TransientFailure,
    /// The channel is gone.
    Shutdown,
}

impl ConnectivityState {
    /// Returns the name in the specification's spelling, for example `TRANSIENT_FAILURE`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "IDLE",
            Self::Connecting => "CONNECTING",
            Self::Ready => "READY",
            Self::TransientFailure => "TRANSIENT_FAILURE",
            Self::Shutdown => "SHUTDOWN",
        }
    }
}

impl fmt::Display for ConnectivityState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
