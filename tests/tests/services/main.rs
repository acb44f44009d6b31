//! The standard services: health, reflection, and what a server says of both when it stops.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[allow(dead_code, reason = "the attacks use all of it")]
#[path = "../attacks/raw.rs"]
mod raw;
#[path = "../support/mod.rs"]
mod support;

mod health;
mod reflection;
mod shutdown;

use halloo::health::Health;
use halloo::interceptor::{Call, Interceptor, Next, Outcome};
use halloo::{Channel, Router, Status};
use halloo_tests::PostServer;
use support::office::Office;
use support::rig::{Rig, Setup, Transport};

/// The channel of a client of `rig`, in another way than its own.
async fn channel(rig: &Rig) -> Channel {
    Channel::connect(&rig.target).await.unwrap()
}

/// A post office in this process, with health and reflection.
fn in_process(health: &Health) -> Channel {
    Channel::in_process(Router::new(PostServer::new(Office::default())).health(health).reflection(true))
}

/// Lets nobody in without a token.
fn gatekeeper() -> impl Interceptor {
    async |call: Call, next: Next| -> Outcome {
        match call.metadata().get("authorization") {
            Some(_) => next.run(call).await,
            None => Err(Status::unauthenticated("no token")),
        }
    }
}

/// A rig whose server has a gatekeeper.
async fn guarded() -> Rig {
    Setup::new(Transport::Tcp).intercept(gatekeeper()).rig().await
}
