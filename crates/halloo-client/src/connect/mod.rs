//! What a subchannel connects with: the target, the connections of one address, and the line of calls that wait for one.

pub(crate) mod connector;
pub(crate) mod line;
#[cfg(test)]
mod line_tests;
pub(crate) mod target;
