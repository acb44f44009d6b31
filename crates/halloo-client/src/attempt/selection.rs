//! `Selected`: where an attempt goes, as the channel's balancer has picked it.

use std::sync::Arc;

use halloo_call::OnEnd;
use halloo_core::Status;

use crate::connect::connector::Carrier;

/// Where an attempt goes, and who hears how it has ended.
pub(crate) struct Selected {
    pub(crate) carrier: Arc<dyn Carrier>,
    /// The balancer's; `None` for most.
    pub(crate) on_end: Option<OnEnd>,
}

/// What a picker says of an attempt.
pub(crate) enum Selection {
    To(Selected),
    /// Nothing yet; the next picker may know.
    Wait,
    Fail(Status),
}
