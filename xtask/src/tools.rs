//! grpcurl, `buf curl`, grpc-health-probe and ghz against our server: list, describe, call by reflection, check, probe,
//! watch, load.
//!
//! All but buf (`plugin.rs` has it) are Go's and pinned in `interop/tools`; grpcurl twice, since the older one knows
//! reflection's `v1alpha` alone and the newer one asks for `v1` first. The servers are the Greeter and that of the
//! interop matrix.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::failure::While;
use crate::plugin;
use crate::process::{Running, cargo, root, run as run_command, target_dir};

const HOW_TO_INSTALL: &str = "Go 1.24 or newer is needed: apt-get install golang-go, or https://go.dev/dl";

/// A server that is not up by then never will be; nor is a tool that says nothing.
const LIMIT: Duration = Duration::from_secs(60);

/// How long the Greeter may take to end while a client watches its health; its drain limit is 30 seconds.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// What the older grpcurl is called in the folder of tools.
const GRPCURL_V1ALPHA: &str = "v1alpha/grpcurl";

/// Runs the tools that are in the folder which `args` names, else the pinned ones.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let tools = match args {
        [] => install()?,
        [folder] => std::path::absolute(folder).while_doing(|| format!("cannot find {folder}"))?,
        _ => return Err(Failure::new("tools takes one folder at most")),
    };
    let buf = if args.is_empty() { plugin::buf()? } else { tools.join("buf") };
    run_command(&mut cargo(&["build", "--package=greeter", "--package=halloo-interop-python", "--bins"]))?;
    let mut greeter = Server::greeter()?;
    let interop = Server::interop()?;
    for grpcurl in ["grpcurl", GRPCURL_V1ALPHA] {
        ask(&tools.join(grpcurl), &["-plaintext", "-max-time=30"], &GRPCURL, &greeter)?;
        println!("    {grpcurl}: {} of {}", GRPCURL.len(), GRPCURL.len());
    }
    let over_grpc = ["curl", "--protocol=grpc", "--http2-prior-knowledge"];
    ask(&buf, &over_grpc, &BUF_GREETER, &greeter)?;
    ask(&buf, &over_grpc, &BUF_INTEROP, &interop)?;
    let count = BUF_GREETER.len() + BUF_INTEROP.len();
    println!("    buf curl: {count} of {count}");
    probe(&tools, &greeter, &interop)?;
    load(&tools.join("ghz"), &greeter, &interop)?;
    watch_to_the_end(&tools, &mut greeter)
}

/// Builds the pinned tools and returns their folder.
fn install() -> Result<PathBuf, Failure> {
    let folder = work_folder()?.join("bin");
    let modules = [
        ("interop/tools", folder.clone()),
        ("interop/tools/v1alpha", folder.join("v1alpha")),
        ("interop/tools/ghz", folder.clone()),
    ];
    for (module, to) in modules {
        let mut go = Command::new("go");
        go.args(["install", "tool"]).current_dir(root().join(module)).env("GOBIN", to);
        run_command(&mut go).map_err(|failure| Failure::new(format!("{failure}\n{HOW_TO_INSTALL}")))?;
    }
    Ok(folder)
}

