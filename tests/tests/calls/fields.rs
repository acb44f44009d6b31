//! Header fields that gRPC or HTTP has rules for, on every transport.

use halloo::{Code, Metadata};
use halloo_tests::Letter;

use crate::support::rig::Rig;

/// The `grpc-*` entries.
fn grpc_entries(metadata: &Metadata) -> Vec<String> {
    let mut entries: Vec<_> = (metadata.iter())
        .filter(|(key, _)| key.starts_with("grpc-"))
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    // An HTTP library may have sorted them.
    entries.sort();
    entries
}

/// gRFC A6: both are the application's. So is every `grpc-*` key that the protocol itself does not use.
#[tokio::test]
async fn applications_send_and_read_the_grpc_keys_that_are_theirs() {
    let expected = [
        r#"grpc-previous-rpc-attempts=Ascii("2")"#,
        r#"grpc-retry-pushback-ms=Ascii("250")"#,
        "grpc-trace-bin=Binary([0, 1])",
    ];
    for rig in Rig::each().await {
        let call = (rig.client.answer(Letter::default()))
            .metadata("grpc-previous-rpc-attempts", "2")
            .metadata("grpc-retry-pushback-ms", "250")
            .metadata_bin("grpc-trace-bin", vec![0, 1]);
        let reply = call.await.unwrap();
        assert_eq!(grpc_entries(reply.headers()), expected);
        assert_eq!(grpc_entries(reply.trailers()), expected);

        let status = rig.client.answer(Letter::default().with_text("push back")).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(grpc_entries(status.metadata()), [r#"grpc-retry-pushback-ms=Ascii("250")"#]);
        rig.end().await;
    }
}
