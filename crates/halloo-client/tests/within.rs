//! Calls that handlers make: what is left of the handler's time goes on to them, and so does cancellation. With tokio's
//! clock stopped; over Unix sockets too, where time never runs ahead of bytes.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use greeter::{Crowd, CrowdClient, CrowdServer, Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
use halloo::interceptor::{Call, Next};
use halloo::server::{Execution, Scope};
use halloo::{
    Channel, ChannelBuilder, Code, Deadline, MessageReceiver, MessageSender, Request, Router, Server, Status,
};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// The service at the end: it writes down what time its calls have left, and hangs if it is told to.
#[derive(Clone, Default)]
struct Back {
    left: Arc<Mutex<Vec<Option<Duration>>>>,
    begun: Arc<Notify>,
    dropped: Arc<Notify>,
}

struct TellDropped(Arc<Notify>);

impl Drop for TellDropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

fn left(deadline: Option<Deadline>) -> Option<Duration> {
    deadline.map(|deadline| deadline.time_left(Instant::now().into_std()))
}

impl Back {
    async fn work(&self, deadline: Option<Deadline>, name: &str) -> HelloReply {
        let _dropped = TellDropped(Arc::clone(&self.dropped));
        self.left.lock().unwrap().push(left(deadline));
        self.begun.notify_one();
        if name == "hang" {
            std::future::pending::<()>().await;
        }
        HelloReply::default().with_message(format!("Hello, {name}!"))
    }

    fn take_left(&self) -> Vec<Option<Duration>> {
        std::mem::take(&mut self.left.lock().unwrap())
    }
}

impl Greeter for Back {
    async fn say_hello(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        Ok(self.work(request.deadline(), &request.name).await.into())
    }
}

impl Crowd for Back {
    async fn cheer(
        &self,
        request: Request<HelloRequest>,
        replies: &mut MessageSender<HelloReply>,
    ) -> Result<(), Status> {
        replies.send(self.work(request.deadline(), &request.name).await).await
    }

    async fn gather(&self, mut requests: MessageReceiver<HelloRequest>) -> halloo::Result<HelloReply> {
        let reply = self.work(requests.deadline(), "crowd").await;
        while requests.next().await?.is_some() {}
        Ok(reply.into())
    }

    async fn meet(
        &self,
        mut requests: MessageReceiver<HelloRequest>,
        replies: &mut MessageSender<HelloReply>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.next().await? {
            replies.send(self.work(requests.deadline(), &request.name).await).await?;
        }
        Ok(())
    }
}

/// A handler made of a closure.
struct Front<F>(F);

