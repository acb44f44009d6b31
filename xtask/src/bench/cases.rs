//! What is measured: the cases, which programs take part, and how many calls.

use super::programs::Program;

/// What the load does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) streams: u32,
    /// Whether each call has values of its own.
    pub(crate) vary: bool,
}

impl Load {
    /// The load's options.
    pub(crate) fn args(&self, calls: u64) -> Vec<String> {
        let mut args = vec![
            format!("--connections={}", self.connections),
            format!("--streams={}", self.streams),
            format!("--requests={calls}"),
        ];
        if self.vary {
            args.push("--vary".to_owned());
        }
        args
    }
}

/// One table of the report.
pub(crate) struct Case {
    pub(crate) title: &'static str,
    pub(crate) load: Load,
    pub(crate) server_options: &'static [&'static str],
    pub(crate) threads: u32,
    pub(crate) servers: &'static [Program],
    /// Calls of each timed run.
    pub(crate) calls: u64,
    /// Calls of the longer of the two runs under callgrind; the shorter one has a fifth.
    pub(crate) counted_calls: u64,
}

/// Ten connections of a hundred calls at a time.
pub(crate) const BUSY: Load = Load { connections: 10, streams: 100, vary: false };
pub(crate) const BUSY_AND_DIFFERING: Load = Load { connections: 10, streams: 100, vary: true };
const ONE_BY_ONE: Load = Load { connections: 1, streams: 1, vary: false };

const ALL: &[Program] = &[Program::Halloo, Program::Tonic, Program::Connectrpc];
const BOTH_PLACEMENTS: &[Program] = &[Program::Halloo, Program::HallooInline, Program::Tonic, Program::Connectrpc];
const ALL_AND_FLOOR: &[Program] = &[Program::Halloo, Program::Tonic, Program::Connectrpc, Program::Canned];

pub(crate) const IDENTICAL: Case = Case {
    title: "Unary, identical headers, one thread",
    load: BUSY,
    server_options: &[],
    threads: 1,
    servers: ALL_AND_FLOOR,
    calls: 500_000,
    counted_calls: 25_000,
};

pub(crate) const MULTI_THREAD: Case = Case {
    title: "Unary, identical headers, multi-thread runtime",
    load: BUSY,
    server_options: &["--runtime=multi", "--threads=2"],
    threads: 2,
    servers: BOTH_PLACEMENTS,
    calls: 500_000,
    counted_calls: 25_000,
};

pub(crate) const OBSERVED: Case = Case {
    title: "Unary, identical headers, one thread, observed",
    load: BUSY,
    server_options: &[],
    threads: 1,
    servers: &[Program::Halloo, Program::HallooStats, Program::HallooSpans, Program::Tonic],
    calls: 300_000,
    counted_calls: 25_000,
};

pub(crate) const DIFFERING: Case = Case {
    title: "Unary, values that differ in every call, one thread",
    load: BUSY_AND_DIFFERING,
    server_options: &[],
    threads: 1,
    servers: ALL,
    calls: 500_000,
    counted_calls: 25_000,
};

pub(crate) const ONE_CALL: Case = Case {
    title: "Unary, one call at a time",
    load: ONE_BY_ONE,
    server_options: &[],
    threads: 1,
    servers: ALL_AND_FLOOR,
    calls: 30_000,
    counted_calls: 5_000,
};

pub(crate) const IN_AXUM: Case = Case {
    title: "Unary, identical headers, within an axum server, one thread",
    load: BUSY,
    server_options: &[],
    threads: 1,
    servers: &[Program::Halloo, Program::HallooAxum, Program::Tonic, Program::TonicAxum],
    calls: 300_000,
    counted_calls: 25_000,
};

/// Calls of the client case: timed, and counted as above.
pub(crate) const CLIENT_CALLS: u64 = 300_000;
pub(crate) const COUNTED_CLIENT_CALLS: u64 = 20_000;
