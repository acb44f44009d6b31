//! Addresses as users write them: what each spelling means to a client and to a server.

use halloo_core::{Escaped, Purpose, Target};

/// What is read: `scheme hosts`, the bytes of a socket, or the mistake.
fn shown(text: &str, purpose: Purpose) -> String {
    match Target::parse(text, purpose) {
        Ok(Target::Tcp { scheme, hosts }) => {
            let hosts: Vec<_> = hosts
                .iter()
                .map(|part| match (part.host.socket_addr(part.port.unwrap_or(7)), part.port) {
                    (Some(address), Some(_)) => address.to_string(),
                    (Some(address), None) => format!("{} without a port", address.ip()),
                    (None, port) => format!("look up {} {port:?}", part.host.look_up_name()),
                })
                .collect();
            format!("{scheme:?} {}", hosts.join(" "))
        }
        Ok(Target::Unix(path)) => {
            format!("path {:?}", path.as_os_str().as_encoded_bytes().escape_ascii().to_string())
        }
        Ok(Target::UnixAbstract(name)) => format!("abstract {:?}", name.escape_ascii().to_string()),
        Ok(_) => "something else".into(),
        Err(mistake) => mistake.to_string(),
    }
}

/// The `?` of a row is the least port of the side.
#[track_caller]
fn check(purposes: &[Purpose], rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        for purpose in purposes {
            let least = if *purpose == Purpose::Connect { "1" } else { "0" };
            assert_eq!(
                shown(text, *purpose),
                expected.replace("from ? to", &format!("from {least} to")),
                "{text} {purpose:?}"
            );
        }
    }
}

const BOTH: [Purpose; 2] = [Purpose::Connect, Purpose::Listen];

#[test]
fn hosts_and_ports() {
    check(
        &BOTH,
        &[
            ("localhost:50051", "Other look up localhost Some(50051)"),
            (" localhost:50051\n", "Other look up localhost Some(50051)"),
            ("localhost", "Other look up localhost None"),
            ("greeter.example.:1", "Other look up greeter.example. Some(1)"),
            ("127.0.0.1:1", "Other 127.0.0.1:1"),
            ("[::1]:1", "Other [::1]:1"),
            ("[::]:1", "Other [::]:1"),
            ("[::ffff:127.0.0.1]:1", "Other [::ffff:127.0.0.1]:1"),
            ("[::1]", "Other ::1 without a port"),
            ("dns:greeter:1", "Other look up greeter Some(1)"),
            ("DNS:///[::1]:1", "Other [::1]:1"),
            ("dns:53", "Other look up dns Some(53)"),
            ("vsock:53", "Other look up vsock Some(53)"),
            ("IPv4:10.0.0.1:1,10.0.0.2:2", "Other 10.0.0.1:1 10.0.0.2:2"),
            ("ipv6:[::1]:1,[::2]:2", "Other [::1]:1 [::2]:2"),
            ("ipv6:::1", "Other ::1 without a port"),
        ],
    );
    check(
        &[Purpose::Connect],
        &[("HTTP://localhost:1/", "Http look up localhost Some(1)"), ("https://[::1]", "Https ::1 without a port")],
    );
    check(&[Purpose::Listen], &[("127.0.0.1:0", "Other 127.0.0.1:0"), (":1", "Other [::]:1"), (":0", "Other [::]:0")]);
}

