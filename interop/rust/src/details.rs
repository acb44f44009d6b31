//! Status details: `google.rpc.Status` as `grpc-status-details-bin` carries it.

use halloo::protobuf::Message;
use halloo::protobuf::well_known::Any;

use crate::{Failure, StatusDetails, Violation};

/// The bytes of the details of a failure with violations.
pub(crate) fn encode(failure: &Failure) -> Vec<u8> {
    let details = failure.violations.iter().map(|violation| Any::pack(violation, Violation::TYPE_URL));
    StatusDetails::default()
        .with_code(failure.code)
        .with_message(failure.message.clone())
        .with_details(details)
        .encode_to_vec()
}
