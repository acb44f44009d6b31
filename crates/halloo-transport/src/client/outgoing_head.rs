//! Request heads of a client: a template a method, and the fields that differ from call to call.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::time::Duration;

use halloo_call::OutgoingHead;
use halloo_core::{MethodRef, Timeout};
use halloo_http2::{HeaderList, Template};

use crate::id_map::IdHasher;
use crate::response_head::push_metadata;

/// So many templates a connection keeps: more methods than most programs have, but those that a program learns while it
/// runs have no end.
const MAX_TEMPLATES: usize = 512;

/// The templates of one connection; one a method and codec that was called.
#[derive(Debug)]
pub(crate) struct RequestTemplates {
    scheme: &'static str,
    authority: String,
    user_agent: String,
    /// By where a method's descriptor is, and where the name of its codec and how long: both live as long as they are here.
    templates: HashMap<(usize, usize, usize), (Template, MethodRef), BuildHasherDefault<IdHasher>>,
}

impl RequestTemplates {
    pub(crate) fn new(scheme: &'static str, authority: String, user_agent: String) -> Self {
        Self { scheme, authority, user_agent, templates: HashMap::default() }
    }

    /// The template of `head`'s method; what is this call's alone goes to `fields`.
    pub(crate) fn write(
        &mut self,
        head: &OutgoingHead,
        time_left: Option<Duration>,
        fields: &mut HeaderList,
    ) -> &Template {
        fields.clear();
        if let Some(time_left) = time_left {
            fields.push(b"grpc-timeout", Timeout::encode(time_left).as_bytes());
        }
        if let Some(encodings) = &head.encodings {
            // The names of algorithms are the program's.
            for (name, value) in encodings.fields() {
                fields.push_legal(name.as_bytes(), value.as_bytes());
            }
        }
        push_metadata(head.call.metadata(), fields);
        let key = (head.method.address(), head.subtype.as_ptr().addr(), head.subtype.len());
        let (scheme, authority, user_agent) = (self.scheme, &self.authority, &self.user_agent);
        if self.templates.len() >= MAX_TEMPLATES && !self.templates.contains_key(&key) {
            self.templates.clear();
        }
        let (template, _) = self.templates.entry(key).or_insert_with(|| {
            let template =
                Template::new(constant_fields(head.method.path(), head.subtype, scheme, authority, user_agent));
            (template, head.method.clone())
        });
        template
    }
}

fn constant_fields(path: &str, subtype: &str, scheme: &str, authority: &str, user_agent: &str) -> HeaderList {
    let content_type =
        if subtype == "proto" { "application/grpc".to_owned() } else { format!("application/grpc+{subtype}") };
    let mut fields = HeaderList::new();
    for (name, value) in [(":method", "POST"), (":scheme", scheme), (":path", path), (":authority", authority)] {
        fields.push(name.as_bytes(), value.as_bytes());
    }
    // The names of codecs, and the user agent, are the program's.
    for (name, value) in [("content-type", content_type.as_str()), ("te", "trailers"), ("user-agent", user_agent)] {
        fields.push_legal(name.as_bytes(), value.as_bytes());
    }
    fields
}

#[cfg(test)]
#[path = "../../tests/unit/client/outgoing_head.rs"]
mod tests;
