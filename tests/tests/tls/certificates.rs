//! Whose certificates are accepted, and what is said of the others; what is said of files that hold none.

use std::sync::{Arc, Mutex};

use halloo::Peer;
use halloo::credentials::SecurityLevel;
use halloo::interceptor::{Call, Next};
use halloo::tls::{ClientCertificates, ClientTls, Tls};
use rcgen::ExtendedKeyUsagePurpose;

use crate::support::certificates::{Authority, Folder, Identity, trusting};
use crate::{Secured, call, rustls_server, shown};

fn identity(tls: ClientTls, Identity { certificate, key }: &Identity) -> ClientTls {
    tls.identity(certificate, key).unwrap()
}

fn required(client_authority: &Authority) -> Tls {
    Authority::usual().localhost().tls().client_ca(client_authority.pem()).unwrap()
}

/// A server that keeps the peers of its calls.
async fn noting(tls: Tls) -> (Secured, Arc<Mutex<Vec<Peer>>>) {
    let peers = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&peers);
    let server = Secured::configured(tls, |server| {
        server.intercept(move |call: Call, next: Next| {
            noted.lock().unwrap().push(call.peer().unwrap().clone());
            next.run(call)
        })
    });
    (server.await, peers)
}

#[tokio::test]
async fn a_handler_sees_the_clients_certificate() {
    let authority = Authority::usual();
    let (server, peers) = noting(required(authority)).await;
    let client = authority.client("alice");
    call(&server.client(identity(trusting(), &client))).await.unwrap();
    let peer = peers.lock().unwrap()[0].clone();
    assert_eq!(peer.security, SecurityLevel::PrivacyAndIntegrity);
    let chain = peer.certificates.unwrap();
    assert_eq!(chain.dns_names(), ["alice"]);
    assert_eq!(chain.uris(), ["spiffe://example.org/alice"]);
    let pem = rustls::pki_types::CertificateDer::from(chain.leaf().to_vec());
    let expected = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(
        client.certificate.as_bytes(),
    );
    assert_eq!(pem, expected.unwrap());
    assert_eq!(chain.der().count(), 1);
    server.end().await;
}

#[tokio::test]
async fn a_certificate_that_is_optional_is_seen_or_not() {
    let authority = Authority::usual();
    let (server, peers) = noting(required(authority).client_certificates(ClientCertificates::Optional).unwrap()).await;
    call(&server.client(trusting())).await.unwrap();
    call(&server.client(identity(trusting(), &authority.client("bob")))).await.unwrap();
    let stranger = Authority::new("stranger").client("mallory");
    let told = server.refuses(identity(trusting(), &stranger)).await;
    assert!(told.contains("it does not trust the authority of this client's certificate"), "{told}");
    let peers = peers.lock().unwrap().clone();
    let names: Vec<_> = peers.iter().map(|peer| peer.certificates.as_ref().map(|chain| chain.dns_names())).collect();
    assert_eq!(names, [None, Some(&["bob".to_owned()][..])]);
    assert!(peers.iter().all(|peer| peer.security == SecurityLevel::PrivacyAndIntegrity));
    server.end().await;
}

#[tokio::test]
async fn a_client_without_the_right_certificate_is_told_so() {
    let server = Secured::with(required(Authority::usual())).await;
    assert_eq!(
        server.refuses(trusting()).await,
        "127.0.0.1:PORT wants a certificate of this client, which has none (UNAVAILABLE)\n  \
         calling  post.Post/Answer\n  \
         tried    127.0.0.1:PORT it wants a certificate of this client, which has none (_ ms)\n  \
         hint     ClientTls::new().identity_files(\"client.pem\", \"client.key\")"
    );
    assert_eq!(
        server.refuses(identity(trusting(), &Authority::new("stranger").client("mallory"))).await,
        "127.0.0.1:PORT does not trust the authority of this client's certificate (UNAVAILABLE)\n  \
         calling  post.Post/Answer\n  \
         tried    127.0.0.1:PORT it does not trust the authority of this client's certificate (_ ms)\n  \
         hint     show a certificate that the server's client authority has issued"
    );
    let old = Authority::usual().certify(&["old"], ExtendedKeyUsagePurpose::ClientAuth, |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2001, 2, 1);
    });
    let told = server.refuses(identity(trusting(), &old)).await;
    assert!(told.starts_with("127.0.0.1:PORT says that this client's certificate has expired (UNAVAILABLE)"), "{told}");
    server.end().await;
}

