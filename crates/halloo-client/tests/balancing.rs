//! The balancer and the resolver of the documentation, the very files: servers that are down, lists that change.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

#[path = "../../halloo-plane/doc/closable.rs"]
#[allow(unreachable_pub, reason = "readers of the documentation copy it into a module of theirs")]
mod closable;
#[path = "../../halloo-plane/doc/table.rs"]
#[allow(unreachable_pub, reason = "readers of the documentation copy it into a module of theirs")]
mod table;
#[path = "../../halloo-plane/doc/turns.rs"]
#[allow(unreachable_pub, reason = "readers of the documentation copy it into a module of theirs")]
mod turns;
#[path = "../../halloo-plane/doc/watched.rs"]
#[allow(unreachable_pub, reason = "readers of the documentation copy it into a module of theirs")]
mod watched;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use closable::Closable;
use greeter::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
use halloo::balance::{LoadBalancer, PickFirst};
use halloo::client::{Backoff, ConnectivityState};
use halloo::resolve::{Address, Fixed, Resolver};
use halloo::stats::{Side, StatsEvent, StatsHandler};
use halloo::{Channel, ChannelBuilder, Code, Request, Server, ServerHandle, Status};
use table::Table;
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;
use turns::Turns;
use watched::Watched;

/// A server that answers with its name and counts its connections.
struct Instance {
    name: &'static str,
    address: Address,
    opened: Arc<Opened>,
    handle: ServerHandle,
    serving: JoinHandle<Result<(), Status>>,
}

#[derive(Default)]
struct Opened(AtomicUsize);

impl StatsHandler for Opened {
    fn on_event(&self, event: &StatsEvent<'_>) {
        if let StatsEvent::ConnectionOpened { side: Side::Server, .. } = event {
            self.0.fetch_add(1, Relaxed);
        }
    }
}

struct Named(&'static str);

impl Greeter for Named {
    async fn say_hello(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        if request.name == "stay" {
            return std::future::pending().await;
        }
        Ok(HelloReply::default().with_message(self.0).into())
    }
}

impl Instance {
    async fn new(name: &'static str) -> Self {
        Self::at(name, "127.0.0.1:0").await
    }

    async fn at(name: &'static str, address: &str) -> Self {
        let opened = Arc::new(Opened::default());
        let server = Server::bind(address).await.unwrap().stats(Arc::clone(&opened) as _);
        let server = server.shutdown_on(std::future::pending());
        let address = Address::Tcp(server.address().to_string().parse().unwrap());
        let handle = server.handle();
        let serving = tokio::spawn(server.serve(GreeterServer::new(Named(name))));
        Self { name, address, opened, handle, serving }
    }

    fn opened(&self) -> usize {
        self.opened.0.load(Relaxed)
    }

    async fn stop(self) {
        self.handle.shutdown();
        self.serving.await.unwrap().unwrap();
    }
}

/// A port that refuses connections: the socket is bound and does not listen. The loopback address is the test's own, so
/// that no other server gets the port when the socket is dropped.
fn refusing(host: [u8; 4]) -> (TcpSocket, Address) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((host, 0))).unwrap();
    let address = Address::Tcp(socket.local_addr().unwrap());
    (socket, address)
}

fn client(builder: ChannelBuilder) -> GreeterClient {
    let pause = Duration::from_millis(5);
    GreeterClient::new(builder.backoff(Backoff::new().initial(pause).max(pause)).build().unwrap())
}

fn client_of(addresses: Vec<Address>, balancer: impl LoadBalancer) -> GreeterClient {
    client(Channel::builder("greeter:1").resolver(Fixed::new(addresses)).balance(balancer))
}

async fn call(greeter: &GreeterClient) -> Result<String, Status> {
    let call = greeter.say_hello(HelloRequest::default()).timeout(Duration::from_secs(20));
    Ok(call.await?.message.clone())
}

/// Calls until each of `names` has answered and no other one does.
async fn until_only(greeter: &GreeterClient, names: &[&str]) {
    loop {
        let mut answered = BTreeSet::new();
        for _ in 0..2 * names.len() {
            answered.insert(call(greeter).await.unwrap());
        }
        if answered.iter().eq(&BTreeSet::from_iter(names.iter().map(|name| (*name).to_owned()))) {
            return;
        }
    }
}

#[tokio::test]
async fn one_of_two_that_is_down_fails_no_call() {
    let up = Instance::new("up").await;
    let (_socket, down) = refusing([127, 41, 0, 1]);
    for addresses in [[up.address.clone(), down.clone()], [down, up.address.clone()]] {
        for _ in 0..10 {
            let greeter = client_of(addresses.to_vec(), Turns::default());
            for _ in 0..5 {
                assert_eq!(call(&greeter).await.unwrap(), up.name);
            }
        }
    }
    up.stop().await;
}

