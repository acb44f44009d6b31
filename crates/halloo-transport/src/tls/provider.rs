//! Who does the cryptography: what the process has installed, or else what this build was made with.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;

#[cfg(not(any(feature = "tls", feature = "tls-ring")))]
compile_error!("TLS needs cryptography: turn on the feature `tls` (aws-lc-rs) or `tls-ring`");

/// The provider of a process that has none installed is not installed for others either.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static BUILT_IN: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    match CryptoProvider::get_default() {
        Some(installed) => Arc::clone(installed),
        None => Arc::clone(BUILT_IN.get_or_init(|| Arc::new(built_in()))),
    }
}

#[cfg(feature = "tls")]
fn built_in() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(all(feature = "tls-ring", not(feature = "tls")))]
fn built_in() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

#[cfg(not(any(feature = "tls", feature = "tls-ring")))]
fn built_in() -> CryptoProvider {
    unreachable!("this build stops at the error above")
}
