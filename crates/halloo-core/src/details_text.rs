//! The details of a `Status` as lines to read: the usual ones of `google.rpc` in words, all others by name and size.
//!
//! Only for `Debug`. It reads just enough of protobuf's wire format to find texts, and gives up on anything else; types
//! that programs work with are in `halloo-services`.

use std::time::Duration;

/// Lines that are shown of one status.
const SHOWN: usize = 8;

/// Details of two texts each: the type, the label of its line, and whether it is a list of such pairs.
const PAIRS: [(&str, &str, Shape); 6] = [
    ("google.rpc.BadRequest", "field", Shape::List),
    ("google.rpc.QuotaFailure", "quota", Shape::List),
    ("google.rpc.Help", "help", Shape::List),
    ("google.rpc.ErrorInfo", "reason", Shape::One),
    ("google.rpc.ResourceInfo", "resource", Shape::One),
    ("google.rpc.LocalizedMessage", "text", Shape::One),
];

/// How a detail holds its pairs: in fields 1 and 2, or as messages in field 1.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    One,
    List,
}

/// Label and text of each line for `details`, an encoded `google.rpc.Status`.
pub(crate) fn lines(details: &[u8]) -> Vec<(&'static str, String)> {
    // Field 3 of the status: a `google.protobuf.Any` for each detail.
    let mut lines: Vec<_> = messages(details, 3).flat_map(of_detail).take(SHOWN + 1).collect();
    if lines.len() > SHOWN {
        lines.truncate(SHOWN);
        lines.push(("details", "and more".into()));
    }
    if lines.is_empty() && !details.is_empty() && Fields(details).any(|field| field.is_none()) {
        lines.push(("details", format!("{} bytes that are no google.rpc.Status", details.len())));
    }
    lines
}

fn of_detail(any: &[u8]) -> Vec<(&'static str, String)> {
    let type_url = text(any, 1);
    let name = type_url.rsplit('/').next().unwrap_or_default();
    let value = messages(any, 2).last().unwrap_or_default();
    let known = PAIRS.iter().find(|(known, ..)| *known == name);
    let lines = match known {
        Some((_, label, Shape::One)) => vec![(*label, pair(value))],
        Some((_, label, Shape::List)) => messages(value, 1).take(SHOWN + 1).map(|item| (*label, pair(item))).collect(),
        None if name == "google.rpc.RetryInfo" => vec![("retry", format!("after {:?}", delay(value)))],
        None => Vec::new(),
    };
    if lines.is_empty() { vec![("detail", format!("{name} ({} bytes)", value.len()))] } else { lines }
}

/// `name: must not be empty`.
fn pair(message: &[u8]) -> String {
    let texts = [text(message, 1), text(message, 2)];
    texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ")
}

/// Field 1 of `google.rpc.RetryInfo`: seconds and nanoseconds. A negative delay is none.
fn delay(retry_info: &[u8]) -> Duration {
    let duration = messages(retry_info, 1).next().unwrap_or_default();
    let number = |wanted| {
        let found = Fields(duration).flatten().filter(|(number, _)| *number == wanted).last();
        let value = if let Some((_, Value::Number(value))) = found { value } else { 0 };
        u64::try_from(value.cast_signed()).unwrap_or(0)
    };
    Duration::from_secs(number(1)).saturating_add(Duration::from_nanos(number(2)))
}

/// In one line, whatever the peer has put there.
fn text(message: &[u8], wanted: u64) -> String {
    String::from_utf8_lossy(messages(message, wanted).last().unwrap_or_default()).replace('\n', "\\n")
}

/// What the fields numbered `wanted` have: texts, bytes or messages.
fn messages(message: &[u8], wanted: u64) -> impl Iterator<Item = &[u8]> {
    Fields(message).flatten().filter_map(move |(number, value)| match value {
        Value::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    })
}

/// The fields of a message with their numbers; `None`, once and last, for bytes that are no field.
struct Fields<'a>(&'a [u8]);

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a kind that no detail here has.
    Other,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Other)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
#[path = "../tests/unit/details_text.rs"]
mod tests;
