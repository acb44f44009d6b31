//! Servers that break a rule, or the call: what Halloo's client makes of it.

use halloo::{Channel, Code, Origin, Status};
use halloo_tests::{Letter, PostClient};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::raw::{ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, block, frame};
use crate::support::soon;

const PUSH_PROMISE: u8 = 5;

/// A client of a server that answers every call with these bytes, on stream 1 of a connection of its own.
async fn client_of(answer: Vec<u8>) -> PostClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(answer_one(socket, answer.clone()));
        }
    });
    PostClient::new(Channel::new(address).unwrap())
}

async fn answer_one(mut socket: TcpStream, answer: Vec<u8>) -> std::io::Result<()> {
    let mut preface = [0; PREFACE.len()];
    socket.read_exact(&mut preface).await?;
    socket.write_all(&[frame(SETTINGS, 0, 0, &[]), frame(SETTINGS, ACK, 0, &[])].concat()).await?;
    let mut answer = Some(answer);
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        socket.read_exact(&mut payload).await?;
        let ends = matches!(head[3], DATA | HEADERS) && head[4] & END_STREAM != 0;
        if let (true, Some(answer)) = (ends, answer.take_if(|_| ends)) {
            socket.write_all(&answer).await?;
        }
    }
}

fn head(fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, &block(fields))
}

fn last(fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(fields))
}

fn data(bytes: &[u8]) -> Vec<u8> {
    frame(DATA, 0, 1, bytes)
}

const OK: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/grpc")];
const DONE: [(&str, &str); 1] = [("grpc-status", "0")];

/// The status of a call that is answered with `frames`.
async fn status_after(frames: &[Vec<u8>]) -> Status {
    let client = client_of(frames.concat()).await;
    let status = soon(client.answer(Letter::default()).into_future()).await.unwrap_err();
    // A stream of replies is told the same.
    let client = client_of(frames.concat()).await;
    let streamed = soon(async {
        let mut replies = client.follow(Letter::default()).await?;
        while replies.next().await?.is_some() {}
        Ok(())
    })
    .await;
    if let Err(streamed) = streamed {
        let _: &Status = &streamed;
        assert_eq!(streamed.code(), status.code(), "{status:?} {streamed:?}");
    }
    status
}

#[tokio::test]
async fn a_good_answer_is_taken_with_hints_and_padding() {
    let early = head(&[(":status", "103"), ("link", "x")]);
    let padded = frame(DATA, 8, 1, &[3, 0, 0, 0, 0, 0, 9, 9, 9]);
    let client = client_of([early, head(&OK), padded, last(&DONE)].concat()).await;
    assert_eq!(client.answer(Letter::default()).await.unwrap().into_message(), Letter::default());
}

/// gRPC's C core sends metadata and texts as they were given.
#[tokio::test]
async fn white_space_around_an_answers_values_is_stripped() {
    let [status, kind] = OK;
    let head = head(&[status, kind, ("h-a", " a b\t"), ("h-b-bin", " AAE ")]);
    let trailers = [("grpc-status", "0"), ("t-a", "\t")];
    let client = client_of([head, data(&[0; 5]), last(&trailers)].concat()).await;
    let reply = client.answer(Letter::default()).await.unwrap();
    assert_eq!((reply.headers().get("h-a"), reply.trailers().get("t-a")), (Some("a b"), Some("")));
    assert_eq!(reply.headers().get_bin("h-b-bin").as_deref(), Some([0, 1].as_slice()));
    let status = status_after(&[last(&[status, kind, ("grpc-status", " 5"), ("grpc-message", " not here: ")])]).await;
    assert_eq!((status.code(), status.message()), (Code::NotFound, "not here:"));
    // What could be taken for another response has to be as it should.
    let status = status_after(&[crate::servers::head(&[(":status", "200 "), kind]), last(&DONE)]).await;
    assert_eq!((status.code(), status.origin()), (Code::Internal, Origin::Local));
}

