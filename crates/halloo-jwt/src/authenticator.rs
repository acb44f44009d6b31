//! `JwtAuthenticator`: the interceptor that lets a call through when its token says who calls.

use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use halloo_call::{Call, Interceptor, Next, OutcomeFuture};
use halloo_core::{Metadata, MethodRef, ServiceDescriptor, Status};
use jsonwebtoken::crypto::aws_lc;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};

use crate::access::{Access, Needs};
use crate::caller::Caller;
use crate::key_set::{Candidates, KeySet};
use crate::keys::JwtKeys;
use crate::recent::Recent;
use crate::refusal::Refusal;

/// By how much clocks may differ.
const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

const MAX_LEEWAY: Duration = Duration::from_secs(3600);

/// Tokens have a few hundred bytes as a rule; all headers of a request may have 16 KiB.
const DEFAULT_MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Verifies the JWT of every call and tells the handler who calls, through [`Authenticated`](crate::Authenticated).
///
/// The token comes as the metadata `authorization: Bearer <token>`. Its signature has to be right for one of the keys,
/// with the algorithm that the key is for; it has to have an `exp`, which has not passed, and its `nbf`, if it has one,
/// has to have passed. Otherwise the call fails with UNAUTHENTICATED and a text that says why, without telling of the
/// keys.
///
/// Set [`issuer`](Self::issuer) and [`audience`](Self::audience), unless the key belongs to this service alone: else a
/// token that was meant for another service of the same issuer is accepted, too. A token with an `aud` is refused as
/// long as no audience is set (RFC 7519 section 4.1.3).
///
/// A verification costs some 50 to 150 microseconds with a key pair, in the task of the call. It is remembered for 30
/// seconds, for up to 1024 tokens of up to 2 KiB; new keys end that at once, and `exp` counts in any case.
///
/// ```
/// # mod halloo { pub mod jwt { pub use halloo_jwt::*; } pub use halloo_call::*; pub use halloo_core::*; }
/// use halloo::jwt::{JwtAlgorithm, JwtAuthenticator, JwtKeys};
///
/// # fn main() -> Result<(), halloo::Status> {
/// let keys = JwtKeys::secret(JwtAlgorithm::Hs256, b"32 bytes that nobody else can know")?;
/// let authenticator = JwtAuthenticator::new(keys)
///     .issuer("https://login.example.org")
///     .audience("greeter")
///     .without_token("grpc.reflection.v1.ServerReflection")
///     .require_scope("greeter.Greeter/SayHello", "greet");
/// // Server::bind("[::]:50051").await?.intercept(authenticator)
/// # fn is_interceptor(_: impl halloo::Interceptor) {}
/// # is_interceptor(authenticator);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct JwtAuthenticator {
    keys: Arc<JwtKeys>,
    policy: Arc<Policy>,
}

#[derive(Clone, Debug)]
struct Policy {
    validation: Validation,
    access: Access,
    max_token_bytes: usize,
    recent: Arc<Recent>,
}

impl JwtAuthenticator {
    /// Lets calls through whose token was signed with one of `keys` and has not expired.
    #[must_use]
    pub fn new(keys: JwtKeys) -> Self {
        // A program may build the library with two of them, which would leave it without any. The first choice stays.
        let _ = aws_lc::DEFAULT_PROVIDER.install_default();
        // Replaced by each key's own before it is used.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = DEFAULT_LEEWAY.as_secs();
        validation.validate_nbf = true;
        let policy = Policy {
            validation,
            access: Access::default(),
            max_token_bytes: DEFAULT_MAX_TOKEN_BYTES,
            recent: Arc::default(),
        };
        Self { keys: Arc::new(keys), policy: Arc::new(policy) }
    }

    /// Trusts tokens of `issuer` alone: their `iss` is this text exactly. Of several that are set, any will do.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        let validation = &mut Arc::make_mut(&mut self.policy).validation;
        validation.iss.get_or_insert_default().insert(issuer.into());
        validation.required_spec_claims.insert("iss".into());
        self
    }

    /// Accepts tokens that are for `audience`: it is their `aud`, or in it. Of several that are set, any will do.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        let validation = &mut Arc::make_mut(&mut self.policy).validation;
        validation.aud.get_or_insert_default().insert(audience.into());
        validation.required_spec_claims.insert("aud".into());
        self
    }

    /// Requires that every token has `nbf`, the time from which on it is valid. Default: it is looked at if it is
    /// there.
    #[must_use]
    pub fn require_not_before(mut self) -> Self {
        Arc::make_mut(&mut self.policy).validation.required_spec_claims.insert("nbf".into());
        self
    }

    /// Sets by how much the issuer's clock may differ from this machine's. Default: 30 seconds; at most an hour.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        Arc::make_mut(&mut self.policy).validation.leeway = leeway.min(MAX_LEEWAY).as_secs();
        self
    }

    /// Sets the largest token in bytes; a larger one is refused unread. Default: 8 KiB.
    #[must_use]
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.policy).max_token_bytes = bytes;
        self
    }

    /// Lets everybody call a service, such as `grpc.reflection.v1.ServerReflection`, or a method, such as
    /// `greeter.Greeter/SayHello`. A token that comes nevertheless is not looked at. Default: every method needs one.
    #[must_use]
    pub fn without_token(mut self, name: impl AsRef<str>) -> Self {
        Arc::make_mut(&mut self.policy).access.open(name.as_ref());
        self
    }

    /// Lets only callers with `scope` call a service or a method; others get PERMISSION_DENIED. Several add up, also
    /// those of a service and of its method. A server with no service or method of that name does not start: NOT_FOUND.
    #[must_use]
    pub fn require_scope(mut self, name: impl AsRef<str>, scope: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.policy).access.require(name.as_ref(), scope.into());
        self
    }
}

