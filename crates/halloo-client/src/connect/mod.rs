//! What a subchannel connects with: the target, the connections of one address, and the line of calls that wait for one.

pub(crate) mod connector;
pub(crate) mod line;
pub(crate) mod target;
