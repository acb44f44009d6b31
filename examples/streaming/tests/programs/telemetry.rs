//! A feed, a watcher that pauses, and the numbers of both.

use crate::program::Program;

const TELEMETRY: &str = env!("CARGO_BIN_EXE_telemetry");

fn serve() -> (Program, String) {
    let (server, port) = Program::serve(TELEMETRY, &["serve", "127.0.0.1:0", "5"]);
    (server, format!("http://127.0.0.1:{port}"))
}

fn numbers(line: &str) -> Vec<u64> {
    line.split(|character: char| !character.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

fn number(line: &str) -> u64 {
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_watcher_that_pauses_misses_readings_and_is_told_how_many() {
    let (mut server, url) = serve();
    let mut watcher = Program::start(TELEMETRY, &["watch", &url]);
    let first = number(&watcher.line_with("T+"));
    watcher.type_line("");
    watcher.line_with("Paused after");
    let mut said = server.lines_until("A watcher is slow: readings are skipped");
    watcher.type_line("");
    watcher.line_with("Went on after");
    let gap = watcher.line_with("skipped)");
    let [sending, skipped, ..] = numbers(&gap)[..] else { panic!("{gap}") };
    let expected = format!("📤 Sending reading {sending}, {skipped} were skipped");
    if !said.contains(&expected) {
        said = server.lines_until(&expected);
    }
    assert_eq!(said.iter().filter(|line| **line == expected).count(), 1);
    watcher.signal("INT");
    let rest = watcher.end_well();
    let last = rest.lines().rev().find(|line| line.contains("T+")).map_or_else(|| number(&gap), number);
    let summary = rest.lines().last().unwrap();
    let [received, skipped] = numbers(summary)[..] else { panic!("{summary}") };
    assert!(summary.starts_with("📬 Received ") && skipped > 0, "{summary}");
    // Whatever was skipped before the first line is in that line.
    assert!(received + skipped > last - first, "{received} + {skipped} readings from {first} to {last}");
    server.signal("TERM");
    server.end_well();
}

#[test]
fn a_feed_ends_after_the_readings_asked_for() {
    let (_server, url) = serve();
    let mut watcher = Program::start(TELEMETRY, &["watch", &url, "5"]);
    for _ in 0..5 {
        watcher.line_with("T+");
    }
    assert!(watcher.line().starts_with("📬 Received 5 readings, "));
    watcher.end_well();
}

#[test]
fn a_server_that_stops_ends_its_feeds() {
    let (server, url) = serve();
    let mut watcher = Program::start(TELEMETRY, &["watch", &url]);
    watcher.line_with("T+");
    server.signal("TERM");
    assert!(watcher.end_well().lines().last().unwrap().starts_with("📬 Received "));
    server.end();
}
