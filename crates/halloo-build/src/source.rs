//! The text of one `.proto` file and positions in it.

/// A file as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The name by which `import` statements know it.
    pub(crate) name: String,
    /// The path to show, relative to the crate where possible.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// The line (from 0) that a byte is on.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.text.as_bytes()[..offset.min(self.text.len())].iter().filter(|&&byte| byte == b'\n').count()
    }

    /// The byte at which a line (from 0) starts.
    pub(crate) fn line_start(&self, line: usize) -> usize {
        let mut starts = std::iter::once(0).chain(self.text.match_indices('\n').map(|(at, _)| at + 1));
        starts.nth(line).unwrap_or(self.text.len())
    }

    /// A line (from 0) without its end.
    pub(crate) fn line(&self, line: usize) -> &str {
        self.text[self.line_start(line)..].lines().next().unwrap_or_default()
    }

    /// Where `word` first stands as a whole word outside comments and strings, if anywhere.
    pub(crate) fn find_word(&self, word: &str) -> Option<usize> {
        let is_part = |char: char| char.is_alphanumeric() || char == '_' || char == '.';
        let code = blank_comments(&self.text);
        code.match_indices(word)
            .map(|(at, _)| at)
            .find(|&at| !code[..at].ends_with(is_part) && !code[at + word.len()..].starts_with(is_part))
    }

    /// The first statement's first byte: after white space, comments and a byte order mark.
    pub(crate) fn first_token(&self) -> usize {
        let code = blank_comments(&self.text);
        code.len() - code.trim_start_matches(|char: char| char.is_whitespace() || char == '\u{feff}').len()
    }
}

/// The text with comments and string contents blanked out, byte for byte.
pub(crate) fn blank_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let comment = if rest.starts_with("//") {
            Some(rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            Some(rest.find("*/").map_or(rest.len(), |end| end + 2))
        } else if first == '"' || first == '\'' {
            Some(string_length(rest, first))
        } else {
            None
        };
        match comment {
            Some(length) => {
                out.extend(rest[..length].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
                rest = &rest[length..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

fn string_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            '\n' => return at,
            '\\' if !escaped => escaped = true,
            char if char == quote && !escaped => return at + 1,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
#[path = "../tests/unit/source.rs"]
mod tests;
