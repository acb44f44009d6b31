//! One RPC in flight: the state that both sides share, and the ends that they hold.

pub(crate) mod cancelled;
pub(crate) mod encode;
pub(crate) mod ends;
pub(crate) mod head;
pub(crate) mod link;
pub(crate) mod pipe;
pub(crate) mod progress;
pub(crate) mod rare;
pub(crate) mod state;
