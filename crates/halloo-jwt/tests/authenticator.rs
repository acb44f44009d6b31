//! Tokens of every sort against the interceptor: honest ones, stale ones and forged ones.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use halloo_call::{Call, Interceptor, Next};
use halloo_core::{Code, Metadata, MethodDescriptor, MethodKind, ServiceDescriptor, Status};
use halloo_jwt::{Authenticated, Caller, JwtAlgorithm, JwtAuthenticator, JwtKeys};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256};
use serde_json::{Value, json};

static METHODS: [MethodDescriptor; 2] = [
    MethodDescriptor::new("greeter.Greeter", "SayHello", "/greeter.Greeter/SayHello", MethodKind::Unary),
    MethodDescriptor::new("greeter.Greeter", "Forget", "/greeter.Greeter/Forget", MethodKind::Unary),
];
static GREETER: ServiceDescriptor = ServiceDescriptor::new("greeter.Greeter", &METHODS, &[]);

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn in_an_hour() -> Value {
    json!({ "sub": "ada", "exp": now() + 3600 })
}

/// `base` with the members of `more`; `null` takes one away.
fn with(mut base: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            base.as_object_mut().unwrap().remove(name);
        } else {
            base[name] = value.clone();
        }
    }
    base
}

fn signed_by_secret(claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

fn secret() -> JwtKeys {
    JwtKeys::secret(JwtAlgorithm::Hs256, SECRET).unwrap()
}

/// What the handler sees of a call with these `authorization`s.
async fn call_with(
    authenticator: &impl Interceptor,
    method: &'static MethodDescriptor,
    values: &[&str],
) -> Result<Option<Caller>, Status> {
    let mut call = Call::new(method);
    for value in values {
        call.metadata_mut().append("authorization", *value).unwrap();
    }
    let (sender, seen) = tokio::sync::oneshot::channel();
    let next = Next::new(Arc::new([]), move |call: Call| {
        sender.send(call.caller().ok().cloned()).unwrap();
        Box::pin(async { Ok(Metadata::new()) })
    });
    authenticator.intercept(call, next).await?;
    Ok(seen.await.unwrap())
}

async fn call(authenticator: &impl Interceptor, token: &str) -> Result<Caller, Status> {
    let caller = call_with(authenticator, &METHODS[0], &[&format!("Bearer {token}")]).await?;
    Ok(caller.expect("the call went on, so its caller is known"))
}

/// Why a call fails.
async fn refused(authenticator: &impl Interceptor, token: &str) -> String {
    call(authenticator, token).await.unwrap_err().to_string()
}

#[tokio::test]
async fn the_handler_learns_who_calls() {
    #[derive(serde::Deserialize)]
    struct Claims {
        tenant: String,
        level: u8,
    }
    let authenticator = JwtAuthenticator::new(secret());
    let claims = with(in_an_hour(), &json!({"iss": "login", "scope": "greet read", "tenant": "royal", "level": 3}));
    let caller = call(&authenticator, &signed_by_secret(&claims)).await.unwrap();
    assert_eq!((caller.subject(), caller.issuer(), caller.text("tenant")), (Some("ada"), Some("login"), Some("royal")));
    assert!(caller.has_scope("read") && !caller.has_scope("rea"));
    assert!(caller.expires() > SystemTime::now());
    let typed: Claims = caller.claims().unwrap();
    assert_eq!((typed.tenant.as_str(), typed.level), ("royal", 3));
    let other = call(&authenticator, &signed_by_secret(&in_an_hour())).await.unwrap();
    let status = other.claims::<Claims>().map(|_| ()).unwrap_err();
    assert_eq!(status.to_string(), "the token lacks a claim: missing field `tenant` (UNAUTHENTICATED)");
}

#[tokio::test]
async fn without_a_token_it_says_how_to_send_one() {
    let authenticator = JwtAuthenticator::new(secret());
    let token = signed_by_secret(&in_an_hour());
    for (values, expected) in [
        (vec![], "this method needs a token: send the metadata `authorization: Bearer <token>` (UNAUTHENTICATED)"),
        (vec!["Basic YTpi"], "`authorization` has to be `Bearer <token>` (UNAUTHENTICATED)"),
        (vec!["Bearer"], "`authorization` has to be `Bearer <token>` (UNAUTHENTICATED)"),
        (vec![token.as_str()], "`authorization` has to be `Bearer <token>` (UNAUTHENTICATED)"),
        (vec!["Bearer a", "Bearer b"], "there is more than one `authorization` (UNAUTHENTICATED)"),
    ] {
        let status = call_with(&authenticator, &METHODS[0], &values).await.unwrap_err();
        assert_eq!(status.to_string(), expected);
    }
    let value = format!("bearer  {token}");
    assert!(call_with(&authenticator, &METHODS[0], &[&value]).await.unwrap().is_some(), "a scheme has no case");
}

#[tokio::test]
async fn claims_are_checked_and_their_faults_named() {
    let authenticator =
        JwtAuthenticator::new(secret()).issuer("login").issuer("backup").audience("greeter").require_not_before();
    let good = json!({"sub": "ada", "exp": now() + 600, "nbf": now() - 600, "iss": "login", "aud": "greeter"});
    for change in [
        json!({}),
        json!({"iss": "backup", "aud": ["other", "greeter"]}),
        json!({"exp": now() - 10, "nbf": now() + 10}),
        json!({"exp": u64::MAX}),
    ] {
        call(&authenticator, &signed_by_secret(&with(good.clone(), &change))).await.unwrap();
    }
    for (change, why) in [
        (json!({"exp": now() - 60}), "the token has expired (`exp`)"),
        (json!({"exp": 0}), "the token has expired (`exp`)"),
        (json!({"exp": null}), "the token has no usable `exp`"),
        (json!({"exp": "tomorrow"}), "the token has no usable `exp`"),
        (json!({"exp": -1}), "the token has no usable `exp`"),
        (json!({"nbf": now() + 60}), "the token is not valid yet (`nbf`); do the clocks agree?"),
        (json!({"nbf": null}), "the token has no usable `nbf`"),
        (json!({"iss": "evil"}), "the token is from an issuer that this server does not trust (`iss`)"),
        (json!({"iss": null}), "the token has no usable `iss`"),
        (json!({"aud": "greeter2"}), "the token is for another audience than this server (`aud`)"),
        (json!({"aud": []}), "the token is for another audience than this server (`aud`)"),
        (json!({"aud": null}), "the token has no usable `aud`"),
    ] {
        let token = signed_by_secret(&with(good.clone(), &change));
        assert_eq!(refused(&authenticator, &token).await, format!("{why} (UNAUTHENTICATED)"), "{change}");
    }
}

#[tokio::test]
async fn a_token_for_somebody_is_refused_where_nobody_is_named() {
    let authenticator = JwtAuthenticator::new(secret());
    let token = signed_by_secret(&with(in_an_hour(), &json!({"aud": "greeter"})));
    let why = "the token is for an audience (`aud`), and this server was not told its own (UNAUTHENTICATED)";
    assert_eq!(refused(&authenticator, &token).await, why);
}

#[tokio::test]
async fn the_leeway_can_be_set() {
    let strict = JwtAuthenticator::new(secret()).leeway(Duration::ZERO);
    let token = signed_by_secret(&json!({"exp": now() - 10}));
    assert_eq!(refused(&strict, &token).await, "the token has expired (`exp`) (UNAUTHENTICATED)");
    let endless = JwtAuthenticator::new(secret()).leeway(Duration::MAX);
    call(&endless, &signed_by_secret(&json!({"exp": now() - 3000}))).await.unwrap();
    refused(&endless, &signed_by_secret(&json!({"exp": now() - 4000}))).await;
}

#[tokio::test]
async fn each_kind_of_key_verifies_what_it_has_signed() {
    let sign = |header: Algorithm, key: &EncodingKey| encode(&Header::new(header), &in_an_hour(), key).unwrap();
    let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let p256 = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let ed = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let private = |key: &KeyPair| key.serialize_pem().into_bytes();
    let of_rsa = || EncodingKey::from_rsa_pem(&private(&rsa)).unwrap();
    for (algorithm, library, pair, signing) in [
        (JwtAlgorithm::Rs256, Algorithm::RS256, &rsa, of_rsa()),
        (JwtAlgorithm::Rs384, Algorithm::RS384, &rsa, of_rsa()),
        (JwtAlgorithm::Rs512, Algorithm::RS512, &rsa, of_rsa()),
        (JwtAlgorithm::Ps256, Algorithm::PS256, &rsa, of_rsa()),
        (JwtAlgorithm::Ps384, Algorithm::PS384, &rsa, of_rsa()),
        (JwtAlgorithm::Ps512, Algorithm::PS512, &rsa, of_rsa()),
        (JwtAlgorithm::Es256, Algorithm::ES256, &p256, EncodingKey::from_ec_pem(&private(&p256)).unwrap()),
        (JwtAlgorithm::Es384, Algorithm::ES384, &p384, EncodingKey::from_ec_pem(&private(&p384)).unwrap()),
        (JwtAlgorithm::EdDsa, Algorithm::EdDSA, &ed, EncodingKey::from_ed_pem(&private(&ed)).unwrap()),
    ] {
        let authenticator = JwtAuthenticator::new(JwtKeys::pem(algorithm, pair.public_key_pem()).unwrap());
        assert_eq!(
            call(&authenticator, &sign(library, &signing)).await.unwrap().subject(),
            Some("ada"),
            "{algorithm:?}"
        );

        let mut jwk = jwk_of(pair, &signing, library);
        let document = json!({ "keys": [jwk] }).to_string();
        let authenticator = JwtAuthenticator::new(JwtKeys::jwks(document).unwrap());
        call(&authenticator, &sign(library, &signing)).await.unwrap();
        jwk.common.key_algorithm = None;
        let usual = JwtAuthenticator::new(JwtKeys::jwks(json!({ "keys": [jwk] }).to_string()).unwrap());
        let is_usual = call(&usual, &sign(library, &signing)).await.is_ok();
        let expected = ["RS256", "ES256", "ES384", "EdDSA"].contains(&format!("{library:?}").as_str());
        assert_eq!(is_usual, expected, "{library:?}");
    }
    for (algorithm, library, bytes) in
        [(JwtAlgorithm::Hs384, Algorithm::HS384, 48), (JwtAlgorithm::Hs512, Algorithm::HS512, 64)]
    {
        let secret = vec![7; bytes];
        let authenticator = JwtAuthenticator::new(JwtKeys::secret(algorithm, &secret).unwrap());
        call(&authenticator, &sign(library, &EncodingKey::from_secret(&secret))).await.unwrap();
        assert!(JwtKeys::secret(algorithm, &secret[1..]).is_err());
    }
}

/// The public half of a key, as an issuer publishes it.
fn jwk_of(pair: &KeyPair, signing: &EncodingKey, algorithm: Algorithm) -> Jwk {
    match algorithm {
        Algorithm::EdDSA => {
            let x = base64url(pair.public_key_raw());
            serde_json::from_value(json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x})).unwrap()
        }
        _ => Jwk::from_encoding_key(signing, algorithm).unwrap(),
    }
}

