//! What calls get from their channel where they do not say otherwise.

use std::sync::Arc;
use std::time::Duration;

use halloo_core::{DEFAULT_MAX_MESSAGE_BYTES, Metadata};

use crate::call::compression::ChannelCompression;
use crate::credentials::Credentials;

/// The target and the authority of a channel within the process.
pub(crate) const IN_PROCESS: &str = "in-process";

/// What calls get that do not say otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Defaults {
    pub(crate) timeout: Option<Duration>,
    pub(crate) wait_for_ready: bool,
    pub(crate) max_reply_bytes: usize,
    pub(crate) max_request_bytes: usize,
    pub(crate) metadata: Metadata,
    /// The name of the codec, where it is not each method's first.
    pub(crate) codec: Option<&'static str>,
    pub(crate) compression: ChannelCompression,
    pub(crate) credentials: Option<Credentials>,
    /// What credentials are told of where the call goes.
    pub(crate) authority: Arc<str>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            timeout: None,
            wait_for_ready: false,
            max_reply_bytes: DEFAULT_MAX_MESSAGE_BYTES,
            max_request_bytes: usize::MAX,
            metadata: Metadata::new(),
            codec: None,
            compression: ChannelCompression::default(),
            credentials: None,
            authority: IN_PROCESS.into(),
        }
    }
}
