//! Calls without protobuf: in process, and over a socket.

use halloo::{Channel, Router, Server};
use halloo_codec_test::{ShouterClient, ShouterServer};

#[tokio::test]
async fn a_call_in_process() {
    let client = ShouterClient::new(Channel::in_process(Router::new(ShouterServer)));
    assert_eq!(*client.shout("hallo").await.unwrap(), "HALLO");
}

#[tokio::test]
async fn a_call_over_a_socket() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let (target, handle) = (format!("http://127.0.0.1:{}", server.port()), server.handle());
    let serving = tokio::spawn(server.serve(ShouterServer));
    let client = ShouterClient::new(Channel::connect(target).await.unwrap());
    assert_eq!(*client.shout("hallo").await.unwrap(), "HALLO");
    handle.shutdown();
    serving.await.unwrap().unwrap();
}
