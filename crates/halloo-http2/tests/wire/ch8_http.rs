//! RFC 9113 chapter 8: requests, responses, fields, content-length.

use crate::support::{Peer, check_client, check_server};
use halloo_http2::{Config, Event};

/// A request of these fields must be refused, and nothing of it be told.
#[track_caller]
fn malformed(fields: &str) {
    check_server(&format!("> HEADERS 1 END_STREAM {fields}\n< RST_STREAM 1 PROTOCOL_ERROR"));
}

#[track_caller]
fn wellformed(fields: &str) {
    check_server(&format!("> HEADERS 1 END_STREAM {fields}\n* Headers 1 END_STREAM"));
}

#[test]
fn pseudo_headers_of_requests() {
    wellformed(":method=GET :scheme=https :path=/ :authority=a");
    wellformed(":path=* :method=OPTIONS :scheme=https host=a");
    malformed(":method=GET :path=/");
    malformed(":scheme=http :path=/");
    malformed(":method=GET :scheme=http");
    malformed(":method=GET :scheme=http :path=");
    malformed(":method=GET :method=GET :scheme=http :path=/");
    malformed(":method=GET :scheme=http :path=/ :path=/");
    malformed(":method=GET :scheme=http x=y :path=/");
    malformed(":method=GET :scheme=http :path=/ :status=200");
    malformed(":method=GET :scheme=http :path=/ :protocol=websocket");
    malformed(":method=GET :scheme=http :path=/ :Authority=a");
    malformed("");
}

/// RFC 9113 section 8.3.1: a `host` beside `:authority` names the same, by the normalization of RFC 3986 section 6.2.3.
#[test]
fn host_and_authority_name_the_same() {
    let http = ":method=GET :scheme=http :path=/";
    let https = ":method=GET :scheme=https :path=/";
    for (request, authority, host) in [
        (http, "a", "a"),
        (http, "Example.COM", "example.com"),
        (http, "a", "a:80"),
        (http, "a:80", "a"),
        (http, "a:", "a"),
        (https, "a:443", "A"),
        (https, "a:80", "a:80"),
        (http, "[::1]", "[::1]:80"),
        (http, "", ""),
        (":method=CONNECT", "a:80", "a:80"),
    ] {
        wellformed(&format!("{request} :authority={authority} host={host}"));
    }
    for (request, authority, host) in [
        (http, "a", "b"),
        (http, "a", ""),
        (http, "", "a"),
        (http, "a", "a:443"),
        (http, "a:8080", "a"),
        (http, "a:80", "a:8080"),
        (https, "a", "a:80"),
        (http, "[::1]", "[::2]"),
        (http, "[::1]:80", "::1"),
        (http, "a", "_a"),
        (http, "a", "x@a"),
        (":method=CONNECT", "a:80", "a"),
    ] {
        malformed(&format!("{request} :authority={authority} host={host}"));
    }
    wellformed(&format!("{http} host=a"));
    malformed(&format!("{http} host=a_"));
    // It enters the table; what a request's own `:authority` is beside it decides.
    check_server(
        "> FRAME 1 5 1 838684660161
        * Headers 1 END_STREAM
        > FRAME 1 5 3 838684010161be
        * Headers 3 END_STREAM
        > FRAME 1 5 5 838684010162be
        < RST_STREAM 5 PROTOCOL_ERROR",
    );
}

/// RFC 9112 section 3.2, gRFC A41.
#[test]
fn a_request_with_two_hosts_is_answered_with_400() {
    for host in ["host=a host=a", "host=a host=b", "host=a,b", "host=a,_a", "host=a x=y host=", "host=a host=a host=a"]
    {
        for authority in ["", ":authority=a"] {
            let fields = format!(":method=POST :scheme=http :path=/ {authority} {host}");
            // The peer may still send, until it hears that nobody reads.
            check_server(&format!(
                "> HEADERS 1 {fields}
                < HEADERS 1 END_STREAM
                < RST_STREAM 1 NO_ERROR
                > DATA 1 5 END_STREAM
                > HEADERS 3 END_STREAM {fields}
                < HEADERS 3 END_STREAM
                > HEADERS 5 END_STREAM REQUEST
                * Headers 5 END_STREAM"
            ));
        }
    }
    let mut peer = Peer::of_server(Config::default());
    peer.send(&crate::support::Frame::parse("HEADERS 1 END_STREAM REQUEST host=a host=a").to_bytes());
    assert_eq!(peer.transcript, ["< HEADERS 1 END_STREAM"]);
}

