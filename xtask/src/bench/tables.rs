//! The figures as text: tables that read well in a terminal and in the documentation alike.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use crate::Failure;
use crate::process::output;

use super::programs::Program;
use super::report::{Results, Row};

pub(crate) const CLIENT_TITLE: &str = "Client, 100 tasks with one call each on one channel";

/// Functions in a profile.
const TOP: usize = 15;

/// All tables.
pub(crate) fn all(results: &Results) -> Result<String, Failure> {
    let mut text = machine()?;
    for (title, rows) in &results.cases {
        text += &case_table(title, rows, Program::Tonic);
    }
    text += &case_table(CLIENT_TITLE, &results.clients, Program::TonicClient);
    text += &idle_table(&results.idle);
    text += &bars(results);
    for share in &results.shares {
        text += &profile_table(share.title, &share.functions);
    }
    Ok(text)
}

fn machine() -> Result<String, Failure> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown CPU");
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = output(Command::new("uname").arg("-sr"))?;
    let rustc = output(Command::new("rustc").arg("--version"))?;
    Ok(format!(
        "\n{}, {cores} cores; {}; {}.\n",
        model.trim_start_matches([' ', '\t', ':']),
        kernel.trim(),
        rustc.trim()
    ))
}

fn case_table(title: &str, rows: &[Row], reference: Program) -> String {
    let mut text = format!(
        "\n### {title}\n\n\
         | | calls a second | CPU a call (user + system) | user instructions | kernel instructions | system calls | \
         CPU to tonic's | instructions to tonic's |\n|---|---:|---:|---:|---:|---:|---:|---:|\n"
    );
    let reference = rows.iter().find(|row| row.program == reference);
    for row in rows {
        let ratio = |value: f64, of: fn(&Row) -> f64| match reference {
            Some(reference) if of(reference) > 0.0 => format!("{:.3}", value / of(reference)),
            _ => "-".to_owned(),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {:.2} µs ({:.2} + {:.2}) | {} | {} | {} | {} | {} |",
            row.program.name(),
            thousands(row.cost.calls_a_second),
            row.cost.cpu(),
            row.cost.user,
            row.cost.system,
            thousands(row.user_instructions),
            row.counted.kernel_instructions.map_or_else(|| "-".to_owned(), thousands),
            row.counted.system_calls.map_or_else(|| "-".to_owned(), |calls| format!("{calls:.3}")),
            ratio(row.cost.cpu(), |row| row.cost.cpu()),
            ratio(row.user_instructions, |row| row.user_instructions),
        );
    }
    text
}

fn idle_table(idle: &[(Program, f64)]) -> String {
    let mut text = "\n### Idle connections\n\n| | KiB a connection |\n|---|---:|\n".to_owned();
    for (program, kib) in idle {
        let _ = writeln!(text, "| {} | {kib:.1} |", program.name());
    }
    text
}

/// What must be true, and what is.
fn bars(results: &Results) -> String {
    let row = |case: usize, program: Program| {
        results.cases.get(case).and_then(|(_, rows)| rows.iter().find(|row| row.program == program))
    };
    let instructions = |case| row(case, Program::Halloo).map_or(f64::NAN, |row| row.user_instructions);
    let cpu = |case, program| row(case, program).map_or(f64::NAN, |row| row.cost.cpu());
    let client =
        |program| results.clients.iter().find(|row| row.program == program).map_or(f64::NAN, |row| row.cost.cpu());
    let idle = results.idle.iter().find(|(program, _)| *program == Program::Halloo).map_or(f64::NAN, |(_, kib)| *kib);
    let lines = [
        ("user instructions a call, identical headers", 4500.0, instructions(0)),
        ("user instructions a call, identical headers, multi-thread runtime", 6000.0, instructions(1)),
        ("user instructions a call, values that differ in every call", 9000.0, instructions(2)),
        ("one call at a time: CPU to that of canned bytes", 1.25, cpu(3, Program::Halloo) / cpu(3, Program::Canned)),
        ("client: CPU to tonic's", 0.5, client(Program::HallooClient) / client(Program::TonicClient)),
        ("KiB an idle connection", 8.0, idle),
    ];
    let mut text = "\n### The bars\n\n| | bar | measured | |\n|---|---:|---:|---|\n".to_owned();
    for (what, bar, measured) in lines {
        let verdict = if measured <= bar { "met" } else { "missed" };
        let show = |value: f64| if value < 100.0 { format!("{value:.2}") } else { thousands(value) };
        let _ = writeln!(text, "| {what} | {} | {} | {verdict} |", show(bar), show(measured));
    }
    text
}

fn profile_table(title: &str, functions: &[(String, f64)]) -> String {
    let mut text =
        format!("\n### Where the instructions go: {title}\n\n| function | instructions a call |\n|---|---:|\n");
    for (name, instructions) in functions.iter().take(TOP) {
        let _ = writeln!(text, "| `{name}` | {instructions:.0} |");
    }
    let rest: f64 = functions.iter().skip(TOP).map(|(_, instructions)| instructions).sum();
    let _ = writeln!(text, "| all others | {rest:.0} |");
    text
}

/// A number with thin groups of three digits.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn digits_stand_in_groups() {
        assert_eq!([7.0, 4500.0, 1_234_567.4].map(thousands), ["7", "4 500", "1 234 567"]);
    }
}
