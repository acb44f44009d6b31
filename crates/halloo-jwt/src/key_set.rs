//! `KeySet`: the keys of one PEM file, one secret or one JWKS document, each with the one algorithm that it is for.
//!
//! A token chooses among them by key id and algorithm, and can never make a key serve another algorithm.

use halloo_core::Status;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Header};

/// More keys than anybody has; a document with more is a mistake.
const MAX_KEYS: usize = 64;

/// How many keys are tried for a token that does not say which it is for. Each costs a verification, which anybody may
/// ask for.
const MAX_TRIED: usize = 4;

/// Names a signature algorithm of tokens (RFC 7518 section 3.1, RFC 8037). There is no `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256: one secret for those who sign and those who verify.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSA (PKCS #1 v1.5) with SHA-256, 2048 bits at least.
    Rs256,
    /// RSA (PKCS #1 v1.5) with SHA-384.
    Rs384,
    /// RSA (PKCS #1 v1.5) with SHA-512.
    Rs512,
    /// RSA-PSS with SHA-256, 2048 bits at least.
    Ps256,
    /// RSA-PSS with SHA-384.
    Ps384,
    /// RSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl JwtAlgorithm {
    fn of_library(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::Hs384 => Algorithm::HS384,
            Self::Hs512 => Algorithm::HS512,
            Self::Rs256 => Algorithm::RS256,
            Self::Rs384 => Algorithm::RS384,
            Self::Rs512 => Algorithm::RS512,
            Self::Ps256 => Algorithm::PS256,
            Self::Ps384 => Algorithm::PS384,
            Self::Ps512 => Algorithm::PS512,
            Self::Es256 => Algorithm::ES256,
            Self::Es384 => Algorithm::ES384,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }

    /// The least length of a secret in bytes (RFC 7518 section 3.2); `None` for algorithms with a key pair.
    fn min_secret_bytes(self) -> Option<usize> {
        match self {
            Self::Hs256 => Some(32),
            Self::Hs384 => Some(48),
            Self::Hs512 => Some(64),
            _ => None,
        }
    }
}

#[derive(Debug)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

/// A key and what it is for. `DecodingKey` does not show itself.
#[derive(Debug)]
pub(crate) struct Key {
    id: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
}

/// Which keys a token may have been signed with.
#[derive(Debug)]
pub(crate) enum Candidates<'a> {
    These(Vec<&'a Key>),
    /// No key has the token's key id.
    UnknownId,
    /// The key is for another algorithm than the token's.
    OtherAlgorithm,
}

impl KeySet {
    pub(crate) fn secret(algorithm: JwtAlgorithm, secret: &[u8]) -> Result<Self, Status> {
        let Some(least) = algorithm.min_secret_bytes() else {
            return Err(unusable(format!("{algorithm:?} verifies with a public key, not with a secret")));
        };
        if secret.len() < least {
            return Err(unusable(format!(
                "the secret has {} bytes, {algorithm:?} needs {least} at least",
                secret.len()
            )));
        }
        Ok(Self::one(algorithm.of_library(), DecodingKey::from_secret(secret)))
    }

    /// # Errors
    /// INVALID_ARGUMENT if it is no public key in PEM, or one for another algorithm.
    pub(crate) fn pem(algorithm: JwtAlgorithm, pem: &[u8]) -> Result<Self, Status> {
        let algorithm_of_library = algorithm.of_library();
        let key = match algorithm_of_library.family() {
            AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(pem),
            AlgorithmFamily::Ec => DecodingKey::from_ec_pem(pem),
            AlgorithmFamily::Ed => DecodingKey::from_ed_pem(pem),
            AlgorithmFamily::Hmac => return Err(unusable(format!("{algorithm:?} needs a secret, not a PEM file"))),
        };
        match key {
            Ok(key) if fits(&key, algorithm_of_library) => Ok(Self::one(algorithm_of_library, key)),
            Ok(_) => Err(unusable(format!("the key is on another curve than that of {algorithm:?}"))),
            Err(error) => Err(unusable(format!("no public key for {algorithm:?} in PEM: {error}"))),
        }
    }

