//! What a server listens on: every spelling of an address, or what is wrong with it.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use halloo_server::Server;

/// Where the server listens, the port that the system chose as `?`; or the error.
async fn bound(text: &str) -> String {
    match Server::bind(text).await {
        Ok(server) => server.address().to_string().replace(&format!(":{}", server.port()), ":?"),
        Err(status) => status.to_string(),
    }
}

#[tokio::test]
async fn an_address_is_bound_or_named_as_a_mistake() {
    let mistake = |text: &str, why: &str| format!("{text:?} is no address to listen on: {why} (INVALID_ARGUMENT)");
    for (text, expected) in [
        ("127.0.0.1:0", "127.0.0.1:?"),
        (" 127.0.0.1:0 ", "127.0.0.1:?"),
        ("ipv4:127.0.0.1:0", "127.0.0.1:?"),
        ("dns:///127.0.0.1:0", "127.0.0.1:?"),
    ] {
        assert_eq!(bound(text).await, expected, "{text}");
    }
    for (text, why) in [
        ("", "the host is missing"),
        ("127.0.0.1", "the port is missing"),
        ("[::]", "the port is missing"),
        ("::1:0", "an IPv6 address needs brackets: [::1]:50051"),
        ("127.0.0.1:70000", "the port \"70000\" is not a number from 0 to 65535"),
        ("127.0.0.1:+0", "the port \"+0\" is not a number from 0 to 65535"),
        (":+0", "the port \"+0\" is not a number from 0 to 65535"),
        ("127.0.0.1:x", "the port \"x\" is not a number from 0 to 65535"),
        ("http://127.0.0.1:0", "a server listens on host:port, without http://"),
        ("vsock:1:0", "the scheme `vsock:` is not known"),
        ("ipv4:127.0.0.1:0,127.0.0.1:0", "a server listens on one address"),
        ("me@localhost:0", "it has a user name, which gRPC does not send"),
    ] {
        assert_eq!(bound(text).await, mistake(text, why), "{text}");
    }
    #[cfg(unix)]
    for (text, why) in [
        ("unix:", "the path of the socket is missing"),
        ("unix://x.sock", "behind `unix://` the path has to be absolute: unix:///run/greeter.sock"),
        ("unix:/tmp/a%00b", "a path has no zero byte"),
        ("unix-abstract:", "the name of the socket is missing"),
    ] {
        assert_eq!(bound(text).await, mistake(text, why), "{text}");
    }
}

/// Interface 1 is the loopback one, and has no link-local address: the error shows that the name was understood.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_interface_is_known_by_name_and_by_number() {
    for text in ["[fe80::1%lo]:0", "[fe80::1%25lo]:0", "[fe80::1%1]:0", "ipv6:[fe80::1%1]:0"] {
        let expected = "this machine does not have the address [fe80::1%1]:0 (UNAVAILABLE)";
        assert_eq!(bound(text).await, expected, "{text}");
    }
    let told = bound("[fe80::1%no-such-one]:0").await;
    assert!(told.starts_with("cannot resolve [fe80::1%no-such-one]:0 to listen on it: "), "{told}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_abstract_name_is_taken_by_one_server() {
    let name = format!("unix-abstract:halloo-bind-{}%00%25", std::process::id());
    let server = Server::bind(&name).await.unwrap();
    assert_eq!(server.address().to_string(), name);
    assert_eq!(server.port(), 0);
    let status = Server::bind(&name).await.unwrap_err();
    assert_eq!(
        format!("{status:?}"),
        format!(
            "a server already listens on {name} (UNAVAILABLE)\n  \
             hint     stop it, or choose another path\n  \
             cause    Address already in use (os error 98)"
        )
    );
    drop(server);
    Server::bind(&name).await.unwrap();
}
