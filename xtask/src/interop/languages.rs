//! The Greeter's clients in Go, Node and Java: how each is built from its pins, and how it is run.
//!
//! Each is one short program of `interop/`, as its language's tutorial has it. What is built lies under
//! `target/interop`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::failure::While;
use crate::process::{root, run, target_dir};

use super::go::Go;
use super::python::Python;

/// A language that has a client of the Greeter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    Go,
    Node,
    Java,
}

pub(crate) const LANGUAGES: [Language; 3] = [Language::Go, Language::Node, Language::Java];

impl Language {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Node => "node",
            Self::Java => "java",
        }
    }

    /// Builds the client, and returns the command that runs it; `HOST:PORT` and a name are its arguments.
    pub(crate) fn client(self, python: &Python) -> Result<Command, Failure> {
        let folder = target_dir().join("interop").join(self.name());
        fs::create_dir_all(&folder).while_doing(|| format!("cannot create {}", folder.display()))?;
        let built = match self {
            Self::Go => Go::prepare(python).map(|go| go.program("greeter_client")),
            Self::Node => install_node(&folder),
            Self::Java => build_java(&folder),
        };
        built.map_err(self.advise())
    }

    /// Says what has to be installed, should that be why it failed.
    pub(crate) fn advise(self) -> impl Fn(Failure) -> Failure {
        move |failure| Failure::new(format!("{failure}\n{}", self.how_to_install()))
    }

    fn how_to_install(self) -> &'static str {
        match self {
            Self::Go => "Go 1.25 or newer is needed: https://go.dev/dl",
            Self::Node => "Node 18 or newer and npm are needed: apt-get install nodejs npm",
            Self::Java => "a JDK 17 or newer and Maven are needed: apt-get install default-jdk-headless maven",
        }
    }
}

fn install_node(folder: &Path) -> Result<Command, Failure> {
    let sources = root().join("interop/node");
    let stamp = folder.join("installed.json");
    let lock = sources.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).while_doing(|| format!("cannot read {}", lock.display()))?;
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        for file in ["package.json", "package-lock.json"] {
            copy(&sources.join(file), &folder.join(file))?;
        }
        let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        run(Command::new("npm").args(npm).current_dir(folder))?;
        fs::write(&stamp, wanted).while_doing(|| format!("cannot write {}", stamp.display()))?;
    }
    let mut client = Command::new("node");
    client.arg(sources.join("greeter_client.js")).arg(greeter_folder().join("greeter.proto"));
    client.env("NODE_PATH", folder.join("node_modules"));
    Ok(client)
}

fn build_java(folder: &Path) -> Result<Command, Failure> {
    let mut maven = Command::new("mvn");
    maven.args(["--batch-mode", "--quiet", "--no-transfer-progress", "-Dstyle.color=never", "--file"]);
    maven.arg(root().join("interop/java/pom.xml"));
    maven.arg(format!("-Dout={}", folder.display())).arg(format!("-Dproto={}", greeter_folder().display()));
    run(maven.arg("compile"))?;
    let mut client = Command::new("java");
    client.arg("-cp").arg(format!("{0}/classes:{0}/lib/*", folder.display())).arg("halloo.GreeterClient");
    Ok(client)
}

fn greeter_folder() -> PathBuf {
    root().join("examples/greeter")
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).while_doing(|| format!("cannot create {}", folder.display()))?;
    fs::copy(from, to).while_doing(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}
