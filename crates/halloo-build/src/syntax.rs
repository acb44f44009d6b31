//! What was probably meant where a `.proto` file cannot be parsed.

use crate::diagnostic::Diagnostic;
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
