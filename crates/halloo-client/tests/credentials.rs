//! Credentials of channels and calls, and the three kinds that can be used as they are.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod common;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use common::{CHAT, COUNT, JOIN, SAY, Talk};
use halloo_call::{Call, Next};
use halloo_client::{
    BearerToken, CallCredentials, Channel, ChannelBuilder, CredentialRequest, Token, TokenFile, TokenSource,
};
use halloo_core::{Code, Metadata, SecurityLevel, Status};
use tokio::sync::{Notify, Semaphore};

fn channel(credentials: impl CallCredentials) -> Channel {
    ChannelBuilder::in_process(Talk::default()).credentials(credentials).build().unwrap()
}

/// The `authorization` that the server sees.
async fn told(channel: &Channel) -> Result<String, Status> {
    channel.unary(&SAY, "tell authorization".into()).await.map(halloo_call::Reply::into_message)
}

fn request() -> CredentialRequest {
    CredentialRequest::new(SAY.method(), "greeter.prod:443", SecurityLevel::PrivacyAndIntegrity)
}

#[tokio::test]
async fn a_bearer_token_goes_with_every_kind_of_call() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let channel = channel(move |request: CredentialRequest| {
        keep.lock().unwrap().push(request.method().name().to_owned());
        async { Ok(Metadata::new()) }
    });
    assert_eq!(told(&channel).await.unwrap(), "");
    channel.server_streaming(&COUNT, "1".into()).credentials(BearerToken::new("x").unwrap()).await.unwrap();
    channel.client_streaming(&JOIN).send_all(["a".to_owned()]).await.unwrap();
    let (requests, mut replies) = channel.bidi_streaming(&CHAT).await.unwrap();
    requests.finish();
    assert_eq!(replies.next().await.unwrap(), None);
    assert_eq!(*seen.lock().unwrap(), ["Say", "Count", "Join", "Chat"]);
}

#[tokio::test]
async fn the_last_credentials_win_and_none_are_doubled() {
    let channel = channel(BearerToken::new(" channel\n").unwrap());
    assert_eq!(told(&channel).await.unwrap(), "Bearer channel");
    let reply = channel
        .unary(&SAY, "tell authorization".into())
        .metadata("authorization", "by hand")
        .credentials(BearerToken::new("first").unwrap())
        .credentials(BearerToken::new("call").unwrap())
        .await
        .unwrap();
    assert_eq!(*reply, "Bearer call");
    assert_eq!(told(&channel).await.unwrap(), "Bearer channel", "a call's own are its own");
}

#[tokio::test]
async fn credentials_are_asked_inside_of_interceptors() {
    let order = Arc::new(Mutex::new(String::new()));
    let (outer, inner) = (Arc::clone(&order), Arc::clone(&order));
    let channel = ChannelBuilder::in_process(Talk::default())
        .credentials(move |_: CredentialRequest| {
            inner.lock().unwrap().push_str("credentials ");
            async { BearerToken::new("t").unwrap().metadata(request()).await }
        })
        .intercept(move |mut call: Call, next: Next| {
            let order = Arc::clone(&outer);
            write!(order.lock().unwrap(), "interceptor sees {} values, ", call.metadata().len()).unwrap();
            async move {
                call.metadata_mut().append("x-id", "1")?;
                let outcome = next.run(call).await;
                order.lock().unwrap().push_str("and the end");
                outcome
            }
        })
        .build()
        .unwrap();
    assert_eq!(told(&channel).await.unwrap(), "Bearer t");
    assert_eq!(*order.lock().unwrap(), "interceptor sees 0 values, credentials and the end");
}

#[tokio::test]
async fn they_are_told_method_audience_and_security() {
    let channel = channel(async |request: CredentialRequest| -> Result<Metadata, Status> {
        let mut metadata = Metadata::new();
        let text = format!("{} {} {:?}", request.method().full_name(), request.audience(), request.security());
        metadata.append("authorization", text)?;
        Ok(metadata)
    });
    assert_eq!(told(&channel).await.unwrap(), "talk.Talk/Say https://in-process/talk.Talk PrivacyAndIntegrity");
    assert_eq!(request().audience(), "https://greeter.prod/talk.Talk");
    assert_eq!(request().authority(), "greeter.prod:443");
}

