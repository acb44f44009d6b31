//! Authentication of callers by JSON Web Tokens (RFC 7519): a server interceptor.
//!
//! [`JwtAuthenticator`] is the interceptor, [`JwtKeys`] what it verifies signatures with, and [`Caller`] what handlers
//! see. Signatures and claims are checked by the `jsonwebtoken` crate; this crate decides which key and which
//! algorithm, reads keys again when their file changes, and turns refusals into statuses. It issues no tokens.

mod access;
mod authenticator;
mod caller;
mod key_file;
mod key_set;
mod keys;
mod recent;
mod refusal;

pub use authenticator::JwtAuthenticator;
pub use caller::{Authenticated, Caller};
pub use key_set::JwtAlgorithm;
pub use keys::JwtKeys;
