//! What users read when something goes wrong, as `main` prints it.

use std::net::Ipv4Addr;

use halloo::interceptor::{Call, Next};
use halloo::{Channel, ChannelBuilder, Code, Server, Status};
use halloo_tests::{Letter, PostClient};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::rig::{Rig, Setup, TRANSPORTS, Transport};
use crate::support::shown;

/// Fails unless `status` reads as `expected`, in which PLACE stands for `place`.
#[track_caller]
fn check(status: &Status, place: &str, expected: &str) {
    assert_eq!(shown(status).replace(place, "PLACE"), expected);
}

/// An address that nobody listens on, as long as the test holds it.
fn deaf_address() -> (socket2::Socket, String) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let address = std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&address.into()).unwrap();
    let place = socket.local_addr().unwrap().as_socket().unwrap().to_string();
    (socket, place)
}

#[tokio::test]
async fn e01_nobody_listens() {
    let (_bound, place) = deaf_address();
    let target = format!("http://{place}");
    let client = PostClient::new(Channel::new(&target).unwrap());
    let status = client.answer(Letter::default()).await.unwrap_err();
    check(
        &status,
        &place,
        "cannot reach PLACE: connection refused (UNAVAILABLE)\n  \
         calling  post.Post/Answer\n  \
         tried    PLACE connection refused (_ ms)\n  \
         hint     nothing listens there; start the server, or check host and port",
    );
    let status = PostClient::connect(&target).await.unwrap_err();
    check(
        &status,
        &place,
        "cannot reach PLACE: connection refused (UNAVAILABLE)\n  \
         tried    PLACE connection refused (_ ms)\n  \
         hint     nothing listens there; start the server, or check host and port",
    );
}

#[tokio::test]
async fn e01_every_address_is_named() {
    let ((_first, one), (_second, two)) = (deaf_address(), deaf_address());
    let status = PostClient::connect(format!("ipv4:{one},{two}")).await.unwrap_err();
    let text = shown(&status).replace(&one, "ONE").replace(&two, "TWO");
    assert_eq!(
        text,
        "cannot reach ONE,TWO: connection refused (UNAVAILABLE)\n  \
         tried    ONE connection refused (_ ms) · TWO connection refused (_ ms)\n  \
         hint     nothing listens there; start the server, or check host and port"
    );
}

#[tokio::test]
async fn e05_a_web_server_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let web_server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 24];
        socket.read_exact(&mut request).await.unwrap();
        let response =
            "HTTP/1.1 404 Not Found\r\nServer: web\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nlost";
        socket.write_all(response.as_bytes()).await.unwrap();
    });
    let client = PostClient::new(Channel::new(format!("http://{place}")).unwrap());
    let status = client.answer(Letter::default()).await.unwrap_err();
    check(
        &status,
        &place,
        "PLACE answered HTTP/1.1 404 Not Found text/html; it is a web server, not gRPC (UNAVAILABLE)\n  \
         calling  post.Post/Answer\n  \
         tried    PLACE it answered HTTP/1.1 404 Not Found text/html; it is a web server, not gRPC (_ ms)\n  \
         hint     check the port: a gRPC server speaks HTTP/2 there",
    );
    web_server.await.unwrap();
}

#[tokio::test]
async fn e06_unknown_method_and_service() {
    for rig in Rig::each().await {
        let channel = rig.client.channel();
        let place = format!(" on {}", rig.target.trim_start_matches("http://"));
        let status = unknown::misspelt_method(channel).await;
        check(
            &status,
            &place,
            "post.Post has no method Anser; did you mean Answer? (UNIMPLEMENTED)\n  calling  post.Post/Anser",
        );
        let status = unknown::other_method(channel).await;
        check(&status, &place, "post.Post has no method Teleport (UNIMPLEMENTED)\n  calling  post.Post/Teleport");
        let status = unknown::other_service(channel).await;
        check(&status, &place, "this server has no service bank.Bank (UNIMPLEMENTED)\n  calling  bank.Bank/Pay");
        rig.end().await;
    }
}

/// Methods that the server does not have.
mod unknown {
    use halloo::codec::Codecs;
    use halloo::descriptor::{Method, MethodDescriptor, MethodKind};
    use halloo::{Channel, Status};
    use halloo_tests::Letter;

    static DESCRIPTORS: [MethodDescriptor; 3] = [
        MethodDescriptor::new("post.Post", "Anser", "/post.Post/Anser", MethodKind::Unary),
        MethodDescriptor::new("post.Post", "Teleport", "/post.Post/Teleport", MethodKind::Unary),
        MethodDescriptor::new("bank.Bank", "Pay", "/bank.Bank/Pay", MethodKind::Unary),
    ];

    const LETTERS: Codecs<Letter> = Codecs::new(&[&halloo::protobuf::Protobuf]);
    static ANSER: Method<Letter, Letter> = Method::new(&DESCRIPTORS[0], LETTERS, LETTERS);
    static TELEPORT: Method<Letter, Letter> = Method::new(&DESCRIPTORS[1], LETTERS, LETTERS);
    static PAY: Method<Letter, Letter> = Method::new(&DESCRIPTORS[2], LETTERS, LETTERS);

    pub(super) async fn misspelt_method(channel: &Channel) -> Status {
        channel.unary(&ANSER, Letter::default()).await.unwrap_err()
    }

