//! Rules for texts: how a Rust file begins, how long it is, and words that do not belong in it.
//!
//! It reads lines, not syntax: cheap, and right often enough, since a wrong guess is silenced with a reason.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::failure::While;
use crate::process::root;

/// Lines of `//!` at the head of a file that is not a crate's root.
const MAX_HEAD_LINES: usize = 8;

/// Lines of a file without its unit tests.
const MAX_FILE_LINES: usize = 600;

/// What a checked-in file begins with that no person writes.
const GENERATED: &str = "// @generated ";

/// Folders of what is built, generated, or kept as data for tests.
const LEFT_OUT: [&str; 5] = ["target", "testdata", "golden", "fixture", "node_modules"];

const CHECKED_EXTENSIONS: [&str; 8] = ["rs", "toml", "md", "proto", "py", "sh", "yml", "txt"];

/// Crates that see no runtime, no socket and no lock, and are told the time.
const PURE_CRATES: [&str; 3] = ["crates/halloo-core/src/", "crates/halloo-http2/src/", "crates/halloo-plane/src/"];

const IMPURE: [&str; 9] = [
    "Instant::now(",
    "SystemTime",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "Mutex<",
    "RwLock<",
];

/// Checks every text of the repository.
pub(crate) fn check() -> Result<Vec<String>, Failure> {
    let root = root();
    let mut paths = Vec::new();
    collect(&root, &mut paths)?;
    paths.sort();
    let mut faults = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).while_doing(|| format!("cannot read {}", path.display()))?;
        let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        faults.extend(check_text(&name, &text));
    }
    Ok(faults)
}

/// Every text of the repository that people write.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).while_doing(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry.while_doing(|| format!("cannot list {}", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !LEFT_OUT.contains(&&*name) {
                collect(&path, paths)?;
            }
        } else if path.extension().is_some_and(|extension| CHECKED_EXTENSIONS.iter().any(|known| extension == *known)) {
            paths.push(path);
        }
    }
    Ok(())
}

