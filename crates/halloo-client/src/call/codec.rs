//! Which codec a call is made with: the one that it or its channel asks for, or the method's first.

use halloo_core::{Codec, Codecs, Method, MethodRef, Status};

/// The codec of gRPC's messages in JSON.
pub(crate) const JSON: &str = "json";

/// The codecs of a call's requests and of its replies.
pub(crate) struct CallCodecs<Q: 'static, A: 'static> {
    pub(crate) request: &'static dyn Codec<Q>,
    pub(crate) reply: &'static dyn Codec<A>,
}

impl<Q, A> CallCodecs<Q, A> {
    /// Finds the codecs named `wanted`.
    pub(crate) fn of(method: &Method<Q, A>, wanted: Option<&'static str>) -> Result<Self, Status> {
        let (request, reply) = (method.request(), method.reply());
        let Some(name) = wanted else {
            return Ok(Self { request: request.default(), reply: reply.default() });
        };
        match (request.find(name), reply.find(name)) {
            (Some(request), Some(reply)) => Ok(Self { request, reply }),
            _ => Err(missing(name, method.method(), request)),
        }
    }
}

#[cold]
fn missing<M>(name: &str, method: &MethodRef, codecs: Codecs<M>) -> Status {
    let known: Vec<&str> = codecs.names().collect();
    let status = Status::internal(format!(
        "the client of {} has no codec `{name}`; it has: {}",
        method.full_name(),
        known.join(", ")
    ));
    if name.eq_ignore_ascii_case(JSON) {
        return status
            .note("hint", "generate its code with `.json(true)` in build.rs, and give halloo the feature `json`");
    }
    status
}
