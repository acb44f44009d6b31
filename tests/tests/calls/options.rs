//! What a `.proto` declares about services and methods, at run time: kinds, idempotency, options of one's own.

use halloo::descriptor::{Idempotency, MethodKind};
use halloo::interceptor::{Call, Next};
use halloo::protobuf::{CustomOptions as _, EnumValue};
use halloo::{ChannelBuilder, Code, MessageReceiver, MessageSender, Request, Router, Status};
use halloo_tests::rules::{
    COST, Cost, Note, ROLE, SECRET, TAGS, TEAM, TOKEN_REQUIRED, VAULT, Vault, VaultClient, VaultServer,
};

struct MyVault;

impl Vault for MyVault {
    async fn open(&self, request: Request<Note>) -> halloo::Result<Note> {
        Ok(request.into_message().into())
    }

    async fn knock(
        &self,
        mut requests: MessageReceiver<Note>,
        replies: &mut MessageSender<Note>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.next().await? {
            replies.send(request).await?;
        }
        Ok(())
    }
}

#[test]
fn descriptors_tell_what_the_proto_declares() {
    assert!(std::ptr::eq(VaultClient::DESCRIPTOR, &VAULT));
    assert!(std::ptr::eq(VaultServer::<MyVault>::DESCRIPTOR, &VAULT));
    let told: Vec<_> =
        VAULT.methods().iter().map(|each| (each.full_name(), each.kind(), each.idempotency_level())).collect();
    assert_eq!(
        told,
        [
            ("rules.Vault/Open", MethodKind::Unary, Idempotency::Idempotent),
            ("rules.Vault/Knock", MethodKind::BidiStreaming, Idempotency::Unknown),
        ]
    );
    assert!(VAULT.method("Close").is_none());
}

#[test]
fn custom_options_have_their_types() {
    let (open, knock) = (VAULT.method("Open").unwrap(), VAULT.method("Knock").unwrap());
    assert_eq!(open.option(&TOKEN_REQUIRED), Some(true));
    let role = open.option(&ROLE).unwrap();
    assert_eq!(
        (role.name.as_str(), role.scopes.as_slice()),
        ("admin", ["read".to_owned(), "write".to_owned()].as_slice())
    );
    assert_eq!(open.option(&TAGS), ["a", "b"]);
    assert_eq!(open.option(&COST).map(EnumValue::<Cost>::from), Some(EnumValue::Known(Cost::DEAR)));
    assert_eq!(knock.option(&TOKEN_REQUIRED), None);
    assert_eq!(knock.option(&TAGS), [""; 0]);
    assert!(knock.options().is_empty());
    for method in VAULT.methods() {
        assert_eq!(method.option(&TEAM).as_deref(), Some("keepers"), "a method has those of its service as well");
    }
    assert_eq!(VAULT.option(&TEAM).as_deref(), Some("keepers"));
}

#[test]
#[should_panic(expected = "an extension of `google.protobuf.FieldOptions` is no option of a method or a service")]
fn an_option_of_a_field_is_not_taken_for_one_of_a_method() {
    let _ = VAULT.methods()[0].option(&SECRET);
}

#[test]
#[should_panic(expected = "an extension of `google.protobuf.MethodOptions` is no option of a service")]
fn an_option_of_a_method_is_not_taken_for_one_of_a_service() {
    let _ = VAULT.option(&TOKEN_REQUIRED);
}

fn needs_token(call: &Call) -> bool {
    call.method().is_some_and(|method| method.option(&TOKEN_REQUIRED).unwrap_or(false))
}

#[tokio::test]
async fn interceptors_of_both_sides_read_the_options_of_a_call() {
    let guard = async |call: Call, next: Next| {
        if needs_token(&call) && call.metadata().get("x-token") != Some("t") {
            return Err(Status::unauthenticated("this needs a token"));
        }
        next.run(call).await
    };
    let bearer = async |mut call: Call, next: Next| {
        if needs_token(&call) {
            call.metadata_mut().append("x-token", "t")?;
        }
        next.run(call).await
    };
    let router = || Router::new(VaultServer::new(MyVault)).intercept(guard).unwrap();
    let plain = VaultClient::new(ChannelBuilder::in_process(router()).build().unwrap());
    let status = plain.open(Note::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let (requests, mut replies) = plain.knock().await.unwrap();
    requests.finish();
    assert_eq!(replies.next().await.unwrap(), None, "that one is open to all");
    let with_token = VaultClient::new(ChannelBuilder::in_process(router()).intercept(bearer).build().unwrap());
    assert_eq!(with_token.open(Note::default().with_text("x")).await.unwrap().text, "x");
}