impl Interceptor for JwtAuthenticator {
    fn intercept(&self, call: Call, next: Next) -> OutcomeFuture {
        let Some(method) = call.method() else {
            return Box::pin(ready(Err(Status::internal("a call without a method cannot be authenticated"))));
        };
        if self.policy.access.needs(&method) == Needs::Nothing {
            return next.run(call);
        }
        let keys = self.keys.current();
        match self.policy.judge(call.metadata(), &keys) {
            Err(Refusal::UnknownKey) => {
                let (keys, policy) = (Arc::clone(&self.keys), Arc::clone(&self.policy));
                Box::pin(async move {
                    let judged = policy.judge(call.metadata(), &keys.reloaded().await);
                    policy.admit(judged, &method, call, next)?.await
                })
            }
            judged => match self.policy.admit(judged, &method, call, next) {
                Ok(going_on) => going_on,
                Err(status) => Box::pin(ready(Err(status))),
            },
        }
    }

    fn check(&self, services: &[&'static ServiceDescriptor]) -> Result<(), Status> {
        self.policy.access.check(services)
    }
}

impl Policy {
    /// Who calls, if the token is good.
    fn judge(&self, metadata: &Metadata, keys: &Arc<KeySet>) -> Result<Caller, Refusal> {
        let token = bearer_token(metadata)?;
        if token.len() > self.max_token_bytes {
            return Err(Refusal::TooLong { max_bytes: self.max_token_bytes });
        }
        if let Some(caller) = self.recent.find(token, keys) {
            return if self.is_over(&caller) { Err(Refusal::Expired) } else { Ok(caller) };
        }
        let header = decode_header(token).map_err(|_| Refusal::Malformed)?;
        let caller = self.verify(token, &header, keys)?;
        self.recent.remember(token, keys, caller.clone());
        Ok(caller)
    }

    fn verify(&self, token: &str, header: &Header, keys: &KeySet) -> Result<Caller, Refusal> {
        if header.crit.is_some() {
            return Err(Refusal::Critical);
        }
        let candidates = match keys.candidates(header) {
            Candidates::These(keys) => keys,
            Candidates::UnknownId => return Err(Refusal::UnknownKey),
            Candidates::OtherAlgorithm => return Err(Refusal::OtherAlgorithm),
        };
        for candidate in candidates {
            let mut validation = self.validation.clone();
            validation.algorithms = vec![candidate.algorithm];
            match decode(token, &candidate.key, &validation) {
                Ok(data) => return Ok(Caller::new(data.claims)),
                Err(error) => match Refusal::from(error) {
                    Refusal::Signature => {}
                    Refusal::Audience if validation.aud.is_none() => return Err(Refusal::OwnAudienceUnknown),
                    refusal => return Err(refusal),
                },
            }
        }
        Err(Refusal::Signature)
    }

    /// Whether a token that was good has expired since, by the same rule.
    fn is_over(&self, caller: &Caller) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        caller.expires_unix() < now.saturating_sub(self.validation.leeway)
    }

    /// Goes on with a call whose caller is known and may make it.
    fn admit(
        &self,
        judged: Result<Caller, Refusal>,
        method: &MethodRef,
        mut call: Call,
        next: Next,
    ) -> Result<OutcomeFuture, Status> {
        let caller = judged.map_err(|refusal| {
            tracing::debug!(method = method.full_name(), %refusal, "a call was not authenticated");
            refusal.into_status()
        })?;
        if let Needs::Token(scopes) = self.access.needs(method)
            && let Some(scope) = scopes.iter().find(|scope| !caller.has_scope(scope))
        {
            tracing::debug!(method = method.full_name(), ?caller, scope, "a caller lacks a scope");
            let text = format!("{} needs the scope {scope}, which the token does not have", method.full_name());
            return Err(Status::permission_denied(text));
        }
        call.extensions_mut().insert(caller);
        Ok(next.run(call))
    }
}

/// The token of a call. The scheme's case does not matter (RFC 9110 section 11.1).
fn bearer_token(metadata: &Metadata) -> Result<&str, Refusal> {
    let mut values = metadata.get_all("authorization");
    let value = values.next().ok_or(Refusal::Missing)?;
    if values.next().is_some() {
        return Err(Refusal::Several);
    }
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim_start()),
        _ => Err(Refusal::NotBearer),
    }
}