/// Base64url without padding, as in a JWT.
fn base64url(bytes: &[u8]) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for index in 0..=group.len() {
            text.push(char::from(letters[(bits >> (18 - 6 * index) & 63) as usize]));
        }
    }
    text
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()))
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let signing = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
    let authenticator = JwtAuthenticator::new(JwtKeys::pem(JwtAlgorithm::Es256, pair.public_key_pem()).unwrap());
    let good = encode(&Header::new(Algorithm::ES256), &in_an_hour(), &signing).unwrap();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();

    let malformed = "the token is no JWT that this server can read (UNAUTHENTICATED)";
    let wrong = "the token's signature is wrong (UNAUTHENTICATED)";
    let other = "the token was signed with another algorithm than its key is for (`alg`) (UNAUTHENTICATED)";
    let root = json!({"sub": "root", "exp": now() + 3600});
    let public = EncodingKey::from_secret(pair.public_key_pem().as_bytes());
    let stranger = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let stranger = EncodingKey::from_ec_pem(stranger.serialize_pem().as_bytes()).unwrap();
    let none = unsigned(&json!({"alg": "none"}), &root);
    for (token, why) in [
        (format!("{none}."), malformed),
        (none.clone(), malformed),
        (format!("{}.", unsigned(&json!({"alg": "NoNe", "typ": "JWT"}), &root)), malformed),
        (format!("{}.{signature}", unsigned(&json!({"alg": "ES256"}), &root)), wrong),
        (format!("{header}.{}.{signature}", base64url(root.to_string().as_bytes())), wrong),
        (format!("{message}."), wrong),
        (format!("{message}.{}", base64url(&[0; 64])), wrong),
        (encode(&Header::new(Algorithm::ES256), &root, &stranger).unwrap(), wrong),
        (encode(&Header::new(Algorithm::HS256), &root, &public).unwrap(), other),
        (format!("{}.{signature}", unsigned(&json!({"alg": "RS256"}), &root)), other),
        (format!("{}.{signature}", unsigned(&json!({"alg": "ES384"}), &root)), other),
        (format!("{message}.{signature}.{signature}"), malformed),
        ("a.b.c".into(), malformed),
        ("...".into(), malformed),
        (String::from("x"), malformed),
    ] {
        assert_eq!(refused(&authenticator, &token).await, why, "{token}");
    }
    let mut header = Header::new(Algorithm::ES256);
    header.crit = Some(vec!["b64".into()]);
    let critical = encode(&header, &root, &signing).unwrap();
    let why = "the token has an extension (`crit`) that this server does not know (UNAUTHENTICATED)";
    assert_eq!(refused(&authenticator, &critical).await, why);
    call(&authenticator, &good).await.unwrap();
}

