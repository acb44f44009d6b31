//! `protoc-gen-halloo` under a real `protoc` and a real `buf`: both have to write what `halloo-build` writes.
//!
//! The tools are Python packages, pinned in `interop/plugin/requirements.txt`. Files of editions go through the same
//! `protoc` on the side of `halloo-build`, and their text is compared with what is checked in as well.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::failure::While;
use crate::process::{cargo, root, run as run_command, target_dir};
use crate::venv;

/// Files that are compiled together.
struct Case {
    name: &'static str,
    /// The folder of imports, from the root of the repository.
    folder: &'static str,
    files: &'static [&'static str],
    /// A folder with some of the text that has to come out.
    golden: Option<&'static str>,
}

/// None imports `descriptor.proto`: every compiler brings its own, and they differ.
const CASES: [Case; 2] = [
    Case {
        name: "proto3",
        folder: "crates/halloo-build/tests/fixture/proto",
        files: &[
            "everything.proto",
            "greeter.proto",
            "kinds.proto",
            "legacy.proto",
            "names.proto",
            "shop/common/money.proto",
            "shop/v1/admin.proto",
            "unnamed.proto",
        ],
        golden: None,
    },
    Case {
        name: "editions",
        folder: "crates/halloo-build/tests/golden/editions",
        files: &["features.proto", "newest.proto"],
        golden: Some("crates/halloo-build/tests/golden/editions"),
    },
];

/// Compares the three ways for every case.
pub(crate) fn run() -> Result<(), Failure> {
    let tools = Tools::prepare()?;
    for case in &CASES {
        tools.compare(case)?;
    }
    tools.check_error()
}

/// Installs the pinned packages, unless they are there, and returns the folder of their programs.
fn programs() -> Result<PathBuf, Failure> {
    venv::prepare(&target_dir().join("plugin/venv"), &root().join("interop/plugin/requirements.txt"))
}

/// Returns the pinned `buf`.
pub(crate) fn buf() -> Result<PathBuf, Failure> {
    Ok(programs()?.join("buf"))
}

/// The programs that are compared.
struct Tools {
    folder: PathBuf,
    /// Runs Python's `protoc` as if it were a program of its own.
    protoc: PathBuf,
    buf: PathBuf,
    plugin: PathBuf,
    generate: PathBuf,
}

impl Tools {
    fn prepare() -> Result<Self, Failure> {
        let folder = target_dir().join("plugin");
        let programs = programs()?;
        let protoc = folder.join("protoc");
        let script = format!("#!/bin/sh\nexec '{}' -m grpc_tools.protoc \"$@\"\n", programs.join("python").display());
        fs::write(&protoc, script).while_doing(|| format!("cannot write {}", protoc.display()))?;
        fs::set_permissions(&protoc, fs::Permissions::from_mode(0o755))
            .while_doing(|| format!("cannot make {} a program", protoc.display()))?;
        run_command(&mut cargo(&["build", "--package=protoc-gen-halloo"]))?;
        run_command(&mut cargo(&["build", "--package=halloo-build", "--example=generate"]))?;
        let built = target_dir().join("debug");
        Ok(Self {
            folder,
            protoc,
            buf: programs.join("buf"),
            plugin: built.join("protoc-gen-halloo"),
            generate: built.join("examples/generate"),
        })
    }

    fn compare(&self, case: &Case) -> Result<(), Failure> {
        let build = self.build(case)?;
        for (tool, files) in [("protoc", self.run_protoc(case)?), ("buf", self.run_buf(case)?)] {
            same(&format!("{}: halloo-build and {tool}", case.name), &build, &files)?;
            println!("    {}: {} files, the same text from halloo-build and from {tool}", case.name, files.len());
        }
        if let Some(golden) = case.golden {
            let wanted: BTreeMap<String, String> =
                read(&root().join(golden))?.into_iter().filter(|(name, _)| name.ends_with(".rs")).collect();
            let made = build.iter().filter(|(name, _)| wanted.contains_key(*name));
            let made = made.map(|(name, text)| (name.clone(), text.clone())).collect();
            same(&format!("{}: what is checked in and halloo-build", case.name), &wanted, &made)?;
        }
        Ok(())
    }

