//! `docs/tutorial.md` as a reader follows it: its files are written, its commands run, its outputs compared.
//!
//! Nothing on the page is taken on trust: a block of code that no step uses is a fault, too. The folder is new and
//! lies outside the repository; only the port differs from the page, since tests fix none.

mod page;
mod reader;

use std::fs;

use self::page::Page;
use self::reader::Reader;
use crate::Failure;
use crate::failure::While;
use crate::process::root;

const PAGE: &str = "docs/tutorial.md";

/// Follows the page from its first line to its last.
pub(crate) fn run() -> Result<(), Failure> {
    let path = root().join(PAGE);
    let text = fs::read_to_string(&path).while_doing(|| format!("cannot read {PAGE}"))?;
    let page = Page::parse(&text).map_err(|fault| Failure::new(format!("{PAGE}:{fault}")))?;
    let mut reader = Reader::new()?;
    for step in page.steps {
        println!("    {PAGE}:{}  {}", step.line, step.block.title());
        let line = step.line;
        reader.follow(step.block).map_err(|failure| Failure::new(format!("{PAGE}:{line}: {failure}")))?;
    }
    reader.finish()
}