#[tokio::test]
async fn answers_without_a_grpc_status_have_one_by_http() {
    for (http, code) in [
        ("400", Code::Internal),
        ("401", Code::Unauthenticated),
        ("403", Code::PermissionDenied),
        ("404", Code::Unimplemented),
        ("429", Code::Unavailable),
        ("502", Code::Unavailable),
        ("503", Code::Unavailable),
        ("504", Code::Unavailable),
        ("418", Code::Unknown),
    ] {
        let status =
            status_after(&[head(&[(":status", http), ("content-type", "text/html")]), last(&[("x", "y")])]).await;
        assert_eq!(status.code(), code, "{http}: {status:?}");
        assert!(status.message().contains(http), "{http}: {status:?}");
    }
    let status = status_after(&[last(&[(":status", "200"), ("content-type", "text/html")])]).await;
    assert_eq!(status.code(), Code::Unknown, "{status:?}");
    let status = status_after(&[head(&OK), data(&[0; 5]), last(&[("x", "y")])]).await;
    assert_eq!(status.code(), Code::Unknown, "{status:?}");
    let status = status_after(&[last(&[OK[0]])]).await;
    assert_eq!(status.code(), Code::Unknown, "{status:?}");
    let status = status_after(&[head(&[OK[0]]), data(&[0; 5]), last(&DONE)]).await;
    assert_eq!(status.code(), Code::Unknown, "{status:?}");
}

#[tokio::test]
async fn a_grpc_status_counts_more_than_that_of_http() {
    for http in ["503", "404", "200"] {
        for fields in [&[(":status", http), OK[1]][..], &[(":status", http)]] {
            let status = status_after(&[last(&[fields, &[("grpc-status", "7")]].concat())]).await;
            assert_eq!(status.code(), Code::PermissionDenied, "{fields:?} {status:?}");
        }
    }
}

/// gRPC's statuscodes.md, "cardinality violation".
#[tokio::test]
async fn a_method_that_has_one_reply_has_exactly_one() {
    for (frames, got) in [
        (vec![head(&OK), last(&DONE)], "no"),
        (vec![last(&[&OK[..], &DONE].concat())], "no"),
        (vec![head(&OK), data(&[0; 10]), last(&DONE)], "more than one"),
    ] {
        let client = client_of(frames.concat()).await;
        let unary = client.answer(Letter::default()).await.unwrap_err();
        let client = client_of(frames.concat()).await;
        let streamed = client.collect().send_all([Letter::default(), Letter::default()]).await.unwrap_err();
        for (status, method) in [(unary, "Answer"), (streamed, "Collect")] {
            let text = format!("post.Post/{method} got {got} reply where one belongs (UNIMPLEMENTED)");
            assert_eq!(status.to_string(), text);
        }
    }
}

#[tokio::test]
async fn a_call_that_breaks_off_is_no_success() {
    let status = status_after(&[head(&OK), frame(DATA, END_STREAM, 1, &[0; 5])]).await;
    assert_eq!(status.code(), Code::Internal, "{status:?}");
    let status = status_after(&[head(&OK), data(&[0, 0, 0, 0, 9, 1]), last(&DONE)]).await;
    assert_eq!(status.to_string(), "the replies ended in the middle of a message (INTERNAL)");
}

#[tokio::test]
async fn the_headers_before_a_failure_come_with_it() {
    let failure = [("grpc-status", "9"), ("x-trail", "t")];
    let status = status_after(&[head(&[OK[0], OK[1], ("x-head", "h")]), last(&failure)]).await;
    assert_eq!((status.code(), status.headers().get("x-head")), (Code::FailedPrecondition, Some("h")));
    assert_eq!((status.metadata().get("x-trail"), status.metadata().len()), (Some("t"), 1));
    // Trailers-Only: what comes in one block is all trailers.
    let status = status_after(&[last(&[&OK[..], &failure].concat())]).await;
    assert_eq!((status.metadata().get("x-trail"), status.headers().len()), (Some("t"), 0));
}

