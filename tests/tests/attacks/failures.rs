//! What a call that fails before its first reply looks like on the wire.

use crate::raw::{END_STREAM, HEADERS, Raw, call_fields_to};
use crate::support::rig::{Rig, Transport};

/// Trailers-Only (PROTOCOL-HTTP2, "Responses"). A head and trailers instead would commit the call, so no `retryPolicy` of a
/// client applied to it (gRFC A6); findings/retry-needs-trailers-only.sh has servers that answer so.
#[tokio::test]
async fn a_failure_before_the_first_reply_is_one_block() {
    for transport in [Transport::Tcp, Transport::Layered, Transport::Axum] {
        let rig = Rig::new(transport).await;
        for (path, body) in [
            ("/post.Post/Answer", &b"\0\0\0\0\x07\x0a\x05abort"[..]),
            ("/post.Post/Follow", &b"\0\0\0\0\x07\x0a\x05abort"[..]),
            ("/post.Post/Answer", &b"\0\0\0\0\x01\xff"[..]),
            ("/post.Post/Forget", &[0; 5][..]),
        ] {
            let mut raw = Raw::open(&rig).await;
            raw.call(1, &call_fields_to(path, &[]), body).await;
            let first = loop {
                let frame = raw.next().await.unwrap();
                if frame.stream == 1 {
                    break frame;
                }
            };
            assert_eq!((first.kind, first.flags & END_STREAM), (HEADERS, END_STREAM), "{transport:?} {path} {body:?}");
        }
        rig.end().await;
    }
}
