//! Draws the lines of a fault with marks under the places that matter.
//!
//! ```text
//!  --> greeter.proto:4:17
//!   |
//! 4 |   rpc SayHello (HelloRequst) returns (HelloReply);
//!   |                 ^^^^^^^^^^^
//! ```

use crate::diagnostic::Label;
use crate::source::Source;
use std::collections::BTreeMap;
use std::fmt::{Formatter, Result};
use std::ops::Range;

/// Columns that a tab takes.
const TAB_WIDTH: usize = 4;

/// Columns of a line that are shown at most; generated files can have very long lines.
const MAX_LINE_WIDTH: usize = 160;

/// The lines of one file to show, and the marks on each.
pub(crate) struct Picture<'a> {
    source: &'a Source,
    /// The marks by line (from 0), from left to right.
    lines: BTreeMap<usize, Vec<Mark<'a>>>,
    /// Where the fault is.
    primary: usize,
}

struct Mark<'a> {
    /// Screen columns.
    columns: Range<usize>,
    text: &'a str,
    is_primary: bool,
}

impl<'a> Picture<'a> {
    /// Prepares a picture; the last label is the primary one. `labels` must not be empty.
    pub(crate) fn new(source: &'a Source, labels: &'a [Label]) -> Self {
        let mut lines: BTreeMap<usize, Vec<Mark<'a>>> = BTreeMap::new();
        for (index, label) in labels.iter().enumerate() {
            let line = source.line_of(label.span.start);
            let is_primary = index + 1 == labels.len();
            let columns = columns(source, line, &label.span);
            lines.entry(line).or_default().push(Mark { columns, text: &label.text, is_primary });
        }
        for marks in lines.values_mut() {
            marks.sort_by_key(|mark| mark.columns.start);
        }
        let primary = labels.last().map_or(0, |label| label.span.start);
        Self { source, lines, primary }
    }

    /// Draws, and returns the width of the line numbers for what is to stand below.
    pub(crate) fn draw(&self, f: &mut Formatter<'_>) -> std::result::Result<usize, std::fmt::Error> {
        let last = self.lines.keys().next_back().map_or(1, |line| line + 1);
        let gutter = last.to_string().len();
        let line = self.source.line_of(self.primary);
        let before = &self.source.text[self.source.line_start(line)..self.primary.min(self.source.text.len())];
        writeln!(f, "{:gutter$}--> {}:{}:{}", "", self.source.path, line + 1, before.chars().count() + 1)?;
        writeln!(f, "{:gutter$} |", "")?;
        let mut previous: Option<usize> = None;
        for (&line, marks) in &self.lines {
            match previous {
                Some(previous) if line == previous + 2 => self.draw_line(f, gutter, line - 1)?,
                Some(previous) if line > previous + 1 => writeln!(f, "...")?,
                _ => {}
            }
            self.draw_line(f, gutter, line)?;
            draw_marks(f, gutter, marks)?;
            previous = Some(line);
        }
        Ok(gutter)
    }

    fn draw_line(&self, f: &mut Formatter<'_>, gutter: usize, line: usize) -> Result {
        let mut shown = String::new();
        let mut width = 0;
        for char in self.source.line(line).chars() {
            if width >= MAX_LINE_WIDTH {
                shown.push('…');
                break;
            }
            match char {
                '\t' => shown.push_str(&" ".repeat(TAB_WIDTH)),
                char if char.is_control() => shown.push('\u{fffd}'),
                char => shown.push(char),
            }
            width += char_width(char);
        }
        writeln!(f, "{}", format!("{:gutter$} | {shown}", line + 1).trim_end())
    }
}

/// One line of marks, with the text of the rightmost; one more line for each other text.
fn draw_marks(f: &mut Formatter<'_>, gutter: usize, marks: &[Mark<'_>]) -> Result {
    let mut line = String::new();
    for mark in marks {
        pad(&mut line, mark.columns.start);
        let sign = if mark.is_primary { "^" } else { "-" };
        line.push_str(&sign.repeat(mark.columns.end.saturating_sub(line.len()).max(1)));
    }
    let [before @ .., last] = marks else { return Ok(()) };
    writeln!(f, "{}", format!("{:gutter$} | {line} {}", "", last.text).trim_end())?;
    for (index, mark) in before.iter().enumerate().rev().filter(|(_, mark)| !mark.text.is_empty()) {
        let mut line = String::new();
        for other in &before[..index] {
            pad(&mut line, other.columns.start);
            if !other.text.is_empty() && line.len() == other.columns.start {
                line.push('|');
            }
        }
        pad(&mut line, mark.columns.start);
        writeln!(f, "{:gutter$} | {line}{}", "", mark.text)?;
    }
    Ok(())
}

fn pad(line: &mut String, column: usize) {
    line.push_str(&" ".repeat(column.saturating_sub(line.len())));
}

/// The screen columns of the part of `span` that is on `line`, at most as wide as what is shown.
fn columns(source: &Source, line: usize, span: &Range<usize>) -> Range<usize> {
    let start = source.line_start(line);
    let text = source.line(line);
    let width = |end: usize| {
        let within = text.char_indices().take_while(|(at, _)| start + at < end);
        within.map(|(_, char)| char_width(char)).sum::<usize>().min(MAX_LINE_WIDTH)
    };
    width(span.start)..width(span.end)
}

/// Screen columns of a character. An estimate from the ranges of East Asian scripts, emoji and marks.
fn char_width(char: char) -> usize {
    match char as u32 {
        0x09 => TAB_WIDTH,
        0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f | 0x20d0..=0x20ff => 0,
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}
