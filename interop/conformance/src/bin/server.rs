//! What connectconformance's clients call: it is told on stdin how to serve, says on stdout where, and serves until SIGTERM.

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    halloo_interop_conformance::serve().await
}
