//! Interceptors on both sides: one shape for all four kinds.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use halloo::interceptor::{Call, Interceptor, Next, Outcome};
use halloo::{Code, Metadata, Status};
use halloo_tests::Letter;

use crate::support::office::Stamp;
use crate::support::rig::{Rig, Setup, TRANSPORTS};
use crate::support::soon;

fn letter(text: &str) -> Letter {
    Letter::default().with_text(text)
}

/// What interceptors have seen, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn interceptor(&self, name: &'static str) -> impl Interceptor {
        let log = self.clone();
        move |call: Call, next: Next| {
            let log = log.clone();
            async move {
                log.add(format!("{name} in {}", call.method().unwrap().name()));
                let outcome = next.run(call).await;
                log.add(format!("{name} out {}", words(&outcome)));
                outcome
            }
        }
    }
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Ok(trailers) => format!("OK {}", trailers.get("t-a").unwrap_or("-")),
        Err(status) => status.code().name().into(),
    }
}

/// Calls all four kinds with `text`; what each ended with.
async fn all_kinds(rig: &Rig, text: &str) -> Vec<Result<Metadata, Status>> {
    let mut outcomes = Vec::new();
    outcomes.push(rig.client.answer(letter(text)).metadata("t-a", "1").await.map(|reply| reply.trailers().clone()));
    let follow = async {
        let mut replies = rig.client.follow(letter(text).with_number(2)).metadata("t-a", "1").await?;
        while replies.next().await?.is_some() {}
        Ok(replies.trailers().cloned().unwrap_or_default())
    };
    outcomes.push(follow.await);
    let collect = rig.client.collect().metadata("t-a", "1").send_all([letter(text)]);
    outcomes.push(collect.await.map(|reply| reply.trailers().clone()));
    let chat = async {
        let (mut requests, mut replies) = rig.client.chat().metadata("t-a", "1").await?;
        // The call may have ended already; then the replies say how.
        let _ = requests.send(letter(text)).await;
        requests.finish();
        while replies.next().await?.is_some() {}
        Ok(replies.trailers().cloned().unwrap_or_default())
    };
    outcomes.push(chat.await);
    outcomes
}

const METHODS: [&str; 4] = ["Answer", "Follow", "Collect", "Chat"];

#[tokio::test]
async fn the_first_is_outermost_on_both_sides() {
    for transport in TRANSPORTS {
        let log = Log::default();
        let (first, second) = (log.interceptor("client 1"), log.interceptor("client 2"));
        let rig = Setup::new(transport)
            .intercept(log.interceptor("server 1"))
            .intercept(log.interceptor("server 2"))
            .client(|client| client.intercept(first).intercept(second))
            .rig()
            .await;
        for (number, ended, methods) in [(0, "OK 1", &METHODS[..]), (3, "INVALID_ARGUMENT", &METHODS[..1])] {
            if number == 0 {
                all_kinds(&rig, "x").await.into_iter().for_each(|outcome| drop(outcome.unwrap()));
            } else {
                rig.client.answer(letter("fail").with_number(number)).await.unwrap_err();
            }
            let mut expected = Vec::new();
            for method in methods {
                for name in ["client 1", "client 2", "server 1", "server 2"] {
                    expected.push(format!("{name} in {method}"));
                }
                for name in ["server 2", "server 1", "client 2", "client 1"] {
                    expected.push(format!("{name} out {ended}"));
                }
            }
            assert_eq!(log.take(), expected);
        }
        rig.end().await;
    }
}

#[tokio::test]
async fn an_early_answer_of_the_server_spares_the_handler() {
    for transport in TRANSPORTS {
        let refuse = async |_: Call, _: Next| Err(Status::permission_denied("not you").trailer("t-why", "because"));
        let rig = Setup::new(transport).intercept(refuse).rig().await;
        for outcome in all_kinds(&rig, "x").await {
            let status = outcome.unwrap_err();
            assert_eq!(status.to_string(), "not you (PERMISSION_DENIED)");
            assert_eq!(status.metadata().get("t-why"), Some("because"));
        }
        assert_eq!(*rig.seen.started.borrow(), 0);
        rig.end().await;
    }
}

#[tokio::test]
async fn an_early_answer_of_the_client_spares_the_server() {
    for transport in TRANSPORTS {
        let refuse = async |_: Call, _: Next| Err(Status::permission_denied("not out of here"));
        let rig = Setup::new(transport).client(move |client| client.intercept(refuse)).rig().await;
        for outcome in all_kinds(&rig, "x").await {
            assert_eq!(outcome.unwrap_err().to_string(), "not out of here (PERMISSION_DENIED)");
        }
        assert_eq!(*rig.seen.started.borrow(), 0);
        rig.end().await;
    }
}

