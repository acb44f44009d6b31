//! What all tests share: the post office, and a rig that puts it behind each kind of transport.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

pub mod axum;
pub mod certificates;
pub mod office;
pub mod rig;
pub mod site;

use std::time::Duration;

use halloo::Status;

/// Fails the test if `future` takes so long that it will never end.
pub async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("this ends soon")
}

/// A status as `main` prints it, every measured time as `_`.
pub fn shown(status: &Status) -> String {
    let text = format!("{status:?}");
    let lines = text.lines().map(|line| if line.starts_with("  ") { without_times(line) } else { line.to_owned() });
    lines.collect::<Vec<_>>().join("\n")
}

fn without_times(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
    for index in 1..words.len() {
        let unit = words[index].trim_end_matches(')');
        let amount = words[index - 1].trim_start_matches('(');
        if matches!(unit, "ms" | "µs" | "s") && amount.parse::<f64>().is_ok() {
            let opening = if words[index - 1].starts_with('(') { "(" } else { "" };
            let closing = if words[index].ends_with(')') { ")" } else { "" };
            words[index - 1] = format!("{opening}_");
            words[index] = format!("ms{closing}");
        }
    }
    words.join(" ")
}