#[test]
fn a_host_means_nothing_but_in_a_request() {
    check_client(
        "! request
        < HEADERS 1
        > HEADERS 1 RESPONSE host=a host=b
        * Headers 1
        > HEADERS 1 END_STREAM host=a host=b
        * Trailers 1",
    );
}

#[test]
fn requests_that_are_answered_with_400_are_limited() {
    let mut peer = Peer::of_server(Config::default());
    for id in 0..600 {
        peer.run(&format!("> HEADERS {} END_STREAM REQUEST host=a host=a", 2 * id + 1));
    }
    peer.assert_calmed("too many streams were reset");
}

#[test]
fn connect_has_neither_scheme_nor_path() {
    wellformed(":method=CONNECT :authority=a:80");
    malformed(":method=CONNECT :authority=a:80 :path=/");
    malformed(":method=CONNECT :authority=a:80 :scheme=http");
    malformed(":method=CONNECT");
}

#[test]
fn field_names() {
    malformed("REQUEST Upper=1");
    malformed("REQUEST camelCase=1");
    malformed("REQUEST a_b=1");
    malformed("REQUEST na\u{7f}me=1");
    malformed("REQUEST näme=1");
    wellformed("REQUEST a-b.c=1 x!#$%&'*+^`|~=1");
    // A literal with an empty name.
    check_server("> FRAME 1 5 1 838684000000\n< RST_STREAM 1 PROTOCOL_ERROR");
    // A colon inside of a name.
    check_server("> FRAME 1 5 1 8386840003613a620131\n< RST_STREAM 1 PROTOCOL_ERROR");
}

#[test]
fn field_values() {
    malformed("REQUEST x=_a");
    malformed("REQUEST x=a_");
    wellformed("REQUEST x=a_b y= z=ü");
    for forbidden in ["00", "0a", "0d"] {
        check_server(&format!("> FRAME 1 5 1 8386840001780361{forbidden}61\n< RST_STREAM 1 PROTOCOL_ERROR"));
    }
}

/// What a server makes of a request whose padding it allows if the list has `allow: yes`.
#[track_caller]
fn padded(script: &str) -> Vec<String> {
    let mut config = Config::default();
    config.allows_padding = |fields| fields.find(b"allow") == Some(b"yes");
    let mut peer = Peer::of_server(config);
    let mut shown = Vec::new();
    for frame in script.lines() {
        peer.feed(frame.trim());
        while let Some(event) = peer.engine.poll_event() {
            let Event::Headers { fields, .. } = event else { panic!("{event:?}") };
            let fields = fields.iter().filter(|field| !field.name.starts_with(b":") && field.name != b"te");
            let values = fields.map(|field| format!("{}={}", field.name.escape_ascii(), field.value.escape_ascii()));
            shown.push(values.collect::<Vec<_>>().join(" "));
        }
    }
    peer.observe();
    shown.extend(peer.transcript);
    shown
}

#[test]
fn padding_is_removed_where_the_driver_allows_it() {
    assert_eq!(padded("HEADERS 1 END_STREAM REQUEST allow=yes x=_a y=b_ z=__"), ["allow=yes x=a y=b z="]);
    assert_eq!(padded("HEADERS 1 END_STREAM REQUEST x=_a"), ["< RST_STREAM 1 PROTOCOL_ERROR"]);
    // The driver sees the list as it came.
    assert_eq!(padded("HEADERS 1 END_STREAM REQUEST allow=_yes"), ["< RST_STREAM 1 PROTOCOL_ERROR"]);
    // `x: <space>a<tab>` and `allow: yes` enter the table; then both, and each of them alone.
    assert_eq!(
        padded(
            "FRAME 1 5 1 838684400178032061094005616c6c6f7703796573
            FRAME 1 5 3 838684bebf
            FRAME 1 5 5 838684bebf
            FRAME 1 5 7 838684bf
            FRAME 1 5 9 838684be"
        ),
        ["x=a allow=yes", "allow=yes x=a", "allow=yes x=a", "allow=yes", "< RST_STREAM 7 PROTOCOL_ERROR"]
    );
}

