//! Uses generated code that lies in the source tree.

#![deny(
    warnings,
    clippy::all,
    clippy::nursery,
    clippy::pedantic,
    missing_debug_implementations,
    missing_docs,
    rust_2018_idioms,
    unreachable_pub,
    unused_qualifications
)]

/// What protoc's descriptors of files with editions become.
pub mod editions;
pub mod proto;

#[cfg(test)]
mod features;
#[cfg(test)]
mod tests {
    use crate::proto::Note;
    use crate::proto::greeter::{Greeter, GreeterClient, HelloReply, HelloRequest};
    use crate::proto::r#mod::Kind;

    struct MyGreeter;

    impl Greeter for MyGreeter {
        async fn say_hello(&self, request: halloo::Request<HelloRequest>) -> halloo::Result<HelloReply> {
            let note = request.note.as_option().map(|note| note.text.clone()).unwrap_or_default();
            Ok(HelloReply::default().with_message(format!("Hello, {}! {note}", request.name)).into())
        }
    }

    #[test]
    fn a_call_in_process() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let reply = runtime.block_on(async {
            let note = Note::default().with_text("Welcome.").with_kind(Kind::KIND_WARM);
            let request = HelloRequest::default().with_name("you").with_note(note);
            GreeterClient::in_process(MyGreeter).say_hello(request).await
        });
        assert_eq!(reply.expect("the call succeeds").message, "Hello, you! Welcome.");
    }
}
