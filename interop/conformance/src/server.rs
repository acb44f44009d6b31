//! The server under test: what it has to be like comes on stdin, where it is goes to stdout.

use std::time::Duration;

use halloo::tls::Tls;
use halloo::{Server, Status};
use tokio::io::{stdin, stdout};

use crate::{
    Conformance, ConformanceServiceServer, ServerCompatRequest, ServerCompatResponse, read_frame, write_frame,
};

const HOST: &str = "127.0.0.1";

/// Serves as the tool wants it, until it is told to stop.
///
/// # Errors
/// When it cannot serve that way.
pub async fn serve() -> Result<(), Status> {
    let wanted = read_frame(&mut stdin()).await.map_err(tool_is_gone)?;
    let wanted: ServerCompatRequest = wanted.ok_or_else(|| Status::invalid_argument("there is nothing on stdin"))?;
    // The cases are over when the tool stops it.
    let mut server = Server::bind(format!("{HOST}:0")).await?.drain(Duration::from_secs(1)).compress_min_bytes(0);
    if wanted.message_receive_limit > 0 {
        server = server.max_request_bytes(wanted.message_receive_limit as usize);
    }
    let mut told = ServerCompatResponse::default().with_host(HOST).with_port(server.port().into());
    if wanted.use_tls {
        let own = wanted.server_creds.as_option().ok_or_else(|| Status::invalid_argument("there is no certificate"))?;
        let mut tls = Tls::from_pem(&own.cert, &own.key)?;
        if !wanted.client_tls_cert.is_empty() {
            tls = tls.client_ca(&wanted.client_tls_cert)?;
        }
        server = server.tls(tls);
        told = told.with_pem_cert(own.cert.clone());
    }
    write_frame(&mut stdout(), &told).await.map_err(tool_is_gone)?;
    server.serve(ConformanceServiceServer::new(Conformance)).await
}

fn tool_is_gone(error: std::io::Error) -> Status {
    Status::unavailable("cannot talk to the tool").caused_by(error)
}
