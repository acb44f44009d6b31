//! When a server stops: SIGTERM or Ctrl-C by default, or a future of the user's.

use std::pin::Pin;

/// What tells a server to stop.
pub(crate) type StopSignal = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Resolves at SIGTERM or Ctrl-C (Unix), or Ctrl-C (elsewhere). A system that offers neither never stops.
///
/// On Unix it listens from the moment of the call, so that no signal is lost before the first poll.
#[cfg(unix)]
pub(crate) fn signals() -> StopSignal {
    use tokio::signal::unix::{SignalKind, signal};

    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    Box::pin(async {
        let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// See above.
#[cfg(not(unix))]
pub(crate) fn signals() -> StopSignal {
    Box::pin(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
