//! Reflection over sockets, in both versions, on and off.

use halloo::descriptor::Method;
use halloo::{Channel, Code, Status};
use halloo_services::reflection::{
    INFO, INFO_ALPHA, MessageRequest, MessageResponse, ServerReflectionRequest, ServerReflectionResponse,
};

use crate::raw::{Raw, call_fields_to};
use crate::support::rig::{Setup, Transport};
use crate::support::soon;
use crate::{channel, guarded, in_process};

type Version = &'static Method<ServerReflectionRequest, ServerReflectionResponse>;

const VERSIONS: [Version; 2] = [&INFO, &INFO_ALPHA];

/// Asks all questions on one stream: what was answered to each, as a line.
async fn ask(channel: &Channel, version: Version, questions: Vec<MessageRequest>) -> Result<Vec<String>, Status> {
    let (mut requests, mut replies) = soon(channel.bidi_streaming(version).into_future()).await?;
    let mut answers = Vec::new();
    for question in questions {
        let request = ServerReflectionRequest { message_request: Some(question), ..Default::default() };
        // When the server has hung up, the replies say why.
        let _ = soon(requests.send(request)).await;
        let Some(response) = soon(replies.next()).await? else { break };
        answers.push(line(response));
    }
    requests.finish();
    assert!(soon(replies.next()).await?.is_none());
    Ok(answers)
}

fn line(response: ServerReflectionResponse) -> String {
    match response.message_response.unwrap() {
        MessageResponse::FileDescriptorResponse(files) => {
            let sizes = files.file_descriptor_proto.iter().map(|file| (file[0], file.len() > 100));
            format!("files {:?}", sizes.collect::<Vec<_>>())
        }
        MessageResponse::AllExtensionNumbersResponse(numbers) => format!("numbers {:?}", numbers.extension_number),
        MessageResponse::ListServicesResponse(services) => {
            services.service.iter().map(|service| service.name.as_str()).collect::<Vec<_>>().join(" ")
        }
        MessageResponse::ErrorResponse(error) => format!("{} {}", error.error_code, error.error_message),
    }
}

fn list() -> Vec<MessageRequest> {
    vec![MessageRequest::ListServices("*".into())]
}

#[tokio::test]
async fn both_versions_answer_the_same_over_sockets_and_in_process() {
    let rig = Setup::new(Transport::Tcp).server(|server| server.reflection(true)).rig().await;
    let over_tcp = channel(&rig).await;
    for channel in [over_tcp, in_process(&halloo::health::Health::default())] {
        for version in VERSIONS {
            let questions = vec![
                MessageRequest::ListServices("*".into()),
                MessageRequest::FileContainingSymbol("post.Post.Answer".into()),
                // An enum's values stand beside it, without its name.
                MessageRequest::FileContainingSymbol("grpc.health.v1.HealthCheckResponse.SERVING".into()),
                MessageRequest::FileByFilename("grpc/reflection/v1/reflection.proto".into()),
                MessageRequest::AllExtensionNumbersOfType("post.Letter".into()),
                MessageRequest::FileContainingSymbol("post.Parcel".into()),
            ];
            let expected = [
                "grpc.health.v1.Health grpc.reflection.v1.ServerReflection grpc.reflection.v1alpha.ServerReflection \
                 post.Post",
                "files [(10, true)]",
                "files [(10, true)]",
                "files [(10, true)]",
                "numbers []",
                "5 no symbol \"post.Parcel\"",
            ];
            let answers = ask(&channel, version, questions).await.unwrap();
            assert_eq!(answers, expected);
        }
    }
    rig.end().await;
}

#[tokio::test]
async fn a_question_that_is_none_ends_the_stream() {
    let rig = Setup::new(Transport::Tcp).rig().await;
    let channel = channel(&rig).await;
    for version in VERSIONS {
        let (mut requests, mut replies) = channel.bidi_streaming(version).await.unwrap();
        requests.send(ServerReflectionRequest::default()).await.unwrap();
        assert_eq!(soon(replies.next()).await.unwrap_err().code(), Code::InvalidArgument);
    }
    drop(channel);
    rig.end().await;
}

#[tokio::test]
async fn it_goes_through_the_interceptors() {
    let rig = guarded().await;
    let channel = channel(&rig).await;
    for version in VERSIONS {
        assert_eq!(ask(&channel, version, list()).await.unwrap_err().code(), Code::Unauthenticated);
    }
    drop(channel);
    rig.end().await;
}

#[tokio::test]
async fn turned_off_nothing_tells_what_there_is() {
    let rig = Setup::new(Transport::Tcp).server(|server| server.reflection(false)).rig().await;
    let channel = channel(&rig).await;
    for version in VERSIONS {
        assert_eq!(ask(&channel, version, list()).await.unwrap_err().code(), Code::Unimplemented);
    }
    let mut raw = Raw::open(&rig).await;
    raw.call(1, &call_fields_to("/post.Post/Answr", &[]), &[0; 5]).await;
    assert_eq!(raw.response(1).await.status(), "12 post.Post has no method Answr");
    drop((channel, raw));
    rig.end().await;
}

#[tokio::test]
async fn a_debug_build_has_it_unless_told_otherwise() {
    let rig = Setup::new(Transport::Tcp).rig().await;
    let channel = channel(&rig).await;
    assert!(ask(&channel, &INFO, list()).await.unwrap()[0].ends_with("post.Post"));
    drop(channel);
    rig.end().await;
}