    fn build(&self, case: &Case) -> Result<BTreeMap<String, String>, Failure> {
        let out = self.empty(case, "build")?;
        let mut command = Command::new(&self.generate);
        command.current_dir(root()).env("PROTOC", &self.protoc).arg(&out).arg(case.folder);
        command.args(case.files.iter().map(|file| format!("{}/{file}", case.folder)));
        run_command(&mut command)?;
        read(&out)
    }

    fn run_protoc(&self, case: &Case) -> Result<BTreeMap<String, String>, Failure> {
        let out = self.empty(case, "protoc")?;
        run_command(self.protoc(case).arg(format!("--halloo_out={}", out.display())).args(case.files))?;
        read(&out)
    }

    fn protoc(&self, case: &Case) -> Command {
        let mut protoc = Command::new(&self.protoc);
        protoc.current_dir(root()).arg(format!("-I{}", case.folder));
        protoc.arg(format!("--plugin=protoc-gen-halloo={}", self.plugin.display()));
        protoc
    }

    fn run_buf(&self, case: &Case) -> Result<BTreeMap<String, String>, Failure> {
        let out = self.empty(case, "buf")?;
        let template = format!(
            r#"{{"version": "v2", "plugins": [{{"local": "{}", "out": "{}", "strategy": "all"}}]}}"#,
            self.plugin.display(),
            out.display()
        );
        let mut buf = Command::new(&self.buf);
        buf.current_dir(root().join(case.folder)).args(["generate", "--template", &template]);
        buf.args(case.files.iter().flat_map(|file| ["--path", file]));
        run_command(&mut buf)?;
        read(&out)
    }

    /// An option that is misspelt ends protoc with our words.
    fn check_error(&self) -> Result<(), Failure> {
        let [case, ..] = &CASES;
        let out = self.empty(case, "error")?;
        let mut protoc = self.protoc(case);
        protoc.arg(format!("--halloo_out={}", out.display())).args(["--halloo_opt=view=a.B/C", "greeter.proto"]);
        let output = protoc.output().while_doing(|| "cannot start protoc".to_owned())?;
        let text = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() && text.starts_with("--halloo_out: there is no option `view`\nThe options are:") {
            return Ok(());
        }
        Err(Failure::new(format!("a wrong option should end protoc with a word; {}: {text}", output.status)))
    }

    fn empty(&self, case: &Case, what: &str) -> Result<PathBuf, Failure> {
        let folder = self.folder.join(case.name).join(what);
        if folder.exists() {
            fs::remove_dir_all(&folder).while_doing(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).while_doing(|| format!("cannot create {}", folder.display()))?;
        Ok(folder)
    }
}

/// The texts in a folder by name.
fn read(folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let reading = || format!("cannot read {}", folder.display());
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).while_doing(reading)? {
        let path = entry.while_doing(reading)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.insert(name, String::from_utf8_lossy(&fs::read(&path).while_doing(reading)?).into_owned());
    }
    Ok(files)
}

fn same(what: &str, one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Result<(), Failure> {
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>().join(" ");
    if one.is_empty() || names(one) != names(other) {
        return Err(Failure::new(format!("{what} have other files:\n  {}\n  {}", names(one), names(other))));
    }
    for (name, text) in one {
        let mut lines = text.lines().zip(other[name].lines()).enumerate();
        if let Some((index, (first, second))) = lines.find(|(_, (first, second))| first != second) {
            return Err(Failure::new(format!("{what} differ in {name}:{}\n  {first}\n  {second}", index + 1)));
        }
        if *text != other[name] {
            return Err(Failure::new(format!("{what} differ at the end of {name}")));
        }
    }
    Ok(())
}
