//! `CallCredentials`: the trait, and what it is told of the call that it is asked for.

use std::pin::Pin;
use std::sync::Arc;

use halloo_core::{Metadata, MethodRef, SecurityLevel, Status};

/// Resolves with what credentials send with one call.
pub type CredentialsFuture<'a> = Pin<Box<dyn Future<Output = Result<Metadata, Status>> + Send + 'a>>;

/// Proves to a server who calls, by metadata that it adds to each call.
///
/// Credentials belong to a channel ([`ChannelBuilder::credentials`](crate::ChannelBuilder::credentials)) or to one
/// call (`.credentials(..)` on it). They are asked inside of all interceptors, once a connection was picked that
/// protects them as they require, in the task that awaits the call: its deadline and its cancellation are theirs.
/// A call whose connection goes away before it could leave asks again.
///
/// A status that they return fails the call. Codes that tell of the application (gRFC A54: INVALID_ARGUMENT,
/// NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, DATA_LOSS) become INTERNAL, since the
/// caller would take them for the server's.
///
/// Any `Fn(CredentialRequest) -> impl Future<Output = Result<Metadata, Status>>` is one:
///
/// ```
/// use halloo::credentials::CredentialRequest;
/// use halloo::{Channel, Metadata, Status};
///
/// let signed = async |request: CredentialRequest| -> Result<Metadata, Status> {
///     let mut metadata = Metadata::new();
///     metadata.append("x-signature", format!("{} for {}", "secret", request.audience()))?;
///     Ok(metadata)
/// };
/// let channel = Channel::builder("unix:greeter.sock").credentials(signed).build()?;
/// # Ok::<(), halloo::Error>(())
/// ```
pub trait CallCredentials: Send + Sync + 'static {
    /// Returns the metadata that goes with the call. Its values take the place of those that the call has for the
    /// same keys.
    ///
    /// It has no time limit besides the call's deadline. When the call is dropped, so is the future.
    fn metadata(&self, request: CredentialRequest) -> CredentialsFuture<'_>;

    /// Returns how well a connection has to be protected to carry them. A call on one that is not fails with
    /// UNAUTHENTICATED before [`metadata`](Self::metadata) is asked. Default:
    /// [`SecurityLevel::PrivacyAndIntegrity`], so TLS, a Unix socket, or no wire at all.
    fn required_security(&self) -> SecurityLevel {
        SecurityLevel::PrivacyAndIntegrity
    }
}

impl<F, Fut> CallCredentials for F
where
    F: Fn(CredentialRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Metadata, Status>> + Send + 'static,
{
    fn metadata(&self, request: CredentialRequest) -> CredentialsFuture<'_> {
        Box::pin(self(request))
    }
}

/// Describes the call that credentials are asked for.
#[derive(Clone, Debug)]
pub struct CredentialRequest {
    method: MethodRef,
    authority: Arc<str>,
    security: SecurityLevel,
}

impl CredentialRequest {
    /// Makes a request of a call of `method` to `authority` on a connection of level `security`; for tests of
    /// credentials.
    pub fn new(method: impl Into<MethodRef>, authority: impl Into<Arc<str>>, security: SecurityLevel) -> Self {
        Self { method: method.into(), authority: authority.into(), security }
    }

    /// Returns the method that is called.
    pub fn method(&self) -> &MethodRef {
        &self.method
    }

    /// Returns the `:authority` of the call: the host that the caller named, and its port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the service as an audience of tokens: `https://authority/package.Service`, without the port if that is
    /// 443.
    pub fn audience(&self) -> String {
        let host = self.authority.strip_suffix(":443").unwrap_or(&self.authority);
        format!("https://{host}/{}", self.method.service())
    }

    /// Returns what protects the connection that was picked for the call.
    pub fn security(&self) -> SecurityLevel {
        self.security
    }
}
