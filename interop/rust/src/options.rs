//! What the programs of the matrix are told on their command lines.

use std::path::{Path, PathBuf};

use halloo::Status;
use halloo::tls::{ClientTls, Tls};

/// `ADDRESS_FLAG ADDRESS [--tls FOLDER [--mutual]] [--json] [CASE...]`, with the certificates in `FOLDER`.
#[derive(Debug)]
pub struct Options {
    /// Where to listen, or what to call.
    pub address: String,
    /// Where certificates are, if TLS is wanted.
    pub tls: Option<PathBuf>,
    /// Both sides show certificates.
    pub mutual: bool,
    /// Whether a client calls in `application/grpc+json`.
    pub json: bool,
    /// What to check.
    pub cases: Vec<String>,
}

impl Options {
    /// Reads the program's arguments.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if they are not as above.
    pub fn read(address_flag: &str) -> Result<Self, Status> {
        let usage = || {
            Status::invalid_argument(format!(
                "usage: {address_flag} ADDRESS [--tls FOLDER [--mutual]] [--json] [CASE...]"
            ))
        };
        let mut args = std::env::args().skip(1);
        if args.next().as_deref() != Some(address_flag) {
            return Err(usage());
        }
        let mut options =
            Self { address: args.next().ok_or_else(usage)?, tls: None, mutual: false, json: false, cases: Vec::new() };
        while let Some(arg) = args.next() {
            match &*arg {
                "--tls" => options.tls = Some(args.next().ok_or_else(usage)?.into()),
                "--mutual" => options.mutual = true,
                "--json" => options.json = true,
                _ => options.cases.push(arg),
            }
        }
        Ok(options)
    }

    /// A server's side of TLS, if it is wanted.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn server_tls(&self) -> Result<Option<Tls>, Status> {
        let Some(folder) = &self.tls else { return Ok(None) };
        let tls = Tls::from_files(folder.join("server.pem"), folder.join("server.key"))?;
        if self.mutual { tls.client_ca_file(folder.join("ca.pem")).map(Some) } else { Ok(Some(tls)) }
    }

    /// A client's side of TLS in `folder`.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn client_tls(&self, folder: &Path) -> Result<ClientTls, Status> {
        let tls = ClientTls::new().ca_file(folder.join("ca.pem"))?;
        if self.mutual { tls.identity_files(folder.join("client.pem"), folder.join("client.key")) } else { Ok(tls) }
    }
}
