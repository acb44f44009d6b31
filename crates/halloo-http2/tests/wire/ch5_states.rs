//! RFC 9113 section 5.1 as tables: every state of a stream with every frame that arrives and everything that is sent.
//!
//! A state is reached by a script, and told from the others by what each frame and call does next: where a cell names
//! the next state, all of that state's row has to hold there. A cell that is missing fails the test.

use crate::support::Peer;
use halloo_http2::Config;
use std::collections::BTreeMap;

/// The states of a server's stream: name, stream, and the script that leads there.
///
/// `open`, `local` (half-closed) and `remote` are RFC 9113's; what is behind the point is how far the response is:
/// before its head, in its body, or with END_STREAM waiting for window. `'`: the driver has finished the stream.
const SERVER_STATES: &str = "
    idle            1
    even            2
    open.head       1 > HEADERS 1 REQUEST
    open.body       1 > HEADERS 1 REQUEST; ! response 1
    open.ending     1 > SETTINGS 4=0; > HEADERS 1 REQUEST; ! response 1; ! data 1 5 END_STREAM
    open.ending'    1 > SETTINGS 4=0; > HEADERS 1 REQUEST; ! response 1; ! data 1 5 END_STREAM; ! finish 1
    local           1 > HEADERS 1 REQUEST; ! response 1 END_STREAM
    remote.head     1 > HEADERS 1 END_STREAM REQUEST
    remote.body     1 > HEADERS 1 END_STREAM REQUEST; ! response 1
    remote.ending   1 > SETTINGS 4=0; > HEADERS 1 END_STREAM REQUEST; ! response 1; ! data 1 5 END_STREAM
    remote.ending'  1 > SETTINGS 4=0; > HEADERS 1 END_STREAM REQUEST; ! response 1; ! data 1 5 END_STREAM; ! finish 1
    done            1 > HEADERS 1 END_STREAM REQUEST; ! response 1 END_STREAM
    done'           1 > HEADERS 1 END_STREAM REQUEST; ! response 1 END_STREAM; ! finish 1
    reset           1 > HEADERS 1 REQUEST; ! reset 1
    reset'          1 > HEADERS 1 REQUEST; ! reset 1; ! finish 1
    peer            1 > HEADERS 1 REQUEST; > RST_STREAM 1 CANCEL
    peer'           1 > HEADERS 1 REQUEST; > RST_STREAM 1 CANCEL; ! finish 1
    forgotten       1 > HEADERS 1 END_STREAM REQUEST; ! response 1 END_STREAM; ! finish 1; OTHERS
    skipped         1 > HEADERS 3 END_STREAM REQUEST; ! response 3 END_STREAM; ! finish 3
    refused         3 > HEADERS 1 REQUEST; ! shutdown; > PING ACK hallooBy
";

/// What a server's stream does with frames. A cell is the next state; `=`, where the state stays and the frame is
/// delivered; `.`, where nothing is seen of it (`.done'`: but the state changes); `s.` and a stream error; `C.` and a
/// connection error.
///
/// Columns: HEAD and TAIL are HEADERS with the fields of a head and of trailers, `/E` has END_STREAM, WU0 is a
/// WINDOW_UPDATE of 0. [`ALWAYS`] has the frames whose effect no state changes.
const SERVER_RECEIVES: &str = "
    state           HEAD       HEAD/E       TAIL    TAIL/E           DATA    DATA/E           RST     WU      WU0
    idle            open.head  remote.head  s.PROT  s.PROT           C.PROT  C.PROT           C.PROT  C.PROT  C.PROT
    even            C.PROT     C.PROT       C.PROT  C.PROT           C.PROT  C.PROT           C.PROT  C.PROT  C.PROT
    open.head       s.PROT     s.PROT       s.PROT  remote.head      =       remote.head      peer    .       s.PROT
    open.body       s.PROT     s.PROT       s.PROT  remote.body      =       remote.body      peer    .       s.PROT
    open.ending     s.PROT     s.PROT       s.PROT  remote.ending    =       remote.ending    peer    local   s.PROT
    open.ending'    s.PROT     s.PROT       s.PROT  .remote.ending'  .       .remote.ending'  .peer'  reset'  s.PROT
    local           s.PROT     s.PROT       s.PROT  done             =       done             peer    .       s.PROT
    remote.head     s.CLOS     s.CLOS       s.CLOS  s.CLOS           s.CLOS  s.CLOS           peer    .       s.PROT
    remote.body     s.CLOS     s.CLOS       s.CLOS  s.CLOS           s.CLOS  s.CLOS           peer    .       s.PROT
    remote.ending   s.CLOS     s.CLOS       s.CLOS  s.CLOS           s.CLOS  s.CLOS           peer    done    s.PROT
    remote.ending'  s.CLOS     s.CLOS       s.CLOS  s.CLOS           s.CLOS  s.CLOS           .peer'  done'   s.PROT
    done            C.CLOS     C.CLOS       C.CLOS  C.CLOS           C.CLOS  C.CLOS           .       .       .
    done'           C.CLOS     C.CLOS       C.CLOS  C.CLOS           C.CLOS  C.CLOS           .       .       .
    reset           .          .            .       .                .       .                .       .       .
    reset'          .          .            .       .                .       .                .       .       .
    peer            s.CLOS     s.CLOS       s.CLOS  s.CLOS           s.CLOS  s.CLOS           .       .       .
    peer'           s.CLOS     s.CLOS       s.CLOS  s.CLOS           s.CLOS  s.CLOS           .       .       .
    forgotten       C.PROT     C.PROT       C.PROT  C.PROT           s.CLOS  s.CLOS           .       .       .
    skipped         C.PROT     C.PROT       C.PROT  C.PROT           s.CLOS  s.CLOS           .       .       .
    refused         .          .            .       .                .       .                .       .       .