#[tokio::test]
async fn a_server_that_closes_without_a_word_after_the_handshake_is_named() {
    // As some servers do that want a certificate.
    let identity = Authority::usual().localhost();
    let acceptor = tokio_rustls::TlsAcceptor::from(rustls_server(&identity.certificate, &identity.key));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let mut io = acceptor.accept(socket).await.unwrap();
            let _ = tokio::io::AsyncReadExt::read_u8(&mut io).await;
        }
    });
    let target = format!("https://localhost:{port}");
    for (tls, hint) in [
        (trusting(), "it may want a certificate of this client: ClientTls::new().identity_files("),
        (identity_of(trusting()), "it may not accept this client's certificate; its log may say why"),
    ] {
        let client = halloo_tests::PostClient::new(halloo::Channel::builder(&target).tls(tls).build().unwrap());
        let told = shown(&call(&client).await.unwrap_err());
        let expected = format!("127.0.0.1:{port} closed the connection right after the TLS handshake (UNAVAILABLE)");
        assert!(told.starts_with(&expected) && told.contains(hint), "{told}");
    }
}

fn identity_of(tls: ClientTls) -> ClientTls {
    identity(tls, &Authority::usual().client("alice"))
}

#[tokio::test]
async fn a_server_without_the_right_certificate_is_refused_with_the_reason() {
    let server = Secured::with(Authority::new("unknown").localhost().tls()).await;
    assert_eq!(
        server.refuses(trusting()).await,
        "cannot reach localhost:PORT: its certificate comes from no authority that is trusted here (UNAVAILABLE)\n  \
         calling  post.Post/Answer\n  \
         tried    127.0.0.1:PORT its certificate comes from no authority that is trusted here (_ ms)\n  \
         hint     check that the given authority issued the server's certificate"
    );
    server.end().await;

    let server = Secured::with(Authority::usual().server(&["example.com", "*.example.org"]).tls()).await;
    assert_eq!(
        server.refuses(trusting()).await,
        "cannot reach localhost:PORT: its certificate is for example.com, *.example.org, not for localhost \
         (UNAVAILABLE)\n  \
         calling  post.Post/Answer\n  \
         tried    127.0.0.1:PORT its certificate is for example.com, *.example.org, not for localhost (_ ms)\n  \
         hint     use one of these names, or say which: .domain_name(\"..\")"
    );
    call(&server.client(trusting().domain_name("greeter.example.org"))).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn another_authority_of_the_same_name_is_told_from_the_right_one() {
    let server = Secured::with(Authority::new("twin").localhost().tls()).await;
    // One has a key of the same kind, and the other of another kind, with which the signature cannot even be tried.
    for twin in [Authority::new("twin"), Authority::of_ed25519("twin")] {
        assert_eq!(
            server.refuses(ClientTls::new().ca(twin.pem()).unwrap()).await,
            "cannot reach localhost:PORT: its certificate was signed by another authority of the same name \
             (UNAVAILABLE)\n  \
             calling  post.Post/Answer\n  \
             tried    127.0.0.1:PORT its certificate was signed by another authority of the same name (_ ms)\n  \
             hint     is the ca_file the server's current one? \
             An own authority: .tls(ClientTls::new().ca_file(\"ca.pem\")?)"
        );
    }
    server.end().await;
}

#[tokio::test]
async fn an_authority_that_serves_with_its_own_certificate_is_told_so() {
    let authority = Authority::of_names("localhost", &["localhost"]);
    let server = Secured::with(authority.identity().tls()).await;
    assert_eq!(
        server.refuses(ClientTls::new().ca(authority.pem()).unwrap()).await,
        "cannot reach localhost:PORT: its certificate is an authority's own, which no server may show (UNAVAILABLE)\n  \
         calling  post.Post/Answer\n  \
         tried    127.0.0.1:PORT its certificate is an authority's own, which no server may show (_ ms)\n  \
         hint     let the authority sign another certificate for it (basicConstraints CA:FALSE)"
    );
    server.end().await;
}

#[tokio::test]
async fn times_of_a_certificate_count() {
    let usual = Authority::usual();
    let old = usual.certify(&["localhost"], ExtendedKeyUsagePurpose::ServerAuth, |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2001, 2, 1);
    });
    let server = Secured::with(old.tls()).await;
    let told = server.refuses(trusting()).await;
    assert!(told.starts_with("cannot reach localhost:PORT: its certificate expired "), "{told}");
    assert!(told.contains(" days ago (UNAVAILABLE)"), "{told}");
    assert!(told.contains("hint     renew the certificate, or set this machine's clock"), "{told}");
    server.end().await;

    let young = usual.certify(&["localhost"], ExtendedKeyUsagePurpose::ServerAuth, |params| {
        params.not_before = rcgen::date_time_ymd(4001, 1, 1);
        params.not_after = rcgen::date_time_ymd(4001, 2, 1);
    });
    let server = Secured::with(young.tls()).await;
    let told = server.refuses(trusting()).await;
    assert!(told.starts_with("cannot reach localhost:PORT: its certificate is valid only in "), "{told}");
    server.end().await;
}