#[tokio::test]
async fn no_character_of_a_token_can_be_changed() {
    let issuer = Issuer::new("1");
    let authenticator = JwtAuthenticator::new(JwtKeys::jwks(document(&[&issuer])).unwrap());
    let good = issuer.token();
    for index in 0..good.len() {
        for other in ["A", "Q", "_", ".", "=", " ", "~"] {
            let mut changed = good.clone();
            changed.replace_range(index..=index, other);
            if changed != good {
                let status = call(&authenticator, &changed).await.unwrap_err();
                assert_eq!(status.code(), Code::Unauthenticated, "{changed}");
            }
        }
    }
    call(&authenticator, &good).await.unwrap();
}

#[tokio::test]
async fn a_verified_token_is_not_shown() {
    let authenticator = JwtAuthenticator::new(secret());
    let token = signed_by_secret(&in_an_hour());
    let caller = call(&authenticator, &token).await.unwrap();
    let shown = format!("{authenticator:?} {authenticator:#?} {caller:?}");
    assert!(token.split('.').all(|part| !shown.contains(part)), "{shown}");
}

#[tokio::test]
async fn a_token_is_read_only_up_to_its_limit() {
    let authenticator = JwtAuthenticator::new(secret());
    let fat = signed_by_secret(&with(in_an_hour(), &json!({"x": "x".repeat(8192)})));
    assert_eq!(refused(&authenticator, &fat).await, "the token is over 8192 bytes (UNAUTHENTICATED)");
    let generous = JwtAuthenticator::new(secret()).max_token_bytes(16 * 1024);
    call(&generous, &fat).await.unwrap();
    let nested = format!("{}1{}", "[".repeat(2000), "]".repeat(2000));
    let message = unsigned(&json!({"alg": "HS256"}), &json!(null));
    let (header, _) = message.split_once('.').unwrap();
    let message = format!("{header}.{}", base64url(nested.as_bytes()));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(SECRET), Algorithm::HS256);
    let why = "the token is no JWT that this server can read (UNAUTHENTICATED)";
    assert_eq!(refused(&authenticator, &format!("{message}.{}", signature.unwrap())).await, why);
}