#[tokio::test]
async fn calls_go_where_the_fewest_are_in_flight() {
    let (a, b) = (Instance::new("a").await, Instance::new("b").await);
    let greeter = client_of(vec![a.address.clone(), b.address.clone()], Turns::default());
    until_only(&greeter, &["a", "b"]).await;
    let first = call(&greeter).await.unwrap();
    let mut staying = Box::pin(greeter.say_hello(HelloRequest::default().with_name("stay")).into_future());
    // It is picked in its first poll, for the other one.
    assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(staying.as_mut().poll(cx).is_pending())).await);
    for _ in 0..4 {
        assert_eq!(call(&greeter).await.unwrap(), first);
    }
    drop(staying);
    until_only(&greeter, &["a", "b"]).await;
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn calls_fail_when_all_are_down_and_go_on_when_one_comes_back() {
    let (socket, down) = refusing([127, 41, 0, 2]);
    let (_other, also_down) = refusing([127, 41, 0, 3]);
    let greeter = client_of(vec![down.clone(), also_down.clone()], Turns::default());
    for _ in 0..20 {
        let status = call(&greeter).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        let tried = format!("{status:?}");
        assert!(tried.contains(&down.to_string()) && tried.contains(&also_down.to_string()), "{tried}");
    }
    drop(socket);
    let back = Instance::at("back", &down.to_string()).await;
    let reply = greeter.say_hello(HelloRequest::default()).wait_for_ready(true).await.unwrap();
    assert_eq!(reply.message, "back");
    // It goes away again, and comes back: what has become IDLE is connected without a call.
    back.stop().await;
    let mut state = greeter.channel().wait_for_state_change(ConnectivityState::Ready).await;
    let back = Instance::at("again", &down.to_string()).await;
    while state != ConnectivityState::Ready {
        state = greeter.channel().wait_for_state_change(state).await;
    }
    assert_eq!(call(&greeter).await.unwrap(), "again");
    back.stop().await;
}

/// Checks lists that are looked into from time to time, and lists that are pushed.
async fn check_lists<B: LoadBalancer + Default>(rows: &[(&[usize], &[&str], [usize; 3])]) {
    let list = Arc::new(Mutex::new(Vec::new()));
    let find = {
        let list = Arc::clone(&list);
        move || list.lock().unwrap().clone()
    };
    let table = Table::new(find, Duration::from_millis(5));
    check_list(table, B::default(), |addresses| *list.lock().unwrap() = addresses, rows).await;
    let watched = Watched::default();
    check_list(watched.clone(), B::default(), |addresses| watched.set(addresses), rows).await;
}

/// Lists, one after the other, by the names in them; the connections that each server has seen then.
async fn check_list(
    resolver: impl Resolver,
    balancer: impl LoadBalancer,
    set: impl Fn(Vec<Address>),
    rows: &[(&[usize], &[&str], [usize; 3])],
) {
    let instances = [Instance::new("a").await, Instance::new("b").await, Instance::new("c").await];
    let greeter = client(Channel::builder("greeter:1").resolver(resolver).balance(balancer).wait_for_ready(true));
    for (members, answering, opened) in rows {
        set(members.iter().map(|index| instances[*index].address.clone()).collect());
        until_only(&greeter, answering).await;
        assert_eq!(instances.each_ref().map(Instance::opened), *opened, "{members:?}");
    }
    for instance in instances {
        instance.stop().await;
    }
}

#[tokio::test]
async fn connections_to_addresses_that_stay_in_the_list_stay() {
    let rows: [(&[usize], &[&str], [usize; 3]); 5] = [
        (&[0, 1], &["a", "b"], [1, 1, 0]),
        (&[1, 2, 1], &["b", "c"], [1, 1, 1]),
        (&[2, 1], &["b", "c"], [1, 1, 1]),
        (&[2, 0], &["a", "c"], [2, 1, 1]),
        (&[2], &["c"], [2, 1, 1]),
    ];
    check_lists::<Turns>(&rows).await;
}

#[tokio::test]
async fn pick_first_keeps_its_connection_as_long_as_its_address_is_in_the_list() {
    let rows: [(&[usize], &[&str], [usize; 3]); 4] = [
        (&[0, 1], &["a"], [1, 0, 0]),
        (&[1, 0], &["a"], [1, 0, 0]),
        (&[1, 2], &["b"], [1, 1, 0]),
        (&[2, 1, 0], &["b"], [1, 1, 0]),
    ];
    check_lists::<PickFirst>(&rows).await;
}

#[tokio::test]
async fn a_table_that_was_empty_is_looked_into_again() {
    let instance = Instance::new("late").await;
    let list = Arc::new(Mutex::new(Vec::new()));
    let find = {
        let list = Arc::clone(&list);
        move || list.lock().unwrap().clone()
    };
    let greeter = client(Channel::builder("greeter:1").resolver(Table::new(find, Duration::from_millis(5))));
    let status = call(&greeter).await.unwrap_err();
    assert_eq!(status.message(), "the table has no greeter; start one");
    list.lock().unwrap().push(instance.address.clone());
    let reply = greeter.say_hello(HelloRequest::default()).wait_for_ready(true).await.unwrap();
    assert_eq!(reply.message, instance.name);
    instance.stop().await;
}

#[tokio::test]
async fn calls_wait_for_the_first_addresses_that_are_pushed() {
    let instance = Instance::new("first").await;
    let watched = Watched::default();
    let greeter = client(Channel::builder("greeter:1").resolver(watched.clone()));
    let calling = tokio::spawn({
        let greeter = greeter.clone();
        async move { call(&greeter).await }
    });
    while greeter.channel().state() == ConnectivityState::Idle {
        greeter.channel().wait_for_state_change(ConnectivityState::Idle).await;
    }
    watched.set(vec![instance.address.clone()]);
    assert_eq!(calling.await.unwrap().unwrap(), instance.name);
    drop(greeter);
    // A channel that is gone hears nothing.
    watched.set(Vec::new());
    instance.stop().await;
}

#[tokio::test]
async fn a_balancer_around_another_sees_and_changes_what_that_one_publishes() {
    let instance = Instance::new("inner").await;
    let is_closed = Arc::new(AtomicBool::new(false));
    let greeter = client_of(vec![instance.address.clone()], Closable::new(Turns::default(), Arc::clone(&is_closed)));
    assert_eq!(call(&greeter).await.unwrap(), instance.name);
    is_closed.store(true, Relaxed);
    assert_eq!(call(&greeter).await.unwrap_err().message(), "closed for maintenance; try again in an hour");
    is_closed.store(false, Relaxed);
    assert_eq!(call(&greeter).await.unwrap(), instance.name);
    instance.stop().await;
}