fn work_folder() -> Result<PathBuf, Failure> {
    let folder = target_dir().join("tools");
    fs::create_dir_all(&folder).while_doing(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// A server under test.
struct Server {
    program: Running,
    address: String,
}

impl Server {
    fn greeter() -> Result<Self, Failure> {
        let mut server = Command::new(target_dir().join("debug/server"));
        let mut program = Running::start(server.arg("127.0.0.1:0"), work_folder()?.join("greeter.log"))?;
        let port = program.wait_for("🟢 Server started on port ", LIMIT)?;
        Ok(Self { program, address: format!("127.0.0.1:{port}") })
    }

    /// The server of the interop matrix, which says of a name that it is not serving.
    fn interop() -> Result<Self, Failure> {
        let mut server = Command::new(target_dir().join("debug/interop-python-server"));
        let log = work_folder()?.join("interop.log");
        let mut program = Running::start(server.args(["--listen", "127.0.0.1:0"]), log)?;
        let address = program.wait_for("listening on ", LIMIT)?;
        Ok(Self { program, address })
    }
}

/// One run of a tool: what is asked, and what it must say. Space does not count, since protobuf's JSON is spaced at random.
struct Case {
    args: &'static [&'static str],
    says: &'static str,
}

/// Stands for the server's address in the arguments of a case.
const ADDRESS: &str = "ADDRESS";

const GRPCURL: [Case; 9] = [
    Case {
        args: &[ADDRESS, "list"],
        says: "greeter.Greeter grpc.health.v1.Health grpc.reflection.v1.ServerReflection
               grpc.reflection.v1alpha.ServerReflection",
    },
    Case { args: &[ADDRESS, "list", "greeter.Greeter"], says: "greeter.Greeter.SayHello" },
    Case {
        args: &[ADDRESS, "describe", "greeter.Greeter.SayHello"],
        says: "greeter.Greeter.SayHello is a method:
               rpc SayHello ( .greeter.HelloRequest ) returns ( .greeter.HelloReply );",
    },
    Case {
        args: &[ADDRESS, "describe", "greeter.HelloRequest"],
        says: "greeter.HelloRequest is a message: message HelloRequest { string name = 1; }",
    },
    Case {
        args: &[ADDRESS, "describe", "grpc.health.v1.HealthListRequest"],
        says: "grpc.health.v1.HealthListRequest is a message: message HealthListRequest { }",
    },
    Case {
        args: &["-d", r#"{"name": "Ada"}"#, ADDRESS, "greeter.Greeter/SayHello"],
        says: r#"{ "message": "Hello, Ada!" }"#,
    },
    Case {
        args: &["-d", r#"{"service": "greeter.Greeter"}"#, ADDRESS, "grpc.health.v1.Health/Check"],
        says: r#"{ "status": "SERVING" }"#,
    },
    Case {
        args: &[ADDRESS, "grpc.health.v1.Health/List"],
        says: r#"{ "statuses": { "": { "status": "SERVING" }, "greeter.Greeter": { "status": "SERVING" } } }"#,
    },
    Case {
        args: &[
            "-d",
            r#"{"fileContainingSymbol": "greeter.Missing"}"#,
            ADDRESS,
            "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ],
        says: r#"{ "originalRequest": { "fileContainingSymbol": "greeter.Missing" },
                  "errorResponse": { "errorCode": 5, "errorMessage": "no symbol \"greeter.Missing\"" } }"#,
    },
];

/// What `buf curl` is asked of the Greeter.
const BUF_GREETER: [Case; 3] = [
    Case {
        args: &["--list-services", "http://ADDRESS"],
        says: "greeter.Greeter grpc.health.v1.Health grpc.reflection.v1.ServerReflection
               grpc.reflection.v1alpha.ServerReflection",
    },
    Case {
        args: &["--list-methods", "http://ADDRESS"],
        says: "greeter.Greeter/SayHello
               grpc.health.v1.Health/Check grpc.health.v1.Health/List grpc.health.v1.Health/Watch
               grpc.reflection.v1.ServerReflection/ServerReflectionInfo
               grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    },
    Case {
        args: &["--data", r#"{"name": "Ada"}"#, "http://ADDRESS/greeter.Greeter/SayHello"],
        says: r#"{ "message": "Hello, Ada!" }"#,
    },
];

/// What it is asked of the matrix's server: the kinds of call that stream.
const BUF_INTEROP: [Case; 3] = [
    Case {
        args: &["--data", r#"{"count": 2}"#, "http://ADDRESS/halloo.interop.Interop/Count"],
        says: r#"{} { "value": "1" }"#,
    },
    Case {
        args: &["--data", r#"{"value": 3}{"value": 4}"#, "http://ADDRESS/halloo.interop.Interop/Sum"],
        says: r#"{ "value": "7" }"#,
    },
    Case {
        args: &["--data", r#"{"text": "a"}{"text": "b"}"#, "http://ADDRESS/halloo.interop.Interop/Chat"],
        says: r#"{ "text": "a" } { "text": "b" }"#,
    },
];

/// Asks a tool every one of `cases`, with `first` in front of its arguments.
fn ask(program: &Path, first: &[&str], cases: &[Case], server: &Server) -> Result<(), Failure> {
    for Case { args, says } in cases {
        let mut tool = Command::new(program);
        tool.args(first).args(args.iter().map(|arg| arg.replace(ADDRESS, &server.address)));
        let said = Said::by(&mut tool)?;
        let is_same = said.stdout.split_whitespace().collect::<String>() == says.split_whitespace().collect::<String>();
        if said.exit_code != Some(0) || !is_same {
            return Err(Failure::new(format!("{said}\ninstead of\n{says}")));
        }
    }
    Ok(())
}

/// How many calls of each kind ghz makes, 20 at a time on two connections.
const LOAD: usize = 400;

/// Calls of every kind by ghz, all of which have to end well.
fn load(ghz: &Path, greeter: &Server, interop: &Server) -> Result<(), Failure> {
    let kinds = [
        (greeter, "greeter.Greeter.SayHello", r#"{"name": "Ada"}"#),
        (interop, "halloo.interop.Interop.Count", r#"{"count": 5}"#),
        (interop, "halloo.interop.Interop.Sum", r#"[{"value": 1}, {"value": 2}]"#),
        (interop, "halloo.interop.Interop.Chat", r#"[{"text": "a"}, {"text": "b"}]"#),
    ];
    for (server, method, data) in kinds {
        let mut tool = Command::new(ghz);
        tool.args(["--insecure", "--concurrency=20", "--connections=2", "--format=json"]);
        tool.args([&format!("--total={LOAD}"), "--call", method, "--data", data, &server.address]);
        let said = Said::by(&mut tool)?;
        let report: serde_json::Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        let all_ok = serde_json::json!({ "OK": LOAD });
        if said.exit_code != Some(0) || report["statusCodeDistribution"] != all_ok {
            return Err(Failure::new(format!("{said}\ninstead of {all_ok}")));
        }
    }
    println!("    ghz: {LOAD} calls of each of {} kinds", kinds.len());
    Ok(())
}

/// What a probe asks, and with which code it exits: 0 if all is well, 3 if the call fails, 4 if it is not serving.
fn probe(tools: &Path, greeter: &Server, interop: &Server) -> Result<(), Failure> {
    let probes = [
        (greeter, "", 0, "status: SERVING"),
        (greeter, "greeter.Greeter", 0, "status: SERVING"),
        (greeter, "greeter.Missing", 3, "NotFound"),
        (interop, "interop.asleep", 4, "NOT_SERVING"),
    ];
    for (server, service, exit_code, says) in probes {
        let mut tool = Command::new(tools.join("grpc-health-probe"));
        tool.args(["-connect-timeout=30s", "-rpc-timeout=30s"]);
        tool.arg(format!("-addr={}", server.address)).arg(format!("-service={service}"));
        let said = Said::by(&mut tool)?;
        if said.exit_code != Some(exit_code) || !(said.stdout.contains(says) || said.stderr.contains(says)) {
            return Err(Failure::new(format!("{said}\ninstead of {says:?} and exit code {exit_code}")));
        }
    }
    println!("    grpc-health-probe: {} of {}", probes.len(), probes.len());
    Ok(())
}

/// A stopping server tells who watches and does not wait for them.
fn watch_to_the_end(tools: &Path, server: &mut Server) -> Result<(), Failure> {
    let mut tool = Command::new(tools.join("grpcurl"));
    tool.args(["-plaintext", "-max-time=60", &server.address, "grpc.health.v1.Health/Watch"]);
    let mut watch = Running::start(&mut tool, work_folder()?.join("watch.log"))?;
    let mut said = String::new();
    let mut stopped = None;
    while let Some(line) = watch.next_line(LIMIT)? {
        said.extend(line.split_whitespace());
        if stopped.is_none() && said.ends_with('}') {
            let begun = Instant::now();
            server.program.terminate()?;
            stopped = Some(begun.elapsed());
        }
    }
    let took = stopped.ok_or_else(|| Failure::new(format!("the watch began with {said}{}", watch.stderr())))?;
    watch.wait()?;
    let why = watch.stderr();
    let is_told = said == r#"{"status":"SERVING"}{"status":"NOT_SERVING"}"# && why.contains("Code: Unavailable");
    if !is_told || took > STOP_LIMIT {
        return Err(Failure::new(format!("the server ended after {took:?}, and the watch said {said}{why}")));
    }
    println!("    a watch is told NOT_SERVING and ends; the server stopped in {} ms", took.as_millis());
    Ok(())
}

/// What a tool said, and how it ended.
struct Said {
    line: String,
    stdout: String,
    stderr: String,
    exit_code: Option<i32>,
}

impl Said {
    fn by(tool: &mut Command) -> Result<Self, Failure> {
        let line = format!("{tool:?}");
        let output = tool.stdin(Stdio::null()).output().while_doing(|| format!("cannot start {line}"))?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Self { line, stdout: text(output.stdout), stderr: text(output.stderr), exit_code: output.status.code() })
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, stdout, stderr, exit_code } = self;
        write!(f, "{line} ended with {exit_code:?} and said\n{stdout}{stderr}")
    }
}