#[tokio::test]
async fn methods_may_be_open_or_ask_for_scopes() {
    let authenticator = JwtAuthenticator::new(secret())
        .without_token("greeter.Greeter/SayHello")
        .require_scope("greeter.Greeter/Forget", "admin");
    let garbage = call_with(&authenticator, &METHODS[0], &["nonsense"]).await.unwrap();
    assert!(garbage.is_none(), "an open method has no caller");
    let bearer = |claims: &Value| format!("Bearer {}", signed_by_secret(claims));
    let forget = async |value: &str| call_with(&authenticator, &METHODS[1], &[value]).await;
    let status = forget(&bearer(&with(in_an_hour(), &json!({"scope": "greet"})))).await.unwrap_err();
    assert_eq!(
        status.to_string(),
        "greeter.Greeter/Forget needs the scope admin, which the token does not have (PERMISSION_DENIED)"
    );
    assert!(forget(&bearer(&with(in_an_hour(), &json!({"scope": "greet admin"})))).await.unwrap().is_some());
    assert_eq!(forget("Bearer x").await.unwrap_err().code(), Code::Unauthenticated, "who it is comes first");
    authenticator.check(&[&GREETER]).unwrap();
    let mistaken = JwtAuthenticator::new(secret()).require_scope("greeter.Greeter/Forgett", "admin");
    assert_eq!(mistaken.check(&[&GREETER]).unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_remembered_token_still_expires() {
    let authenticator = JwtAuthenticator::new(secret()).leeway(Duration::ZERO);
    let token = signed_by_secret(&json!({"exp": now() + 1}));
    call(&authenticator, &token).await.unwrap();
    let began = std::time::Instant::now();
    let why = loop {
        match call(&authenticator, &token).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(status) => break status,
        }
        assert!(began.elapsed() < Duration::from_secs(20), "it never expires");
    };
    assert_eq!(why.to_string(), "the token has expired (`exp`) (UNAUTHENTICATED)");
}

/// A file with keys in a folder of its own.
struct KeyFile(PathBuf);

impl KeyFile {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("halloo-jwt-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder.join("keys"))
    }

    fn write(&self, content: impl AsRef<[u8]>) {
        let fresh = self.0.with_extension("new");
        std::fs::write(&fresh, content).unwrap();
        std::fs::rename(fresh, &self.0).unwrap();
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

/// A key with an id, as an issuer has it.
struct Issuer {
    signing: EncodingKey,
    jwk: Jwk,
}

impl Issuer {
    fn new(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let signing = EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap();
        let mut jwk = jwk_of(&pair, &signing, Algorithm::EdDSA);
        jwk.common.key_id = Some(id.into());
        Self { signing, jwk }
    }

    fn token(&self) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid.clone_from(&self.jwk.common.key_id);
        encode(&header, &in_an_hour(), &self.signing).unwrap()
    }
}

fn document(issuers: &[&Issuer]) -> String {
    let keys: Vec<_> = issuers.iter().map(|issuer| &issuer.jwk).collect();
    json!({ "keys": keys }).to_string()
}

#[tokio::test(start_paused = true)]
async fn keys_are_rotated_without_a_restart() {
    let (old, new) = (Issuer::new("old"), Issuer::new("new"));
    let file = KeyFile::new();
    file.write(document(&[&old]));
    let authenticator = JwtAuthenticator::new(JwtKeys::jwks_file(&file.0).unwrap());
    call(&authenticator, &old.token()).await.unwrap();

    let unknown = "the token was signed with a key that this server does not know (`kid`) (UNAUTHENTICATED)";
    assert_eq!(refused(&authenticator, &new.token()).await, unknown);
    file.write(document(&[&old, &new]));
    assert_eq!(refused(&authenticator, &new.token()).await, unknown, "it has looked a moment ago");
    tokio::time::advance(Duration::from_secs(1)).await;
    call(&authenticator, &new.token()).await.expect("an unknown key makes it look again");

    let kept = old.token();
    call(&authenticator, &kept).await.unwrap();
    file.write(document(&[&new]));
    tokio::time::advance(Duration::from_secs(60)).await;
    let began = std::time::Instant::now();
    while call(&authenticator, &kept).await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(20), "the old key goes on to count");
        tokio::task::yield_now().await;
    }
    assert_eq!(refused(&authenticator, &kept).await, unknown, "also where the token had been verified");

    for broken in [b"{".as_slice(), br#"{"keys": []}"#, b""] {
        file.write(broken);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(refused(&authenticator, &old.token()).await, unknown);
        call(&authenticator, &new.token()).await.expect("keys that cannot be used change nothing");
    }
    std::fs::remove_file(&file.0).unwrap();
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(refused(&authenticator, &old.token()).await, unknown);
    call(&authenticator, &new.token()).await.expect("nor does a file that is gone");
}

