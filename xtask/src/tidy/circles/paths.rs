//! The paths that the text of a file names. It reads words, not syntax: a macro may hide one, which makes nobody's
//! circle larger.

/// A name that a `use` brings in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    /// The path as it is written, `self` at the end left out.
    pub(super) path: Vec<String>,
    /// What it is called in the file.
    pub(super) name: String,
    /// Whether others see the name here, too.
    pub(super) is_passed_on: bool,
}

/// A text without its comments, literals and unit tests.
pub(super) fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if next == '"' {
            literal_length(rest)
        } else if next == '\'' {
            char_length(rest)
        } else {
            out.push(next);
            next.len_utf8()
        };
        rest = &rest[length..];
    }
    out
}

/// The length of the string literal at the beginning of `text`.
fn literal_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the character at the beginning of `text`, or of the quote of a lifetime.
fn char_length(text: &str) -> usize {
    let content = &text[1..];
    match content.strip_prefix('\\') {
        Some(escaped) => escaped.find('\'').map_or(1, |end| end + 3),
        None => {
            let first = content.chars().next().map_or(0, char::len_utf8);
            if content[first..].starts_with('\'') { first + 2 } else { 1 }
        }
    }
}

/// Every name that a `use` of `code` brings in.
pub(super) fn uses(code: &str) -> Vec<Use> {
    let mut uses = Vec::new();
    for (before, statement) in statements(code) {
        let is_passed_on = before.trim_end().ends_with("pub") || before.trim_end().ends_with(')');
        collect(statement, &[], is_passed_on, &mut uses);
    }
    uses
}

/// The `use` statements of `code`, each with the text before it and without its ends.
fn statements(code: &str) -> impl Iterator<Item = (&str, &str)> {
    words(code, "use").filter_map(|at| {
        let rest = code[at + 3..].strip_prefix(char::is_whitespace)?;
        Some((&code[..at], &rest[..rest.find(';')?]))
    })
}

fn collect(tree: &str, scope: &[String], is_passed_on: bool, uses: &mut Vec<Use>) {
    let tree = tree.trim().trim_start_matches("::");
    if let Some((path, group)) = tree.split_once('{') {
        let scope = [scope.to_vec(), segments(path)].concat();
        let group = group.strip_suffix('}').unwrap_or(group);
        split(group).into_iter().for_each(|tree| collect(tree, &scope, is_passed_on, uses));
        return;
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
    let mut path = [scope.to_vec(), segments(path)].concat();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    if let Some(name) = alias.map(str::to_owned).or_else(|| path.last().cloned()) {
        uses.push(Use { path, name, is_passed_on });
    }
}

/// The trees of a group, at its own commas.
fn split(group: &str) -> Vec<&str> {
    let (mut trees, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                trees.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    trees.push(&group[start..]);
    trees.retain(|tree| !tree.trim().is_empty());
    trees
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

/// The paths of two or more segments that stand in `code` outside of `use`.
pub(super) fn inline_paths(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let mut rest = code;
    while let Some(end) = rest.find("::") {
        let start = rest[..end].rfind(|char| !is_word(char)).map_or(0, |at| at + 1);
        let length = rest[start..].find(|char| !is_word(char) && char != ':').unwrap_or(rest.len() - start);
        let path = &rest[start..start + length];
        let is_used = rest[..start].trim_end().ends_with("use");
        if !path.starts_with(':') && !is_used {
            paths.push(segments(path));
        }
        rest = &rest[(start + length).max(end + 2)..];
    }
    paths
}

/// Where `word` stands in `code` and is not a part of a longer word.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> {
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| !code[..at].ends_with(is_word) && !code[at + word.len()..].starts_with(is_word))
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}