#[tokio::test]
async fn a_code_that_only_servers_may_use_becomes_internal() {
    for (code, becomes) in [
        (Code::NotFound, Code::Internal),
        (Code::InvalidArgument, Code::Internal),
        (Code::AlreadyExists, Code::Internal),
        (Code::FailedPrecondition, Code::Internal),
        (Code::Aborted, Code::Internal),
        (Code::OutOfRange, Code::Internal),
        (Code::DataLoss, Code::Internal),
        (Code::Ok, Code::Internal),
        (Code::Unauthenticated, Code::Unauthenticated),
        (Code::PermissionDenied, Code::PermissionDenied),
        (Code::Unavailable, Code::Unavailable),
        (Code::ResourceExhausted, Code::ResourceExhausted),
    ] {
        let channel = channel(move |_: CredentialRequest| async move { Err(Status::new(code, "no vault")) });
        let status = told(&channel).await.unwrap_err();
        assert_eq!(status.code(), becomes, "{code}");
        assert!(status.message().ends_with("no vault"), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_its_credentials_no_longer_than_its_deadline() {
    let channel = channel(|_: CredentialRequest| std::future::pending());
    let status = channel.unary(&SAY, "hello".into()).timeout(Duration::from_millis(200)).await.unwrap_err();
    assert_eq!(
        format!("{status:?}"),
        "deadline of 200 ms passed (DEADLINE_EXCEEDED)\n  \
         calling  talk.Talk/Say\n  \
         spent    waiting for the call's credentials for 200 ms"
    );
}

#[tokio::test]
async fn a_dropped_call_drops_what_it_asked() {
    let dropped = Arc::new(Notify::new());
    let asked = Arc::new(Notify::new());
    struct Guard(Arc<Notify>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let (guard, tell) = (Arc::clone(&dropped), Arc::clone(&asked));
    let channel = channel(move |_: CredentialRequest| {
        let (guard, tell) = (Guard(Arc::clone(&guard)), Arc::clone(&tell));
        async move {
            let _guard = guard;
            tell.notify_one();
            std::future::pending().await
        }
    });
    tokio::select! {
        reply = told(&channel) => panic!("{reply:?}"),
        () = asked.notified() => {}
    }
    dropped.notified().await;
}

/// A source of tokens `t1`, `t2`, ... that each live for `life`, and how often it was asked.
fn counted(life: Duration) -> (TokenSource, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let source = TokenSource::new(move || {
        let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
        async move { Ok::<_, Status>(Token::valid_for(format!("t{number}"), life)) }
    });
    (source, count)
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_until_it_is_about_to_expire() {
    let (source, count) = counted(Duration::from_secs(3600));
    let channel = channel(source);
    assert_eq!(told(&channel).await.unwrap(), "Bearer t1");
    tokio::time::advance(Duration::from_secs(3530)).await;
    assert_eq!(told(&channel).await.unwrap(), "Bearer t1");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    tokio::time::advance(Duration::from_secs(15)).await;
    assert_eq!(told(&channel).await.unwrap(), "Bearer t1", "it is good while another is fetched");
    assert_eq!(told(&channel).await.unwrap(), "Bearer t2");
    tokio::time::advance(Duration::from_secs(3595)).await;
    assert_eq!(told(&channel).await.unwrap(), "Bearer t3", "it could expire on its way");
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn calls_that_wait_for_a_token_cause_one_fetch() {
    let gate = Arc::new(Semaphore::new(0));
    let count = Arc::new(AtomicUsize::new(0));
    let (open, counter) = (Arc::clone(&gate), Arc::clone(&count));
    let channel = channel(TokenSource::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        let open = Arc::clone(&open);
        async move {
            let _permit = open.acquire().await?;
            Ok::<_, tokio::sync::AcquireError>(Token::valid_until("t", SystemTime::now() + Duration::from_secs(600)))
        }
    }));
    let given_up = channel.unary(&SAY, "hello".into()).timeout(Duration::from_millis(1)).await.unwrap_err();
    assert_eq!(given_up.code(), Code::DeadlineExceeded, "and the fetch goes on");
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move { told(&channel).await })
        })
        .collect();
    tokio::task::yield_now().await;
    gate.add_permits(1);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), "Bearer t");
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_remembered_for_a_second() {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let channel = channel(TokenSource::new(move || {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            match number {
                0 => Err("the token endpoint is down"),
                _ => Ok(Token::valid_for("t", Duration::from_secs(100))),
            }
        }
    }));
    let status = told(&channel).await.unwrap_err();
    assert_eq!(
        format!("{status:?}"),
        "no token for the call: the token endpoint is down (UNAVAILABLE)\n  \
         calling  talk.Talk/Say\n  \
         cause    the token endpoint is down"
    );
    told(&channel).await.unwrap_err();
    assert_eq!(count.load(Ordering::SeqCst), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(told(&channel).await.unwrap(), "Bearer t");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_used_to_its_end_if_there_is_no_other() {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let channel = channel(TokenSource::new(move || {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            match number {
                0 => Ok(Token::valid_for("t", Duration::from_secs(600))),
                _ => Err(Status::permission_denied("the client is locked out")),
            }
        }
    }));
    assert_eq!(told(&channel).await.unwrap(), "Bearer t");
    tokio::time::advance(Duration::from_secs(595)).await;
    assert_eq!(told(&channel).await.unwrap(), "Bearer t", "it has waited for another in vain");
    assert_eq!(told(&channel).await.unwrap(), "Bearer t");
    assert_eq!(count.load(Ordering::SeqCst), 2);
    tokio::time::advance(Duration::from_secs(5)).await;
    let status = told(&channel).await.unwrap_err();
    assert_eq!(status.to_string(), "the client is locked out (PERMISSION_DENIED)");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_or_panics_fails_the_calls() {
    let hanging = channel(TokenSource::new(std::future::pending::<Result<Token, Status>>));
    assert_eq!(told(&hanging).await.unwrap_err().to_string(), "no token within 30 s (UNAVAILABLE)");
    let panicking = channel(TokenSource::new(async || -> Result<Token, Status> { panic!("no token here") }));
    let status = told(&panicking).await.unwrap_err();
    assert_eq!(status.to_string(), "the task that fetched a token has ended without one (UNAVAILABLE)");
    assert_eq!(told(&panicking).await.unwrap_err().code(), Code::Unavailable);
}

#[test]
fn a_fetch_that_its_runtime_took_along_is_begun_again() {
    let (source, count) = counted(Duration::from_secs(600));
    let first = tokio::runtime::Builder::new_current_thread().build().unwrap();
    {
        let _entered = first.enter();
        let mut asked = source.metadata(request());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(asked.as_mut().poll(&mut cx).is_pending());
    }
    drop(first);
    let second = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    second.block_on(async {
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(source.metadata(request()).await.unwrap().get("authorization"), Some("Bearer t1"));
    });
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_token_file_is_read_again() {
    let folder = std::env::temp_dir().join(format!("halloo-token-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("token");
    let file = TokenFile::read_every(&path, Duration::ZERO);
    let channel = channel(file.clone());

    let status = told(&channel).await.unwrap_err();
    let expected = format!("cannot read the token file {}: No such file or directory", path.display());
    assert!(status.message().starts_with(&expected), "{status}");
    assert_eq!(status.code(), Code::Unavailable);

    for (content, expected) in
        [("", "is empty"), ("two\nlines", "holds more than one line"), (&"x".repeat(65_537), "is over 65536 bytes")]
    {
        std::fs::write(&path, content).unwrap();
        let status = TokenFile::new(&path).metadata(request()).await.unwrap_err();
        assert!(status.message().contains(expected), "{status}");
        assert_eq!(status.code(), Code::Unavailable);
    }

    std::fs::write(&path, "first\n").unwrap();
    let kept = TokenFile::new(&path);
    assert_eq!(kept.metadata(request()).await.unwrap().get("authorization"), Some("Bearer first"));
    let fresh = TokenFile::read_every(&path, Duration::ZERO);
    assert_eq!(fresh.metadata(request()).await.unwrap().get("authorization"), Some("Bearer first"));
    std::fs::write(&path, "  second").unwrap();
    assert_eq!(fresh.metadata(request()).await.unwrap().get("authorization"), Some("Bearer second"));
    assert_eq!(kept.metadata(request()).await.unwrap().get("authorization"), Some("Bearer first"));
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(fresh.metadata(request()).await.unwrap().get("authorization"), Some("Bearer second"));
}

#[tokio::test]
async fn secrets_are_not_shown() {
    let (source, _) = counted(Duration::from_secs(600));
    let mut call = Call::new(SAY.method());
    call.metadata_mut().append("authorization", "Bearer t1").unwrap();
    source.metadata(request()).await.unwrap();
    let token = Token::valid_for("t1", Duration::ZERO);
    let bearer = BearerToken::new("t1").unwrap();
    let channel = Channel::builder("http://localhost").credentials(bearer.clone());
    let texts = [
        format!("{source:?}"),
        format!("{token:?}"),
        format!("{bearer:?} {bearer:#?}"),
        format!("{call:?} {call:#?}"),
        format!("{channel:?}"),
        BearerToken::new("t1\u{7f}").unwrap_err().to_string(),
    ];
    for text in texts {
        assert!(!text.contains("t1"), "{text}");
    }
}
