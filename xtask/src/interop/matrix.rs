//! Our `.proto`, both clients against both servers; a pair of the same side is the control.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::failure::While;
use crate::process::{Running, target_dir};

use super::Tools;
use super::cells::Cells;

/// A server that is not up by then never will be.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The longest that a case may take; the programs give their calls 20 s.
const CASE_LIMIT: Duration = Duration::from_secs(60);

/// What each client checks; both know all of them.
const CASES: [&str; 29] = [
    "unary",
    "server_streaming",
    "client_streaming",
    "bidi_streaming",
    "metadata_unary",
    "metadata_streaming",
    "metadata_of_failure",
    "status_codes",
    "status_details",
    "status_unicode",
    "status_without_message",
    "deadline_unary",
    "deadline_streaming",
    "deadline_reaches_server",
    "deadline_ends_handler",
    "no_deadline",
    "cancel_unary",
    "cancel_streaming",
    "server_aborts_midway",
    "server_ends_early",
    "big_unary",
    "big_streaming",
    "request_too_large",
    "reply_too_large",
    "empty_messages",
    "empty_streams",
    "unknown_method",
    "unknown_service",
    "many_at_once",
];

/// Whose program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Halloo,
    Python,
}

#[derive(Clone, Copy)]
enum Network {
    Ipv4,
    Ipv6,
    Unix,
}

const SIDES: [Side; 2] = [Side::Halloo, Side::Python];
const NETWORKS: [Network; 3] = [Network::Ipv4, Network::Ipv6, Network::Unix];

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Halloo => "halloo",
            Self::Python => "python",
        }
    }

    fn server(self, tools: &Tools) -> Command {
        match self {
            Self::Halloo => Command::new(target_dir().join("debug/interop-python-server")),
            Self::Python => tools.python.program("server.py"),
        }
    }

    fn client(self, tools: &Tools) -> Command {
        match self {
            Self::Halloo => Command::new(target_dir().join("debug/interop-python-client")),
            Self::Python => tools.python.program("client.py"),
        }
    }
}

impl Network {
    fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Unix => "unix",
        }
    }

    fn is_there(self) -> bool {
        !matches!(self, Self::Ipv6) || TcpListener::bind("[::1]:0").is_ok()
    }
}

/// The sides that have a part in any cell that is wanted.
pub(crate) fn wanted_sides(cells: &Cells) -> BTreeSet<Side> {
    let mut sides = BTreeSet::new();
    for (server, network) in servers() {
        for client in SIDES {
            if !wanted_cases(cells, client, server, network).is_empty() {
                sides.extend([client, server]);
            }
        }
    }
    sides
}

/// Runs every cell that is wanted.
pub(crate) fn run(tools: &Tools, cells: &mut Cells) -> Result<(), Failure> {
    let folder = Folder::make()?;
    for (server, network) in servers() {
        let clients: Vec<(Side, Vec<&str>)> = SIDES
            .into_iter()
            .map(|client| (client, wanted_cases(cells, client, server, network)))
            .filter(|(_, cases)| !cases.is_empty())
            .collect();
        if clients.is_empty() {
            continue;
        }
        if !network.is_there() {
            println!("    --    this machine has no {}: its cells are left out", network.name());
            continue;
        }
        let mut program = server.server(tools);
        program.args(["--listen", &folder.listen_address(server, network)]);
        let mut running = Running::start(&mut program, folder.log(&format!("{}-server", server.name())))?;
        let target = running.wait_for("listening on ", START_LIMIT)?;
        for (client, cases) in clients {
            let mut program = client.client(tools);
            program.args(["--target", &target]).args(&cases);
            let log = folder.log(&format!("{}-client", client.name()));
            let pair = |case: &str| cell_name(client, server, network, case);
            run_client(&mut program, log, &cases, pair, cells)?;
        }
    }
    Ok(())
}

fn servers() -> impl Iterator<Item = (Side, Network)> {
    SIDES.into_iter().flat_map(|server| NETWORKS.map(|network| (server, network)))
}

fn wanted_cases(cells: &Cells, client: Side, server: Side, network: Network) -> Vec<&'static str> {
    CASES.into_iter().filter(|case| cells.wants(&cell_name(client, server, network, case))).collect()
}

fn cell_name(client: Side, server: Side, network: Network, case: &str) -> String {
    format!("{} client -> {} server  {}  {case}", client.name(), server.name(), network.name())
}

/// Runs a client and turns its lines into cells; a case without a line is red.
fn run_client(
    program: &mut Command,
    log: PathBuf,
    cases: &[&str],
    name: impl Fn(&str) -> String,
    cells: &mut Cells,
) -> Result<(), Failure> {
    let mut client = Running::start(program, log)?;
    for (position, case) in cases.iter().enumerate() {
        let started = Instant::now();
        let why = match client.next_line(CASE_LIMIT) {
            Ok(Some(line)) if line == format!("pass {case}") => {
                cells.green(&name(case), started.elapsed());
                continue;
            }
            Ok(Some(line)) => match line.strip_prefix(&format!("fail {case}: ")) {
                Some(why) => {
                    cells.red(&name(case), why);
                    continue;
                }
                None => format!("the client said {line:?}"),
            },
            Ok(None) => format!("the client ended without a word on it{}", client.stderr()),
            Err(failure) => failure.to_string(),
        };
        // The client is lost, and with it what it had still to check.
        for case in &cases[position..] {
            cells.red(&name(case), &why);
        }
        return Ok(());
    }
    Ok(())
}

/// A folder for sockets, whose paths must be short, and for what the programs write on stderr.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("halloo-interop-{}", std::process::id()));
        fs::create_dir_all(&path).while_doing(|| format!("cannot create {}", path.display()))?;
        Ok(Self { path })
    }

    fn listen_address(&self, server: Side, network: Network) -> String {
        match network {
            Network::Ipv4 => "127.0.0.1:0".to_owned(),
            Network::Ipv6 => "[::1]:0".to_owned(),
            Network::Unix => format!("unix:{}", self.path.join(server.name()).display()),
        }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.log"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays behind in the place for temporary files harms nobody.
        let _ = fs::remove_dir_all(&self.path);
    }
}
