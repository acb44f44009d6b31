//! A room, its guests, and the ways to leave.

use halloo::Code;
use streaming::chat::{ChatClient, KEPT_LINES, Line, Say};

use crate::program::Program;

const CHAT: &str = env!("CARGO_BIN_EXE_chat");

fn serve() -> (Program, String) {
    let (server, port) = Program::serve(CHAT, &["serve", "127.0.0.1:0"]);
    (server, format!("http://127.0.0.1:{port}"))
}

fn join(name: &str, url: &str) -> Program {
    Program::start(CHAT, &["join", name, url])
}

#[test]
fn guests_hear_each_other_and_leave_by_ctrl_d_and_ctrl_c() {
    let (server, url) = serve();
    let mut ann = join("Ann", &url);
    assert_eq!(ann.line(), "* Ann joined; here: Ann");
    let mut bob = join("Bob", &url);
    assert_eq!(bob.line(), "* Bob joined; here: Ann, Bob");
    assert_eq!(ann.line(), "* Bob joined; here: Ann, Bob");
    let mut cid = join("Cid", &url);
    for guest in [&mut ann, &mut bob, &mut cid] {
        assert_eq!(guest.line(), "* Cid joined; here: Ann, Bob, Cid");
    }
    ann.type_line("Hello, 世界 \u{1b}[2J🌍");
    for guest in [&mut ann, &mut bob, &mut cid] {
        assert_eq!(guest.line(), "📬 Ann: Hello, 世界 [2J🌍", "commands to a terminal are taken out");
    }
    bob.end_input();
    bob.end_well();
    for guest in [&mut ann, &mut cid] {
        assert_eq!(guest.line(), "* Bob left");
    }
    cid.signal("INT");
    cid.end_well();
    assert_eq!(ann.line(), "* Cid left");
    let mut dan = join("Dan", &url);
    assert_eq!(dan.line(), "* Dan joined; here: Ann, Dan");
    assert_eq!(ann.line(), "* Dan joined; here: Ann, Dan");
    // Without a goodbye.
    dan.signal("KILL");
    assert_eq!(ann.line(), "* Dan left");
    server.signal("TERM");
    assert_eq!(ann.end_well(), "* the server stops, good bye\n");
    server.end_well();
}

#[test]
fn a_name_that_is_taken_or_none_is_refused() {
    let (_server, url) = serve();
    let mut ann = join("Ann", &url);
    ann.line();
    for (name, expected) in [
        ("Ann", "Error: somebody called Ann is here already (ALREADY_EXISTS)\n"),
        ("", "Error: a name is 1 to 20 letters and digits (INVALID_ARGUMENT)\n"),
        ("a b", "Error: a name is 1 to 20 letters and digits (INVALID_ARGUMENT)\n"),
    ] {
        let ended = join(name, &url).end();
        assert!(!ended.success && ended.stderr.starts_with(expected), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
    ann.end_input();
    ann.end_well();
}

/// A guest that does not read: everybody else goes on, and it finds the lines that there was room for, a notice of how
/// many it missed, and the newest.
#[tokio::test]
async fn a_slow_guest_misses_lines_and_stops_nobody() {
    const LINES: usize = 2000;
    let (_server, url) = serve();
    let chat = ChatClient::connect(url).await.unwrap();
    let (mut slow, mut unread) = chat.join().await.unwrap();
    slow.send(Say::default().with_name("Slow")).await.unwrap();
    assert_eq!(unread.next().await.unwrap().unwrap().text, "Slow joined; here: Slow");

    let (mut fast, mut heard) = chat.join().await.unwrap();
    fast.send(Say::default().with_name("Fast")).await.unwrap();
    assert_eq!(heard.next().await.unwrap().unwrap().text, "Fast joined; here: Fast, Slow");
    for number in 0..LINES {
        let text = format!("{number:-<1000}");
        fast.send(Say::default().with_text(&*text)).await.unwrap();
        assert_eq!(heard.next().await.unwrap().unwrap().text, text);
    }
    fast.finish();
    assert_eq!(heard.next().await.unwrap(), None);

    let mut lines: Vec<Line> = Vec::new();
    while lines.last().is_none_or(|line| line.text != "Fast left") {
        lines.push(unread.next().await.unwrap().unwrap());
    }
    let said = lines.iter().filter(|line| line.name == "Fast").count();
    let missed: usize = lines
        .iter()
        .filter_map(|line| {
            line.text.strip_prefix("you read too slowly and missed ")?.strip_suffix(" lines")?.parse::<usize>().ok()
        })
        .sum();
    assert_eq!(said + missed, LINES);
    assert!(missed > LINES / 2, "only {missed} were missed: somebody has kept the others");
    let newest = &lines[lines.len() - KEPT_LINES + 1..lines.len() - 1];
    assert!(newest.iter().all(|line| line.name == "Fast"), "the ring still had the newest lines");
}

#[tokio::test]
async fn a_line_that_is_too_long_ends_its_speaker_only() {
    let (_server, url) = serve();
    let chat = ChatClient::connect(url).await.unwrap();
    let (mut ann, mut heard) = chat.join().await.unwrap();
    ann.send(Say::default().with_name("Ann")).await.unwrap();
    assert_eq!(heard.next().await.unwrap().unwrap().text, "Ann joined; here: Ann");
    let (mut bob, mut failing) = chat.join().await.unwrap();
    bob.send_all([Say::default().with_name("Bob"), Say::default().with_text("x".repeat(1001))]).await.unwrap();
    let status = loop {
        match failing.next().await {
            Ok(line) => assert!(line.is_some()),
            Err(status) => break status,
        }
    };
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "a line has at most 1000 characters"));
    for expected in ["Bob joined; here: Ann, Bob", "Bob left"] {
        assert_eq!(heard.next().await.unwrap().unwrap().text, expected);
    }
}