#[tokio::test]
async fn files_that_do_not_fit_are_described() {
    let folder = Folder::new();
    let [one, two] = [Authority::usual().localhost(), Authority::usual().localhost()];
    one.write(&folder.0);
    let place = folder.0.display().to_string();
    let check = |result: Result<Tls, halloo::Status>, expected: &str| {
        assert_eq!(shown(&result.unwrap_err()).replace(&place, "FOLDER"), expected);
    };
    let (cert, key, other) = (folder.file("cert.pem"), folder.file("key.pem"), folder.file("other.pem"));
    Tls::from_files(&cert, &key).unwrap();
    check(
        Tls::from_files(&other, &key),
        "cannot read FOLDER/other.pem for TLS: No such file or directory (os error 2) (FAILED_PRECONDITION)\n  \
         cause    No such file or directory (os error 2)",
    );
    check(
        Tls::from_files(&key, &cert),
        "FOLDER/key.pem has no certificate; `-----BEGIN CERTIFICATE-----` is expected (INVALID_ARGUMENT)\n  \
         hint     it seems that the files of the certificate and of the key are exchanged",
    );
    std::fs::write(&other, &two.key).unwrap();
    check(
        Tls::from_files(&cert, &other),
        "the private key in FOLDER/other.pem does not belong to the first certificate in FOLDER/cert.pem \
         (INVALID_ARGUMENT)\n  \
         hint     the owner's own certificate comes first, then those of its issuers",
    );
    std::fs::write(&other, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
        .unwrap();
    check(
        Tls::from_files(&cert, &other),
        "the private key in FOLDER/other.pem is protected by a passphrase (INVALID_ARGUMENT)\n  \
         hint     take the passphrase off: openssl pkey -in key.pem -out plain-key.pem",
    );
    std::fs::write(&other, [0x30, 0x82, 0x01, 0x00]).unwrap();
    check(
        Tls::from_files(&other, &key),
        "FOLDER/other.pem has no certificate; `-----BEGIN CERTIFICATE-----` is expected (INVALID_ARGUMENT)\n  \
         hint     it seems to be DER; openssl makes PEM of it, by `-inform der -outform pem`",
    );
    check(
        Tls::from_pem(&one.certificate, ""),
        "the PEM text has no private key; `-----BEGIN PRIVATE KEY-----` is expected (INVALID_ARGUMENT)",
    );
    let status = ClientTls::new().ca("no PEM").unwrap_err();
    assert_eq!(
        shown(&status),
        "the PEM text has no certificate; `-----BEGIN CERTIFICATE-----` is expected (INVALID_ARGUMENT)"
    );
    let damaged = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    assert_eq!(
        shown(&ClientTls::new().ca(damaged).unwrap_err()),
        "a certificate in the PEM text cannot be an authority's: bad encoding (INVALID_ARGUMENT)"
    );
    check(
        Tls::from_pem(damaged, &one.key),
        "cannot use the PEM text with the PEM text for TLS: bad encoding (INVALID_ARGUMENT)",
    );
    let status = halloo::Channel::builder("https://local_host:1").tls(trusting().domain_name("no name")).build();
    assert_eq!(
        shown(&status.unwrap_err()),
        "\"no name\" is no name that a certificate can be for (INVALID_ARGUMENT)\n  \
         hint     say which name the server's certificate is for: ClientTls::new().domain_name(\"..\")"
    );
}
