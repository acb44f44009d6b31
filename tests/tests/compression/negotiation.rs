//! What a server answers to what a client says of compression, byte by byte.

use halloo::Server;
use halloo::compression::{Compression, Deflate, Gzip, Zstd};

use crate::raw::{Raw, call_fields};
use crate::support::rig::{Rig, Setup, Transport};

async fn rig(configure: impl FnOnce(Server) -> Server + Send + 'static) -> Rig {
    Setup::new(Transport::Tcp).server(configure).rig().await
}

/// An envelope.
fn envelope(flag: u8, body: &[u8]) -> Vec<u8> {
    [&[flag][..], &(body.len() as u32).to_be_bytes(), body].concat()
}

/// A letter whose parcel has so many bytes.
fn letter(bytes: usize) -> Vec<u8> {
    let mut letter = vec![0x12];
    let mut rest = bytes;
    while rest > 127 {
        letter.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    letter.push(rest as u8);
    letter.resize(letter.len() + bytes, 7);
    letter
}

fn compressed(algorithm: &dyn Compression, message: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    algorithm.compress(message, &mut body).unwrap();
    body
}

#[tokio::test]
async fn replies_have_only_what_the_request_accepts() {
    for (default, accepted, expected) in [
        (true, Some("gzip"), Some("gzip")),
        (true, Some("identity, deflate, gzip"), Some("gzip")),
        (true, Some("identity,zstd"), None),
        (true, Some("gzipped"), None),
        (true, Some("GZIP"), None),
        (true, Some(""), None),
        (true, None, None),
        (false, Some("gzip"), None),
    ] {
        let rig = rig(move |server| if default { server.compress(Gzip) } else { server }).await;
        let mut raw = Raw::open(&rig).await;
        let fields: Vec<_> = accepted.map(|accepted| ("grpc-accept-encoding", accepted)).into_iter().collect();
        // The second request's head is one that the server has seen.
        for stream in [1, 3, 5] {
            raw.call(stream, &call_fields(&fields), &envelope(0, &letter(5000))).await;
            let response = raw.response(stream).await;
            assert_eq!(response.field("grpc-status"), Some("0"));
            assert_eq!(response.field("grpc-encoding"), expected, "{accepted:?}");
            assert_eq!(response.field("grpc-accept-encoding"), accepted.map(|_| "gzip,deflate,zstd"), "{accepted:?}");
            assert_eq!(response.data[0], u8::from(expected.is_some()), "{accepted:?}");
            assert_eq!(response.data.len() < 5000, expected.is_some());
        }
        drop(raw);
        rig.end().await;
    }
}

#[tokio::test]
async fn requests_are_read_in_all_that_is_accepted() {
    let rig = rig(|server| server).await;
    let mut raw = Raw::open(&rig).await;
    let algorithms: [&dyn Compression; 3] = [&Gzip, &Deflate, &Zstd];
    for (stream, algorithm) in (1..).step_by(2).zip(algorithms) {
        let fields = call_fields(&[("grpc-encoding", algorithm.name())]);
        raw.call(stream, &fields, &envelope(1, &compressed(algorithm, &letter(5000)))).await;
        let response = raw.response(stream).await;
        assert_eq!(response.data, envelope(0, &letter(5000)), "{}", algorithm.name());
        assert_eq!(response.field("grpc-encoding"), None);
    }
    // With an encoding, each message still says for itself.
    raw.call(101, &call_fields(&[("grpc-encoding", "gzip")]), &envelope(0, &letter(10))).await;
    assert_eq!(raw.response(101).await.data, envelope(0, &letter(10)));
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn what_is_not_compressed_as_announced_is_internal() {
    let rig = rig(|server| server).await;
    let mut raw = Raw::open(&rig).await;
    let good = compressed(&Gzip, &letter(100));
    let bodies = [
        (vec![], "they end too early"),
        (good[..good.len() - 1].to_vec(), "they end too early"),
        ([&good, &b"garbage, more than a gzip head"[..]].concat(), "a gzip member does not begin so"),
        (compressed(&Zstd, &letter(100)), "a gzip member does not begin so"),
        ([&good[..10], &[0xff; 30]].concat(), "they are not deflated, or damaged"),
    ];
    for (stream, (body, why)) in (1..).step_by(2).zip(bodies) {
        raw.call(stream, &call_fields(&[("grpc-encoding", "gzip")]), &envelope(1, &body)).await;
        let expected = format!("13 the request cannot be decompressed with gzip: malformed compressed bytes: {why}");
        assert_eq!(raw.response(stream).await.status(), expected);
    }
    drop(raw);
    rig.end().await;
}
