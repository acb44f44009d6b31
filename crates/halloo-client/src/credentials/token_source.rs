//! `TokenSource`: tokens that a function of the application fetches, from an OAuth 2.0 server for example.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use halloo_core::Status;

use super::bearer::bearer_metadata;
use super::cache::{Held, TokenCache};
use super::call_credentials::{CallCredentials, CredentialRequest, CredentialsFuture};
use crate::call::deadline::now;

/// How long before its end a token is renewed; at most a tenth of its life.
const RENEWAL_MARGIN: Duration = Duration::from_secs(60);

/// Fetches a token with a function, and sends it with every call until it expires.
///
/// * Calls that need a token at the same time cause one fetch. It runs in a task of its own, so that the deadline of
///   the call that began it does not end it for the others; it may take 30 seconds.
/// * One minute before the token expires (earlier than a tenth of its life before, never) the next call begins to fetch
///   another, and goes on with the one that there is. Ten seconds before, calls wait.
/// * A failure fails the calls that wait with UNAVAILABLE, or with the code of the [`Status`] that the function
///   returned, and so those of the next second; then the next call tries again. While the token before is good, calls
///   use it instead.
///
/// A clone shares the token.
///
/// ```
/// use std::time::Duration;
///
/// use halloo::credentials::{Token, TokenSource};
/// use halloo::{Channel, Status};
///
/// let tokens = TokenSource::new(async || -> Result<Token, Status> {
///     let (text, seconds) = ("ya29.secret", 3600); // from the answer of a token endpoint
///     Ok(Token::valid_for(text, Duration::from_secs(seconds)))
/// });
/// let channel = Channel::builder("unix:greeter.sock").credentials(tokens).build()?;
/// # Ok::<(), halloo::Error>(())
/// ```
#[derive(Clone)]
pub struct TokenSource {
    cache: Arc<TokenCache>,
}

impl TokenSource {
    /// Makes credentials of `fetch`, which is not called before the first call needs a token.
    pub fn new<F, Fut, E>(fetch: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Token, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let cache = TokenCache::new(move || {
            let fetching = fetch();
            Box::pin(async move {
                match fetching.await {
                    Ok(token) => token.into_held(),
                    Err(error) => Err(status_of(error.into())),
                }
            })
        });
        Self { cache }
    }
}

impl CallCredentials for TokenSource {
    fn metadata(&self, _request: CredentialRequest) -> CredentialsFuture<'_> {
        Box::pin(self.cache.token())
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").field("cache", &self.cache).finish()
    }
}

/// A status keeps its code; of another error it is not known whether it will pass.
fn status_of(error: Box<dyn Error + Send + Sync>) -> Status {
    match error.downcast::<Status>() {
        Ok(status) => *status,
        Err(error) => Status::unavailable(format!("no token for the call: {error}")).caused_by(error),
    }
}

/// Holds a token and its end. `Debug` does not show the token.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use halloo::credentials::Token;
///
/// let token = Token::valid_until("ya29.secret", SystemTime::now() + Duration::from_secs(3600));
/// assert_eq!(format!("{token:?}"), "Token { text: .., .. }");
/// ```
pub struct Token {
    text: String,
    end: End,
}

enum End {
    After(Duration),
    At(SystemTime),
}

impl Token {
    /// Makes a token that is valid for `lifetime` from this moment on, as OAuth 2.0's `expires_in` says.
    pub fn valid_for(text: impl Into<String>, lifetime: Duration) -> Self {
        Self { text: text.into(), end: End::After(lifetime) }
    }

    /// Makes a token that is valid until `end`, as a JWT's `exp` says. It is compared with this machine's clock.
    pub fn valid_until(text: impl Into<String>, end: SystemTime) -> Self {
        Self { text: text.into(), end: End::At(end) }
    }

    fn into_held(self) -> Result<Held, Status> {
        let metadata = bearer_metadata(self.text.trim()).map_err(|error| {
            Status::unavailable("the token that was fetched is not printable ASCII").caused_by(error)
        })?;
        let lifetime = match self.end {
            End::After(lifetime) => lifetime,
            End::At(end) => end.duration_since(SystemTime::now()).unwrap_or_default(),
        };
        // A century is as good as for ever, and can be added to the time.
        let lifetime = lifetime.min(Duration::from_secs(100 * 365 * 24 * 3600));
        let margin = RENEWAL_MARGIN.min(lifetime / 10);
        let expires = now() + lifetime;
        let wait_at = expires - margin / 6;
        Ok(Held { metadata, renew_at: expires - margin, wait_at, useless_at: Some(expires) })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("text", &format_args!("..")).finish_non_exhaustive()
    }
}
