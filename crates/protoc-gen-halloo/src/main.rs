//! A plugin for `protoc` and `buf`: reads descriptors on stdin, answers with Rust sources on stdout.
//!
//! `protoc --halloo_out=src/proto --halloo_opt=views=greeter.Greeter/SayHello greeter.proto` writes what
//! `halloo_build::Build::write` writes. The text is made by `halloo-codegen`; `plugin` speaks the protocol,
//! `options` reads what stands behind `--halloo_opt`. Whatever comes in, the answer is sources or an error.

#![forbid(unsafe_code)]

mod options;
mod plugin;

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;

const USAGE: &str = "\
protoc-gen-halloo is a plugin: protoc or buf starts it and gives it the descriptors.

  protoc --halloo_out=src/proto --halloo_opt=OPTION,OPTION greeter.proto

  buf.gen.yaml:  version: v2
                 plugins:
                   - local: protoc-gen-halloo
                     out: src/proto
                     strategy: all
                     opt: [OPTION, OPTION]

All .proto files have to be given at once: they become one module, whose root is mod.rs.

";

/// The most that is read: protobuf has no larger messages.
const MAX_INPUT_BYTES: u64 = 2 << 30;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("--version") => return print(&format!("protoc-gen-halloo {}\n", env!("CARGO_PKG_VERSION"))),
        Some("--help" | "-h") => return print(&format!("{USAGE}{}", options::HELP)),
        Some(other) => return fail(&format!("there is no argument `{other}`\n\n{USAGE}{}", options::HELP)),
        None if io::stdin().is_terminal() => return fail(&format!("{USAGE}{}", options::HELP)),
        None => {}
    }
    // A defect of the generator becomes an error in the answer, and not a backtrace in the user's terminal.
    std::panic::set_hook(Box::new(|_| {}));
    let mut input = Vec::new();
    if let Err(cause) = io::stdin().lock().take(MAX_INPUT_BYTES).read_to_end(&mut input) {
        return fail(&format!("protoc-gen-halloo: cannot read the request from stdin: {cause}"));
    }
    match plugin::respond(&input) {
        Ok(answer) => write(&answer),
        Err(cause) => fail(&format!("protoc-gen-halloo: what came on stdin is no CodeGeneratorRequest: {cause}")),
    }
}

fn print(text: &str) -> ExitCode {
    write(text.as_bytes())
}

fn write(bytes: &[u8]) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => fail(&format!("protoc-gen-halloo: cannot write the answer to stdout: {cause}")),
    }
}

fn fail(text: &str) -> ExitCode {
    eprintln!("{}", text.trim_end());
    ExitCode::FAILURE
}
