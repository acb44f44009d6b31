//! Tests of `src/failure.rs`.

use super::*;

fn failure(address: &str, reason: &str, cause: Cause, micros: u64) -> ConnectFailure {
    let address = Address::Tcp(address.parse().unwrap());
    let why = Unreachable { reason: reason.into(), cause, hint: None };
    ConnectFailure::new(address, why, Duration::from_micros(micros))
}

#[test]
fn e01_names_every_address_its_reason_and_its_time() {
    let failures = [
        failure("[::1]:50051", "connection refused", Cause::Refused, 130),
        failure("127.0.0.1:50051", "connection refused", Cause::Refused, 320),
    ];
    let status = ConnectFailure::status("localhost:50051", &failures);
    assert_eq!(
        format!("{status:?}"),
        "cannot reach localhost:50051: connection refused (UNAVAILABLE)\n  \
         tried    [::1]:50051 connection refused (0.1 ms) · 127.0.0.1:50051 connection refused (0.3 ms)\n  \
         hint     nothing listens there; start the server, or check host and port"
    );
}

#[test]
fn e05_says_what_the_peer_is() {
    let reason = "it answered HTTP/1.1 404 Not Found text/html; it is a web server, not gRPC";
    let failures = [failure("127.0.0.1:8080", reason, Cause::NotHttp2, 1500)];
    let status = ConnectFailure::status("localhost:8080", &failures);
    assert_eq!(
        status.to_string(),
        "127.0.0.1:8080 answered HTTP/1.1 404 Not Found text/html; it is a web server, not gRPC (UNAVAILABLE)"
    );
}

#[test]
fn an_attempt_without_an_answer_says_how_long() {
    let why = Unreachable::timed_out(Duration::from_secs(20), false);
    let address = Address::Tcp("192.0.2.1:1".parse().unwrap());
    let failures = [ConnectFailure::new(address, why, Duration::from_secs(20))];
    assert_eq!(
        format!("{:?}", ConnectFailure::status("192.0.2.1:1", &failures)),
        "cannot reach 192.0.2.1:1: no answer within 20 s (UNAVAILABLE)\n  \
         tried    192.0.2.1:1 no answer within 20 s (20 s)\n  \
         hint     a firewall may drop the packets, or the host is down; check host and port"
    );
}

#[test]
fn a_name_that_does_not_resolve_is_named() {
    const UNKNOWN: &str = "Name or service not known";
    for (host, error, hint) in [
        ("nowhere.invalid", UNKNOWN, "check the spelling of the host, and that this machine's name server knows it"),
        ("fe80::1%eth7", UNKNOWN, "check the name of the interface behind the %, and that this machine has it"),
        (
            "nowhere.invalid",
            "Temporary failure in name resolution",
            "this machine's name server did not answer; check the network, or call again later",
        ),
    ] {
        let reason = error.replacen(char::is_uppercase, &error[..1].to_lowercase(), 1);
        let error = io::Error::other(format!("failed to lookup address information: {error}"));
        assert_eq!(
            format!("{:?}", unresolved(host, &error)),
            format!("cannot resolve {host}: {reason} (UNAVAILABLE)\n  hint     {hint}")
        );
    }
}

#[test]
fn durations_are_short() {
    for (micros, text) in [
        (0, "0 µs"),
        (42, "42 µs"),
        (320, "0.3 ms"),
        (200_000, "200 ms"),
        (199_340, "199.3 ms"),
        (1_500_000, "1.5 s"),
        (20_000_000, "20 s"),
    ] {
        assert_eq!(duration_text(Duration::from_micros(micros)), text);
    }
}
