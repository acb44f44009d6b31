//! Tests of `src/connect/connector.rs`.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::connect::target::Scheme;

#[tokio::test]
async fn a_connection_that_nobody_holds_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::Tcp(listener.local_addr().unwrap());
    let http2 =
        Http2::new(ConnectOptions::new("test"), Said { target: "test".into(), scheme: Scheme::Http, is_host: true });
    let around = Around { returned: ReturnedCalls::new(drop), line: Weak::new(), progress: Progress::default() };
    let serve = async {
        let mut socket = listener.accept().await.unwrap().0;
        socket.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        socket
    };
    let (connection, mut socket) = tokio::join!(http2.connect(address, around), serve);
    drop(connection.unwrap());
    let mut sent = Vec::new();
    socket.read_to_end(&mut sent).await.unwrap();
    assert!(sent.starts_with(b"PRI * HTTP/2.0"));
}