#[tokio::test]
async fn a_reload_goes_on_when_the_call_that_caused_it_is_dropped() {
    let (old, new) = (Issuer::new("old"), Issuer::new("new"));
    let file = KeyFile::new();
    file.write(document(&[&old]));
    let keys = JwtKeys::jwks_file(&file.0).unwrap().reload_every(Duration::ZERO);
    let authenticator = JwtAuthenticator::new(keys);
    file.write(document(&[&new]));
    let began = std::time::Instant::now();
    loop {
        let token = new.token();
        let mut asking = Box::pin(call(&authenticator, &token));
        let answered = std::future::poll_fn(|cx| std::task::Poll::Ready(asking.as_mut().poll(cx))).await;
        if let std::task::Poll::Ready(Ok(_)) = answered {
            break;
        }
        drop(asking);
        assert!(began.elapsed() < Duration::from_secs(20), "the new key never counts");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_pem_file_is_read_again() {
    let (first, second) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let sign = |pair: &KeyPair| {
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        encode(&Header::new(Algorithm::ES256), &in_an_hour(), &key).unwrap()
    };
    let file = KeyFile::new();
    file.write(first.public_key_pem());
    let keys = JwtKeys::pem_file(JwtAlgorithm::Es256, &file.0).unwrap().reload_every(Duration::ZERO);
    let authenticator = JwtAuthenticator::new(keys);
    call(&authenticator, &sign(&first)).await.unwrap();
    file.write(second.public_key_pem());
    let began = std::time::Instant::now();
    while call(&authenticator, &sign(&second)).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "the new key never counts");
        tokio::task::yield_now().await;
    }
}