impl<F, Fut> Greeter for Front<F>
where
    F: Fn(Request<HelloRequest>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Status>> + Send,
{
    async fn say_hello(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        (self.0)(request).await?;
        Ok(HelloReply::default().into())
    }
}

fn named(name: &str) -> HelloRequest {
    HelloRequest::default().with_name(name)
}

fn back() -> (Back, Channel) {
    let back = Back::default();
    let services = (GreeterServer::new(back.clone()), CrowdServer::new(back.clone()));
    (back, Channel::in_process(Router::new(services)))
}

/// A front within the process, as [`Greeter`]'s handlers run it.
fn front<F, Fut>(handler: F) -> GreeterClient
where
    F: Fn(Request<HelloRequest>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Status>> + Send + 'static,
{
    GreeterClient::in_process(Front(handler))
}

/// Serves on a Unix socket and returns its target.
async fn serve(
    name: &str,
    server: impl FnOnce(Server) -> Server,
    service: impl halloo::server::Services + Send + 'static,
) -> String {
    let path = std::env::temp_dir().join(format!("halloo-within-{name}-{}.sock", std::process::id()));
    let target = format!("unix:{}", path.display());
    let server = server(Server::bind(&target).await.unwrap()).shutdown_on(std::future::pending());
    tokio::spawn(async move { server.serve(service).await });
    target
}

/// What a status tells, as `main` prints it, without measured times.
fn told(status: &Status) -> String {
    let text = format!("{status:?}");
    let lines = text.lines().filter(|line| !line.starts_with("  spent"));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_handlers_time_goes_on_to_all_kinds_of_call() {
    let (back, channel) = back();
    let front = front(move |_| {
        let (greeter, crowd) = (GreeterClient::new(channel.clone()), CrowdClient::new(channel.clone()));
        async move {
            tokio::time::advance(300 * MILLISECOND).await;
            greeter.say_hello(named("a")).await?;
            tokio::time::advance(100 * MILLISECOND).await;
            crowd.cheer(named("b")).await?.next().await?;
            crowd.gather().send_all([named("c")]).await?;
            tokio::time::advance(100 * MILLISECOND).await;
            let (mut requests, mut replies) = crowd.meet().await?;
            requests.send(named("d")).await?;
            replies.next().await?;
            Ok(())
        }
    });
    front.say_hello(named("x")).timeout(SECOND).await.unwrap();
    assert_eq!(back.take_left(), [700, 600, 600, 500].map(|left| Some(left * MILLISECOND)));
    front.say_hello(named("x")).await.unwrap();
    assert_eq!(back.take_left(), [None; 4], "without a deadline there is nothing to hand on");
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_its_own_deadline_and_what_is_left_counts() {
    let (back, channel) = back();
    let slow = ChannelBuilder::in_process(Router::new(GreeterServer::new(back.clone()))).timeout(60 * SECOND);
    let slow = GreeterClient::new(slow.build().unwrap());
    let front = front(move |_| {
        let (back, slow) = (GreeterClient::new(channel.clone()), slow.clone());
        async move {
            back.say_hello(named("a")).timeout(300 * MILLISECOND).await?;
            back.say_hello(named("b")).timeout(60 * SECOND).await?;
            back.say_hello(named("c")).deadline(Deadline::after(Instant::now().into_std(), 60 * SECOND)).await?;
            slow.say_hello(named("d")).await?;
            slow.say_hello(named("e")).detached().await?;
            back.say_hello(named("f")).detached().await?;
            back.say_hello(named("g")).detached().timeout(5 * SECOND).await.map(drop)
        }
    });
    front.say_hello(named("x")).timeout(SECOND).await.unwrap();
    let expected = [300, 1000, 1000, 1000, 60_000].map(|left| Some(left * MILLISECOND));
    let detached = [None, Some(5 * SECOND)];
    assert_eq!(back.take_left(), [&expected[..], &detached[..]].concat());
}

/// Inline, in a task of its own, and the same handler a second time on the same thread: what one call had does not
/// stay for the next.
#[tokio::test(start_paused = true)]
async fn it_goes_on_over_connections_wherever_the_handler_runs() {
    for execution in [Execution::Inline, Execution::Spawn] {
        let back = Back::default();
        let target = serve(&format!("back-{execution:?}"), |server| server, GreeterServer::new(back.clone())).await;
        let next = GreeterClient::connect(&target).await.unwrap();
        let handler = move |request: Request<HelloRequest>| {
            let next = next.clone();
            async move { next.say_hello(named(&request.name)).await.map(drop) }
        };
        let configure = |server: Server| server.execution("greeter.Greeter/SayHello", execution);
        let target = serve(&format!("front-{execution:?}"), configure, GreeterServer::new(Front(handler))).await;
        let front = GreeterClient::connect(&target).await.unwrap();
        for timeout in [Some(SECOND), None, Some(7 * SECOND)] {
            let call = front.say_hello(named("x"));
            let call = timeout.into_iter().fold(call, |call, timeout| call.timeout(timeout));
            call.await.unwrap();
            assert_eq!(back.take_left(), [timeout], "{execution:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_dropped_takes_its_calls_along() {
    let (back, channel) = back();
    let front = front(move |_| {
        let back = GreeterClient::new(channel.clone());
        async move { back.say_hello(named("hang")).await.map(drop) }
    });
    // Its client goes away.
    tokio::time::timeout(SECOND, front.say_hello(named("x")).into_future()).await.unwrap_err();
    back.dropped.notified().await;
    assert_eq!(back.take_left(), [None]);
    // Its deadline passes.
    let status = front.say_hello(named("x")).timeout(SECOND).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    back.dropped.notified().await;
}

/// A front whose handler leaves a call that hangs to a task; what became of that is received.
fn leaving<Ending>(
    channel: &Channel,
    ending: impl Fn() -> Ending + Send + Sync + 'static,
) -> (GreeterClient, mpsc::UnboundedReceiver<Status>)
where
    Ending: Future<Output = ()> + Send + 'static,
{
    let (service, outcomes) = leaving_service(channel, ending);
    (GreeterClient::in_process(service), outcomes)
}

fn leaving_service<Ending>(
    channel: &Channel,
    ending: impl Fn() -> Ending + Send + Sync + 'static,
) -> (impl Greeter, mpsc::UnboundedReceiver<Status>)
where
    Ending: Future<Output = ()> + Send + 'static,
{
    let (ended, outcomes) = mpsc::unbounded_channel();
    let back = GreeterClient::new(channel.clone());
    let service = Front(move |request: Request<HelloRequest>| {
        let (back, ended, scope) = (back.clone(), ended.clone(), request.scope());
        tokio::spawn(async move {
            let status = back.say_hello(named("hang")).within(scope).await.unwrap_err();
            ended.send(status).unwrap();
        });
        let ending = ending();
        async move {
            ending.await;
            Ok(())
        }
    });
    (service, outcomes)
}

#[tokio::test(start_paused = true)]
async fn a_task_knows_nothing_of_the_call_unless_it_says_so() {
    let (back, channel) = back();
    let front = front(move |request| {
        let back = GreeterClient::new(channel.clone());
        let scope = Scope::from(&request);
        async move {
            let own = tokio::spawn({
                let back = back.clone();
                async move { back.say_hello(named("a")).await }
            });
            own.await.unwrap()?;
            tokio::spawn(async move {
                back.say_hello(named("b")).within(&scope).await?;
                back.say_hello(named("c")).within(&request).timeout(100 * MILLISECOND).await?;
                back.say_hello(named("d")).within(&request).detached().await
            })
            .await
            .unwrap()?;
            Ok(())
        }
    });
    front.say_hello(named("x")).timeout(SECOND).await.unwrap();
    assert_eq!(back.take_left(), [None, Some(SECOND), Some(100 * MILLISECOND), None]);
}

#[tokio::test(start_paused = true)]
async fn a_call_within_one_that_is_cancelled_is_cancelled() {
    let (back, channel) = back();
    let (front, mut outcomes) = leaving(&channel, std::future::pending);
    tokio::time::timeout(SECOND, front.say_hello(named("x")).into_future()).await.unwrap_err();
    let status = outcomes.recv().await.unwrap();
    assert_eq!(
        told(&status),
        "the call within which this one was made was cancelled (CANCELLED)\n  \
         calling  greeter.Greeter/SayHello\n  \
         within   greeter.Greeter/SayHello\n  \
         cause    the caller dropped the call (CANCELLED)"
    );
    back.dropped.notified().await;
}

#[tokio::test(start_paused = true)]
async fn cancellation_goes_on_over_connections() {
    let back = Back::default();
    let target = serve("end", |server| server, GreeterServer::new(back.clone())).await;
    let channel = Channel::connect(&target).await.unwrap();
    let (service, mut outcomes) = leaving_service(&channel, std::future::pending);
    let target = serve("middle", |server| server, GreeterServer::new(service)).await;
    let front = GreeterClient::connect(&target).await.unwrap();
    {
        let mut call = std::pin::pin!(front.say_hello(named("x")).into_future());
        tokio::select! {
            _ = call.as_mut() => unreachable!("the handler hangs"),
            () = back.begun.notified() => {}
        }
    }
    let status = outcomes.recv().await.unwrap();
    assert!(told(&status).ends_with("cause    the client reset the call: CANCEL (CANCELLED)"), "{status:?}");
    back.dropped.notified().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_within_one_whose_deadline_passes_fails_with_that() {
    let (back, channel) = back();
    let (front, mut outcomes) = leaving(&channel, std::future::pending);
    let began = Instant::now();
    front.say_hello(named("x")).timeout(SECOND).await.unwrap_err();
    let status = outcomes.recv().await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 1);
    assert_eq!(
        told(&status),
        "the deadline of the call within which this one was made has passed (DEADLINE_EXCEEDED)\n  \
         calling  greeter.Greeter/SayHello\n  \
         within   greeter.Greeter/SayHello\n  \
         hint     that call's own client has set it; .detached() frees a call that may take longer"
    );
    back.dropped.notified().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_within_one_that_has_ended_is_cancelled() {
    let (back, channel) = back();
    let begun = Arc::clone(&back.begun);
    let (front, mut outcomes) = leaving(&channel, move || Arc::clone(&begun).notified_owned());
    front.say_hello(named("x")).await.unwrap();
    let status = outcomes.recv().await.unwrap();
    assert_eq!(
        told(&status),
        "the call within which this one was made has ended (CANCELLED)\n  \
         calling  greeter.Greeter/SayHello\n  \
         within   greeter.Greeter/SayHello\n  \
         hint     wait for this one before the handler returns; without .within(..) it goes on by itself"
    );
    back.dropped.notified().await;

    // One that would begin after that does not even leave: its task runs when the handler has returned.
    back.take_left();
    let (front, mut outcomes) = leaving(&channel, || std::future::ready(()));
    front.say_hello(named("x")).await.unwrap();
    let late = outcomes.recv().await.unwrap();
    assert_eq!((told(&late), back.take_left()), (told(&status), vec![]));
}

#[tokio::test(start_paused = true)]
async fn the_halves_of_a_stream_end_with_the_call_within_which_it_was_opened() {
    let (back, channel) = back();
    let (halves, mut opened) = mpsc::unbounded_channel();
    let front = front(move |request| {
        let (crowd, halves) = (CrowdClient::new(channel.clone()), halves.clone());
        async move {
            let stream = crowd.meet().within(&request).await?;
            let (sender, reply) = crowd.gather().within(&request).await?;
            halves.send((stream, sender, reply)).unwrap();
            std::future::pending().await
        }
    });
    tokio::time::timeout(SECOND, front.say_hello(named("x")).into_future()).await.unwrap_err();
    let ((mut requests, mut replies), mut others, reply) = opened.recv().await.unwrap();
    let message = "the call within which this one was made was cancelled";
    for status in [
        requests.send(named("y")).await.unwrap_err(),
        replies.next().await.unwrap_err(),
        others.send(named("y")).await.unwrap_err(),
        reply.await.unwrap_err(),
    ] {
        assert_eq!((status.code(), status.message()), (Code::Cancelled, message));
    }
    back.dropped.notified().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_a_connection_ends_with_the_call_within_which_it_was_made() {
    let nowhere = format!("unix:{}", std::env::temp_dir().join("halloo-within-nowhere.sock").display());
    let waiting = Channel::builder(nowhere).wait_for_ready(true).build().unwrap();
    for timeout in [None, Some(3 * SECOND)] {
        let (front, mut outcomes) = leaving(&waiting, std::future::pending);
        let began = Instant::now();
        let call = front.say_hello(named("x"));
        let call = timeout.into_iter().fold(call, |call, timeout| call.timeout(timeout));
        tokio::time::timeout(5 * SECOND, call.into_future()).await.map(Result::unwrap_err).ok();
        let status = outcomes.recv().await.unwrap();
        let (code, after) = if timeout.is_some() { (Code::DeadlineExceeded, 3) } else { (Code::Cancelled, 5) };
        assert_eq!((status.code(), began.elapsed().as_secs()), (code, after), "{status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handlers_own_call_waits_for_a_connection_no_longer_than_the_handler() {
    let nowhere = format!("unix:{}", std::env::temp_dir().join("halloo-within-nowhere.sock").display());
    let waiting = Channel::builder(nowhere).wait_for_ready(true).build().unwrap();
    let (ended, mut outcomes) = mpsc::unbounded_channel();
    let front = front(move |_| {
        let (back, ended) = (GreeterClient::new(waiting.clone()), ended.clone());
        // Made in the handler's own future, and waited for elsewhere.
        async move {
            let mut call = Box::pin(async move { back.say_hello(named("x")).await });
            let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
            tokio::spawn(async move { ended.send(call.await.unwrap_err()).unwrap() });
            Ok(())
        }
    });
    let began = Instant::now();
    front.say_hello(named("x")).timeout(SECOND).await.unwrap();
    let status = outcomes.recv().await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 1);
    assert_eq!(
        told(&status),
        "the deadline of the call within which this one was made has passed (DEADLINE_EXCEEDED)\n  \
         calling  greeter.Greeter/SayHello\n  \
         within   greeter.Greeter/SayHello\n  \
         hint     that call's own client has set it; .detached() frees a call that may take longer"
    );
}

#[tokio::test(start_paused = true)]
async fn interceptors_of_the_channel_see_what_is_left_and_cannot_lengthen_it() {
    let back = Back::default();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let channel = ChannelBuilder::in_process(Router::new(GreeterServer::new(back.clone())))
        .intercept({
            let seen = Arc::clone(&seen);
            move |mut call: Call, next: Next| {
                seen.lock().unwrap().push(left(call.deadline()));
                let longer = Deadline::after(Instant::now().into_std(), 60 * SECOND);
                call.set_deadline(Some(longer));
                next.run(call)
            }
        })
        .build()
        .unwrap();
    let (front, mut outcomes) = leaving(&channel, std::future::pending);
    front.say_hello(named("x")).timeout(SECOND).await.unwrap_err();
    assert_eq!(outcomes.recv().await.unwrap().code(), Code::DeadlineExceeded);
    assert_eq!((seen.lock().unwrap().clone(), back.take_left()), (vec![Some(SECOND)], vec![Some(SECOND)]));

    tokio::time::timeout(SECOND, front.say_hello(named("x")).into_future()).await.unwrap_err();
    assert_eq!(outcomes.recv().await.unwrap().code(), Code::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_of_the_server_shortens_the_handlers_time_and_what_it_hands_on() {
    let (back, channel) = back();
    let next = GreeterClient::new(channel);
    let handler = move |request: Request<HelloRequest>| {
        let next = next.clone();
        async move {
            assert_eq!(left(request.deadline()), Some(SECOND));
            next.say_hello(named(&request.name)).await.map(drop)
        }
    };
    let shorten = async |mut call: Call, next: Next| {
        call.set_deadline(Some(Deadline::after(Instant::now().into_std(), SECOND)));
        next.run(call).await
    };
    let router = Router::new(GreeterServer::new(Front(handler))).intercept(shorten).unwrap();
    let front = GreeterClient::new(Channel::in_process(router));
    front.say_hello(named("x")).await.unwrap();
    let began = Instant::now();
    let status = front.say_hello(named("hang")).timeout(60 * SECOND).await.unwrap_err();
    assert_eq!((status.code(), began.elapsed().as_secs()), (Code::DeadlineExceeded, 1));
    assert_eq!(back.take_left(), [Some(SECOND); 2]);
}