#[tokio::test]
async fn an_early_success_without_a_reply_is_told_by_its_kind() {
    for transport in TRANSPORTS {
        let finish = async |_: Call, _: Next| {
            let mut trailers = Metadata::new();
            trailers.append("t-a", "early").unwrap();
            Ok(trailers)
        };
        let on_client = Setup::new(transport).client(move |client| client.intercept(finish)).rig().await;
        let on_server = Setup::new(transport).intercept(finish).rig().await;
        for rig in [on_client, on_server] {
            for (outcome, method) in all_kinds(&rig, "x").await.into_iter().zip(METHODS) {
                match (outcome, method) {
                    (Ok(trailers), "Follow" | "Chat") => assert_eq!(trailers.get("t-a"), Some("early")),
                    (Err(status), "Answer" | "Collect") => {
                        assert_eq!(status.code(), Code::Unimplemented, "{status:?}");
                        assert!(status.message().contains("got no reply"), "{status}");
                    }
                    (outcome, method) => panic!("{method}: {outcome:?}"),
                }
            }
            rig.end().await;
        }
    }
}

#[tokio::test]
async fn handlers_see_what_interceptors_changed() {
    for transport in TRANSPORTS {
        let on_client = async |mut call: Call, next: Next| {
            call.metadata_mut().append("h-a", "client").unwrap();
            next.run(call).await
        };
        let on_server = async |mut call: Call, next: Next| {
            assert_eq!(call.metadata().get("h-a"), Some("client"));
            assert!(call.peer().is_some());
            call.metadata_mut().insert("h-a", "server").unwrap();
            call.extensions_mut().insert(Stamp("first class"));
            next.run(call).await
        };
        let setup = Setup::new(transport).intercept(on_server).client(move |client| client.intercept(on_client));
        let rig = setup.rig().await;
        let reply = rig.client.answer(letter("facts")).await.unwrap();
        assert_eq!(reply.headers().get_all("h-a").collect::<Vec<_>>(), ["server"]);
        assert!(reply.text.contains("stamp first class;"), "{}", reply.text);

        let mut replies = rig.client.follow(letter("facts").with_number(1)).await.unwrap();
        assert_eq!(replies.headers().await.unwrap().get("h-a"), Some("server"));
        assert!(replies.next().await.unwrap().unwrap().text.contains("stamp first class;"));
        drop(replies);

        let reply = rig.client.collect().send_all([letter("facts")]).await.unwrap();
        assert!(reply.text.contains("stamp first class;"), "{}", reply.text);

        let (mut requests, mut replies) = rig.client.chat().await.unwrap();
        requests.send(letter("facts")).await.unwrap();
        assert!(replies.next().await.unwrap().unwrap().text.contains("stamp first class;"));
        requests.finish();
        assert_eq!(replies.next().await.unwrap(), None);
        rig.end().await;
    }
}

#[tokio::test]
async fn the_final_status_and_trailers_can_be_changed() {
    for transport in TRANSPORTS {
        let rewrite = |name: &'static str| {
            move |call: Call, next: Next| async move {
                match next.run(call).await {
                    Ok(mut trailers) => {
                        trailers.append("t-a", name).unwrap();
                        Ok(trailers)
                    }
                    Err(status) => {
                        let text = format!("{name} saw: {}", status.message());
                        Err(Status::new(Code::Aborted, text).details_bytes(status.details().clone()))
                    }
                }
            }
        };
        let (on_client, on_server) = (rewrite("client"), rewrite("server"));
        let setup = Setup::new(transport).intercept(on_server).client(move |client| client.intercept(on_client));
        let rig = setup.rig().await;
        for outcome in all_kinds(&rig, "x").await {
            assert_eq!(outcome.unwrap().get_all("t-a").collect::<Vec<_>>(), ["1", "server", "client"]);
        }
        let fail = || letter("fail").with_number(5).with_parcel(vec![9]);
        let mut replies = rig.client.follow(fail()).await.unwrap();
        let streamed = loop {
            if let Err(status) = replies.next().await {
                break status;
            }
        };
        for status in [rig.client.answer(fail()).await.unwrap_err(), streamed] {
            assert_eq!(status.code(), Code::Aborted);
            assert!(status.message().starts_with("client saw: server saw: no such street"), "{status}");
            assert_eq!(&status.details()[..], [9]);
        }
        rig.end().await;
    }
}