/// The Rust files in `folder`; none if there is no such folder.
pub(super) fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder).while_doing(|| format!("cannot list {}", folder.display()))? {
        let path = entry.while_doing(|| format!("cannot list {}", folder.display()))?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// The faults of one file; `name` is its path from the root of the repository.
fn check_text(name: &str, text: &str) -> Vec<String> {
    if text.starts_with(GENERATED) {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut faults = Vec::new();
    if name.ends_with(".rs") {
        faults.extend(head_fault(name, &lines).map(|fault| format!("{name}: {fault}")));
        faults.extend(length_fault(name, &lines).map(|fault| format!("{name}: {fault}")));
    }
    let tests_begin = unit_tests_begin(&lines);
    for (index, line) in lines.iter().enumerate() {
        let place = Place { file: name, is_test: index >= tests_begin || is_test_file(name) };
        if let Some(fault) = line_fault(place, line)
            && !is_allowed(fault.rule, line, index.checked_sub(1).map(|above| lines[above]))
        {
            faults.push(format!("{name}:{}: {} ({})", index + 1, fault.why, fault.rule));
        }
    }
    faults
}

fn head_fault(name: &str, lines: &[&str]) -> Option<String> {
    let head = lines.iter().take_while(|line| line.starts_with("//!")).count();
    // A build script of three lines explains itself; a crate's root is the guide to the crate.
    let may_be_bare = name.ends_with("/build.rs");
    let may_be_long = name.ends_with("/lib.rs");
    if head == 0 && !may_be_bare {
        return Some("does not begin with `//!` lines that say what it owns".to_owned());
    }
    (head > MAX_HEAD_LINES && !may_be_long)
        .then(|| format!("opens with {head} lines of `//!`; the edge is {MAX_HEAD_LINES}"))
}

fn length_fault(name: &str, lines: &[&str]) -> Option<String> {
    let length = unit_tests_begin(lines);
    let too_long = length > MAX_FILE_LINES && !is_test_file(name);
    too_long.then(|| format!("has {length} lines without its tests; the edge is {MAX_FILE_LINES}"))
}

/// The line where the unit tests at a file's end begin; the number of lines if there are none.
fn unit_tests_begin(lines: &[&str]) -> usize {
    let begins = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{');
    lines.windows(2).position(begins).unwrap_or(lines.len())
}

fn is_test_file(name: &str) -> bool {
    let in_folder = |folder: &str| name.starts_with(folder) || name.contains(&format!("/{folder}"));
    name.ends_with("/tests.rs") || ["tests/", "benches/", "interop/"].into_iter().any(in_folder)
}

#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    is_test: bool,
}

struct Fault {
    rule: &'static str,
    why: &'static str,
}

fn line_fault(place: Place<'_>, line: &str) -> Option<Fault> {
    let fault = |rule, why| Some(Fault { rule, why });
    if [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")].iter().any(|word| has_word(line, word)) {
        return fault("unfinished", "marks unfinished work: finish it, or file an issue");
    }
    let code = line.trim_start();
    if place.file.ends_with(".rs") {
        if code.starts_with("#[ignore") || (code.starts_with("//") && code.contains(concat!("```", "ignore"))) {
            return fault("ignore", "an ignored test tests nothing");
        }
        if code.starts_with("//") {
            return None;
        }
        if PURE_CRATES.iter().any(|pure| place.file.starts_with(pure))
            && !place.is_test
            && IMPURE.iter().any(|word| code.contains(word))
        {
            return fault("pure", "this crate sees no clock, socket or lock");
        }
    }
    if place.is_test && (place.file.ends_with(".rs") || place.file.ends_with(".py")) {
        if ["sleep(", "sleep_until("].iter().any(|call| has_call(code, call)) {
            return fault("sleep", "a test waits for what it needs, never for time");
        }
        if has_fixed_port(code) {
            return fault("port", "a test binds port 0 and asks which it got");
        }
    }
    None
}

fn is_allowed(rule: &str, line: &str, above: Option<&str>) -> bool {
    let mark = format!("tidy: allow({rule}): ");
    [Some(line), above].into_iter().flatten().any(|line| {
        line.split_once(&mark).is_some_and(|(before, reason)| {
            !reason.trim().is_empty() && (before.contains("//") || before.contains('#'))
        })
    })
}

/// Whether `word` stands in `line` and is not a part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(start, _)| !line[..start].ends_with(is_part) && !line[start + word.len()..].starts_with(is_part))
}

/// Whether the function whose name and parenthesis are `call` is called in `code`.
fn has_call(code: &str, call: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(call).any(|(start, _)| !code[..start].ends_with(is_part) && !code[..start].ends_with("fn "))
}

/// Whether `code` binds a port that is not 0.
fn has_fixed_port(code: &str) -> bool {
    let binds = ["bind(", "add_insecure_port(", "listen("].iter().any(|call| has_call(code, call));
    let literals = code.split('"').skip(1).step_by(2);
    binds
        && literals
            .filter_map(|literal| literal.rsplit_once(':'))
            .any(|(_, port)| port.parse::<u16>().is_ok_and(|port| port != 0))
}

#[cfg(test)]
mod tests {
    use super::{MAX_FILE_LINES, check_text};

    #[track_caller]
    fn check(name: &str, text: &str, expected: &[&str]) {
        let faults = check_text(name, text);
        let matches =
            faults.len() == expected.len() && faults.iter().zip(expected).all(|(fault, part)| fault.contains(part));
        assert!(matches, "{faults:#?}");
    }

    #[test]
    fn a_file_begins_with_a_short_head() {
        check("crates/x/src/a.rs", "//! Owns a.\nfn a() {}\n", &[]);
        check("crates/x/src/a.rs", "fn a() {}\n", &["does not begin"]);
        check("crates/x/src/a.rs", &"//! a\n".repeat(8), &[]);
        check("crates/x/src/a.rs", &"//! a\n".repeat(9), &["opens with 9"]);
        check("crates/x/src/lib.rs", &"//! a\n".repeat(9), &[]);
        check("examples/x/build.rs", "fn main() {}\n", &[]);
    }

    #[test]
    fn generated_files_may_be_anything() {
        check("crates/x/src/proto/a.rs", &("// @generated by us\n".to_owned() + &"x();\n".repeat(MAX_FILE_LINES)), &[]);
    }

    #[test]
    fn a_file_is_short_apart_from_its_tests() {
        let body = "//! a\n".to_owned() + &"x();\n".repeat(MAX_FILE_LINES - 1);
        check("crates/x/src/a.rs", &body, &[]);
        check("crates/x/src/a.rs", &(body.clone() + "x();\n"), &["has 601 lines"]);
        check("crates/x/tests/a.rs", &(body.clone() + "x();\n"), &[]);
        check("crates/x/src/a.rs", &(body + "#[cfg(test)]\nmod tests {\n" + &"x();\n".repeat(500)), &[]);
    }

    #[test]
    fn unfinished_work_and_ignored_tests_are_found() {
        let mark = ["//! a", concat!("// TO", "DO: b"), "fn methodology() {}"].join("\n");
        check("crates/x/src/a.rs", &mark, &[":2: marks unfinished"]);
        let ignored = ["//! a", concat!("#[ign", "ore]"), concat!("/// ```", "ignore")].join("\n");
        check("crates/x/src/a.rs", &ignored, &[":2: an ignored", ":3: an ignored"]);
    }

    #[test]
    fn tests_do_not_sleep_unless_they_say_why() {
        let sleeps = concat!("//! a\nstd::thread::sle", "ep(d);\n");
        check("crates/x/tests/a.rs", sleeps, &[":2: a test waits"]);
        check("crates/x/src/a.rs", sleeps, &[]);
        let excused = concat!("//! a\n// tidy: allow(sleep): the handler is slow on purpose\nsle", "ep(d).await;\n");
        check("crates/x/tests/a.rs", excused, &[]);
        let no_reason = concat!("//! a\n// tidy: allow(sleep): \nsle", "ep(d).await;\n");
        check("crates/x/tests/a.rs", no_reason, &["a test waits"]);
    }

    #[test]
    fn tests_bind_no_fixed_port() {
        check("crates/x/tests/a.rs", concat!("//! a\nServer::bi", "nd(\"127.0.0.1:0\");\n"), &[]);
        check("crates/x/tests/a.rs", concat!("//! a\nServer::bi", "nd(\"[::1]:50051\");\n"), &["binds port 0"]);
    }

    #[test]
    fn pure_crates_read_no_clock() {
        let reads = "//! a\nlet now = Instant::now();\n";
        check("crates/halloo-http2/src/a.rs", reads, &["no clock"]);
        check("crates/halloo-http2/tests/a.rs", reads, &[]);
        check("crates/halloo-transport/src/a.rs", reads, &[]);
    }
}