";

/// What a server may send. Cells as above, and the error that a call returns, which changes nothing.
const SERVER_SENDS: &str = "
    state           RESPONSE     RESPONSE/E  INFO   TRAILERS  DATA   DATA/E  ANSWER  RESET   FINISH
    idle            Gone         Gone        Gone   Gone      Gone   Gone    Gone    .       .
    even            Gone         Gone        Gone   Gone      Gone   Gone    Gone    .       .
    open.head       open.body    local       =      local     Order  Order   local   reset   reset'
    open.body       Order        local       Order  local     =      local   Order   reset   reset'
    open.ending     Ended        Ended       Ended  Ended     Ended  Ended   Ended   reset   .open.ending'
    open.ending'    Ended        Ended       Ended  Ended     Ended  Ended   Ended   reset'  .
    local           Ended        Ended       Ended  Ended     Ended  Ended   Ended   reset   reset'
    remote.head     remote.body  done        =      done      Order  Order   done    reset   reset'
    remote.body     Order        done        Order  done      =      done    Order   reset   reset'
    remote.ending   Ended        Ended       Ended  Ended     Ended  Ended   Ended   reset   .remote.ending'
    remote.ending'  Ended        Ended       Ended  Ended     Ended  Ended   Ended   reset'  .
    done            Gone         Gone        Gone   Gone      Gone   Gone    Gone    .       .done'
    done'           Gone         Gone        Gone   Gone      Gone   Gone    Gone    .       .
    reset           Gone         Gone        Gone   Gone      Gone   Gone    Gone    .       .reset'
    reset'          Gone         Gone        Gone   Gone      Gone   Gone    Gone    .       .
    peer            Gone         Gone        Gone   Gone      Gone   Gone    Gone    .       .peer'
    peer'           Gone         Gone        Gone   Gone      Gone   Gone    Gone    .       .
    forgotten       Gone         Gone        Gone   Gone      Gone   Gone    Gone    .       .
    skipped         Gone         Gone        Gone   Gone      Gone   Gone    Gone    .       .
    refused         Gone         Gone        Gone   Gone      Gone   Gone    Gone    .       .
";

/// The states of a client's stream. What is behind the point is how far the response is; `ending` is `open` with the
/// request's END_STREAM waiting for window. A closed stream leaves the table at once.
const CLIENT_STATES: &str = "
    idle           1
    even           2
    open.head      1 ! request
    open.body      1 ! request; > HEADERS 1 RESPONSE
    ending.head    1 > SETTINGS 4=0; ! request; ! data 1 5 END_STREAM
    ending.body    1 > SETTINGS 4=0; ! request; ! data 1 5 END_STREAM; > HEADERS 1 RESPONSE
    local.head     1 ! request END_STREAM
    local.body     1 ! request END_STREAM; > HEADERS 1 RESPONSE
    remote         1 ! request; > HEADERS 1 END_STREAM RESPONSE
    remote.ending  1 > SETTINGS 4=0; ! request; ! data 1 5 END_STREAM; > HEADERS 1 END_STREAM RESPONSE
    done'          1 ! request END_STREAM; > HEADERS 1 END_STREAM RESPONSE
    reset'         1 ! request; ! reset 1
    peer'          1 ! request; > RST_STREAM 1 CANCEL
    forgotten      1 ! request END_STREAM; > HEADERS 1 END_STREAM RESPONSE; OTHERS
";