/// What an interceptor does that asks somebody else: it lets a timer run.
async fn pause() {
    tokio::time::timeout(Duration::from_millis(2), std::future::pending::<()>()).await.unwrap_err();
}

#[tokio::test]
async fn interceptors_may_wait() {
    for transport in TRANSPORTS {
        let wait = async |call: Call, next: Next| {
            pause().await;
            let outcome = next.run(call).await;
            pause().await;
            outcome
        };
        let rig = Setup::new(transport).intercept(wait).client(move |client| client.intercept(wait)).rig().await;
        for outcome in soon(all_kinds(&rig, "x")).await {
            assert_eq!(outcome.unwrap().get("t-a"), Some("1"));
        }
        rig.end().await;
    }
}

#[tokio::test]
async fn one_that_never_goes_on_is_bound_by_the_deadline() {
    for transport in TRANSPORTS {
        let stuck = async |_: Call, _: Next| std::future::pending().await;
        let rig = Setup::new(transport).intercept(stuck).rig().await;
        let status = rig.client.answer(letter("x")).timeout(Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        rig.end().await;
    }
}

#[tokio::test]
async fn one_that_shortens_the_deadline_is_heeded() {
    for transport in TRANSPORTS {
        let hurry = async |mut call: Call, next: Next| {
            call.set_deadline(Some(halloo::Deadline::after(std::time::Instant::now(), Duration::from_millis(20))));
            next.run(call).await
        };
        let rig = Setup::new(transport).client(move |client| client.intercept(hurry)).rig().await;
        let status = soon(rig.client.answer(letter("hang")).into_future()).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        let replies = rig.client.follow(letter("hang").with_number(1)).await;
        let mut replies = replies.unwrap();
        replies.next().await.unwrap().unwrap();
        assert_eq!(soon(replies.next()).await.unwrap_err().code(), Code::DeadlineExceeded);
        rig.end().await;
    }
}

#[tokio::test]
async fn dropping_a_call_drops_its_interceptors() {
    for transport in TRANSPORTS {
        let log = Log::default();
        let dropped = log.clone();
        let watch = move |call: Call, next: Next| {
            struct OnDrop(Log);
            impl Drop for OnDrop {
                fn drop(&mut self) {
                    self.0.add("dropped".into());
                }
            }
            let watched = OnDrop(dropped.clone());
            async move {
                let _watched = watched;
                next.run(call).await
            }
        };
        let (on_server, on_client) = (watch.clone(), watch);
        let setup = Setup::new(transport).intercept(on_server).client(move |client| client.intercept(on_client));
        let rig = setup.rig().await;
        let mut call = rig.client.answer(letter("tell")).into_future();
        tokio::select! {
            biased;
            _ = &mut call => panic!("the call has ended"),
            () = rig.seen.started(1) => {}
        }
        drop(call);
        rig.seen.told(1).await;
        rig.end().await;
        assert_eq!(log.take().len(), 2);
    }
}

#[tokio::test]
async fn one_that_panics_on_the_server_fails_its_call_alone() {
    for transport in TRANSPORTS {
        let panics = async |call: Call, next: Next| {
            assert!(!call.metadata().contains("h-panic"), "the secret is 4711");
            next.run(call).await
        };
        let rig = Setup::new(transport).intercept(panics).rig().await;
        let waiting = rig.client.answer(letter("gate")).into_future();
        let status = rig.client.answer(letter("x")).metadata("h-panic", "now").await.unwrap_err();
        assert_eq!(status.code(), Code::Unknown);
        assert!(!format!("{status:?}").contains("4711"), "{status:?}");
        rig.seen.gate.add_permits(1);
        waiting.await.unwrap();
        rig.end().await;
    }
}

#[tokio::test]
async fn one_that_panics_on_the_client_panics_the_callers_task_alone() {
    for transport in TRANSPORTS {
        let panics = async |call: Call, next: Next| {
            let panics = call.metadata().contains("h-panic");
            let outcome = next.run(call).await;
            assert!(!panics, "told to");
            outcome
        };
        let rig = Setup::new(transport).client(move |client| client.intercept(panics)).rig().await;
        let client = rig.client.clone();
        let call = async move { client.answer(letter("x")).metadata("h-panic", "now").await };
        assert!(tokio::spawn(call).await.unwrap_err().is_panic());
        assert_eq!(rig.client.answer(letter("x")).await.unwrap().text, "x");
        rig.end().await;
    }
}
