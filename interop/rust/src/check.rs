//! What a case says when it does not find what it expects.

use std::error::Error;
use std::fmt::Debug;

use halloo::{Code, Status};

/// The end of a case.
pub(crate) type Checked<T = ()> = Result<T, Box<dyn Error>>;

/// Longer values are cut in texts.
const SHOWN_CHARACTERS: usize = 200;

pub(crate) fn expect<T: PartialEq + Debug>(actual: &T, expected: &T) -> Checked {
    if actual == expected {
        return Ok(());
    }
    Err(format!("got {}, expected {}", shown(actual), shown(expected)).into())
}

/// The status of a call that must fail with `code`.
pub(crate) fn expect_failure<T: Debug>(outcome: Result<T, Status>, code: Code) -> Checked<Status> {
    match outcome {
        Err(status) if status.code() == code => Ok(status),
        Err(status) => Err(format!("got {status}, expected {}", code.name()).into()),
        Ok(answer) => Err(format!("got {}, expected {}", shown(&answer), code.name()).into()),
    }
}

fn shown(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        None => text,
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
    }
}
