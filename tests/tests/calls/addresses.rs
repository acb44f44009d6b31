//! What a server binds, a client reaches by the same words.

use std::net::Ipv6Addr;

use halloo::{Channel, ChannelBuilder, Server};
use halloo_tests::{Letter, PostClient};

use crate::support::office::Office;
use crate::support::rig::{serve, socket_path};
use crate::support::soon;

/// The link-local addresses of this machine, each with its interface's name and number (`proc(5)`, `if_inet6`). There may
/// be none; spellings are tested without them, too.
fn link_local() -> Vec<(Ipv6Addr, String, u32)> {
    let table = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let rows = table.lines().filter_map(|line| {
        let [address, index, _prefix, scope, _flags, name] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return None;
        };
        let address = Ipv6Addr::from_bits(u128::from_str_radix(address, 16).ok()?);
        (scope == "20").then(|| (address, name.to_owned(), u32::from_str_radix(index, 16).unwrap()))
    });
    rows.collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_reaches_what_a_server_binds_by_the_same_words() {
    let (path, id) = (socket_path(), std::process::id());
    let mut addresses = vec![
        format!("unix:{}", path.display()),
        format!("unix://{}%20with%25", path.display()),
        format!("unix-abstract:halloo-{id}"),
        format!("unix-abstract:halloo-{id}%00a%20name"),
        "127.0.0.1:0".into(),
        "[::ffff:127.0.0.1]:0".into(),
    ];
    for (address, name, index) in link_local() {
        addresses.extend(["", "25"].map(|separator| format!("[{address}%{separator}{name}]:0")));
        addresses.push(format!("[{address}%{index}]:0"));
    }
    for address in addresses {
        let server = Server::bind(&address).await.unwrap();
        let shown = server.address().to_string();
        let written = match address.strip_suffix(":0") {
            Some(host) => format!("{host}:{}", server.port()),
            None => address,
        };
        let serving = serve(server, Office::default());
        for target in [written, shown] {
            let client = PostClient::new(Channel::new(&target).unwrap());
            let reply = soon(client.answer(Letter::default().with_text("hello")).into_future()).await.unwrap();
            assert_eq!(reply.text, "hello", "{target}");
        }
        serving.end().await;
    }
}

#[test]
fn what_servers_and_certificates_hear_has_no_zone() {
    for (target, authority, mistake) in [
        ("https://[fe80::1%25eth0]:1", None, None),
        ("https://[fe80::1%2]:1", None, None),
        ("https://[fe80::1%2]:1", Some("greeter.example:1"), None),
        (
            "http://10.0.0.1:1",
            Some("[fe80::1%eth0]:1"),
            Some("the authority \"[fe80::1%eth0]:1\" has a zone, which is not sent"),
        ),
        ("http://10.0.0.1:1", Some(""), Some("the authority \"\" is not printable ASCII without spaces")),
    ] {
        let builder = Channel::builder(target);
        let built = authority.into_iter().fold(builder, ChannelBuilder::authority).build();
        let told = built.err().map(|status| status.message().to_owned());
        assert_eq!(told.as_deref(), mistake, "{target} {authority:?}");
    }
}
