//! The Greeter of Python's own tutorial against the Greeter of `examples/`, both ways; and clients in other languages.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::process::{Running, log_file, output, target_dir};

use super::Tools;
use super::cells::Cells;
use super::languages::{LANGUAGES, Language};

const PYTHON_CALLS_US: &str = "python tutorial client -> halloo greeter server";
const WE_CALL_PYTHON: &str = "halloo greeter client -> python tutorial server";
const NAME: &str = "Ada";

/// A server that is not up by then never will be.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Whether one of the cells is.
pub(crate) fn is_wanted(cells: &Cells) -> bool {
    cells.wants(PYTHON_CALLS_US)
        || cells.wants(WE_CALL_PYTHON)
        || LANGUAGES.into_iter().any(|language| cells.wants(&cell_name(language)))
}

/// Runs the cells that are wanted.
pub(crate) fn run(tools: &Tools, cells: &mut Cells) -> Result<(), Failure> {
    run_cell(cells, PYTHON_CALLS_US, || python_calls_us(tools));
    run_cell(cells, WE_CALL_PYTHON, || we_call_python(tools));
    for language in LANGUAGES {
        run_cell(cells, &cell_name(language), || it_calls_us(language, tools));
    }
    Ok(())
}

fn run_cell(cells: &mut Cells, name: &str, work: impl FnOnce() -> Result<(), Failure>) {
    if !cells.wants(name) {
        return;
    }
    let started = Instant::now();
    match work() {
        Ok(()) => cells.green(name, started.elapsed()),
        Err(failure) => cells.red(name, &failure.to_string()),
    }
}

fn cell_name(language: Language) -> String {
    format!("{} tutorial client -> halloo greeter server", language.name())
}

fn python_calls_us(tools: &Tools) -> Result<(), Failure> {
    calls_us(tools.python.program("greeter_client.py"))
}

fn it_calls_us(language: Language, tools: &Tools) -> Result<(), Failure> {
    calls_us(language.client(&tools.python)?)
}

fn calls_us(mut client: Command) -> Result<(), Failure> {
    let mut server = start(Command::new(target_dir().join("debug/server")).arg("127.0.0.1:0"))?;
    let port = server.wait_for("🟢 Server started on port ", START_LIMIT)?;
    let said = output(client.args([&format!("localhost:{port}"), NAME]))?;
    expect_line(&said, "Greeter client received: Hello, Ada!")
}

fn we_call_python(tools: &Tools) -> Result<(), Failure> {
    let mut server = start(&mut tools.python.program("greeter_server.py"))?;
    let port = server.wait_for("Server started, listening on ", START_LIMIT)?;
    let url = format!("http://localhost:{port}");
    let said = output(Command::new(target_dir().join("debug/client")).args([&url, NAME]))?;
    expect_line(&said, "📬 Received response: Hello, Ada!")
}

fn start(program: &mut Command) -> Result<Running, Failure> {
    Running::start(program, log_file("interop-greeter")?)
}

fn expect_line(said: &str, expected: &str) -> Result<(), Failure> {
    if said.lines().any(|line| line == expected) {
        return Ok(());
    }
    Err(Failure::new(format!("the client said {said:?} and not {expected:?}")))
}
