//! Tests of `src/connect/target.rs`.

use super::*;

/// `name | authority | where`, or the error as a person reads it.
fn check(text: &str, expected: &str) {
    check_with(Security::Plaintext, text, expected);
}

fn check_with(security: Security, text: &str, expected: &str) {
    let shown = match ChannelTarget::parse(text, security) {
        Ok(ChannelTarget { name, authority, destination: Destination::Host { host, port }, .. }) => {
            format!("{name} | {authority} | look up {host} port {port}")
        }
        Ok(ChannelTarget { name, authority, destination: Destination::Addresses(list), .. }) => {
            let list: Vec<_> = list.iter().map(ToString::to_string).collect();
            format!("{name} | {authority} | {}", list.join(" "))
        }
        Err(status) => status.to_string(),
    };
    assert_eq!(shown, expected, "{text}");
}

#[test]
fn names_are_looked_up() {
    check("http://localhost:50051", "localhost:50051 | localhost:50051 | look up localhost port 50051");
    check("http://example.com/", "example.com:80 | example.com | look up example.com port 80");
    check("localhost:50051", "localhost:50051 | localhost:50051 | look up localhost port 50051");
    check("dns:///greeter.prod:443", "greeter.prod:443 | greeter.prod:443 | look up greeter.prod port 443");
    check("dns:greeter.prod", "greeter.prod:80 | greeter.prod | look up greeter.prod port 80");
    check("HTTP://Example.com:1", "Example.com:1 | Example.com:1 | look up Example.com port 1");
    check("dns:53", "dns:53 | dns:53 | look up dns port 53");
}

#[test]
fn a_resolver_of_ones_own_knows_no_default_port() {
    for (text, name) in [
        ("http://localhost", "localhost"),
        ("http://[::1]", "[::1]"),
        ("localhost:443", "localhost:443"),
        ("http://localhost:80", "localhost:80"),
        ("unix:/run/greeter.sock", "unix:/run/greeter.sock"),
        ("ipv4:10.0.0.1:1,10.0.0.2:2", "10.0.0.1:1,10.0.0.2:2"),
    ] {
        assert_eq!(ChannelTarget::parse(text, Security::Plaintext).unwrap().resolved_elsewhere().name, name);
    }
}

#[test]
fn literal_addresses_need_no_look_up() {
    check("http://127.0.0.1:50051", "127.0.0.1:50051 | 127.0.0.1:50051 | 127.0.0.1:50051");
    check("http://[::1]:50051", "[::1]:50051 | [::1]:50051 | [::1]:50051");
    check("http://[::1]", "[::1]:80 | [::1] | [::1]:80");
    check("ipv4:10.0.0.1:1,10.0.0.2:2", "10.0.0.1:1,10.0.0.2:2 | 10.0.0.1:1 | 10.0.0.1:1 10.0.0.2:2");
    check("ipv6:[::1]:50051", "[::1]:50051 | [::1]:50051 | [::1]:50051");
    check("ipv6:::1", "[::1]:80 | [::1] | [::1]:80");
}

#[test]
fn a_zone_stays_on_this_machine() {
    check("http://[fe80::1%25eth0]:1", "[fe80::1%eth0]:1 | [fe80::1]:1 | look up fe80::1%eth0 port 1");
    check("[fe80::1%eth0]", "[fe80::1%eth0]:80 | [fe80::1] | look up fe80::1%eth0 port 80");
    check("ipv6:[fe80::1%eth0]:1", "[fe80::1%eth0]:1 | [fe80::1]:1 | look up fe80::1%eth0 port 1");
    check("dns:///[fe80::1%2]:1", "[fe80::1%2]:1 | [fe80::1]:1 | [fe80::1%2]:1");
    check("ipv6:[fe80::1%2]:1,[::1]:2", "[fe80::1%2]:1,[::1]:2 | [fe80::1]:1 | [fe80::1%2]:1 [::1]:2");
    check(
        "ipv6:[fe80::1%eth0]:1,[::1]:2",
        "\"ipv6:[fe80::1%eth0]:1,[::1]:2\" is not a target: in a list, [fe80::1%eth0] has to have the number of its \
         interface: [fe80::1%2] (INVALID_ARGUMENT)",
    );
}

