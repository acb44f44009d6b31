//! Makes the certificates of the matrix: `interop-certificates FOLDER`.
//!
//! Writes `ca.pem`, and `server.pem`, `server.key`, `client.pem` and `client.key` that it has issued, in PEM.

use std::error::Error;
use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// The names that targets have; the last is what the interop clients of gRPC expect.
const SERVER_NAMES: [&str; 4] = ["localhost", "127.0.0.1", "::1", "*.test.google.fr"];
const CLIENT_NAMES: [&str; 1] = ["interop-client"];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: interop-certificates FOLDER")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "Halloo interop authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    fs::write(folder.join("ca.pem"), authority.pem())?;
    for (name, names, purpose) in [
        ("server", &SERVER_NAMES[..], ExtendedKeyUsagePurpose::ServerAuth),
        ("client", &CLIENT_NAMES[..], ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        params.extended_key_usages.push(purpose);
        params.distinguished_name.push(DnType::CommonName, names[0]);
        let key = KeyPair::generate()?;
        fs::write(folder.join(format!("{name}.pem")), params.signed_by(&key, &authority)?.pem())?;
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem())?;
    }
    Ok(())
}
