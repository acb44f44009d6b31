//! Call credentials: what proves to a server who calls, asked for once a call and sent as its metadata.
//!
//! `attach.rs` belongs to every call that has some; the other files are the kinds that can be used as they are.

mod attach;
mod bearer;
mod cache;
mod call_credentials;
#[cfg(test)]
#[path = "../../tests/unit/credentials.rs"]
mod tests;
mod token_file;
mod token_source;

pub(crate) use attach::{Credentials, check_again};
pub use bearer::BearerToken;
pub use call_credentials::{CallCredentials, CredentialRequest, CredentialsFuture};
pub use token_file::TokenFile;
pub use token_source::{Token, TokenSource};
