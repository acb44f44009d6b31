//! Generated sources that are checked in: writes them, and compares them with what they should be.
//!
//! Line ends do not count: version control may have changed them.

use crate::error::Error;
use crate::output;
use halloo_codegen::GeneratedFile;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

/// The environment variable that makes a check write.
pub(crate) const WRITE_VARIABLE: &str = "HALLOO_WRITE";

/// Writes `files` into `folder` and removes generated files that are not among them.
pub(crate) fn write(folder: &Path, files: &[GeneratedFile]) -> Result<(), Error> {
    for file in files {
        refuse_foreign(&folder.join(&file.name))?;
    }
    for outdated in compare(folder, files)? {
        if matches!(outdated.how, How::LeftOver) {
            std::fs::remove_file(&outdated.path).map_err(|cause| Error::io("remove", &outdated.path, cause))?;
        }
    }
    std::fs::create_dir_all(folder).map_err(|cause| Error::io("create", folder, cause))?;
    for file in files {
        let path = folder.join(&file.name);
        if difference(&path, &file.contents)?.is_some() {
            std::fs::write(&path, &file.contents).map_err(|cause| Error::io("write", &path, cause))?;
        }
    }
    Ok(())
}

/// Refuses to replace what people wrote.
fn refuse_foreign(path: &Path) -> Result<(), Error> {
    if !path.exists() || output::is_generated(path) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{} is in the way: it was not generated\n \
         = help: move it away, or name a folder for generated code alone with .out_dir(..)",
        path.display()
    )))
}

/// A file that is not as it should be.
#[derive(Debug)]
pub(crate) struct Outdated {
    path: PathBuf,
    how: How,
}

#[derive(Debug)]
enum How {
    Absent,
    LeftOver,
    /// The first line (from 1) that differs, as it is and as it should be; `None` is the file's end.
    Differs {
        line: usize,
        is: Option<String>,
        expected: Option<String>,
    },
}

/// The files that `write` would change.
pub(crate) fn compare(folder: &Path, files: &[GeneratedFile]) -> Result<Vec<Outdated>, Error> {
    let mut found = Vec::new();
    for file in files {
        let path = folder.join(&file.name);
        found.extend(difference(&path, &file.contents)?.map(|how| Outdated { path, how }));
    }
    let left_over = output::left_over(folder, files)?;
    found.extend(left_over.into_iter().map(|path| Outdated { path, how: How::LeftOver }));
    Ok(found)
}

fn difference(path: &Path, expected: &str) -> Result<Option<How>, Error> {
    let is = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Some(How::Absent)),
        Err(cause) => return Err(Error::io("read", path, cause)),
    };
    let (mut there, mut wanted) = (is.lines(), expected.lines());
    for line in 1.. {
        match (there.next(), wanted.next()) {
            (None, None) => break,
            (is, expected) if is == expected => {}
            (is, expected) => {
                let (is, expected) = (is.map(str::to_owned), expected.map(str::to_owned));
                return Ok(Some(How::Differs { line, is, expected }));
            }
        }
    }
    Ok(None)
}

impl Outdated {
    /// What is wrong with the file, its path relative to `root` where possible.
    pub(crate) fn describe(&self, root: &Path, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.strip_prefix(root).unwrap_or(&self.path).display();
        match &self.how {
            How::Absent => writeln!(f, "{path} does not exist"),
            How::LeftOver => writeln!(f, "{path} is left over: nothing generates it any more"),
            How::Differs { line, is, expected } => {
                writeln!(f, "{path}:{line} is the first line that differs")?;
                writeln!(f, "  it is:     {}", shown(is.as_deref()))?;
                writeln!(f, "  should be: {}", shown(expected.as_deref()))
            }
        }
    }
}

/// The longest part of a line that is shown.
const SHOWN_CHARS: usize = 110;

fn shown(line: Option<&str>) -> String {
    match line {
        None => "(the end of the file)".to_owned(),
        Some(line) if line.chars().count() > SHOWN_CHARS => {
            format!("{}...", line.chars().take(SHOWN_CHARS).collect::<String>())
        }
        Some(line) => line.to_owned(),
    }
}

/// The command that ran this program, made one that writes.
pub(crate) fn this_command() -> String {
    let package = env::var("CARGO_PKG_NAME").map(|name| format!(" -p {name}")).unwrap_or_default();
    let program = env::current_exe().unwrap_or_default();
    let folder = program.parent().and_then(Path::file_name).unwrap_or_default();
    let mut command = match (env::var_os("CARGO"), folder == "deps") {
        (Some(_), true) => return format!("{WRITE_VARIABLE}=1 cargo test{package}"),
        (Some(_), false) => format!("{WRITE_VARIABLE}=1 cargo run{package} --"),
        (None, _) => format!("{WRITE_VARIABLE}=1 {}", program.display()),
    };
    for argument in env::args().skip(1) {
        command.push(' ');
        command.push_str(&argument);
    }
    command.trim_end_matches(" --").to_owned()
}
