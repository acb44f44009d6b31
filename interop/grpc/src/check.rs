//! What a case says when it does not find what it expects.

use std::error::Error;
use std::fmt::Debug;

use halloo::{Code, Status};

/// The end of a case.
pub(crate) type Checked<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

pub(crate) fn expect<T: PartialEq + Debug>(what: &str, actual: &T, expected: &T) -> Checked {
    if actual == expected { Ok(()) } else { Err(format!("{what} is {actual:?}, expected {expected:?}").into()) }
}

/// The status of a call that must fail with `code`.
pub(crate) fn expect_failure<T>(outcome: Result<T, Status>, code: Code) -> Checked<Status> {
    match outcome {
        Err(status) if status.code() == code => Ok(status),
        Err(status) => Err(format!("the call failed with {status}, expected {}", code.name()).into()),
        Ok(_) => Err(format!("the call succeeded, expected {}", code.name()).into()),
    }
}
