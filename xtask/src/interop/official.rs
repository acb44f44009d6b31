//! gRPC's own interop cases: our client against three servers, and others' clients against ours.
//!
//! Each case is a run of a client, with the flags of gRPC's documents. A pair is a line; a case that one side lacks is
//! `-` in it.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::process::Running;

use super::absent::{Absent, Role};
use super::cells::{Cell, Cells};
use super::programs::Implementation::{GrpcGo, GrpcJava, Halloo};
use super::programs::{Carrier, Implementation, Programs};

/// The longest that a client may be silent; its calls have deadlines.
const SILENCE_LIMIT: Duration = Duration::from_secs(120);

/// Lines of what a client has said, when it has failed.
const SHOWN_LINES: usize = 6;

/// Client and server.
const PAIRS: [(Implementation, Implementation); 5] =
    [(Halloo, GrpcGo), (Halloo, GrpcJava), (Halloo, Halloo), (GrpcGo, Halloo), (GrpcJava, Halloo)];

const CARRIERS: [Carrier; 2] = [Carrier::Plaintext, Carrier::Tls];

const CASES: [&str; 23] = [
    "empty_unary",
    "large_unary",
    "client_compressed_unary",
    "client_compressed_unary_noprobe",
    "server_compressed_unary",
    "client_streaming",
    "client_compressed_streaming",
    "client_compressed_streaming_noprobe",
    "server_streaming",
    "server_compressed_streaming",
    "ping_pong",
    "empty_stream",
    "custom_metadata",
    "status_code_and_message",
    "special_status_message",
    "unimplemented_method",
    "unimplemented_service",
    "cancel_after_begin",
    "cancel_after_first_response",
    "timeout_on_sleeping_server",
    "very_large_request",
    "rpc_soak",
    "channel_soak",
];

/// Needs a server that allows few calls a connection.
const SCALING: &str = "max_concurrent_streams_connection_scaling";
const FEW_STREAMS: &str = "--use_mcs=true";

/// Runs the cells that are wanted; a soak has so many calls.
pub(crate) fn run(cells: &mut Cells, soak_calls: u32) -> Result<(), Failure> {
    let rows: Vec<_> = CARRIERS
        .into_iter()
        .flat_map(|carrier| PAIRS.map(|(client, server)| Row { client, server, carrier }))
        .filter(|row| !row.wanted_cases(cells).is_empty())
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let others: Vec<_> = rows.iter().flat_map(|row| [row.client, row.server]).collect();
    let (programs, absent) = (Programs::prepare(&others)?, Absent::read()?);
    for row in rows {
        row.run(&programs, &absent, soak_calls, cells)?;
    }
    Ok(())
}

/// One client against one server.
#[derive(Clone, Copy, Debug)]
struct Row {
    client: Implementation,
    server: Implementation,
    carrier: Carrier,
}

impl Row {
    fn name(self) -> String {
        let Self { client, server, carrier } = self;
        format!("{} client -> {} server  {}", client.name(), server.name(), carrier.name())
    }

    fn wanted_cases(self, cells: &Cells) -> Vec<&'static str> {
        let cases = CASES.into_iter().chain([SCALING]);
        cases.filter(|case| cells.wants(&format!("{}  {case}", self.name()))).collect()
    }

    fn run(self, programs: &Programs, absent: &Absent, soak_calls: u32, cells: &mut Cells) -> Result<(), Failure> {
        let started = Instant::now();
        let cases = self.wanted_cases(cells);
        let (scaling, usual): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| *case == SCALING);
        let mut row = Vec::new();
        for (cases, flags) in [(usual, &[][..]), (scaling, self.scaling_flags())] {
            if cases.is_empty() {
                continue;
            }
            let (_server, port) = programs.start_server(self.server, self.carrier, flags)?;
            for case in cases {
                let mut client = programs.client(self.client, self.carrier, port, case);
                client.args(soak_flags(case, soak_calls));
                let outcome = run_client(&mut client, programs, self.client.name());
                let is_absent =
                    absent.has(self.client, Role::Client, case) || absent.has(self.server, Role::Server, case);
                row.push((case, Cell::of(outcome, is_absent)));
            }
        }
        cells.row(&self.name(), row, started.elapsed());
        Ok(())
    }

    /// Others' servers do not have the flag, and not the case either.
    fn scaling_flags(self) -> &'static [&'static str] {
        if self.server == Halloo { &[FEW_STREAMS] } else { &[] }
    }
}

fn soak_flags(case: &str, calls: u32) -> Vec<String> {
    if !case.ends_with("_soak") {
        return Vec::new();
    }
    // A call that takes seconds is no longer one that took a while because the machine had other work.
    let limits = ["--soak_per_iteration_max_acceptable_latency_ms=5000", "--soak_overall_timeout_seconds=600"];
    limits.map(str::to_owned).into_iter().chain([format!("--soak_iterations={calls}")]).collect()
}

/// Runs a client to its end, and says why it has failed, if it has.
pub(crate) fn run_client(command: &mut Command, programs: &Programs, whose: &str) -> Result<(), String> {
    run_to_end(command, programs.log(&format!("{whose}-client"))).map_err(|failure| {
        let text = failure.to_string();
        let lines: Vec<_> = text.lines().take(SHOWN_LINES).collect();
        lines.join("\n          ")
    })
}

fn run_to_end(command: &mut Command, log: PathBuf) -> Result<(), Failure> {
    let mut client = Running::start(command, log)?;
    while client.next_line(SILENCE_LIMIT)?.is_some() {}
    let status = client.wait()?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{status}{}", client.stderr()))) }
}
