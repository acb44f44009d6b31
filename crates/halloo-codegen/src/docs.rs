//! Turns `.proto` comments into doc attributes that rustdoc accepts without a warning.
//!
//! A comment is prose for people, not Markdown: HTML, brackets and bare links in it are escaped, and
//! indented or fenced blocks become `text` blocks so that rustdoc does not compile them as Rust.

use proc_macro2::TokenStream;
use quote::quote;

/// One `#[doc]` attribute a line, or nothing for an empty comment.
pub(crate) fn attributes(comment: &str) -> TokenStream {
    let lines = lines(comment);
    quote!(#(#[doc = #lines])*)
}

/// The comment's lines as Markdown, each with one leading space as rustfmt writes them.
fn lines(comment: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut block = Block::None;
    for line in comment.trim_end().lines().skip_while(|line| line.trim().is_empty()) {
        let line = line.trim_end();
        let text = line.strip_prefix(' ').unwrap_or(line);
        if text.trim_start().starts_with("```") {
            block = toggle_fence(&mut out, block);
        } else if block == Block::Fenced {
            out.push(text.to_owned());
        } else if is_indented(text) && (block == Block::Indented || follows_blank(&out)) {
            if block == Block::None {
                out.push("```text".to_owned());
                block = Block::Indented;
            }
            out.push(text.strip_prefix("    ").unwrap_or(text.trim_start()).to_owned());
        } else {
            if block == Block::Indented && !text.is_empty() {
                close_indented(&mut out);
                block = Block::None;
            }
            out.push(escape(text));
        }
    }
    match block {
        Block::Indented => close_indented(&mut out),
        Block::Fenced => out.push("```".to_owned()),
        Block::None => {}
    }
    out.into_iter().map(|line| if line.is_empty() { line } else { format!(" {line}") }).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Block {
    None,
    Indented,
    Fenced,
}

fn toggle_fence(out: &mut Vec<String>, block: Block) -> Block {
    if block == Block::Fenced {
        out.push("```".to_owned());
        return Block::None;
    }
    if block == Block::Indented {
        close_indented(out);
    }
    out.push("```text".to_owned());
    Block::Fenced
}

/// Ends an indented block before the blank lines that followed it.
fn close_indented(out: &mut Vec<String>) {
    let end = out.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    out.insert(end, "```".to_owned());
}

fn is_indented(line: &str) -> bool {
    line.starts_with("    ") || line.starts_with('\t')
}

fn follows_blank(out: &[String]) -> bool {
    out.last().is_none_or(|line| line.is_empty())
}

/// Escapes what Markdown would take for markup, except in `code` spans; makes bare links clickable.
fn escape(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("http://") || rest.starts_with("https://") {
            let length = link_length(rest);
            out.push_str(&format!("<{}>", &rest[..length]));
            length
        } else if let Some(length) = code_span_length(rest) {
            out.push_str(&rest[..length]);
            length
        } else {
            if matches!(first, '<' | '>' | '[' | ']') {
                out.push('\\');
            }
            out.push(first);
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    out
}

fn link_length(text: &str) -> usize {
    let end = text.find(|char: char| char.is_whitespace() || "<>()[]\"'`".contains(char)).unwrap_or(text.len());
    text[..end].trim_end_matches(['.', ',', ';', ':', '!', '?']).len()
}

fn code_span_length(text: &str) -> Option<usize> {
    let ticks = text.len() - text.trim_start_matches('`').len();
    if ticks == 0 {
        return None;
    }
    let close = text[ticks..].find(&text[..ticks])?;
    Some(ticks + close + ticks)
}

#[cfg(test)]
#[path = "../tests/unit/docs.rs"]
mod tests;
