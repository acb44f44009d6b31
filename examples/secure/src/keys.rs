//! The files that make the example secure. In earnest they come from elsewhere: certificates from a private authority,
//! tokens from a login server.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use halloo::Status;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PKCS_ED25519,
};
use serde_json::json;

/// Who signs the tokens.
pub const ISSUER: &str = "https://login.example";

/// Whom the tokens are for.
pub const AUDIENCE: &str = "greeter";

const TOKEN_LIFE_SECONDS: u64 = 12 * 3600;

/// A folder with keys, certificates and a token.
///
/// | file | what it is | who needs it |
/// |---|---|---|
/// | `ca.pem` | the authority that both sides trust | server, client |
/// | `server.pem`, `server.key` | the server's certificate, for `localhost`, and its key | server |
/// | `client.pem`, `client.key` | the client's certificate, for `laptop.example`, and its key | client |
/// | `issuer.pem`, `issuer.key` | the key that tokens are signed with, and its public half | the login server; server |
/// | `token` | a token of Ada's, who may greet | client |
#[derive(Debug)]
pub struct Keys {
    folder: PathBuf,
}

impl Keys {
    /// The files in `folder`, whether they are there or not.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder that both programs use if they are not told another: `target/secure-keys`.
    pub fn default_folder() -> PathBuf {
        Path::new("target").join("secure-keys")
    }

    /// The path of one of the files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes the files that are not there, and a fresh token.
    ///
    /// # Errors
    /// FAILED_PRECONDITION if a file cannot be written.
    pub fn make(&self) -> Result<(), Status> {
        self.make_certificates().and_then(|()| self.make_token()).map_err(|error| {
            let text = format!("cannot make keys in {}: {error}", self.folder.display());
            Status::failed_precondition(text).caused_by(error)
        })
    }

    fn make_certificates(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        // The last file that is written says that all are there.
        if self.file("issuer.pem").exists() {
            return Ok(());
        }
        make_private_folder(&self.folder)?;
        let mut authority = CertificateParams::new([])?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "Authority of the secure Greeter");
        let authority_key = KeyPair::generate()?;
        self.write("ca.pem", &authority.self_signed(&authority_key)?.pem())?;
        let authority = Issuer::new(authority, authority_key);

        for (name, hosts, purpose) in [
            ("server", ["localhost", "127.0.0.1", "::1"].as_slice(), ExtendedKeyUsagePurpose::ServerAuth),
            ("client", &["laptop.example"], ExtendedKeyUsagePurpose::ClientAuth),
        ] {
            let hosts: Vec<String> = hosts.iter().copied().map(String::from).collect();
            let mut certificate = CertificateParams::new(hosts)?;
            certificate.extended_key_usages = vec![purpose];
            let key = KeyPair::generate()?;
            self.write(&format!("{name}.key"), &key.serialize_pem())?;
            self.write(&format!("{name}.pem"), &certificate.signed_by(&key, &authority)?.pem())?;
        }

        let signing = KeyPair::generate_for(&PKCS_ED25519)?;
        self.write("issuer.key", &signing.serialize_pem())?;
        self.write("issuer.pem", &signing.public_key_pem())?;
        Ok(())
    }

    fn make_token(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let signing = EncodingKey::from_ed_pem(&fs::read(self.file("issuer.key"))?)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let claims = json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "ada",
            "scope": "greet",
            "nbf": now,
            "exp": now + TOKEN_LIFE_SECONDS,
        });
        let token = encode(&Header::new(Algorithm::EdDSA), &claims, &signing)?;
        Ok(self.write("token", &token)?)
    }

    /// Writes a file that only this user may read, and puts it in the place of an older one at once.
    fn write(&self, name: &str, content: &str) -> io::Result<()> {
        let fresh = self.file(&format!("{name}.new"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&fresh)?.write_all(content.as_bytes())?;
        fs::rename(fresh, self.file(name))
    }
}

fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
