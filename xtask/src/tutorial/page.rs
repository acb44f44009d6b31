//! A page as the steps that its fenced blocks ask for; what a fence says behind its language decides.
//!
//! ```text
//! rust src/lib.rs            write the file          console          run the commands, one after the other
//! rust src/lib.rs excerpt    it must be in the file  console server   run the last one in a terminal that stays
//! proto, toml, python ...    as rust                 text server      what that terminal shows next
//! text                       not checked: a picture
//! ```

/// The steps of a page, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) steps: Vec<Step>,
}

/// One fenced block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Where its text begins, from 1.
    pub(super) line: usize,
    pub(super) block: Block,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// Write `text` to `path`, below the reader's folder.
    File { path: String, text: String },
    /// `text` is in the file at `path`: the reader's, or else the repository's.
    Excerpt { path: String, text: String },
    /// Run the commands; in `terminal` if the last of them stays.
    Console { terminal: Option<String>, commands: Vec<Typed> },
    /// The terminal shows these lines.
    Shows { terminal: String, lines: Vec<String> },
}

/// What was typed, and what was printed then.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) command: String,
    pub(super) output: Vec<String>,
}

impl Block {
    /// The block in a few words.
    pub(super) fn title(&self) -> String {
        match self {
            Self::File { path, .. } => format!("write {path}"),
            Self::Excerpt { path, .. } => format!("look into {path}"),
            Self::Console { commands, .. } => {
                commands.iter().map(|typed| format!("$ {}", typed.command)).collect::<Vec<_>>().join(" ; ")
            }
            Self::Shows { terminal, .. } => format!("look at the {terminal}"),
        }
    }
}

impl Page {
    /// Reads a page's text.
    ///
    /// # Errors
    /// The line and what is wrong there.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut lines = text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            let Some(label) = line.strip_prefix("```") else { continue };
            let mut body = Vec::new();
            loop {
                match lines.next() {
                    Some((_, "```")) => break,
                    Some((_, line)) => body.push(line),
                    None => return Err(format!("{}: the block has no end", index + 1)),
                }
            }
            let words: Vec<&str> = label.split_whitespace().collect();
            let block = block(&words, &body).map_err(|fault| format!("{}: {fault}", index + 1))?;
            steps.extend(block.map(|block| Step { line: index + 2, block }));
        }
        Ok(Self { steps })
    }
}

fn block(words: &[&str], body: &[&str]) -> Result<Option<Block>, String> {
    let text = || body.iter().flat_map(|line| [line, "\n"]).collect::<String>();
    Ok(Some(match *words {
        ["console"] => Block::Console { terminal: None, commands: commands(body)? },
        ["console", terminal] => {
            let commands = commands(body)?;
            Block::Console { terminal: Some(terminal.to_owned()), commands }
        }
        ["text"] => return Ok(None),
        ["text", terminal] => {
            let lines = body.iter().map(|&line| line.to_owned()).collect();
            Block::Shows { terminal: terminal.to_owned(), lines }
        }
        [_, path] => Block::File { path: path.to_owned(), text: text() },
        [_, path, "excerpt"] => Block::Excerpt { path: path.to_owned(), text: text() },
        _ => return Err(format!("no step: a block with the label {:?}", words.join(" "))),
    }))
}

fn commands(body: &[&str]) -> Result<Vec<Typed>, String> {
    let mut commands: Vec<Typed> = Vec::new();
    for line in body {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push(Typed { command: command.to_owned(), output: Vec::new() });
        } else if *line == "^C" {
            commands.push(Typed { command: "^C".to_owned(), output: Vec::new() });
        } else {
            let typed = commands.last_mut().ok_or("the block begins with no command")?;
            typed.output.push((*line).to_owned());
        }
    }
    Ok(commands)
}

/// Whether `line` is what the page shows; `…` in it stands for anything.
pub(super) fn is_like(line: &str, shown: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = shown.contains('…').then(|| shown.rsplit('…').next()).flatten() else {
        return rest.is_empty();
    };
    let middle = parts.clone().count().saturating_sub(1);
    for part in parts.take(middle) {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{Block, Page, Typed, is_like};

    #[test]
    fn fences_become_steps() {
        let page = Page::parse(
            "# T\n```toml Cargo.toml\n[package]\n```\n```text\na picture\n```\n```console server\n$ run it\nup\n```\n",
        )
        .unwrap();
        assert_eq!(page.steps.len(), 2);
        assert_eq!(page.steps[0].line, 3);
        assert_eq!(page.steps[0].block, Block::File { path: "Cargo.toml".into(), text: "[package]\n".into() });
        let commands = vec![Typed { command: "run it".into(), output: vec!["up".into()] }];
        assert_eq!(page.steps[1].block, Block::Console { terminal: Some("server".into()), commands });
    }

    #[test]
    fn code_that_no_step_uses_is_a_fault() {
        assert_eq!(
            Page::parse("\n```rust\nfn main() {}\n```\n").unwrap_err(),
            "2: no step: a block with the label \"rust\""
        );
        assert_eq!(Page::parse("```text\n").unwrap_err(), "1: the block has no end");
        assert!(Page::parse("```console\nup\n```\n").is_err());
    }

    #[test]
    fn dots_stand_for_anything() {
        assert!(is_like("took 3 ms", "took … ms"));
        assert!(is_like("a b c d", "a … c …"));
        assert!(is_like("anything", "…"));
        assert!(!is_like("took 3 s", "took … ms"));
        assert!(!is_like("took 3 ms", "took"));
        assert!(is_like("took", "took"));
        assert!(!is_like("ab", "ab…b"));
    }
}
