//! Repairs a faulty file in memory, so that the compiler goes on and reports what comes after.
//!
//! The compiler works in passes and stops after the first one with faults. A repaired text differs from
//! the original only in ways that keep every byte position: names of the same length, and more at the end.

use crate::diagnostic::Diagnostic;
use crate::known_names::undefined_name;
use std::fmt::Write as _;

/// The name that stands in for an undefined one that has dots, which cannot be defined where it is used.
const STAND_IN: &str = "H_";

/// The compiler's text for a proto3 enum whose first value has another number.
const ENUM_WITHOUT_ZERO: &str = "the first value for proto3 enums must be 0";

/// Repairs what can be repaired; `None` if that changes nothing.
pub(crate) fn repair(text: &str, faults: &[Diagnostic]) -> Option<String> {
    let mut repaired = text.to_owned();
    for (index, fault) in faults.iter().enumerate() {
        if let Some(name) = undefined_name(&fault.message) {
            define(&mut repaired, name, fault);
        } else if fault.message.ends_with("is defined twice") {
            rename(&mut repaired, fault, index);
        } else if fault.message.starts_with("field number ") && fault.message.ends_with("is already used") {
            renumber(&mut repaired, fault);
        } else if fault.message == ENUM_WITHOUT_ZERO {
            zero(&mut repaired, fault);
        }
    }
    (repaired != text).then_some(repaired)
}

fn define(text: &mut String, name: &str, fault: &Diagnostic) {
    let defined = if name.contains('.') {
        let Some(span) = fault.primary().map(|label| label.span.clone()) else { return };
        if span.len() < STAND_IN.len() || text.get(span.clone()).is_none() {
            return;
        }
        text.replace_range(span.clone(), &format!("{STAND_IN:<width$}", width = span.len()));
        STAND_IN
    } else {
        name
    };
    let definition = format!("\nmessage {defined} {{}}");
    if !text.contains(&definition) {
        let _ = write!(text, "{definition}");
    }
}

fn rename(text: &mut String, fault: &Diagnostic, index: usize) {
    let Some(span) = fault.primary().map(|label| label.span.clone()) else { return };
    let number = index.to_string();
    if text.get(span.clone()).is_none() || span.len() <= number.len() {
        return;
    }
    let name = format!("{}{number}", "z".repeat(span.len() - number.len()));
    text.replace_range(span, &name);
}

/// Gives the second field a number of as many digits that stands nowhere else in the file.
fn renumber(text: &mut String, fault: &Diagnostic) {
    let Some(span) = fault.primary().map(|label| label.span.clone()) else { return };
    if text.get(span.clone()).is_none() || span.len() > 4 {
        return;
    }
    let first = 10_usize.pow(span.len() as u32 - 1);
    let free = (first..first * 10).map(|number| number.to_string()).find(|number| !text.contains(number.as_str()));
    if let Some(number) = free {
        text.replace_range(span, &number);
    }
}

fn zero(text: &mut String, fault: &Diagnostic) {
    let Some(span) = fault.primary().map(|label| label.span.clone()) else { return };
    if text.get(span.clone()).is_some() && !span.is_empty() {
        text.replace_range(span.clone(), &format!("{:<width$}", "0", width = span.len()));
    }
}

/// Whether a fault may be the consequence of values that were left out because they could not be parsed.
pub(crate) fn is_of_enum(fault: &Diagnostic) -> bool {
    fault.message.contains("enum")
}

/// Whether a fault may be the consequence of a repair: an enum with a second zero.
pub(crate) fn is_consequence(fault: &Diagnostic) -> bool {
    fault.message.starts_with("enum number ")
}