#[test]
fn mistakes_of_hosts_and_ports() {
    check(
        &BOTH,
        &[
            ("", "the host is missing"),
            ("local host:1", "a host has no ' '"),
            ("exa%6dple:1", "a host has no '%'"),
            ("::1:50051", "an IPv6 address needs brackets: [::1]:50051"),
            ("fe80::1%eth0:1", "an IPv6 address needs brackets: [::1]:50051"),
            ("[::1:50051", "the bracket `[` is not closed"),
            ("[::1]50051", "\"50051\" follows the bracket where a port belongs"),
            ("[localhost]:1", "\"localhost\" is not an IPv6 address"),
            ("me:secret@localhost:1", "it has a user name, which gRPC does not send"),
            ("grpc://localhost:1", "the scheme `grpc:` is not known"),
            ("vsock:2:50051", "the scheme `vsock:` is not known"),
            ("xds:greeter", "the scheme `xds:` is not known"),
            ("dns://8.8.8.8/x:1", "it names a DNS server (8.8.8.8); only the system's is asked"),
            ("dns://[::1]:1", "the name belongs behind a third slash: dns:///host:port"),
            ("dns:///x:1/y", "the port \"1/y\" is not a number from ? to 65535"),
            ("ipv4:", "the host is missing"),
            ("ipv4:10.0.0.1:1,", "the host is missing"),
            ("ipv4:localhost:1", "\"localhost:1\" is not an IPv4 address and a port"),
            ("ipv4:[::1]:1", "\"[::1]:1\" is not an IPv4 address and a port"),
            ("ipv6:1.2.3.4:1", "\"1.2.3.4:1\" is not an IPv6 address and a port"),
            ("localhost:70000", "the port \"70000\" is not a number from ? to 65535"),
            ("localhost:port", "the port \"port\" is not a number from ? to 65535"),
            ("localhost:", "the port \"\" is not a number from ? to 65535"),
            ("[::1]:", "the port \"\" is not a number from ? to 65535"),
            ("localhost:+1", "the port \"+1\" is not a number from ? to 65535"),
        ],
    );
    check(
        &[Purpose::Connect],
        &[
            (":50051", "the host is missing"),
            ("http://:1", "the host is missing"),
            ("localhost:0", "the port \"0\" is not a number from ? to 65535"),
            ("http:localhost", "`//` has to follow the scheme"),
            ("http://localhost:1/a.B", "it has a path (/a.B), but a service's name is its path"),
            ("http://localhost?x", "it has a path (?x), but a service's name is its path"),
        ],
    );
    check(
        &[Purpose::Listen],
        &[
            ("http://localhost:1", "a server listens on host:port, without http://"),
            ("HTTPS://[::]:1", "a server listens on host:port, without https://"),
        ],
    );
}

#[test]
fn zones_of_link_local_addresses() {
    check(
        &BOTH,
        &[
            ("[fe80::1%eth0]:1", "Other look up fe80::1%eth0 Some(1)"),
            ("[fe80::1%25eth0]:1", "Other look up fe80::1%eth0 Some(1)"),
            ("[fe80::1%br-0.100]", "Other look up fe80::1%br-0.100 None"),
            ("[fe80::1%2]:1", "Other [fe80::1%2]:1"),
            ("[FE80::1%25]:1", "Other [fe80::1%25]:1"),
            ("[fe80::1%251]:1", "Other [fe80::1%251]:1"),
            ("[fe80::1%0]:1", "Other [fe80::1]:1"),
            ("dns:///[fe80::1%eth0]:1", "Other look up fe80::1%eth0 Some(1)"),
            ("ipv6:[fe80::1%25eth0]:1", "Other look up fe80::1%eth0 Some(1)"),
            ("ipv6:fe80::1%2", "Other fe80::1 without a port"),
            ("ipv6:[fe80::1%2]:1,[fe80::2%3]:2", "Other [fe80::1%2]:1 [fe80::2%3]:2"),
            ("[fe80::1%]:1", "the zone \"\" is neither the name of an interface nor its number"),
            ("[fe80::1%eth 0]:1", "the zone \"eth 0\" is neither the name of an interface nor its number"),
            ("[fe80::1%a%b]:1", "the zone \"a%b\" is neither the name of an interface nor its number"),
            ("[fe80::1%4294967296]:1", "the zone \"4294967296\" is neither the name of an interface nor its number"),
            ("[fe80::g%eth0]:1", "\"fe80::g\" is not an IPv6 address"),
            ("[::1%lo]:1", "::1 has a zone, and only link-local addresses (fe80::/10) have one"),
            ("[2001:db8::1%2]:1", "2001:db8::1 has a zone, and only link-local addresses (fe80::/10) have one"),
        ],
    );
    check(&[Purpose::Connect], &[("http://[fe80::1%25eth0]:1/", "Http look up fe80::1%eth0 Some(1)")]);
}