/// What a client's stream does with frames; INFO is HEADERS with an informational status.
const CLIENT_RECEIVES: &str = "
  state         HEAD        HEAD/E        INFO   INFO/E TAIL   TAIL/E        DATA   DATA/E        RST    WU         WU0
  idle          C.PROT      C.PROT        C.PROT C.PROT C.PROT C.PROT        C.PROT C.PROT        C.PROT C.PROT     C.PROT
  even          C.PROT      C.PROT        C.PROT C.PROT C.PROT C.PROT        C.PROT C.PROT        C.PROT C.PROT     C.PROT
  open.head     open.body   remote        =      s.PROT s.PROT s.PROT        s.PROT s.PROT        peer'  .          s.PROT
  open.body     s.PROT      s.PROT        s.PROT s.PROT s.PROT remote        =      remote        peer'  .          s.PROT
  ending.head   ending.body remote.ending =      s.PROT s.PROT s.PROT        s.PROT s.PROT        peer'  local.head s.PROT
  ending.body   s.PROT      s.PROT        s.PROT s.PROT s.PROT remote.ending =      remote.ending peer'  local.body s.PROT
  local.head    local.body  done'         =      s.PROT s.PROT s.PROT        s.PROT s.PROT        peer'  .          s.PROT
  local.body    s.PROT      s.PROT        s.PROT s.PROT s.PROT done'         =      done'         peer'  .          s.PROT
  remote        s.CLOS      s.CLOS        s.CLOS s.CLOS s.CLOS s.CLOS        s.CLOS s.CLOS        peer'  .          s.PROT
  remote.ending s.CLOS      s.CLOS        s.CLOS s.CLOS s.CLOS s.CLOS        s.CLOS s.CLOS        peer'  done'      s.PROT
  done'         C.CLOS      C.CLOS        C.CLOS C.CLOS C.CLOS C.CLOS        C.CLOS C.CLOS        .      .          .
  reset'        .           .             .      .      .      .             .      .             .      .          .
  peer'         s.CLOS      s.CLOS        s.CLOS s.CLOS s.CLOS s.CLOS        s.CLOS s.CLOS        .      .          .
  forgotten     s.CLOS      s.CLOS        s.CLOS s.CLOS s.CLOS s.CLOS        s.CLOS s.CLOS        .      .          .
";

/// What a client may send; REQUEST opens the next stream, which leaves all others as they are.
const CLIENT_SENDS: &str = "
    state          REQUEST    REQUEST/E   HEADERS  TRAILERS    DATA   DATA/E      RESET   FINISH
    idle           open.head  local.head  Gone     Gone        Gone   Gone        .       .
    even           =          =           Gone     Gone        Gone   Gone        .       .
    open.head      =          =           Order    local.head  =      local.head  reset'  reset'
    open.body      =          =           Order    local.body  =      local.body  reset'  reset'
    ending.head    =          =           Ended    Ended       Ended  Ended       reset'  reset'
    ending.body    =          =           Ended    Ended       Ended  Ended       reset'  reset'
    local.head     =          =           Ended    Ended       Ended  Ended       reset'  reset'
    local.body     =          =           Ended    Ended       Ended  Ended       reset'  reset'
    remote         =          =           Order    done'       =      done'       reset'  reset'
    remote.ending  =          =           Ended    Ended       Ended  Ended       reset'  reset'
    done'          =          =           Gone     Gone        Gone   Gone        .       .
    reset'         =          =           Gone     Gone        Gone   Gone        .       .
    peer'          =          =           Gone     Gone        Gone   Gone        .       .
    forgotten      =          =           Gone     Gone        Gone   Gone        .       .
";

/// The frames of the columns.
const FRAMES: [(&str, &str); 11] = [
    ("HEAD", "> HEADERS {id} {head}"),
    ("HEAD/E", "> HEADERS {id} {head} END_STREAM"),
    ("INFO", "> HEADERS {id} :status=103"),
    ("INFO/E", "> HEADERS {id} :status=103 END_STREAM"),
    ("TAIL", "> HEADERS {id} x=y"),
    ("TAIL/E", "> HEADERS {id} x=y END_STREAM"),
    ("DATA", "> DATA {id} 3"),
    ("DATA/E", "> DATA {id} 3 END_STREAM"),
    ("RST", "> RST_STREAM {id} CANCEL"),
    ("WU", "> WINDOW_UPDATE {id} 5"),
    ("WU0", "> WINDOW_UPDATE {id} 0"),
];

