//! A raw peer driven by scripts, and a pair of endpoints.

mod frames;
mod pair;
mod script;

pub(crate) use frames::Frame;
pub(crate) use pair::{Pair, fields, request, response};
pub(crate) use script::{Peer, check_client, check_server};
