//! `BearerToken`: a token that is known and stays the same.

use std::fmt;
use std::future::ready;

use halloo_core::{Metadata, MetadataError};

use super::call_credentials::{CallCredentials, CredentialRequest, CredentialsFuture};

/// Sends `authorization: Bearer <token>` with every call (RFC 6750 section 2.1).
///
/// `Debug` does not show the token. On the wire the header is never indexed, so that neither side keeps it in an HPACK
/// table; that costs its length in each call.
///
/// ```
/// use halloo::Channel;
/// use halloo::credentials::BearerToken;
///
/// let token = BearerToken::new("ya29.secret")?;
/// assert_eq!(format!("{token:?}"), "BearerToken(..)");
/// let channel = Channel::builder("unix:greeter.sock").credentials(token).build()?;
/// # Ok::<(), halloo::Error>(())
/// ```
#[derive(Clone)]
pub struct BearerToken {
    metadata: Metadata,
}

impl BearerToken {
    /// Makes credentials of `token`. White space around it is dropped.
    ///
    /// # Errors
    /// When the token is not printable ASCII. The error does not show it.
    pub fn new(token: impl AsRef<str>) -> Result<Self, MetadataError> {
        Ok(Self { metadata: bearer_metadata(token.as_ref().trim())? })
    }
}

impl CallCredentials for BearerToken {
    fn metadata(&self, _request: CredentialRequest) -> CredentialsFuture<'_> {
        Box::pin(ready(Ok(self.metadata.clone())))
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)")
    }
}

/// The metadata that carries `token`.
pub(super) fn bearer_metadata(token: &str) -> Result<Metadata, MetadataError> {
    let mut metadata = Metadata::new();
    metadata.append("authorization", format!("Bearer {token}"))?;
    Ok(metadata)
}
