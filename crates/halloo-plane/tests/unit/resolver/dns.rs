//! Tests of `src/resolver/dns.rs`.

use super::*;

fn is_lookup(event: Option<ResolverEvent>) -> bool {
    matches!(event, Some(ResolverEvent::Lookup { host, port: 50051 }) if host == "greeter.prod")
}

fn found() -> io::Result<Vec<SocketAddr>> {
    Ok(vec!["10.0.0.1:50051".parse().unwrap()])
}

#[test]
fn a_second_question_waits_for_thirty_seconds() {
    let start = Instant::now();
    let mut dns = Dns::new("greeter.prod", 50051);
    assert!(dns.poll_event().is_none(), "nothing is asked before somebody wants to know");
    dns.handle_request(start);
    assert!(is_lookup(dns.poll_event()));
    dns.handle_request(start);
    assert!(dns.poll_event().is_none(), "one look-up at a time");
    dns.handle_lookup(start, found());
    assert!(matches!(dns.poll_event(), Some(ResolverEvent::Resolved(found)) if found.endpoints.len() == 1));
    assert_eq!(dns.poll_timeout(), None, "nobody wants to know again");
    dns.handle_request(start + Duration::from_secs(10));
    assert!(dns.poll_event().is_none());
    assert_eq!(dns.poll_timeout(), Some(start + MIN_INTERVAL));
    dns.handle_timeout(start + MIN_INTERVAL);
    assert!(is_lookup(dns.poll_event()));
    dns.handle_lookup(start + MIN_INTERVAL, found());
    dns.poll_event();
    dns.handle_request(start + 3 * MIN_INTERVAL);
    assert!(is_lookup(dns.poll_event()));
}

#[test]
fn a_failure_is_told_and_tried_again_after_a_back_off() {
    let start = Instant::now();
    let mut dns = Dns::new("greeter.prod", 50051);
    dns.handle_request(start);
    dns.poll_event();
    dns.handle_lookup(start, Ok(Vec::new()));
    let Some(ResolverEvent::Failed(status)) = dns.poll_event() else { panic!("no answer is a failure") };
    assert_eq!(status.to_string(), "cannot resolve greeter.prod: it has no address (UNAVAILABLE)");
    dns.handle_request(start);
    assert!(dns.poll_event().is_none(), "a request does not shorten the back-off");
    let retry_at = dns.poll_timeout().unwrap();
    assert!((0.8..=1.2).contains(&(retry_at - start).as_secs_f64()));
    dns.handle_timeout(retry_at);
    assert!(is_lookup(dns.poll_event()));
}
