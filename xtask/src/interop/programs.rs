//! gRPC's interop programs of three implementations: how each is had, started and told what to do.
//!
//! grpc-go's and grpc-java's are their own, pinned in `interop/grpc`; what is built lies under `target/interop/grpc`.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::failure::While;
use crate::process::{Running, cargo, root, run, target_dir};

use super::languages::Language;

/// A server that is not up by then never will be.
const START_LIMIT: Duration = Duration::from_secs(60);

const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Whom the certificate of the servers is for, besides their addresses; all clients know it as a host of tests.
const SERVER_NAME: &str = "foo.test.google.fr";

/// A virtual machine that is quick to start.
const JAVA_OPTIONS: [&str; 3] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"];

/// Whose programs they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Implementation {
    Halloo,
    GrpcGo,
    GrpcJava,
}

/// What carries the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Plaintext,
    Tls,
}

/// The programs, built.
pub(crate) struct Programs {
    folder: PathBuf,
}

impl Implementation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Halloo => "halloo",
            Self::GrpcGo => "grpc-go",
            Self::GrpcJava => "grpc-java",
        }
    }
}

impl Carrier {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Tls => "tls",
        }
    }
}

impl Programs {
    /// Builds ours and those of `others`, and makes certificates.
    pub(crate) fn prepare(others: &[Implementation]) -> Result<Self, Failure> {
        let folder = target_dir().join("interop/grpc");
        fs::create_dir_all(&folder).while_doing(|| format!("cannot create {}", folder.display()))?;
        let programs = Self { folder };
        run(&mut cargo(&["build", "--bins", "--package=halloo-interop", "--package=halloo-interop-python"]))?;
        run(Command::new(target_dir().join("debug/interop-certificates")).arg(programs.certificates()))?;
        if others.contains(&Implementation::GrpcGo) {
            programs.install_go().map_err(Language::Go.advise())?;
        }
        if others.contains(&Implementation::GrpcJava) {
            programs.install_java().map_err(Language::Java.advise())?;
        }
        Ok(programs)
    }

    /// Starts a server and waits until it can be called. Returns its port, too.
    pub(crate) fn start_server(
        &self,
        whose: Implementation,
        carrier: Carrier,
        flags: &[&str],
    ) -> Result<(Running, u16), Failure> {
        let port = free_port()?;
        let mut server = match whose {
            Implementation::Halloo => Command::new(target_dir().join("debug/interop-server")),
            Implementation::GrpcGo => self.go("server"),
            Implementation::GrpcJava => self.java("TestServiceServer"),
        };
        server.arg(format!("--port={port}")).arg(format!("--use_tls={}", carrier == Carrier::Tls)).args(flags);
        // grpc-java finds them on its class path.
        if carrier == Carrier::Tls && whose != Implementation::GrpcJava {
            server.arg(flag("--tls_cert_file=", &self.certificates().join("server.pem")));
            server.arg(flag("--tls_key_file=", &self.certificates().join("server.key")));
        }
        let running = Running::start(&mut server, self.log(&format!("{}-server", whose.name())))?;
        wait_for_port(port, &running)?;
        Ok((running, port))
    }

    /// A client that does `case`.
    pub(crate) fn client(&self, whose: Implementation, carrier: Carrier, port: u16, case: &str) -> Command {
        let mut client = match whose {
            Implementation::Halloo => Command::new(target_dir().join("debug/interop-client")),
            Implementation::GrpcGo => self.go("client"),
            Implementation::GrpcJava => self.java("TestServiceClient"),
        };
        client.args(["--server_host=127.0.0.1", &format!("--server_port={port}"), &format!("--test_case={case}")]);
        client.arg(format!("--use_tls={}", carrier == Carrier::Tls));
        if carrier == Carrier::Tls {
            client.args(["--use_test_ca=true", &format!("--server_host_override={SERVER_NAME}")]);
            if whose != Implementation::GrpcJava {
                client.arg(flag("--ca_file=", &self.certificates().join("ca.pem")));
            }
        }
        client
    }

    /// grpc-go's client of the negative HTTP/2 cases.
    pub(crate) fn go_http2_client(&self, port: u16, case: &str) -> Command {
        let mut client = self.go("http2");
        client.args(["--server_host=127.0.0.1", &format!("--server_port={port}"), &format!("--test_case={case}")]);
        client
    }

    /// Where a program's stderr goes.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    fn certificates(&self) -> PathBuf {
        self.folder.join("certificates")
    }

    fn go(&self, program: &str) -> Command {
        Command::new(self.folder.join("go").join(program))
    }

    fn java(&self, class: &str) -> Command {
        let mut java = Command::new("java");
        let folder = self.folder.join("java");
        // Ours come first, and so instead of those that grpc-java brings.
        java.args(JAVA_OPTIONS).arg("-cp").arg(format!("{0}/ours:{0}/lib/*", folder.display()));
        java.arg(format!("io.grpc.testing.integration.{class}"));
        java
    }

    fn install_go(&self) -> Result<(), Failure> {
        let mut go = Command::new("go");
        go.args(["install", "tool"]).current_dir(root().join("interop/grpc")).env("GOBIN", self.folder.join("go"));
        run(&mut go)
    }

    fn install_java(&self) -> Result<(), Failure> {
        let folder = self.folder.join("java");
        let pom = root().join("interop/grpc/pom.xml");
        let wanted = fs::read_to_string(&pom).while_doing(|| format!("cannot read {}", pom.display()))?;
        let stamp = folder.join("installed.xml");
        if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            if folder.exists() {
                fs::remove_dir_all(&folder).while_doing(|| format!("cannot remove {}", folder.display()))?;
            }
            let mut maven = Command::new("mvn");
            maven.args(["--batch-mode", "--quiet", "--no-transfer-progress", "-Dstyle.color=never", "--file"]);
            run(maven.arg(&pom).arg(format!("-Dout={}", folder.display())).arg("validate"))?;
            fs::write(&stamp, wanted).while_doing(|| format!("cannot write {}", stamp.display()))?;
        }
        let ours = folder.join("ours/certs");
        fs::create_dir_all(&ours).while_doing(|| format!("cannot create {}", ours.display()))?;
        for (name, java_name) in [("ca.pem", "ca.pem"), ("server.pem", "server1.pem"), ("server.key", "server1.key")] {
            let from = self.certificates().join(name);
            fs::copy(&from, ours.join(java_name)).while_doing(|| format!("cannot copy {}", from.display()))?;
        }
        Ok(())
    }
}

fn flag(name: &str, value: &Path) -> OsString {
    let mut flag = OsString::from(name);
    flag.push(value);
    flag
}

fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).while_doing(|| "cannot listen on 127.0.0.1".to_owned())
}

/// Waits until somebody listens; what servers print about it differs, and grpc-go's prints nothing.
fn wait_for_port(port: u16, server: &Running) -> Result<(), Failure> {
    let begun = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if begun.elapsed() > START_LIMIT {
            return Err(Failure::new(format!("the server does not listen on port {port}{}", server.stderr())));
        }
        // tidy: allow(sleep): another program is waited for
        std::thread::sleep(LOOK_INTERVAL);
    }
    Ok(())
}
