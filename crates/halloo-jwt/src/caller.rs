//! `Caller`: who calls, as a verified token says; and how handlers get at it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use halloo_call::{Call, MessageReceiver, Request};
use halloo_core::Status;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Describes the caller of a method, as the token says that came with the call. Every claim was signed by the issuer.
///
/// `Debug` shows subject, issuer and scopes. A clone is one reference more.
#[derive(Clone)]
pub struct Caller {
    claims: Arc<Claims>,
}

struct Claims {
    all: Value,
    scopes: Vec<String>,
}

impl Caller {
    pub(crate) fn new(all: Value) -> Self {
        let scopes = scopes_of(&all);
        Self { claims: Arc::new(Claims { all, scopes }) }
    }

    /// Returns who it is: the claim `sub`. It is unique for its issuer only.
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// Returns who vouches for it: the claim `iss`.
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// Returns what it may do: the claim `scope`, a text with spaces between (RFC 8693), or `scp`, a text or a list.
    pub fn scopes(&self) -> &[String] {
        &self.claims.scopes
    }

    /// Says whether `scope` is among the [`scopes`](Self::scopes).
    pub fn has_scope(&self, scope: &str) -> bool {
        self.claims.scopes.iter().any(|has| has == scope)
    }

    /// Returns when the token ends: the claim `exp`. A call that has begun is not ended by it.
    pub fn expires(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.expires_unix())
    }

    /// Returns a claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims.all.get(name)?.as_str()
    }

    /// Reads the claims as a type of the application's.
    ///
    /// # Errors
    /// UNAUTHENTICATED if the token does not have what the type needs.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, Status> {
        T::deserialize(&self.claims.all)
            .map_err(|error| Status::unauthenticated(format!("the token lacks a claim: {error}")))
    }

    pub(crate) fn expires_unix(&self) -> u64 {
        // The library has required it, and rounds it when it is a fraction.
        let expires = self.claims.all.get("exp");
        let whole = expires.and_then(Value::as_u64);
        let seconds = whole.or_else(|| {
            expires?.as_f64().map(|seconds| Duration::try_from_secs_f64(seconds).map_or(0, |d| d.as_secs()))
        });
        // A time that the system's clock cannot show is as good as this one, in the year 10889.
        seconds.unwrap_or_default().min(1 << 48)
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("subject", &self.subject())
            .field("issuer", &self.issuer())
            .field("scopes", &self.scopes())
            .finish_non_exhaustive()
    }
}

fn scopes_of(claims: &Value) -> Vec<String> {
    match claims.get("scope").or_else(|| claims.get("scp")) {
        Some(Value::String(text)) => text.split(' ').filter(|scope| !scope.is_empty()).map(ToOwned::to_owned).collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Knows its [`Caller`]: a request, a stream of requests, a call.
///
/// ```
/// # mod halloo { pub mod jwt { pub use halloo_jwt::*; } pub use halloo_call::*; pub use halloo_core::*; }
/// use halloo::jwt::Authenticated as _;
/// use halloo::{Reply, Request};
///
/// async fn whoami(request: Request<()>) -> halloo::Result<String> {
///     let caller = request.caller()?;
///     Ok(Reply::from(caller.subject().unwrap_or("somebody").to_owned()))
/// }
/// # let status = halloo::Status::unauthenticated("");
/// # assert_eq!(Request::new(()).caller().unwrap_err().code(), status.code());
/// ```
pub trait Authenticated {
    /// Returns who calls.
    ///
    /// # Errors
    /// UNAUTHENTICATED if the method was called without a token, since it is open or the server asks for none.
    fn caller(&self) -> Result<&Caller, Status>;
}

impl Authenticated for Call {
    fn caller(&self) -> Result<&Caller, Status> {
        self.extensions().get().ok_or_else(|| {
            Status::unauthenticated("the caller is not known: no token was verified")
                .note("hint", "the server needs a JwtAuthenticator, without `without_token` for this method")
        })
    }
}

impl<T> Authenticated for Request<T> {
    fn caller(&self) -> Result<&Caller, Status> {
        self.call().caller()
    }
}

impl<T> Authenticated for MessageReceiver<T> {
    fn caller(&self) -> Result<&Caller, Status> {
        self.call().caller()
    }
}

#[cfg(test)]
#[path = "../tests/unit/caller.rs"]
mod tests;