    pub(super) async fn other_method(channel: &Channel) -> Status {
        channel.unary(&TELEPORT, Letter::default()).await.unwrap_err()
    }

    pub(super) async fn other_service(channel: &Channel) -> Status {
        channel.unary(&PAY, Letter::default()).await.unwrap_err()
    }
}

#[tokio::test]
async fn e08_too_large_names_side_sizes_and_knob() {
    for transport in TRANSPORTS {
        let rig = Setup::new(transport).max_request_bytes(1000).rig().await;
        let letter = Letter::default().with_parcel(vec![0; 1000]);
        check(
            &rig.client.answer(letter).await.unwrap_err(),
            &rig.target,
            "request is 1003 bytes, this server's max_request_bytes is 1000; raise it, or send it in pieces, as a stream (RESOURCE_EXHAUSTED)\n  calling  post.Post/Answer",
        );
        let big = Letter::default().with_text("big").with_number(1000);
        check(
            &rig.client.answer(big).max_reply_bytes(1000).await.unwrap_err(),
            &rig.target,
            "reply is 1003 bytes, this client accepts 1000 (RESOURCE_EXHAUSTED)\n  \
             calling  post.Post/Answer\n  \
             hint     .max_reply_bytes(..) on the call or the channel raises the limit, or let the server send it in pieces, as a stream",
        );
        rig.end().await;
    }
}

#[tokio::test]
async fn e09_a_handler_that_panics_fails_its_call_alone() {
    for rig in Rig::each().await {
        let neighbour = rig.client.answer(Letter::default().with_text("gate")).into_future();
        let status = rig.client.answer(Letter::default().with_text("panic")).await.unwrap_err();
        let text = shown(&status);
        let (before, rest) = text.split_once("(incident ").unwrap();
        let (incident, after) = rest.split_at(4);
        assert!(incident.bytes().all(|digit| digit.is_ascii_hexdigit()), "{text}");
        assert_eq!(before, "the server failed while handling this call ");
        assert_eq!(after, ") (UNKNOWN)\n  calling  post.Post/Answer");

        let mut replies = rig.client.follow(Letter::default().with_text("panic").with_number(2)).await.unwrap();
        assert!(replies.next().await.unwrap().is_some() && replies.next().await.unwrap().is_some());
        let status = replies.next().await.unwrap_err();
        assert!(!format!("{status:#?}").contains("4711"), "{status:#?}");
        rig.seen.gate.add_permits(1);
        neighbour.await.unwrap();
        rig.end().await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn e10_a_port_in_use_names_its_owner() {
    let rig = Rig::new(Transport::Tcp).await;
    let address = rig.target.trim_start_matches("http://").to_owned();
    let port = address.rsplit_once(':').unwrap().1;
    let status = Server::bind(&address).await.unwrap_err();
    let owner = format!("pid {} (", std::process::id());
    let text = shown(&status);
    assert!(text.starts_with(&format!("port {port} is already used by {owner}")), "{text}");
    let (_, rest) = text.split_once(") (UNAVAILABLE)\n").unwrap();
    assert_eq!(
        rest,
        "  hint     stop it, or choose another port (0 lets the system choose)\n  \
         cause    Address already in use (os error 98)"
    );
    rig.end().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn e10_a_socket_in_use_is_named() {
    let rig = Rig::new(Transport::Unix).await;
    let status = Server::bind(&rig.target).await.unwrap_err();
    let path = rig.target.trim_start_matches("unix:");
    check(
        &status,
        path,
        "a server already listens on PLACE (UNAVAILABLE)\n  \
         hint     stop it, or choose another path\n  \
         cause    Address already in use (os error 98)",
    );
    rig.end().await;
    // Any other file that is there is no server.
    let path = crate::support::rig::socket_path();
    std::fs::write(&path, "precious").unwrap();
    let status = Server::bind(format!("unix:{}", path.display())).await.unwrap_err();
    check(
        &status,
        path.to_str().unwrap(),
        "PLACE is there already, and is no socket (UNAVAILABLE)\n  \
         hint     remove it, or choose another path\n  \
         cause    Address already in use (os error 98)",
    );
    std::fs::remove_file(path).unwrap();
}

#[test]
fn the_struct_form_is_there_for_those_who_want_it() {
    let text = format!("{:#?}", Status::not_found("nobody"));
    assert!(text.starts_with("Status {"), "{text}");
}

#[tokio::test]
async fn a_channel_chooses_how_much_metadata_a_reply_may_have() {
    let large = async |call: Call, next: Next| {
        let mut trailers = next.run(call).await?;
        trailers.append("x-large", "x".repeat(20_000))?;
        Ok(trailers)
    };
    let rig = Setup::new(Transport::Tcp).intercept(large).rig().await;
    let status = rig.client.answer(Letter::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    rig.end().await;
    let patient = |client: ChannelBuilder| client.max_reply_metadata_bytes(64 << 10);
    let rig = Setup::new(Transport::Tcp).intercept(large).client(patient).rig().await;
    let reply = rig.client.answer(Letter::default()).await.unwrap();
    assert_eq!(reply.trailers().get("x-large").unwrap().len(), 20_000);
    rig.end().await;
}
