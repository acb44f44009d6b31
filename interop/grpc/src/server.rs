//! The server, as its flags have it.

use halloo::http2::Http2Config;
use halloo::tls::Tls;
use halloo::{Server, Status};

use crate::compressed::MarkingGzip;
use crate::flags::Flags;

/// What the server takes and sends: `very_large_request` has 10 MiB.
pub(crate) const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// Calls that a connection carries at a time with `--use_mcs`.
const FEW_STREAMS: u32 = 2;

/// The flags that a server has.
pub const SERVER_FLAGS: [&str; 5] = ["port", "use_tls", "tls_cert_file", "tls_key_file", "use_mcs"];

/// Makes the server that `flags` ask for; port 0 is any that is free.
///
/// # Errors
/// INVALID_ARGUMENT for a flag that does not fit; what is wrong with the certificate; that the port is taken.
pub async fn bind(flags: &Flags) -> Result<Server, Status> {
    let port: u16 = flags.value("port", 8080)?;
    let mut server = Server::bind(format!("0.0.0.0:{port}"))
        .await?
        .max_request_bytes(MAX_MESSAGE_BYTES)
        .accept_compression(MarkingGzip);
    if flags.value("use_tls", false)? {
        let why = "there are no built-in certificates; `interop-certificates FOLDER` makes some";
        let (certificate, key) = (flags.needed("tls_cert_file", why)?, flags.needed("tls_key_file", why)?);
        server = server.tls(Tls::from_files(certificate, key)?);
    }
    if flags.value("use_mcs", false)? {
        let mut config = Http2Config::default();
        config.limits.max_concurrent_streams = FEW_STREAMS;
        server = server.http2(config);
    }
    Ok(server)
}
