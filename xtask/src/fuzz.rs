//! The fuzz targets of `fuzz/`: installs cargo-fuzz, builds all of them once, and runs each for some seconds.
//!
//! The build wants unstable flags, which `RUSTC_BOOTSTRAP` allows on a stable compiler. What the fuzzer learned stays in
//! `target/fuzz/corpus`, so that the next run goes on from there; what it finds is in `target/fuzz/found`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::failure::While;
use crate::process::{cargo, output, root, run as run_command, target_dir};

const CARGO_FUZZ: &str = "0.13.2";

const HOW_TO_BUILD: &str = "the targets need a C++ compiler: apt-get install g++";

const DEFAULT_SECONDS: u32 = 30;

/// An input that takes longer hangs.
const INPUT_SECONDS: u32 = 10;

/// A target that takes more memory runs away. The address sanitizer alone takes half of it.
const MEMORY_MIB: u32 = 1024;

/// Inputs are no longer than that: a sequence of some two hundred steps.
const INPUT_BYTES: u32 = 2048;

/// Runs the targets that `args` names, or all: `[--seconds N] [TARGET...]`.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let (seconds, wanted) = read_args(args)?;
    let all = targets()?;
    if let Some(unknown) = wanted.iter().find(|name| !all.contains(name)) {
        return Err(Failure::new(format!("there is no target {unknown}; there are {}", all.join(", "))));
    }
    let programs = build()?;
    let mut failures = Vec::new();
    for target in if wanted.is_empty() { all } else { wanted } {
        match run_target(&programs, &target, seconds) {
            Ok(line) => println!("    {line}"),
            Err(failure) => {
                println!("    {target}: FAILED");
                failures.push(failure.to_string());
            }
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(Failure::new(failures.join("\n"))) }
}

/// Runs every committed input without a fuzzer, which needs no C++ compiler.
pub(crate) fn check_package() -> Result<(), Failure> {
    let manifest = "--manifest-path=fuzz/Cargo.toml";
    run_command(&mut cargo(&["fmt", manifest, "--check"]))?;
    let target = format!("--target-dir={}", folder("")?.display());
    run_command(&mut cargo(&["test", manifest, &target, "--quiet"]))
}

fn read_args(args: &[String]) -> Result<(u32, Vec<String>), Failure> {
    let (mut seconds, mut targets) = (DEFAULT_SECONDS, Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg != "--seconds" {
            targets.push(arg.clone());
            continue;
        }
        let number = args.next().and_then(|number| number.parse().ok());
        seconds = number.ok_or_else(|| Failure::new("--seconds wants a number"))?;
    }
    Ok((seconds, targets))
}

/// The targets, by the files that hold them.
fn targets() -> Result<Vec<String>, Failure> {
    let folder = root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).while_doing(|| format!("cannot list {}", folder.display()))?;
    let stems = files.flatten().filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned()));
    let mut targets: Vec<String> = stems.collect();
    targets.sort();
    Ok(targets)
}