#[tokio::test]
async fn statuses_that_are_odd_are_read_as_well_as_can_be() {
    for (code, message, expected, text) in [
        ("5", "a%20b%C3%A9", Code::NotFound, "a bé"),
        ("5", "100%", Code::NotFound, "100%"),
        ("5", "%zz %41", Code::NotFound, "%zz A"),
        ("99", "new", Code::Unknown, "new"),
    ] {
        let status = status_after(&[last(&[OK[0], OK[1], ("grpc-status", code), ("grpc-message", message)])]).await;
        assert_eq!((status.code(), status.message(), status.origin()), (expected, text, Origin::Peer));
    }
    for code in ["", "x", "-1", "5x"] {
        let status = status_after(&[last(&[OK[0], OK[1], ("grpc-status", code)])]).await;
        assert_eq!(status.code(), Code::Unknown, "{code:?}: {status:?}");
    }
    // A google.rpc.Status without a code, and one with another: clients differ (findings/status-details-without-code.sh);
    // here the fields count, and the details stay details.
    for (details, bytes) in [("Egdkb2VzIG5v", 9), ("CAw=", 2)] {
        let fields = [OK[0], OK[1], ("grpc-status", "5"), ("grpc-status-details-bin", details)];
        let status = status_after(&[last(&fields)]).await;
        assert_eq!((status.code(), status.details().len()), (Code::NotFound, bytes), "{status:?}");
    }
}

#[tokio::test]
async fn resets_have_the_codes_of_the_protocol() {
    // PROTOCOL-HTTP2, "Errors".
    for (reset, code) in [
        (0_u32, Code::Internal),
        (1, Code::Internal),
        (2, Code::Internal),
        (3, Code::Internal),
        (4, Code::Internal),
        (6, Code::Internal),
        (7, Code::Unavailable),
        (8, Code::Cancelled),
        (9, Code::Internal),
        (10, Code::Internal),
        (11, Code::ResourceExhausted),
        (12, Code::PermissionDenied),
        (99, Code::Unknown),
    ] {
        let status = status_after(&[head(&OK), frame(RST_STREAM, 0, 1, &reset.to_be_bytes())]).await;
        if reset == 99 {
            assert!(matches!(status.code(), Code::Unknown | Code::Internal), "{status:?}");
        } else {
            assert_eq!(status.code(), code, "{reset}: {status:?}");
        }
    }
}

#[tokio::test]
async fn replies_that_are_refused() {
    let status = status_after(&[head(&OK), data(&[1, 0, 0, 0, 0]), last(&DONE)]).await;
    assert_eq!(
        status.to_string(),
        "a message is marked as compressed, but the call's grpc-encoding is identity (INTERNAL)"
    );
    // A unary call looks at what comes once 64 KiB are there, or the end.
    let mut frames = vec![head(&OK), data(&[0, 255, 255, 255, 255])];
    frames.resize(14, data(&[1; 16 << 10]));
    let status = status_after(&frames).await;
    assert_eq!(status.to_string(), "reply is 4294967295 bytes, this client accepts 4194304 (RESOURCE_EXHAUSTED)");
    let status = status_after(&[head(&[OK[0], OK[1], ("x-bin", "*")]), data(&[0; 5]), last(&DONE)]).await;
    assert_eq!(status.code(), Code::Internal, "{status:?}");
    let status =
        status_after(&[head(&[OK[0], OK[1], ("grpc-encoding", "zippy")]), data(&[1, 0, 0, 0, 0]), last(&DONE)]).await;
    assert_eq!(status.code(), Code::Internal, "{status:?}");
}

#[tokio::test]
async fn connections_that_break_fail_their_calls() {
    let goaway = frame(GOAWAY, 0, 0, &[&1_u32.to_be_bytes()[..], &11_u32.to_be_bytes(), b"go away"].concat());
    for frames in [
        frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]),
        frame(SETTINGS, 0, 0, &[1, 2, 3]),
        frame(DATA, 0, 0, b"x"),
        frame(HEADERS, END_HEADERS, 2, &block(&OK)),
        frame(HEADERS, END_HEADERS, 1, &[0x80]),
    ] {
        let status = status_after(&[frames]).await;
        assert!(matches!(status.code(), Code::Unavailable | Code::Internal), "{status:?}");
    }
    // The call may still be answered: it is not above the last that the server takes.
    let client = client_of([goaway, head(&OK), data(&[0; 5]), last(&DONE)].concat()).await;
    assert_eq!(client.answer(Letter::default()).await.unwrap().into_message(), Letter::default());
}
