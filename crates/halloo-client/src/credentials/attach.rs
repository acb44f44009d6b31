//! `Credentials`: all that one call has, asked one after the other for the connection that was picked for it.

use std::fmt;
use std::sync::Arc;

use halloo_call::Call;
use halloo_core::{Metadata, MethodRef, SecurityLevel, Status};

use super::call_credentials::{CallCredentials, CredentialRequest};
use crate::failure::of_control_plane;

/// The credentials of a channel, or of a call and its channel; at least one.
#[derive(Clone)]
pub(crate) struct Credentials {
    each: Arc<[Arc<dyn CallCredentials>]>,
    required: SecurityLevel,
}

impl Credentials {
    /// `first`, if there are any, and `last` behind them.
    pub(crate) fn and(first: Option<&Self>, last: Arc<dyn CallCredentials>) -> Self {
        let required = last.required_security();
        let Some(first) = first else { return Self { each: Arc::new([last]), required } };
        let each = first.each.iter().cloned().chain([last]).collect();
        Self { each, required: first.required.max(required) }
    }

    /// `first` and then `last`, as far as there are any.
    pub(crate) fn join(first: Option<&Self>, last: Option<Self>) -> Option<Self> {
        let (Some(first), Some(last)) = (first, &last) else { return last.or_else(|| first.cloned()) };
        let each = first.each.iter().chain(last.each.iter()).cloned().collect();
        Some(Self { each, required: first.required.max(last.required) })
    }

    /// Says whether a connection of level `has` may carry them.
    ///
    /// # Errors
    /// UNAUTHENTICATED if it may not.
    pub(crate) fn check(&self, has: SecurityLevel, target: &str) -> Result<(), Status> {
        check(self.required, has, target)
    }

    /// What goes with a call of `method`; a later one's values win over an earlier one's.
    pub(crate) async fn metadata(
        &self,
        method: &MethodRef,
        authority: &Arc<str>,
        security: SecurityLevel,
    ) -> Result<Metadata, Status> {
        let mut all = Metadata::new();
        for credentials in &*self.each {
            let request = CredentialRequest::new(method, Arc::clone(authority), security);
            put(
                &mut all,
                credentials
                    .metadata(request)
                    .await
                    .map_err(|status| of_control_plane(status, "the call's credentials"))?,
            );
        }
        Ok(all)
    }

    /// Puts `metadata` on `call`, and on record what it needs, in case that it has to be picked again.
    pub(crate) fn attach(&self, metadata: Metadata, call: &mut Call) {
        put(call.metadata_mut(), metadata);
        call.extensions_mut().insert(Required(self.required));
    }
}

/// Checks the connection that a call was picked for anew. Its metadata may have credentials in it.
///
/// # Errors
/// UNAUTHENTICATED if `has` is not enough for them.
pub(crate) fn check_again(call: &Call, has: SecurityLevel, target: &str) -> Result<(), Status> {
    match call.extensions().get() {
        Some(&Required(required)) => check(required, has, target),
        None => Ok(()),
    }
}

/// The level that the credentials in a call's metadata need.
struct Required(SecurityLevel);

fn check(required: SecurityLevel, has: SecurityLevel, target: &str) -> Result<(), Status> {
    if has >= required {
        return Ok(());
    }
    let has = match has {
        SecurityLevel::None => "is not protected, so others could read them",
        _ => "is protected less than they require",
    };
    Err(Status::unauthenticated(format!("the call's credentials were not sent: the connection to {target} {has}"))
        .note("hint", "connect with TLS (https://) or over a Unix socket; loopback TCP does not count as protected"))
}

/// Puts the values of `from` in the place of those that `to` has for the same keys.
fn put(to: &mut Metadata, from: Metadata) {
    for (key, _) in from.iter() {
        to.remove(key);
    }
    to.extend(from);
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("len", &self.each.len()).field("required", &self.required).finish()
    }
}
