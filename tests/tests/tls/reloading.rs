//! Certificates whose files change while calls are made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use halloo::Channel;
use halloo::interceptor::{Call, Next};
use halloo::tls::{ClientTls, Tls};
use halloo_tests::{Letter, PostClient};

use crate::support::certificates::{Authority, Folder, trusting};
use crate::support::soon;
use crate::{Secured, call};

fn from(folder: &Folder) -> Tls {
    let tls = Tls::from_files(folder.file("cert.pem"), folder.file("key.pem")).unwrap();
    tls.reload_interval(Duration::ZERO)
}

/// Whether a new connection shows a certificate that is for `name`.
async fn shows(server: &Secured, name: &str) -> bool {
    call(&server.client(trusting().domain_name(name))).await.is_ok()
}

#[tokio::test]
async fn new_files_serve_new_connections_and_old_ones_go_on() {
    let folder = Folder::new();
    Authority::usual().server(&["one.example"]).write(&folder.0);
    let server = Secured::with(from(&folder)).await;
    let old = server.client(trusting().domain_name("one.example"));
    let (mut letters, mut replies) = old.chat().await.unwrap();
    letters.send(Letter::default().with_text("first")).await.unwrap();
    assert_eq!(soon(replies.next()).await.unwrap().unwrap().text, "first");

    Authority::usual().server(&["two.example"]).write(&folder.0);
    assert!(shows(&server, "two.example").await);
    assert!(!shows(&server, "one.example").await);
    // The stream that was open before has not noticed.
    letters.send(Letter::default().with_text("second")).await.unwrap();
    assert_eq!(soon(replies.next()).await.unwrap().unwrap().text, "second");
    letters.finish();
    assert!(soon(replies.next()).await.unwrap().is_none());
    call(&old).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn files_that_are_no_good_leave_what_there_was() {
    let folder = Folder::new();
    Authority::usual().server(&["one.example"]).write(&folder.0);
    let server = Secured::with(from(&folder)).await;
    let next = Authority::usual().server(&["two.example"]);

    // Half of a change: the new certificate with the old key.
    std::fs::write(folder.file("cert.pem"), &next.certificate).unwrap();
    assert!(shows(&server, "one.example").await);
    std::fs::write(folder.file("cert.pem"), "-----BEGIN CERTIFICATE-----\nnonsense").unwrap();
    assert!(shows(&server, "one.example").await);
    std::fs::remove_file(folder.file("cert.pem")).unwrap();
    assert!(shows(&server, "one.example").await);

    next.write(&folder.0);
    assert!(shows(&server, "two.example").await);
    server.end().await;
}

#[tokio::test]
async fn what_was_read_counts_as_fresh_for_a_while() {
    let folder = Folder::new();
    Authority::usual().server(&["one.example"]).write(&folder.0);
    let server = Secured::with(from(&folder).reload_interval(Duration::from_secs(3600))).await;
    assert!(shows(&server, "one.example").await);
    Authority::usual().server(&["two.example"]).write(&folder.0);
    assert!(shows(&server, "one.example").await);
    server.end().await;
}

#[tokio::test]
async fn client_authorities_are_read_again() {
    let folder = Folder::new();
    let [old, new] = [Authority::new("old"), Authority::new("new")];
    Authority::usual().localhost().write(&folder.0);
    std::fs::write(folder.file("clients.pem"), old.pem()).unwrap();
    let server = Secured::with(from(&folder).client_ca_file(folder.file("clients.pem")).unwrap()).await;
    let client = |authority: &Authority| {
        let identity = authority.client("alice");
        server.client(trusting().identity(identity.certificate, identity.key).unwrap())
    };
    call(&client(&old)).await.unwrap();
    call(&client(&new)).await.unwrap_err();
    std::fs::write(folder.file("clients.pem"), new.pem()).unwrap();
    call(&client(&new)).await.unwrap();
    call(&client(&old)).await.unwrap_err();
    server.end().await;
}

#[tokio::test]
async fn a_clients_files_are_read_again() {
    let folder = Folder::new();
    let usual = Authority::usual();
    usual.client("early").write(&folder.0);
    std::fs::write(folder.file("ca.pem"), usual.pem()).unwrap();
    let tls = ClientTls::new().ca_file(folder.file("ca.pem")).unwrap();
    let tls = tls.identity_files(folder.file("cert.pem"), folder.file("key.pem")).unwrap();
    let tls = tls.reload_interval(Duration::ZERO);

    let names = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&names);
    let mutual = usual.localhost().tls().client_ca(usual.pem()).unwrap();
    let server = Secured::configured(mutual, |server| {
        server.intercept(move |call: Call, next: Next| {
            let chain = call.peer().unwrap().certificates.clone().unwrap();
            seen.lock().unwrap().push(chain.dns_names()[0].clone());
            next.run(call)
        })
    });
    let server = server.await;
    let target = format!("https://localhost:{}", server.port);
    let client = PostClient::new(Channel::builder(&target).tls(tls.clone()).build().unwrap());
    call(&client).await.unwrap();
    usual.client("late").write(&folder.0);
    // The connection that there is goes on as it began; a new one is made with the new files.
    call(&client).await.unwrap();
    call(&PostClient::new(Channel::builder(&target).tls(tls).build().unwrap())).await.unwrap();
    assert_eq!(*names.lock().unwrap(), ["early", "early", "late"]);
    drop(client);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_while_files_change() {
    let folder = Folder::new();
    let usual = Authority::usual();
    usual.localhost().write(&folder.0);
    let server = Arc::new(Secured::with(from(&folder)).await);
    let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..4)
        .map(|caller| {
            let (server, stop, calls) = (Arc::clone(&server), Arc::clone(&stop), Arc::clone(&calls));
            tokio::spawn(async move {
                let kept = server.client(trusting());
                while !stop.load(Ordering::Relaxed) {
                    call(&kept).await.unwrap();
                    if caller == 0 {
                        call(&server.client(trusting())).await.unwrap();
                    }
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..20 {
        usual.localhost().write(&folder.0);
        let before = calls.load(Ordering::Relaxed);
        while calls.load(Ordering::Relaxed) < before + 20 {
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    Arc::into_inner(server).unwrap().end().await;
}
