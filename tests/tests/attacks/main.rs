//! Hostile and broken peers on real sockets, byte by byte. A client of that kind works beside an honest one, whose
//! calls keep working.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod raw;
#[path = "../support/mod.rs"]
mod support;

mod failures;
mod floods;
mod malformed;
mod servers;
mod small_lists;

use halloo_tests::Letter;
use support::rig::{Rig, Setup, Transport};

/// A server with the usual limits, and an honest client of it.
async fn rig() -> Rig {
    rig_with(|_| ()).await
}

async fn rig_with(change: impl FnOnce(&mut halloo::http2::Http2Config) + Send + 'static) -> Rig {
    let setup = Setup::new(Transport::Tcp).server(|server| {
        let mut config = halloo::http2::Http2Config::default();
        change(&mut config);
        server.http2(config)
    });
    let rig = setup.rig().await;
    honest_call(&rig).await;
    rig
}

async fn honest_call(rig: &Rig) {
    let letter = Letter::default().with_text("honest").with_parcel(vec![1; 10_000]);
    let reply = support::soon(rig.client.answer(letter.clone()).into_future()).await.unwrap();
    assert_eq!(reply.into_message(), letter);
}

/// Runs `attack` while an honest client keeps calling.
async fn beside_honest_calls<T>(rig: &Rig, attack: impl Future<Output = T>) -> T {
    let mut attack = std::pin::pin!(attack);
    loop {
        tokio::select! {
            biased;
            outcome = &mut attack => {
                honest_call(rig).await;
                return outcome;
            }
            () = honest_call(rig) => {}
        }
    }
}