/// Frames that do the same in every state: PRIORITY, PUSH_PROMISE, CONTINUATION without a block, an unknown type.
const ALWAYS: [(&str, &str); 4] = [
    ("> PRIORITY {id} 7", "."),
    ("> FRAME 5 4 {id} 00000004", "C.PROT"),
    ("> CONTINUATION {id} x=y", "C.PROT"),
    ("> FRAME 250 0 {id} 00", "."),
];

/// The calls of the columns.
const SERVER_CALLS: [(&str, &str); 9] = [
    ("RESPONSE", "! response {id}"),
    ("RESPONSE/E", "! response {id} END_STREAM"),
    ("INFO", "! informational {id}"),
    ("TRAILERS", "! trailers {id}"),
    ("DATA", "! data {id} 3"),
    ("DATA/E", "! data {id} 3 END_STREAM"),
    ("ANSWER", "! answer {id} 3"),
    ("RESET", "! reset {id}"),
    ("FINISH", "! finish {id}"),
];

const CLIENT_CALLS: [(&str, &str); 8] = [
    ("REQUEST", "! request"),
    ("REQUEST/E", "! request END_STREAM"),
    ("HEADERS", "! response {id}"),
    ("TRAILERS", "! trailers {id}"),
    ("DATA", "! data {id} 3"),
    ("DATA/E", "! data {id} 3 END_STREAM"),
    ("RESET", "! reset {id}"),
    ("FINISH", "! finish {id}"),
];

#[test]
fn every_state_of_a_servers_stream() {
    let machine = Machine::new(Side::Server, SERVER_STATES);
    let frames = FRAMES.into_iter().filter(|(column, _)| !column.starts_with("INFO"));
    machine.check(&machine.table(&[(SERVER_RECEIVES, frames.collect()), (SERVER_SENDS, SERVER_CALLS.to_vec())]));
}