#[test]
fn keys_that_cannot_be_used_say_why() {
    let p256 = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let text = |keys: Result<JwtKeys, Status>| keys.unwrap_err().to_string();
    assert_eq!(
        text(JwtKeys::secret(JwtAlgorithm::Hs256, "password")),
        "the secret has 8 bytes, Hs256 needs 32 at least (INVALID_ARGUMENT)"
    );
    assert_eq!(
        text(JwtKeys::secret(JwtAlgorithm::Rs256, "password")),
        "Rs256 verifies with a public key, not with a secret (INVALID_ARGUMENT)"
    );
    assert_eq!(
        text(JwtKeys::pem(JwtAlgorithm::Hs256, p256.public_key_pem())),
        "Hs256 needs a secret, not a PEM file (INVALID_ARGUMENT)"
    );
    assert_eq!(
        text(JwtKeys::pem(JwtAlgorithm::Es384, p256.public_key_pem())),
        "the key is on another curve than that of Es384 (INVALID_ARGUMENT)"
    );
    for algorithm in [JwtAlgorithm::Rs256, JwtAlgorithm::EdDsa] {
        let expected = format!("no public key for {algorithm:?} in PEM: ");
        assert!(text(JwtKeys::pem(algorithm, p256.public_key_pem())).starts_with(&expected));
    }
    assert!(text(JwtKeys::pem(JwtAlgorithm::Es256, p256.serialize_pem())).starts_with("no public key for Es256"));
    assert!(text(JwtKeys::pem(JwtAlgorithm::Es256, "")).starts_with("no public key for Es256"));
    assert!(text(JwtKeys::jwks("<html>")).starts_with("no JWKS document, because it is not JSON: "));
    assert_eq!(text(JwtKeys::jwks("{}")), "no JWKS document: it has no list `keys` (INVALID_ARGUMENT)");
    let many = json!({ "keys": vec![json!({}); 65] }).to_string();
    assert_eq!(text(JwtKeys::jwks(many)), "the JWKS document has 65 keys, at most 64 are read (INVALID_ARGUMENT)");
    let useless = json!({ "keys": [
        {"kty": "oct", "k": base64url(SECRET)},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "use": "enc"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "key_ops": ["encrypt"]},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "HS256"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RSA-OAEP"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "!"},
        7,
    ]});
    assert_eq!(
        text(JwtKeys::jwks(useless.to_string())),
        "the JWKS document has no key to verify with: key 0 is a secret, which does not belong in a JWKS document, key 1 \
         is of an unknown kind, key 2 is not for signatures, key 3 is not for verifying, key 4 is not of the kind that \
         its algorithm needs, key 5 is for an unknown algorithm, key 6 is not of the kind that its algorithm needs, \
         key 7 is malformed, key 8 is of an unknown kind (INVALID_ARGUMENT)"
    );
    let missing = std::env::temp_dir().join("halloo-no-such-file");
    assert!(text(JwtKeys::jwks_file(&missing)).ends_with("No such file or directory (os error 2) (NOT_FOUND)"));
    let shown = format!("{:?}", JwtKeys::secret(JwtAlgorithm::Hs256, SECRET).unwrap());
    assert!(!shown.contains("0123") && !shown.contains("48, 49"), "{shown}");
}

#[tokio::test]
async fn a_token_without_a_key_id_is_tried_with_few_keys() {
    let issuers: Vec<_> = (0..6).map(|number| Issuer::new(&number.to_string())).collect();
    let authenticator = JwtAuthenticator::new(JwtKeys::jwks(document(&issuers.iter().collect::<Vec<_>>())).unwrap());
    for (index, issuer) in issuers.iter().enumerate() {
        let token = encode(&Header::new(Algorithm::EdDSA), &in_an_hour(), &issuer.signing).unwrap();
        assert_eq!(call(&authenticator, &token).await.is_ok(), index < 4, "the first four");
        call(&authenticator, &issuer.token()).await.expect("its id finds any of them");
    }
}
