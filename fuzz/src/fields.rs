//! Header lists that several targets send.

use halloo_http2::HeaderList;

pub(crate) const REQUEST: [(&str, &str); 6] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/greeter.Greeter/SayHello"),
    (":authority", "localhost"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
];

pub(crate) const RESPONSE: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/grpc")];

pub(crate) const TRAILERS: [(&str, &str); 1] = [("grpc-status", "0")];

pub(crate) fn fields_of(pairs: &[(&str, &str)]) -> HeaderList {
    let mut list = HeaderList::new();
    for (name, value) in pairs {
        list.push(name.as_bytes(), value.as_bytes());
    }
    list
}
