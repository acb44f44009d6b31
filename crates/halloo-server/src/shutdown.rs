//! When a server stops: SIGTERM or Ctrl-C by default, or a future of the user's.

use std::pin::Pin;

/// What tells a server to stop.
pub(crate) type StopSignal = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Resolves at SIGTERM or Ctrl-C (Unix), or Ctrl-C (elsewhere). A system that offers neither never stops.
pub(crate) fn signals() -> StopSignal {
    Box::pin(async {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};

            let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
            tokio::select! {
                _ = terminate.recv() => {}
                result = tokio::signal::ctrl_c() => if result.is_err() { std::future::pending().await },
            }
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
