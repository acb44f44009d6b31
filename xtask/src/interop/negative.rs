//! gRPC's negative HTTP/2 cases: a server that misbehaves, and how clients take it.
//!
//! The server is `interop/python/http2_server.py`, on Python's h2; it has a part of its own to judge. grpc-go's client
//! is the control: what is red there is a fault of the server.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::process::Running;

use super::absent::{Absent, Role};
use super::cells::{Cell, Cells};
use super::official::run_client;
use super::programs::Implementation::{GrpcGo, Halloo};
use super::programs::{Carrier, Implementation, Programs};
use super::python::Python;

/// A server that says nothing by then never will.
const SERVER_LIMIT: Duration = Duration::from_secs(60);

const CASES: [&str; 8] = [
    "goaway",
    "rst_after_header",
    "rst_during_data",
    "rst_after_data",
    "ping",
    "max_streams",
    "data_frame_padding",
    "no_df_padding_sanity_test",
];

/// Those in which the client does no more than a large unary call; grpc-go's has no names for them.
const LARGE_UNARY: [&str; 2] = ["data_frame_padding", "no_df_padding_sanity_test"];

/// Runs the cells that are wanted.
pub(crate) fn run(python: &Python, cells: &mut Cells) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for client in [Halloo, GrpcGo] {
        let name = format!("{} client -> misbehaving server", client.name());
        let cases: Vec<_> = CASES.into_iter().filter(|case| cells.wants(&format!("{name}  {case}"))).collect();
        if !cases.is_empty() {
            rows.push((client, name, cases));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let clients: Vec<_> = rows.iter().map(|row| row.0).collect();
    let (programs, absent) = (Programs::prepare(&clients)?, Absent::read()?);
    for (client, name, cases) in rows {
        let started = Instant::now();
        let mut row = Vec::new();
        for case in cases {
            let outcome = run_case(python, &programs, client, case);
            row.push((case, Cell::of(outcome, absent.has(client, Role::Client, case))));
        }
        cells.row(&name, row, started.elapsed());
    }
    Ok(())
}

fn run_case(python: &Python, programs: &Programs, client: Implementation, case: &str) -> Result<(), String> {
    let mut server = python.program("http2_server.py");
    server.args(["--port=0", &format!("--test_case={case}")]);
    let mut server = Running::start(&mut server, programs.log("misbehaving-server")).map_err(in_words)?;
    let address = server.wait_for("listening on ", SERVER_LIMIT).map_err(in_words)?;
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default();
    run_client(&mut client_program(programs, client, port, case), programs, client.name())?;
    server.terminate().map_err(in_words)?;
    match server.next_line(SERVER_LIMIT).map_err(in_words)?.as_deref() {
        Some("pass") => Ok(()),
        said => Err(format!("the server said {said:?}{}", server.stderr())),
    }
}

fn client_program(programs: &Programs, client: Implementation, port: u16, case: &str) -> Command {
    match client {
        GrpcGo if LARGE_UNARY.contains(&case) => programs.client(GrpcGo, Carrier::Plaintext, port, "large_unary"),
        GrpcGo => programs.go_http2_client(port, case),
        _ => programs.client(client, Carrier::Plaintext, port, case),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn in_words(failure: Failure) -> String {
    failure.to_string()
}
