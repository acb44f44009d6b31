//! Our `.proto`, every client against every server, in plaintext and with TLS; a pair of the same side is the control.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
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

/// What our clients and Python's check.
const CASES: [&str; 32] = [
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
    "outer_spaces",
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
    "compressed_gzip",
    "compressed_deflate",
];

/// What is checked where the connection is the point and not the calls, and by programs of Go.
const CONNECTION_CASES: [&str; 7] =
    ["unary", "server_streaming", "client_streaming", "bidi_streaming", "big_unary", "big_streaming", "many_at_once"];

/// A client without a certificate and a server that wants one.
const REFUSED: [&str; 1] = ["refused"];

/// Whose program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Halloo,
    Python,
    /// With TLS only.
    Go,
}

/// How the two reach each other; with TLS by IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    Ipv4,
    Ipv6,
    Unix,
    Tls,
    /// TLS on which both sides show certificates.
    MutualTls,
    /// TLS, and messages in JSON: `application/grpc+json`.
    Json,
}

const SIDES: [Side; 3] = [Side::Halloo, Side::Python, Side::Go];
const NETWORKS: [Network; 6] =
    [Network::Ipv4, Network::Ipv6, Network::Unix, Network::Tls, Network::MutualTls, Network::Json];

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Halloo => "halloo",
            Self::Python => "python",
            Self::Go => "go",
        }
    }

    fn server(self, tools: &Tools) -> Command {
        match self {
            Self::Halloo => Command::new(target_dir().join("debug/interop-python-server")),
            Self::Python => tools.python.program("server.py"),
            Self::Go => go_program(tools, "tls_server"),
        }
    }

    fn client(self, tools: &Tools) -> Command {
        match self {
            Self::Halloo => Command::new(target_dir().join("debug/interop-python-client")),
            Self::Python => tools.python.program("client.py"),
            Self::Go => go_program(tools, "tls_client"),
        }
    }
}

fn go_program(tools: &Tools, name: &str) -> Command {
    // Without Go's tools no cell of Go's is wanted, and nobody asks.
    tools.go.as_ref().map_or_else(|| Command::new(name), |go| go.program(name))
}

impl Network {
    fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Unix => "unix",
            Self::Tls => "tls",
            Self::MutualTls => "mtls",
            Self::Json => "json",
        }
    }

    fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::MutualTls | Self::Json)
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
    let certificates = folder.path.join("certificates");
    if servers().any(|(server, network)| network.is_tls() && !wanted_clients(cells, server, network).is_empty()) {
        let mut program = Command::new(target_dir().join("debug/interop-certificates"));
        crate::process::run(program.arg(&certificates))?;
    }
    for (server, network) in servers() {
        let clients = wanted_clients(cells, server, network);
        if clients.is_empty() {
            continue;
        }
        if !network.is_there() {
            println!("    --    this machine has no {}: its cells are left out", network.name());
            continue;
        }
        let mut program = server.server(tools);
        program.args(["--listen", &folder.listen_address(server, network)]);
        program.args(tls_arguments(&certificates, network.is_tls(), network == Network::MutualTls));
        let mut running = Running::start(&mut program, folder.log(&format!("{}-server", server.name())))?;
        let target = running.wait_for("listening on ", START_LIMIT)?;
        for (client, cases) in clients {
            let mut program = client.client(tools);
            let mutual = network == Network::MutualTls && cases != REFUSED;
            program.args(["--target", &target]);
            program.args(tls_arguments(&certificates, network.is_tls(), mutual));
            program.args((network == Network::Json).then_some("--json")).args(&cases);
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

/// The clients of a server with what is wanted of each; one that is to be refused comes without a certificate, and
/// alone.
fn wanted_clients(cells: &Cells, server: Side, network: Network) -> Vec<(Side, Vec<&'static str>)> {
    let mut clients = Vec::new();
    for client in SIDES {
        let (refused, others): (Vec<_>, Vec<_>) =
            wanted_cases(cells, client, server, network).into_iter().partition(|case| REFUSED.contains(case));
        clients.extend([others, refused].into_iter().filter(|cases| !cases.is_empty()).map(|cases| (client, cases)));
    }
    clients
}

fn wanted_cases(cells: &Cells, client: Side, server: Side, network: Network) -> Vec<&'static str> {
    let has_go = client == Side::Go || server == Side::Go;
    let has_python = client == Side::Python || server == Side::Python;
    let cases = match network {
        Network::Ipv4 | Network::Ipv6 | Network::Unix if has_go => Vec::new(),
        Network::Ipv4 | Network::Ipv6 | Network::Unix => CASES.to_vec(),
        Network::Tls if has_go => CONNECTION_CASES.to_vec(),
        Network::Tls => CASES.to_vec(),
        Network::MutualTls => CONNECTION_CASES.into_iter().chain(REFUSED).collect(),
        // Python's library cannot name the content-subtype.
        Network::Json if has_python => Vec::new(),
        Network::Json if has_go => CONNECTION_CASES.to_vec(),
        Network::Json => CASES.to_vec(),
    };
    cases.into_iter().filter(|case| cells.wants(&cell_name(client, server, network, case))).collect()
}

fn tls_arguments(certificates: &Path, tls: bool, mutual: bool) -> Vec<OsString> {
    let mut arguments = Vec::new();
    if tls {
        arguments.extend(["--tls".into(), certificates.into()]);
    }
    if mutual {
        arguments.push("--mutual".into());
    }
    arguments
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
            Network::Ipv4 | Network::Tls | Network::MutualTls | Network::Json => "127.0.0.1:0".to_owned(),
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
