//! Credentials on connections of a test's making: which carry them, which do not, and what a lost one changes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use halloo_call::{Carry, OutgoingCall};
use halloo_core::{Address, Metadata, SecurityLevel, Status};
use halloo_plane::Unreachable;
use halloo_transport::ReturnedCalls;
use tokio::sync::watch;

use super::CredentialRequest;
use crate::connect::connector::{Around, BoxFuture, Carrier, Connect, Connection};
use crate::driver::tests::SAY;
use crate::{BearerToken, CallCredentials, Channel};

/// What a connection does with a call.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It answers with the call's `authorization`.
    Answer,
    /// It takes none, and goes.
    Refuse,
    /// It takes it and gives it back, and goes.
    Return,
}

/// The connections that a channel gets, one after the other.
#[derive(Debug)]
struct Line {
    connections: Mutex<VecDeque<(SecurityLevel, Fate)>>,
}

#[derive(Debug)]
struct Fake {
    security: SecurityLevel,
    fate: Fate,
    returned: ReturnedCalls,
    has_ended: watch::Sender<bool>,
}

impl Connect for Line {
    fn connect(&self, _: Address, around: Around) -> BoxFuture<Result<Arc<dyn Connection>, Unreachable>> {
        let (security, fate) = self.connections.lock().unwrap().pop_front().expect("no call needs so many connections");
        let fake = Fake { security, fate, returned: around.returned, has_ended: watch::Sender::new(false) };
        Box::pin(async move { Ok(Arc::new(fake) as Arc<dyn Connection>) })
    }
}

impl Carry for Fake {
    fn start(&self, call: OutgoingCall) -> Result<(), OutgoingCall> {
        let refused = match self.fate {
            Fate::Answer => {
                let values: Vec<_> = call.head.call.metadata().get_all("authorization").collect();
                let text = values.join(",");
                let prefix = [0, 0, 0, 0, u8::try_from(text.len()).unwrap()];
                call.responder.push_response([&prefix, text.as_bytes()].concat().into());
                call.responder.finish(Ok(Metadata::new()));
                return Ok(());
            }
            Fate::Refuse | Fate::Return => call,
        };
        self.has_ended.send_replace(true);
        if matches!(self.fate, Fate::Refuse) {
            return Err(refused);
        }
        self.returned.take(refused);
        Ok(())
    }
}

impl Carrier for Fake {
    fn security(&self) -> SecurityLevel {
        self.security
    }
}

impl Connection for Fake {
    fn closed(self: Arc<Self>) -> BoxFuture<crate::connect::connector::Ended> {
        let mut has_ended = self.has_ended.subscribe();
        Box::pin(async move {
            has_ended.wait_for(|has_ended| *has_ended).await.unwrap();
            crate::connect::connector::Ended { reason: "it has ended".into(), too_many_pings: None }
        })
    }

    fn shutdown(&self) {
        self.has_ended.send_replace(true);
    }
}

const SECURE: SecurityLevel = SecurityLevel::PrivacyAndIntegrity;

/// Counts how often it is asked.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicUsize>);

impl CallCredentials for Counted {
    fn metadata(&self, _: CredentialRequest) -> super::CredentialsFuture<'_> {
        let count = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        BearerToken::new(format!("t{count}")).unwrap().into_future()
    }
}

impl BearerToken {
    fn into_future(self) -> super::CredentialsFuture<'static> {
        Box::pin(async move {
            let request = CredentialRequest::new(SAY.method(), "greeter", SECURE);
            CallCredentials::metadata(&self, request).await
        })
    }
}

/// What a call gets, and how often the credentials were asked.
async fn call(connections: impl IntoIterator<Item = (SecurityLevel, Fate)>) -> (Result<String, Status>, usize) {
    let line = Line { connections: Mutex::new(connections.into_iter().collect()) };
    let counted = Counted::default();
    let channel =
        Channel::builder("http://10.0.0.1:50051").connect_by(line).credentials(counted.clone()).build().unwrap();
    let reply = channel.unary(&SAY, "hello".to_owned()).timeout(Duration::from_secs(60)).await;
    (reply.map(halloo_call::Reply::into_message), counted.0.load(Ordering::SeqCst))
}

const REFUSAL: &str = "the call's credentials were not sent: the connection to 10.0.0.1:50051 is not protected, so \
                       others could read them (UNAUTHENTICATED)\n  \
                       calling  talk.Talk/Say\n  \
                       hint     connect with TLS (https://) or over a Unix socket; loopback TCP does not count as \
                       protected";

#[tokio::test(start_paused = true)]
async fn they_travel_on_a_protected_connection() {
    let (reply, asked) = call([(SECURE, Fate::Answer)]).await;
    assert_eq!((reply.unwrap().as_str(), asked), ("Bearer t1", 1));
}

#[tokio::test(start_paused = true)]
async fn they_are_not_even_asked_for_an_open_connection() {
    let (reply, asked) = call([(SecurityLevel::None, Fate::Answer)]).await;
    assert_eq!(format!("{:?}", reply.unwrap_err()), REFUSAL);
    assert_eq!(asked, 0);
    let (reply, _) = call([(SecurityLevel::IntegrityOnly, Fate::Answer)]).await;
    assert_eq!(
        reply.unwrap_err().message(),
        "the call's credentials were not sent: the connection to 10.0.0.1:50051 is protected less than they require"
    );
}

#[tokio::test(start_paused = true)]
async fn another_connection_is_checked_again_and_they_are_asked_again() {
    let (reply, asked) = call([(SECURE, Fate::Refuse), (SECURE, Fate::Answer)]).await;
    assert_eq!((reply.unwrap().as_str(), asked), ("Bearer t2", 2));
    let (reply, asked) = call([(SECURE, Fate::Refuse), (SecurityLevel::None, Fate::Answer)]).await;
    assert_eq!(format!("{:?}", reply.unwrap_err()), REFUSAL);
    assert_eq!(asked, 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_back_keeps_its_token_from_an_open_connection() {
    let (reply, asked) = call([(SECURE, Fate::Return), (SECURE, Fate::Answer)]).await;
    assert_eq!((reply.unwrap().as_str(), asked), ("Bearer t1", 1));
    let (reply, _) = call([(SECURE, Fate::Return), (SecurityLevel::None, Fate::Answer)]).await;
    let status = reply.unwrap_err();
    assert!(status.message().starts_with("the call's credentials were not sent"), "{status:?}");
}
