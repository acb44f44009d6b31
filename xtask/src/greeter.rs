//! The Greeter as a newcomer meets it: how much it builds, and whether its folder lives outside the repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Failure;
use crate::failure::While;
use crate::process::{Running, cargo, output, root, run, target_dir};

/// Crates in the Greeter's clean build, ours counted.
const MAX_CRATES: usize = 64;

/// Counts the crates that a clean build of the Greeter compiles, for itself and for its build script.
pub(crate) fn count_crates() -> Result<(), Failure> {
    let tree = output(&mut cargo(&["tree", "--package=greeter", "--edges=normal,build", "--prefix=none"]))?;
    let crates = distinct_crates(&tree);
    let count = crates.len();
    if count <= MAX_CRATES {
        println!("    the Greeter builds {count} crates; its budget is {MAX_CRATES}");
        return Ok(());
    }
    let list: Vec<&str> = crates.into_iter().collect();
    Err(Failure::new(format!(
        "    the Greeter builds {count} crates, its budget is {MAX_CRATES}:\n    {}",
        list.join(", ")
    )))
}

/// The crates of a tree without prefixes; each is named once, by name and version.
fn distinct_crates(tree: &str) -> BTreeSet<&str> {
    let name_and_version = |line: &str| line.match_indices(' ').nth(1).map_or(line.len(), |(end, _)| end);
    tree.lines().filter(|line| !line.is_empty()).map(|line| &line[..name_and_version(line)]).collect()
}

/// What the Greeter prints when server and client run in one process.
const TOGETHER: [&str; 5] = [
    "🟢 Server started on port 50051",
    "📨 Sending request with name: gRPC Learner",
    "📩 Received request for: gRPC Learner",
    "📤 Sending response: Hello, gRPC Learner!",
    "📬 Received response: Hello, gRPC Learner!",
];

/// Copies the Greeter out of the repository, builds the copy, and compares what it prints.
pub(crate) fn build_a_copy() -> Result<(), Failure> {
    let copy = Copy::make()?;
    run(&mut copy.cargo(&["build", "--bins"]))?;
    copy.check_one_process()?;
    copy.check_two_processes()
}

/// The copy; its folder is removed when this is dropped.
struct Copy {
    folder: PathBuf,
}

impl Copy {
    fn make() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("halloo-greeter-copy-{}", std::process::id()));
        let copy = Self { folder };
        copy_folder(&root().join("examples/greeter"), &copy.folder)?;
        let path = copy.folder.join("Cargo.toml");
        let manifest = fs::read_to_string(&path).while_doing(|| format!("cannot read {}", path.display()))?;
        let manifest = point_at_checkout(&manifest, &root())?;
        fs::write(&path, manifest).while_doing(|| format!("cannot write {}", path.display()))?;
        // The same versions as in the repository; cargo drops what the copy does not use.
        let lock = copy.folder.join("Cargo.lock");
        fs::copy(root().join("Cargo.lock"), &lock).while_doing(|| format!("cannot write {}", lock.display()))?;
        Ok(copy)
    }

    fn cargo(&self, args: &[&str]) -> Command {
        let mut command = cargo(args);
        command.current_dir(&self.folder).env("CARGO_TARGET_DIR", target_dir().join("greeter-copy"));
        command
    }

    /// Starts one of the copy's programs and reads its lines.
    fn start(&self, args: &[&str]) -> Result<Running, Failure> {
        Running::start(&mut self.cargo(args), self.folder.join("stderr.txt"))
    }

    fn check_one_process(&self) -> Result<(), Failure> {
        let mut greeter = self.start(&["run", "--quiet"])?;
        let lines = read_all(&mut greeter)?;
        if lines == TOGETHER && greeter.wait()?.success() {
            println!("    `cargo run` prints the five lines");
            return Ok(());
        }
        Err(Failure::new(format!(
            "`cargo run` printed\n{}\ninstead of\n{}{}",
            lines.join("\n"),
            TOGETHER.join("\n"),
            greeter.stderr()
        )))
    }

    fn check_two_processes(&self) -> Result<(), Failure> {
        let mut server = self.start(&["run", "--quiet", "--bin=server", "--", "127.0.0.1:0"])?;
        let port = server.wait_for("🟢 Server started on port ", Duration::from_secs(60))?;
        let url = format!("http://127.0.0.1:{port}");
        let client_lines = output(&mut self.cargo(&["run", "--quiet", "--bin=client", "--", &url, "Ada"]))?;
        let said = ["📨 Sending request with name: Ada", "📬 Received response: Hello, Ada!"];
        if client_lines.lines().ne(said) {
            return Err(Failure::new(format!("the client printed\n{client_lines}instead of\n{}", said.join("\n"))));
        }
        for expected in ["📩 Received request for: Ada", "📤 Sending response: Hello, Ada!"] {
            let line = server.next_line(Duration::from_secs(10))?.unwrap_or_default();
            if line != expected {
                return Err(Failure::new(format!("the server printed {line:?} instead of {expected:?}")));
            }
        }
        println!("    `cargo run --bin server` and `--bin client` print theirs");
        Ok(())
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // A folder that stays behind in the place for temporary files harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn read_all(program: &mut Running) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    while let Some(line) = program.next_line(Duration::from_secs(60))? {
        lines.push(line);
    }
    Ok(lines)
}

/// Rewrites `path = "../../crates/halloo"` for a manifest that leaves `examples/greeter`.
fn point_at_checkout(manifest: &str, root: &Path) -> Result<String, Failure> {
    if manifest.contains("workspace = true") {
        return Err(Failure::new("the Greeter's manifest inherits from the workspace: a copy of it cannot"));
    }
    let pointed = manifest.replace("path = \"../../", &format!("path = \"{}/", root.display()));
    // A workspace of its own, so that no manifest in a folder above it counts.
    Ok(pointed + "\n[workspace]\n")
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = || format!("cannot copy {} to {}", from.display(), to.display());
    fs::create_dir_all(to).while_doing(failed)?;
    for entry in fs::read_dir(from).while_doing(failed)? {
        let entry = entry.while_doing(failed)?;
        let target = to.join(entry.file_name());
        if !entry.path().is_dir() {
            fs::copy(entry.path(), target).while_doing(failed)?;
        } else if entry.file_name() != "target" {
            copy_folder(&entry.path(), &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{distinct_crates, point_at_checkout};

    #[test]
    fn a_crate_counts_once_however_often_it_is_used() {
        let tree = "greeter v0.1.0 (/x)\nbytes v1.12.0\ntokio v1.54.0\nbytes v1.12.0 (*)\n\nsyn v2.0.0 (proc-macro)\nsyn v1.0.0\n";
        let crates: Vec<&str> = distinct_crates(tree).into_iter().collect();
        assert_eq!(crates, ["bytes v1.12.0", "greeter v0.1.0", "syn v1.0.0", "syn v2.0.0", "tokio v1.54.0"]);
    }

    #[test]
    fn a_copy_depends_on_the_checkout() {
        let manifest = "[dependencies]\nhalloo = { version = \"0.1\", path = \"../../crates/halloo\" }\n";
        let pointed = point_at_checkout(manifest, Path::new("/checkout")).unwrap();
        assert!(pointed.contains("path = \"/checkout/crates/halloo\""), "{pointed}");
        assert!(pointed.contains("[workspace]"), "{pointed}");
        assert!(point_at_checkout("version.workspace = true", Path::new("/")).is_err());
    }
}
