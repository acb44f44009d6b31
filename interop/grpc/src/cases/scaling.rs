//! A further connection where the first may carry no more calls (gRFC A105).

use crate::check::Checked;

use super::Caller;

pub(super) async fn connection_scaling(_caller: &Caller) -> Checked {
    Err("not yet".into())
}