/// A folder below `target/fuzz`, made if it is not there.
fn folder(name: &str) -> Result<PathBuf, Failure> {
    let folder = target_dir().join("fuzz").join(name);
    fs::create_dir_all(&folder).while_doing(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// Builds all targets and returns the folder of their programs.
fn build() -> Result<PathBuf, Failure> {
    let tools = target_dir().join("tools");
    let version = format!("--version={CARGO_FUZZ}");
    let mut install = cargo(&["install", "cargo-fuzz", &version, "--locked", "--root"]);
    run_command(install.arg(&tools))?;

    let host = host()?;
    let sanitizer = sanitizer(&host)?;
    let mut build = Command::new(tools.join("bin/cargo-fuzz"));
    build.args([
        "fuzz",
        "build",
        "--fuzz-dir=fuzz",
        "--features=libfuzzer",
        "--sanitizer",
        sanitizer,
        "--target",
        &host,
    ]);
    build.arg("--target-dir").arg(folder("")?).current_dir(root()).env("RUSTC_BOOTSTRAP", "1");
    // Settings for other builds of this repository would only make this one larger.
    build.env_remove("RUSTFLAGS").env_remove("CARGO_PROFILE_RELEASE_DEBUG");
    run_command(&mut build).map_err(|failure| Failure::new(format!("{failure}\n{HOW_TO_BUILD}")))?;
    Ok(folder("")?.join(host).join("release"))
}

fn host() -> Result<String, Failure> {
    let text = output(Command::new("rustc").current_dir(root()).arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::new("rustc -vV names no host"))
}

/// The address sanitizer where the toolchain has one: our crates have no unsafe code, but stand on some that does.
fn sanitizer(host: &str) -> Result<&'static str, Failure> {
    let sysroot = output(Command::new("rustc").current_dir(root()).args(["--print", "sysroot"]))?;
    let libraries = Path::new(sysroot.trim()).join("lib/rustlib").join(host).join("lib");
    let files = fs::read_dir(&libraries).while_doing(|| format!("cannot list {}", libraries.display()))?;
    let has_it = files.flatten().any(|file| file.file_name().to_string_lossy().contains("rt.asan"));
    Ok(if has_it { "address" } else { "none" })
}

/// Runs one target and returns its line of figures.
fn run_target(programs: &Path, target: &str, seconds: u32) -> Result<String, Failure> {
    let corpus = folder(&format!("corpus/{target}"))?;
    let found = folder(&format!("found/{target}"))?;
    let log = folder("")?.join(format!("{target}.log"));
    let stderr = File::create(&log).while_doing(|| format!("cannot create {}", log.display()))?;
    let program = programs.join(target);
    let mut command = Command::new(&program);
    command.args([
        format!("-max_total_time={seconds}"),
        format!("-timeout={INPUT_SECONDS}"),
        format!("-rss_limit_mb={MEMORY_MIB}"),
        format!("-max_len={INPUT_BYTES}"),
        format!("-artifact_prefix={}/", found.display()),
        // Long sequences from the start, not when the short ones are used up.
        "-len_control=0".to_owned(),
        "-print_final_stats=1".to_owned(),
    ]);
    command.arg(&corpus).arg(root().join("fuzz/seeds").join(target)).stderr(stderr);
    let status = command.status().while_doing(|| format!("cannot start {}", program.display()))?;
    let bytes = fs::read(&log).while_doing(|| format!("cannot read {}", log.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    match Figures::read(&text) {
        Some(figures) if status.success() => Ok(format!("{target:<12} {figures}")),
        _ => Err(finding(target, &text, &program, &log)),
    }
}

/// What a run of libFuzzer says at its end.
#[derive(Debug, PartialEq, Eq)]
struct Figures {
    executions: u64,
    coverage: u64,
    mebibytes: u64,
}

impl Figures {
    fn read(log: &str) -> Option<Self> {
        let number = |mark: &str| {
            let (_, rest) = log.rsplit_once(mark)?;
            rest.split_whitespace().next()?.parse().ok()
        };
        Some(Self {
            executions: number("stat::number_of_executed_units:")?,
            coverage: number("cov: ")?,
            mebibytes: number("stat::peak_rss_mb:")?,
        })
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { executions, coverage, mebibytes } = self;
        write!(f, "{executions:>10} inputs, {coverage:>5} edges, {mebibytes:>4} MiB, nothing found")
    }
}

/// What was found, where the input is, and how to see it again.
fn finding(target: &str, text: &str, program: &Path, log: &Path) -> Failure {
    let lines: Vec<&str> = text.lines().collect();
    let what = lines.iter().position(|line| line.contains("panicked at") || line.contains("ERROR: "));
    let what = what.map_or("ended badly".to_owned(), |at| lines[at..lines.len().min(at + 2)].join("\n    "));
    let input = lines.iter().find_map(|line| line.split_once("Test unit written to ")).map(|(_, path)| path.trim());
    let again = match input {
        Some(input) => format!("again: {} {input}\n    then: cp {input} fuzz/seeds/{target}/", program.display()),
        None => format!("no input was written; see {}", log.display()),
    };
    Failure::new(format!("{target}: {what}\n    {again}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{DEFAULT_SECONDS, Figures, finding, read_args};

    #[test]
    fn seconds_and_targets_are_read_in_any_order() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(read_args(&[]).unwrap(), (DEFAULT_SECONDS, vec![]));
        assert_eq!(read_args(&words("wire --seconds 300 hpack")).unwrap(), (300, words("wire hpack")));
        assert!(read_args(&words("--seconds soon")).is_err());
        assert!(read_args(&words("--seconds")).is_err());
    }

    #[test]
    fn figures_are_those_of_the_end() {
        let log = "#2 INITED cov: 10 ft: 11\n#9 DONE   cov: 36 ft: 180 corp: 2/1b\n\
                   stat::number_of_executed_units: 107271\nstat::peak_rss_mb:              519\n";
        assert_eq!(Figures::read(log), Some(Figures { executions: 107_271, coverage: 36, mebibytes: 519 }));
        assert_eq!(Figures::read("INFO: Seed: 1"), None);
    }

    #[test]
    fn a_finding_names_its_input_and_how_to_see_it_again() {
        let log = "thread 'x' panicked at src/a.rs:1:2:\nno such byte\nTest unit written to /t/found/a/crash-1\n";
        let text = finding("a", log, Path::new("/t/a"), Path::new("/t/a.log")).to_string();
        let wanted = "a: thread 'x' panicked at src/a.rs:1:2:\n    no such byte\n    again: /t/a /t/found/a/crash-1\n    \
                      then: cp /t/found/a/crash-1 fuzz/seeds/a/";
        assert_eq!(text, wanted);
    }
}