#[test]
fn every_state_of_a_clients_stream() {
    let machine = Machine::new(Side::Client, CLIENT_STATES);
    machine.check(&machine.table(&[(CLIENT_RECEIVES, FRAMES.to_vec()), (CLIENT_SENDS, CLIENT_CALLS.to_vec())]));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// What can be seen of a frame or a call.
#[derive(Debug, PartialEq, Eq)]
enum Reaction {
    /// No event and no frame.
    Nothing,
    /// An event or a frame.
    Seen,
    /// RST_STREAM, with its code.
    StreamError(String),
    /// GOAWAY, with its code.
    ConnectionError(String),
    /// The call failed.
    Refused(String),
}

/// A cell: the line of its column, the reaction, and the state after it; none after a connection error.
struct Cell {
    line: String,
    reaction: Reaction,
    next: Option<&'static str>,
}

type Table = BTreeMap<&'static str, Vec<Cell>>;

/// How to get into a state, and which stream is in it then.
struct Place {
    id: &'static str,
    script: String,
}

struct Machine {
    side: Side,
    places: BTreeMap<&'static str, Place>,
}

impl Machine {
    fn new(side: Side, states: &'static str) -> Self {
        let places = rows(states).map(|row| {
            let (name, rest) = row.split_once(' ').expect("a name and a stream");
            let (id, script) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
            let script = script.replace("OTHERS", &others(side)).replace("; ", "\n");
            (name, Place { id, script })
        });
        Self { side, places: places.collect() }
    }

    /// Joins the parts of a table. Each has a row for every state, and a cell for every line in each row.
    fn table(&self, parts: &[(&'static str, Vec<(&str, &str)>)]) -> Table {
        let mut table = Table::new();
        for (part, lines) in parts {
            let mut rows = rows(part).map(|row| row.split_whitespace());
            let columns: Vec<_> = rows.next().expect("the names of the columns").skip(1).collect();
            assert_eq!(columns, lines.iter().map(|(column, _)| *column).collect::<Vec<_>>());
            let mut missing: Vec<_> = self.places.keys().copied().collect();
            for mut row in rows {
                let state = row.next().expect("a state");
                missing.retain(|name| *name != state);
                let cells: Vec<_> = row.collect();
                assert_eq!(cells.len(), lines.len(), "a cell in each column of {state}");
                let cells = lines.iter().zip(cells).map(|((_, line), cell)| self.cell(state, line, cell));
                table.entry(state).or_default().extend(cells);
            }
            assert!(missing.is_empty(), "no row for {missing:?}");
        }
        for (state, row) in &mut table {
            row.extend(ALWAYS.map(|(line, cell)| self.cell(state, line, cell)));
        }
        table
    }

    fn cell(&self, state: &'static str, line: &str, cell: &'static str) -> Cell {
        let head = if self.side == Side::Server { "REQUEST" } else { "RESPONSE" };
        let line = line.replace("{id}", self.places[state].id).replace("{head}", head);
        let code = |name| if name == "CLOS" { "STREAM_CLOSED" } else { "PROTOCOL_ERROR" }.to_owned();
        let (reaction, next) = match cell.split_at_checked(2) {
            _ if cell == "=" => (Reaction::Seen, Some(state)),
            _ if cell == "." => (Reaction::Nothing, Some(state)),
            _ if matches!(cell, "Gone" | "Ended" | "Order") => (Reaction::Refused(cell.to_owned()), Some(state)),
            Some(("C.", name)) => (Reaction::ConnectionError(code(name)), None),
            Some(("s.", name)) => (Reaction::StreamError(code(name)), Some(self.reset_of(state))),
            _ => match cell.strip_prefix('.') {
                Some(next) => (Reaction::Nothing, Some(next)),
                None => (Reaction::Seen, Some(cell)),
            },
        };
        Cell { line, reaction, next }
    }

    /// The state after a stream error: a server's driver, if it knows the stream, has it to finish.
    fn reset_of(&self, state: &str) -> &'static str {
        let is_held =
            self.side == Side::Server && !state.ends_with('\'') && self.enter(state).engine.open_streams() > 0;
        if is_held { "reset" } else { "reset'" }
    }

    fn enter(&self, state: &str) -> Peer {
        let mut peer = match self.side {
            Side::Client => Peer::of_client(Config::default()),
            Side::Server => Peer::of_server(Config::default()),
        };
        peer.run(&self.places[state].script);
        peer
    }

    fn check(&self, table: &Table) {
        let mut faults = Vec::new();
        for (state, row) in table {
            for cell in row {
                for script in forms(&cell.line) {
                    let seen = react(&mut self.enter(state), &script);
                    if seen != cell.reaction {
                        faults.push(format!("{state}, {script}: {seen:?} and not {:?}", cell.reaction));
                    } else if let Some(next) = cell.next {
                        self.check_next(table, (state, &script), next, &mut faults);
                    }
                }
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    /// Whether a stream does, after a step, all that the row of the next state says.
    fn check_next(&self, table: &Table, (state, step): (&str, &str), next: &str, faults: &mut Vec<String>) {
        let after = || {
            let mut peer = self.enter(state);
            peer.run(step);
            peer
        };
        let held = self.enter(next).engine.open_streams();
        if state != next && after().engine.open_streams() != held {
            faults.push(format!("{state}, {step}: other streams are open than in {next}"));
        }
        for cell in &table[next] {
            let seen = react(&mut after(), &cell.line);
            if seen != cell.reaction {
                faults.push(format!("{state}, {step}, then as {next}, {}: {seen:?}", cell.line));
            }
        }
    }
}

/// Runs a step and sums up what came of it.
fn react(peer: &mut Peer, step: &str) -> Reaction {
    peer.transcript.clear();
    peer.run(step);
    let lines: Vec<_> = peer.transcript.iter().filter(|line| !line.starts_with(['>', '!'])).collect();
    let code = |frame: &str| lines.iter().find(|line| line.starts_with(frame)).and_then(|line| line.split(' ').nth(3));
    if let Some(code) = code("< GOAWAY").filter(|code| *code != "NO_ERROR") {
        Reaction::ConnectionError(code.to_owned())
    } else if let Some(code) = code("< RST_STREAM").filter(|code| step.starts_with('>') && *code != "NO_ERROR") {
        Reaction::StreamError(code.to_owned())
    } else if let Some(error) = lines.iter().find_map(|line| line.strip_prefix("= ")) {
        Reaction::Refused(error.replace("OutOfOrder", "Order"))
    } else if lines.is_empty() {
        Reaction::Nothing
    } else {
        Reaction::Seen
    }
}

/// A step, and if it is HEADERS, the same in two frames.
fn forms(line: &str) -> Vec<String> {
    let mut forms = vec![line.to_owned()];
    if let Some(rest) = line.strip_prefix("> HEADERS ") {
        let id = rest.split(' ').next().unwrap_or_default();
        forms.push(format!("{line} OPEN\n> CONTINUATION {id}"));
    }
    forms
}

/// A script after which the engine has forgotten how earlier streams were closed.
fn others(side: Side) -> String {
    let streams = (3..21).step_by(2);
    let steps = streams.map(|id| match side {
        Side::Client => format!("! request END_STREAM; > HEADERS {id} END_STREAM RESPONSE"),
        Side::Server => format!("> HEADERS {id} END_STREAM REQUEST; ! response {id} END_STREAM; ! finish {id}"),
    });
    steps.collect::<Vec<_>>().join("; ")
}

fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().map(str::trim).filter(|row| !row.is_empty())
}
