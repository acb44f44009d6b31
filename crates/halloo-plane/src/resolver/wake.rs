//! `Wake`: how a resolver says that it has news nobody has asked for.

use std::fmt;
use std::sync::Arc;

/// Tells a channel that its resolver has news, from any thread at any time. Clones tell the same channel.
///
/// A channel that is gone hears nothing. One that was told several times before it came to ask asks once.
#[derive(Clone)]
pub struct Wake(Arc<dyn Fn() + Send + Sync>);

impl Wake {
    /// Makes a handle of what brings the channel to ask its resolver. That has to be quick, and takes no lock of the
    /// resolver's.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(wake))
    }

    /// Lets the channel call [`poll_event`](crate::Resolver::poll_event) soon.
    pub fn wake(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wake").finish_non_exhaustive()
    }
}
