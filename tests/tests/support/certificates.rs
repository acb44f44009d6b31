//! Certificates for tests, made when they are needed.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use halloo::tls::{ClientTls, Tls};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType,
};

/// An authority that makes certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        Self::of_names(name, &[])
    }

    /// One that is a host of the names `hosts` as well.
    pub fn of_names(name: &str, hosts: &[&str]) -> Self {
        Self::of_key(name, hosts, KeyPair::generate().unwrap())
    }

    /// One whose key is of another kind than usual.
    pub fn of_ed25519(name: &str) -> Self {
        Self::of_key(name, &[], KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap())
    }

    fn of_key(name: &str, hosts: &[&str], key: KeyPair) -> Self {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    /// Its own certificate and key.
    pub fn identity(&self) -> Identity {
        Identity { certificate: self.issuer.pem(), key: self.issuer.key().serialize_pem() }
    }

    /// The authority of most tests, the same one for all of them.
    pub fn usual() -> &'static Self {
        static USUAL: OnceLock<Authority> = OnceLock::new();
        USUAL.get_or_init(|| Self::new("usual authority"))
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a server whose names are `names`.
    pub fn server(&self, names: &[&str]) -> Identity {
        self.certify(names, ExtendedKeyUsagePurpose::ServerAuth, |_| ())
    }

    /// A certificate for this machine's servers.
    pub fn localhost(&self) -> Identity {
        self.server(&["localhost", "127.0.0.1"])
    }

    /// A certificate for a client called `name`, with a URI of that name.
    pub fn client(&self, name: &str) -> Identity {
        self.certify(&[name], ExtendedKeyUsagePurpose::ClientAuth, |params| {
            let uri = format!("spiffe://example.org/{name}").try_into().unwrap();
            params.subject_alt_names.push(SanType::URI(uri));
        })
    }

    pub fn certify(
        &self,
        names: &[&str],
        purpose: ExtendedKeyUsagePurpose,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages.push(purpose);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Identity {
    pub fn tls(&self) -> Tls {
        Tls::from_pem(&self.certificate, &self.key).unwrap()
    }

    /// Writes it to `cert.pem` and `key.pem` in `folder`.
    pub fn write(&self, folder: &Path) {
        std::fs::write(folder.join("cert.pem"), &self.certificate).unwrap();
        std::fs::write(folder.join("key.pem"), &self.key).unwrap();
    }
}

/// A client that trusts the usual authority.
pub fn trusting() -> ClientTls {
    ClientTls::new().ca(Authority::usual().pem()).unwrap()
}

/// A folder that no other test uses, and that is removed in the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("halloo-tls-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is the system's to clean up.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
