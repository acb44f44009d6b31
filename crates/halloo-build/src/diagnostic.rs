//! One fault in a `.proto` file: what, where, and what to do about it.
//!
//! Made here from the compiler's errors, which are miette diagnostics, and by our own checks. Drawn by
//! `picture`; the `Display` text is the whole report of the fault.

use crate::picture::Picture;
use crate::source::Source;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

/// A fault, with its places in one file.
#[derive(Clone, Debug)]
pub(crate) struct Diagnostic {
    /// What is wrong, in lower case, names in backquotes.
    pub(crate) message: String,
    /// The file, if the fault is in one.
    pub(crate) source: Option<Rc<Source>>,
    /// Places in the file; the last one is where the fault is, the others explain.
    pub(crate) labels: Vec<Label>,
    /// What to do, one remark each.
    pub(crate) help: Vec<String>,
}

/// A place in a file and what is to be said about it, possibly nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    /// Bytes of the file.
    pub(crate) span: Range<usize>,
    pub(crate) text: String,
}

impl Diagnostic {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None, labels: Vec::new(), help: Vec::new() }
    }

    pub(crate) fn at(mut self, source: &Rc<Source>, span: Range<usize>, text: &str) -> Self {
        self.source = Some(Rc::clone(source));
        self.labels.push(Label { span, text: text.to_owned() });
        self
    }

    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Takes over one of the compiler's errors, and those that it lists as related, as faults in `source`.
    pub(crate) fn from_compiler(error: &dyn miette::Diagnostic, source: &Rc<Source>) -> Vec<Self> {
        let mut faults = vec![Self::from_one(error, source)];
        for related in error.related().into_iter().flatten() {
            faults.extend(Self::from_compiler(related, source));
        }
        faults
    }

    fn from_one(error: &dyn miette::Diagnostic, source: &Rc<Source>) -> Self {
        let spans = error.labels().into_iter().flatten();
        let mut labels: Vec<Label> = spans
            .map(|label| Label {
                span: label.offset()..label.offset() + label.len(),
                text: label.label().unwrap_or_default().trim_matches('…').to_owned(),
            })
            .collect();
        // The compiler lists the place of the fault first or last, by kind of fault.
        if let Some(found) = labels.iter().position(|label| label.text == "found here") {
            let label = labels.remove(found);
            labels.push(Label { text: "used here".to_owned(), ..label });
        }
        if let [only] = &mut labels[..] {
            // The arrow says as much.
            only.text.clear();
        }
        Self {
            message: backquoted(&error.to_string()),
            source: Some(Rc::clone(source)),
            labels,
            help: error.help().map(|help| backquoted(&help.to_string())).into_iter().collect(),
        }
    }

    /// Whether it is on a line that nothing was said about yet: repairs have consequences of their own.
    pub(crate) fn is_new(&self, reported: &[Self]) -> bool {
        let place = |fault: &Self| {
            let source = fault.source.as_ref()?;
            Some((source.name.clone(), source.line_of(fault.primary()?.span.start)))
        };
        reported.iter().all(|other| match (place(self), place(other)) {
            (Some(here), Some(there)) => here != there,
            _ => self.message != other.message,
        })
    }

    /// The place of the fault itself.
    pub(crate) fn primary(&self) -> Option<&Label> {
        self.labels.last()
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        let gutter = match &self.source {
            Some(source) if !self.labels.is_empty() => Picture::new(source, &self.labels).draw(f)?,
            Some(source) => {
                writeln!(f, " --> {}", source.path)?;
                1
            }
            None => 1,
        };
        if !self.labels.is_empty() && !self.help.is_empty() {
            writeln!(f, "{:gutter$} |", "")?;
        }
        for help in &self.help {
            let mut lines = help.lines();
            writeln!(f, "{:gutter$} = help: {}", "", lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(f, "{:gutter$}         {line}", "")?;
            }
        }
        Ok(())
    }
}

/// Turns the compiler's `'name'` into `` `name` ``.
fn backquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('\'') {
        let (before, quoted) = rest.split_at(open);
        out.push_str(before);
        let starts_word = before.chars().next_back().is_none_or(|before| !before.is_alphanumeric());
        match quoted[1..].find('\'').filter(|_| starts_word) {
            Some(close) => {
                out.push_str(&format!("`{}`", &quoted[1..=close]));
                rest = &quoted[close + 2..];
            }
            None => {
                out.push('\'');
                rest = &quoted[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
#[path = "../tests/unit/diagnostic.rs"]
mod tests;
