//! Where a `.proto` file cannot be parsed: what was probably meant, and the file without it.
//!
//! Repairs keep every byte position, as those of `repair` do, so that what is found later is shown where it is.

use crate::diagnostic::Diagnostic;
use crate::source::blank_comments;
use crate::suggest::nearest;

/// Adds to a syntax error what was probably meant, and a place if it has none.
pub(crate) fn explain(mut fault: Diagnostic) -> Diagnostic {
    let words: Vec<String> = fault.message.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    if let [expected @ .., found] = &words[..] {
        let meant = nearest(found, expected.iter().map(String::as_str).filter(|word| word.len() > 2));
        let help = match meant {
            Some(meant) => Some(format!("did you mean `{meant}`?")),
            None => missing(&fault, expected, found),
        };
        fault.help.extend(help);
    }
    if fault.labels.is_empty()
        && let Some(source) = fault.source.clone()
    {
        let end = source.text.trim_end().len();
        let last = source.text[..end].chars().next_back().map_or(0, char::len_utf8);
        fault = fault.at(&source, end - last..end, "");
    }
    fault
}

/// What is usually forgotten at such a place.
fn missing(fault: &Diagnostic, expected: &[String], found: &str) -> Option<String> {
    let expects = |word: &str| expected.iter().any(|expected| expected == word);
    if expects("=") && found == ";" {
        return Some("every field has a number that no other field of the message has: string name = 1;".to_owned());
    }
    let (source, label) = (fault.source.as_ref()?, fault.primary()?);
    let line = source.line_of(label.span.start);
    let starts_line = source.text[source.line_start(line)..label.span.start].trim().is_empty();
    let before = source.text[..label.span.start].trim_end();
    // The line before may be a comment; then nothing is said of it.
    let ends_in_code = source.find_word(before.rsplit(char::is_whitespace).next()?).is_some();
    (expects(";") && starts_line && ends_in_code)
        .then(|| format!("line {} may lack a `;` at its end", source.line_of(before.len()) + 1))
}

/// Statements that others depend on: without them, later faults would be consequences.
const NEEDED: [&str; 9] = ["edition", "enum", "extend", "import", "message", "oneof", "package", "service", "syntax"];

/// Adds the `;` that is missing, or blanks out the statements with faults; `None` if more than that is wrong.
pub(crate) fn repair(text: &str, faults: &[Diagnostic]) -> Option<String> {
    let mut repaired = text.to_owned();
    for fault in faults {
        let at = fault.primary()?.span.start;
        if fault.message.starts_with("expected ") && fault.message.contains("`;`") && end_statement(&mut repaired, at) {
            continue;
        }
        blank_statement(&mut repaired, at)?;
    }
    (repaired != text).then_some(repaired)
}

/// Writes a `;` into the space before `at`, if there is a space, and a statement before it.
fn end_statement(text: &mut String, at: usize) -> bool {
    let code = blank_comments(text);
    let Some(end) = code.get(..at).map(|before| before.trim_end().len()) else { return false };
    let ends_word = code[..end].ends_with(|char: char| char.is_ascii_alphanumeric() || "_)]".contains(char));
    let is_space = text.as_bytes().get(end).is_some_and(u8::is_ascii_whitespace);
    if end < at && ends_word && is_space {
        text.replace_range(end..=end, ";");
        return true;
    }
    false
}

fn blank_statement(text: &mut String, at: usize) -> Option<()> {
    let code = blank_comments(text);
    let ends = |char: char| ";{}".contains(char);
    let start = code.get(..at)?.rfind(ends).map_or(0, |end| end + 1);
    let end = at + code.get(at..)?.find(ends)?;
    let end = match code.as_bytes()[end] {
        b';' => end + 1,
        b'}' => end,
        _ => return None,
    };
    let words = code[start..end].trim_start();
    let first = words.split(|char: char| !char.is_ascii_alphanumeric() && char != '_').next()?;
    if words.is_empty() || NEEDED.contains(&first) {
        return None;
    }
    let blank: String = text[start..end].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(start..end, &blank);
    Some(())
}