#[test]
fn sockets_have_paths_or_names() {
    check("unix:run/greeter.sock", "unix:run/greeter.sock | localhost | unix:run/greeter.sock");
    check("unix:/run/greeter.sock", "unix:/run/greeter.sock | localhost | unix:/run/greeter.sock");
    check("unix:///run/greeter.sock", "unix:/run/greeter.sock | localhost | unix:/run/greeter.sock");
    check("unix:my%20greeter", "unix:my greeter | localhost | unix:my greeter");
    #[cfg(target_os = "linux")]
    check("unix-abstract:a%00b", "unix-abstract:a%00b | localhost | unix-abstract:a%00b");
    check(
        "unix://run/x",
        "\"unix://run/x\" is not a target: behind `unix://` the path has to be absolute: \
         unix:///run/greeter.sock (INVALID_ARGUMENT)",
    );
}

#[test]
fn mistakes_are_named() {
    for (text, why) in [
        ("", "the host is missing"),
        (":50051", "the host is missing"),
        ("localhost:port", "the port \"port\" is not a number from 1 to 65535"),
        ("localhost:70000", "the port \"70000\" is not a number from 1 to 65535"),
        ("localhost:0", "the port \"0\" is not a number from 1 to 65535"),
        ("::1:50051", "an IPv6 address needs brackets: [::1]:50051"),
        ("[::1:50051", "the bracket `[` is not closed"),
        ("http:localhost", "`//` has to follow the scheme"),
        ("http://localhost:1/greeter.Greeter", "it has a path (/greeter.Greeter), but a service's name is its path"),
        ("http://me@localhost:1", "it has a user name, which gRPC does not send"),
        ("grpc://localhost:1", "the scheme `grpc:` is not known"),
        ("vsock:2:50051", "the scheme `vsock:` is not known"),
        ("dns://8.8.8.8/x:1", "it names a DNS server (8.8.8.8); only the system's is asked"),
        ("dns://x:1", "the name belongs behind a third slash: dns:///host:port"),
        ("ipv4:localhost:1", "\"localhost:1\" is not an IPv4 address and a port"),
        ("ipv6:1.2.3.4:1", "\"1.2.3.4:1\" is not an IPv6 address and a port"),
        ("unix:", "the path of the socket is missing"),
        ("unix-abstract:", "the name of the socket is missing"),
        ("local host:1", "a host has no ' '"),
    ] {
        check(text, &format!("{text:?} is not a target: {why} (INVALID_ARGUMENT)"));
    }
}

#[test]
fn a_mistake_shows_what_is_expected() {
    let status = ChannelTarget::parse("grpc://localhost:1", Security::Plaintext).unwrap_err();
    assert_eq!(
        format!("{status:?}"),
        "\"grpc://localhost:1\" is not a target: the scheme `grpc:` is not known (INVALID_ARGUMENT)\n  \
         expected http://host:port, https://host:port, host:port, dns:///host:port, ipv4:1.2.3.4:port, \
         ipv6:[::1]:port, unix:path or unix-abstract:name"
    );
}

#[cfg(not(feature = "_tls"))]
#[test]
fn https_is_refused_and_never_sent_in_the_clear() {
    let status = ChannelTarget::parse("https://localhost:50051", Security::Plaintext).unwrap_err();
    assert_eq!(
        format!("{status:?}"),
        "https needs the \"tls\" feature of halloo, which this build does not have (FAILED_PRECONDITION)\n  \
         hint     cargo add halloo --features tls; use http:// only on a network that you trust"
    );
}

#[cfg(feature = "_tls")]
#[test]
fn tls_has_a_port_of_its_own() {
    check("https://example.com", "example.com:443 | example.com | look up example.com port 443");
    check("https://[::1]:50051/", "[::1]:50051 | [::1]:50051 | [::1]:50051");
    let with_tls = |text, expected| check_with(Security::Tls, text, expected);
    with_tls("dns:///greeter.prod", "greeter.prod:443 | greeter.prod | look up greeter.prod port 443");
    with_tls("greeter.prod:1", "greeter.prod:1 | greeter.prod:1 | look up greeter.prod port 1");
    with_tls("ipv6:::1", "[::1]:443 | [::1] | [::1]:443");
    with_tls("http://example.com", "example.com:80 | example.com | look up example.com port 80");
}
