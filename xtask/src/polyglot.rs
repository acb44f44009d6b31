//! `examples/polyglot/run`, and whether it says what its README promises.

use std::process::Command;

use crate::Failure;
use crate::process::{output, root};

/// What it prints, port by port; the failure that it shows goes to stderr.
const SAYS: [&str; 11] = [
    "# A FastAPI application in Python, and the Greeter in Rust",
    "🟢 Server started on port N: the Greeter, in Rust",
    "🟢 Server started on port N: FastAPI, in Python",
    r#"📬 200 {"message":"Hello, Ada!"}"#,
    r#"📬 200 {"message":"Hello, Zoë!"}"#,
    r#"📬 503 {"detail":"UNAVAILABLE"}"#,
    "# A client in Rust, and a server in Python",
    "🟢 Server started on port N: statistics, in Python",
    "📨 Sending 8 numbers",
    "📬 Received mean 5.00, median 4.50, deviation 2.14",
    "📨 Sending 1 numbers",
];

/// Runs it and compares.
pub(crate) fn run() -> Result<(), Failure> {
    let said = output(&mut Command::new(root().join("examples/polyglot/run")))?;
    let lines: Vec<String> = said.lines().map(without_port).collect();
    if lines == SAYS {
        println!("    it said its {} lines", SAYS.len());
        return Ok(());
    }
    Err(Failure::new(format!("it said\n{}\ninstead of\n{}", lines.join("\n"), SAYS.join("\n"))))
}

fn without_port(line: &str) -> String {
    match line.split_once(" on port ") {
        Some((before, after)) => {
            format!("{before} on port N{}", after.trim_start_matches(|character: char| character.is_ascii_digit()))
        }
        None => line.to_owned(),
    }
}