#[cfg(unix)]
#[test]
fn unix_sockets_have_paths() {
    check(
        &BOTH,
        &[
            ("unix:run/greeter.sock", r#"path "run/greeter.sock""#),
            ("unix:/run/greeter.sock", r#"path "/run/greeter.sock""#),
            ("UNIX:///run/greeter.sock", r#"path "/run/greeter.sock""#),
            ("unix:8080", r#"path "8080""#),
            ("unix:/run/my%20greeter%2Fx", r#"path "/run/my greeter/x""#),
            ("unix:/run/100%", r#"path "/run/100%""#),
            ("unix:/run/%zz", r#"path "/run/%zz""#),
            ("unix:/run/%ff", r#"path "/run/\\xff""#),
            ("unix:", "the path of the socket is missing"),
            ("unix://", "behind `unix://` the path has to be absolute: unix:///run/greeter.sock"),
            ("unix://run/x", "behind `unix://` the path has to be absolute: unix:///run/greeter.sock"),
            ("unix:a\0b", "a path has no zero byte"),
            ("unix:a%00b", "a path has no zero byte"),
        ],
    );
}

#[cfg(target_os = "linux")]
#[test]
fn abstract_sockets_have_names_on_linux() {
    check(
        &BOTH,
        &[
            ("unix-abstract:greeter", r#"abstract "greeter""#),
            ("unix-abstract:a%00b", r#"abstract "a\\x00b""#),
            ("unix-abstract:", "the name of the socket is missing"),
        ],
    );
    for (scheme, what) in [("unix", "path"), ("unix-abstract", "name")] {
        let longest = "x".repeat(107);
        assert!(Target::parse(&format!("{scheme}:{longest}"), Purpose::Listen).is_ok());
        let mistake = format!("the {what} of the socket is too long: it has 108 bytes, and 107 are the most");
        check(&BOTH, &[(&format!("{scheme}:{longest}x"), &mistake)]);
    }
}

#[cfg(not(target_os = "linux"))]
#[test]
fn abstract_sockets_are_refused_elsewhere() {
    let told = shown("unix-abstract:greeter", Purpose::Connect);
    assert!(told.starts_with("only Linux has abstract sockets"), "{told}");
}

#[test]
fn what_peers_and_certificates_hear_of_a_host_has_no_zone() {
    for (text, host, without_zone) in [
        ("[fe80::1%25eth0]:1", "[fe80::1%eth0]", "[fe80::1]"),
        ("[fe80::1%2]:1", "[fe80::1%2]", "[fe80::1]"),
        ("[::1]:1", "[::1]", "[::1]"),
        ("greeter.example.:1", "greeter.example.", "greeter.example."),
        ("127.0.0.1:1", "127.0.0.1", "127.0.0.1"),
    ] {
        let Ok(Target::Tcp { hosts, .. }) = Target::parse(text, Purpose::Connect) else { panic!("{text}") };
        assert_eq!(hosts[0].host.to_string(), host);
        assert_eq!(hosts[0].host.without_zone().to_string(), without_zone);
    }
}

#[cfg(unix)]
#[test]
fn what_is_escaped_is_read_as_it_was() {
    for (bytes, text) in [
        (&b"/run/my greeter"[..], "/run/my greeter"),
        ("/run/größer".as_bytes(), "/run/größer"),
        (b"/run/100%", "/run/100%25"),
        (b"a\x01%41\xff", "a%01%2541%FF"),
    ] {
        assert_eq!(Escaped(bytes).to_string(), text);
        let Ok(Target::Unix(path)) = Target::parse(&format!("unix:{text}"), Purpose::Listen) else { panic!("{text}") };
        assert_eq!(path.as_os_str().as_encoded_bytes(), bytes);
    }
}