#[test]
fn padding_is_malformed_where_messages_could_be_smuggled() {
    for field in [":path=_/", "te=trailers_", "te=_trailers", "content-length=_0", "content-length=0_", "connection=_x"]
    {
        let fields = if field.starts_with(':') {
            format!(":method=GET :scheme=http {field}")
        } else {
            format!("REQUEST {field}")
        };
        assert_eq!(
            padded(&format!("HEADERS 1 END_STREAM {fields} allow=yes")),
            ["< RST_STREAM 1 PROTOCOL_ERROR"],
            "{field}"
        );
    }
    for forbidden in ["00", "0a", "0d"] {
        let frame = format!("FRAME 1 5 1 8386840005616c6c6f770379657300017803{forbidden}6120");
        assert_eq!(padded(&frame), ["< RST_STREAM 1 PROTOCOL_ERROR"]);
    }
}

#[test]
fn connection_specific_fields() {
    for name in ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"] {
        malformed(&format!("REQUEST {name}=x"));
    }
    malformed("REQUEST te=gzip");
    malformed("REQUEST te=trailers,gzip");
    wellformed("REQUEST te=trailers");
}

#[test]
fn content_length_and_data_agree() {
    wellformed("REQUEST content-length=0");
    malformed("REQUEST content-length=1");
    malformed("REQUEST content-length=");
    malformed("REQUEST content-length=-1");
    malformed("REQUEST content-length=+1");
    malformed("REQUEST content-length=0 content-length=0");
    malformed("REQUEST content-length=18446744073709551616");
    let open = "> HEADERS 1 REQUEST content-length=5\n* Headers 1\n";
    let reset = "* Reset 1 PROTOCOL_ERROR by Local\n< RST_STREAM 1 PROTOCOL_ERROR";
    check_server(&format!("{open}> DATA 1 2 PAD=7\n* Data 1 2\n> DATA 1 3 END_STREAM\n* Data 1 3 END_STREAM"));
    check_server(&format!("{open}> DATA 1 5\n* Data 1 5\n> DATA 1 0 END_STREAM\n* Data 1 0 END_STREAM"));
    check_server(&format!("{open}> DATA 1 6\n{reset}"));
    check_server(&format!("{open}> DATA 1 4 END_STREAM\n{reset}"));
    check_server(&format!("{open}> DATA 1 4\n* Data 1 4\n> HEADERS 1 END_STREAM x=y\n{reset}"));
    check_server(&format!("{open}> DATA 1 5\n* Data 1 5\n> HEADERS 1 END_STREAM x=y\n* Trailers 1"));
}

#[test]
fn trailers_end_the_stream_and_have_no_pseudo_headers() {
    let open = "> HEADERS 1 REQUEST\n* Headers 1\n";
    let reset = "* Reset 1 PROTOCOL_ERROR by Local\n< RST_STREAM 1 PROTOCOL_ERROR";
    check_server(&format!("{open}> HEADERS 1 END_STREAM x=y\n* Trailers 1"));
    check_server(&format!("{open}> HEADERS 1 x=y\n{reset}"));
    check_server(&format!("{open}> HEADERS 1 END_STREAM :path=/\n{reset}"));
    check_server(&format!("{open}> HEADERS 1 END_STREAM Big=y\n{reset}"));
    check_server(&format!("{open}> HEADERS 1 END_STREAM connection=y\n{reset}"));
}

#[test]
fn responses_pass_their_states() {
    check_client(
        "! request
        < HEADERS 1
        > HEADERS 1 :status=100
        * Informational 1
        > HEADERS 1 :status=103 link=a
        * Informational 1
        > HEADERS 1 RESPONSE
        * Headers 1
        > DATA 1 5
        * Data 1 5
        > HEADERS 1 END_STREAM grpc-status=0
        * Trailers 1
        ! data 1 3 END_STREAM
        < DATA 1 3 END_STREAM
        ! data 1 3
        = Gone",
    );
}

