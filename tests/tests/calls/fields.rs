//! Header fields that gRPC or HTTP has rules for, on every transport.

use halloo::{Code, Metadata};
use halloo_tests::Letter;

use crate::support::rig::{Rig, Setup, TRANSPORTS};

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

/// RFC 9113 section 8.2.1 forbids space and tab at either end of a value; the text of a status may have them there.
#[tokio::test]
async fn the_text_of_a_status_keeps_its_outer_spaces() {
    for rig in Rig::each().await {
        for text in ["cannot open: ", " both ", "  ", "\tindented\t", "\nline\n", "%20"] {
            let letter = Letter::default().with_text("abort").with_parcel(text.as_bytes().to_vec());
            let status = rig.client.answer(letter.clone()).await.unwrap_err();
            assert_eq!((status.code(), status.message()), (Code::Aborted, text));
            let mut replies = rig.client.follow(letter.with_number(1)).await.unwrap();
            replies.next().await.unwrap();
            let status = replies.next().await.unwrap_err();
            assert_eq!((status.code(), status.message()), (Code::Aborted, text));
        }
        rig.end().await;
    }
}

#[tokio::test]
async fn what_a_program_sets_leaves_without_outer_spaces() {
    for transport in TRANSPORTS {
        for application in ["", " ", " greeter/1.0 "] {
            let rig = Setup::new(transport).client(move |client| client.user_agent(application)).rig().await;
            let reply = rig.client.answer(Letter::default()).metadata("h-a", " spaced out ").await.unwrap();
            assert_eq!(reply.headers().get("h-a"), Some("spaced out"));
            rig.end().await;
        }
    }
}

#[test]
fn an_authority_has_no_spaces() {
    for authority in [" a", "a ", "a b", "", "a\n"] {
        let error = halloo::Channel::builder("http://localhost:1").authority(authority).build().unwrap_err();
        assert_eq!(error.message(), format!("the authority {authority:?} is not printable ASCII without spaces"));
    }
}
