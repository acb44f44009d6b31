//! Tests of `src/socket/closing.rs`.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;

/// What the peer does once it has seen the end of this side's bytes.
#[derive(Clone, Copy, Debug)]
enum Peer {
    Closes,
    ClosesLater,
    IsSilent,
    StopsTalking,
    TalksForEver,
}

async fn behave(peer: Peer, mut io: DuplexStream) {
    let mut said = String::new();
    io.read_to_string(&mut said).await.expect("a duplex stream does not fail");
    assert_eq!(said, "bye", "half-closed at once");
    let mut clock = tokio::time::interval(SILENCE_LIMIT / 2);
    clock.tick().await;
    let talks = match peer {
        Peer::Closes => return,
        Peer::ClosesLater => {
            clock.tick().await;
            return;
        }
        Peer::IsSilent => 0,
        Peer::StopsTalking => 4,
        Peer::TalksForEver => usize::MAX,
    };
    for _ in 0..talks {
        clock.tick().await;
        // More than is read at once.
        if io.write_all(&[0; 3 * DROPPED_BYTES]).await.is_err() {
            return;
        }
    }
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn a_socket_is_closed_when_its_peer_has_had_the_time_to_read() {
    for (peer, millis) in [
        (Peer::Closes, 0),
        (Peer::ClosesLater, 500),
        (Peer::IsSilent, 1000),
        (Peer::StopsTalking, 4 * 500 + 1000),
        (Peer::TalksForEver, 30_000),
    ] {
        let (io, far_end) = duplex(DROPPED_BYTES);
        let far_end = tokio::spawn(behave(peer, far_end));
        let begun = tokio::time::Instant::now();
        say_and_close(io, b"bye", None).await;
        assert_eq!(begun.elapsed().as_millis(), millis, "{peer:?}");
        far_end.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn the_oldest_lingering_connection_is_told_to_close_and_those_that_left_are_not() {
    let lingerers = Arc::new(Lingerers::default());
    let mailboxes = [(); 3].map(|()| Mailbox::new());
    let mut entries = mailboxes.each_ref().map(|mailbox| Some(lingerers.lingerer(mailbox)));
    let none = tokio::time::timeout(Duration::from_secs(1), lingerers.end_oldest()).await;
    assert!(none.is_err(), "none of them lingers yet");
    for index in [1, 2, 0] {
        entries[index].as_mut().expect("it has not left").enter();
    }
    entries[2] = None;
    lingerers.end_oldest().await;
    lingerers.end_oldest().await;
    let told = mailboxes.map(|mailbox| mailbox.close().len());
    assert_eq!(told, [1, 1, 0]);
    assert!(lingerers.lock().connections.is_empty(), "nothing is kept");
}
