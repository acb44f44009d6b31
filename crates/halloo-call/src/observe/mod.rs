//! What servers and channels tell of their calls: statistics, spans and the log.

pub(crate) mod failure_log;
pub(crate) mod observation;