    /// Reads a JWKS document (RFC 7517 section 5). Keys that are not for verifying signatures, or of a kind that is not
    /// known, are left out.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if it is none, or no key is left.
    pub(crate) fn jwks(document: &[u8]) -> Result<Self, Status> {
        let document: serde_json::Value = serde_json::from_slice(document)
            .map_err(|error| unusable(format!("no JWKS document, because it is not JSON: {error}")))?;
        let Some(listed) = document.get("keys").and_then(serde_json::Value::as_array) else {
            return Err(unusable("no JWKS document: it has no list `keys`"));
        };
        if listed.len() > MAX_KEYS {
            return Err(unusable(format!("the JWKS document has {} keys, at most {MAX_KEYS} are read", listed.len())));
        }
        let mut keys = Vec::new();
        let mut left_out = Vec::new();
        for (index, key) in listed.iter().enumerate() {
            match key_of(key) {
                Ok(key) => keys.push(key),
                Err(why) => left_out.push(format!("key {index} {why}")),
            }
        }
        if keys.is_empty() {
            return Err(unusable(format!("the JWKS document has no key to verify with: {}", left_out.join(", "))));
        }
        if !left_out.is_empty() {
            tracing::warn!(left_out = left_out.join(", "), "keys of a JWKS document are not used");
        }
        Ok(Self { keys })
    }

    fn one(algorithm: Algorithm, key: DecodingKey) -> Self {
        Self { keys: vec![Key { id: None, algorithm, key }] }
    }

    /// The keys that `header` allows: those with its key id, or without any, and of its algorithm.
    pub(crate) fn candidates(&self, header: &Header) -> Candidates<'_> {
        let has_id = |key: &&Key| match (&key.id, &header.kid) {
            (Some(id), Some(wanted)) => id == wanted,
            _ => true,
        };
        let mut with_id = self.keys.iter().filter(has_id).peekable();
        if with_id.peek().is_none() {
            return Candidates::UnknownId;
        }
        let these: Vec<_> = with_id.filter(|key| key.algorithm == header.alg).take(MAX_TRIED).collect();
        if these.is_empty() { Candidates::OtherAlgorithm } else { Candidates::These(these) }
    }
}

fn key_of(value: &serde_json::Value) -> Result<Key, &'static str> {
    let jwk: Jwk = serde_json::from_value(value.clone()).map_err(|_| "is of an unknown kind")?;
    if matches!(&jwk.common.public_key_use, Some(purpose) if *purpose != PublicKeyUse::Signature) {
        return Err("is not for signatures");
    }
    if matches!(&jwk.common.key_operations, Some(operations) if !operations.contains(&KeyOperations::Verify)) {
        return Err("is not for verifying");
    }
    let usual = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => Algorithm::ES384,
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        AlgorithmParameters::OctetKey(_) => return Err("is a secret, which does not belong in a JWKS document"),
        _ => return Err("is of an unknown kind"),
    };
    let algorithm = match jwk.common.key_algorithm {
        Some(named) => Algorithm::try_from(named).map_err(|_| "is for an unknown algorithm")?,
        None => usual,
    };
    let key = DecodingKey::from_jwk(&jwk).map_err(|_| "is malformed")?;
    if !fits(&key, algorithm) {
        return Err("is not of the kind that its algorithm needs");
    }
    Ok(Key { id: jwk.common.key_id, algorithm, key })
}

/// Whether `key` is of the kind, and on the curve, of `algorithm`.
fn fits(key: &DecodingKey, algorithm: Algorithm) -> bool {
    let length = key.try_get_as_bytes().map_or(0, <[u8]>::len);
    let is_length_right = match algorithm {
        // An uncompressed point: a byte, and two coordinates.
        Algorithm::ES256 => length == 65,
        Algorithm::ES384 => length == 97,
        Algorithm::EdDSA => length == 32,
        _ => true,
    };
    key.family() == algorithm.family() && is_length_right
}

pub(crate) fn unusable(why: impl Into<String>) -> Status {
    Status::invalid_argument(why)
}