#[test]
fn malformed_responses_reset_their_stream() {
    for headers in [
        "HEADERS 1",
        "HEADERS 1 x=y",
        "HEADERS 1 :status=20",
        "HEADERS 1 :status=2000",
        "HEADERS 1 :status=abc",
        "HEADERS 1 :status=200 :status=200",
        "HEADERS 1 :status=200 :path=/",
        "HEADERS 1 :status=101",
        "HEADERS 1 END_STREAM :status=100",
        "HEADERS 1 END_STREAM :status=200 content-length=3",
        "HEADERS 1 RESPONSE Big=x",
        "DATA 1 3",
    ] {
        check_client(&format!(
            "! request
            < HEADERS 1
            > {headers}
            * Reset 1 PROTOCOL_ERROR by Local
            < RST_STREAM 1 PROTOCOL_ERROR"
        ));
    }
}

#[test]
fn responses_without_content_may_promise_some() {
    let mut peer = Peer::of_client(Config::default());
    let head = crate::support::fields(&[(":method", "HEAD"), (":scheme", "http"), (":path", "/")]);
    peer.engine.send_request(None, &head, halloo_http2::End::Stream).unwrap();
    peer.observe();
    peer.check("> HEADERS 1 END_STREAM RESPONSE content-length=7\n* Headers 1 END_STREAM");
    peer.check(
        "! request END_STREAM
        < HEADERS 3 END_STREAM
        > HEADERS 3 END_STREAM :status=304 content-length=7
        * Headers 3 END_STREAM",
    );
}

#[test]
fn a_server_sends_informational_heads_before_the_final_one() {
    check_server(
        "> HEADERS 1 END_STREAM REQUEST
        * Headers 1 END_STREAM
        ! informational 1
        < HEADERS 1
        ! response 1
        < HEADERS 1
        ! trailers 1
        < HEADERS 1 END_STREAM",
    );
}

#[test]
fn a_complete_response_may_be_followed_by_a_reset() {
    check_client(
        "! request
        < HEADERS 1
        > HEADERS 1 RESPONSE END_STREAM
        * Headers 1 END_STREAM
        > RST_STREAM 1 NO_ERROR
        * Reset 1 NO_ERROR by Peer",
    );
}

#[test]
fn a_remembered_block_is_judged_as_what_it_is() {
    // The same block, first as a request, then as trailers.
    let block = "838684";
    check_server(&format!(
        "> FRAME 1 5 1 {block}
        * Headers 1 END_STREAM
        > FRAME 1 4 3 {block}
        * Headers 3
        > FRAME 1 4 5 {block}
        * Headers 5
        > FRAME 1 5 5 {block}
        * Reset 5 PROTOCOL_ERROR by Local
        < RST_STREAM 5 PROTOCOL_ERROR
        > FRAME 1 5 7 {block}
        * Headers 7 END_STREAM"
    ));
}

#[test]
fn entries_of_the_table_are_judged_like_other_fields() {
    // `content-length: 5` enters the table and is counted each time; so does `x: a`, and an upper-case name never
    // becomes legal.
    check_server(
        "> FRAME 1 4 1 8386845c0135
        * Headers 1
        > DATA 1 5 END_STREAM
        * Data 1 5 END_STREAM
        > FRAME 1 4 3 838684be
        * Headers 3
        > DATA 3 4 END_STREAM
        * Reset 3 PROTOCOL_ERROR by Local
        < RST_STREAM 3 PROTOCOL_ERROR
        > FRAME 1 5 5 838684bebe
        < RST_STREAM 5 PROTOCOL_ERROR
        > FRAME 1 5 7 83868440017801614001580161
        < RST_STREAM 7 PROTOCOL_ERROR
        > FRAME 1 5 9 838684be
        < RST_STREAM 9 PROTOCOL_ERROR
        > FRAME 1 5 11 838684bf
        * Headers 11 END_STREAM
        > FRAME 1 5 13 8386bf84
        < RST_STREAM 13 PROTOCOL_ERROR
        > FRAME 1 5 15 83868484
        < RST_STREAM 15 PROTOCOL_ERROR",
    );
}
