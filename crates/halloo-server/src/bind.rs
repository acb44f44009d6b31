//! Where a server listens: from what users write to the addresses that are tried, and why none of them can be had.

use std::fmt;

use halloo_core::{HostPort, Purpose, Status, Target};
use halloo_transport::{BindError, ListenAddress};

use crate::port_owner::port_owner;

/// The addresses that `text` stands for: several if it is a name that has several.
pub(crate) async fn listen_addresses(text: &str) -> Result<Vec<ListenAddress>, Status> {
    let mistake = |why: &dyn fmt::Display| {
        Status::invalid_argument(format!("{text:?} is no address to listen on: {why}")).note(
            "hint",
            "write host:port, such as [::]:50051 or 127.0.0.1:0, unix:/path/to/socket or unix-abstract:name",
        )
    };
    let hosts = match Target::parse(text, Purpose::Listen).map_err(|error| mistake(&error))? {
        Target::Unix(path) => return Ok(vec![ListenAddress::Unix(path)]),
        Target::UnixAbstract(name) => return Ok(vec![ListenAddress::UnixAbstract(name)]),
        Target::Tcp { hosts, .. } => hosts,
        _ => return Err(mistake(&"it is of a kind that servers do not know")),
    };
    let [HostPort { host, port }] = &hosts[..] else { return Err(mistake(&"a server listens on one address")) };
    let Some(port) = *port else { return Err(mistake(&"the port is missing")) };
    if let Some(address) = host.socket_addr(port) {
        return Ok(vec![ListenAddress::Tcp(address)]);
    }
    let resolved = tokio::net::lookup_host((host.look_up_name(), port)).await.map_err(|error| {
        Status::unavailable(format!("cannot resolve {text} to listen on it: {error}")).caused_by(error)
    })?;
    Ok(resolved.map(ListenAddress::Tcp).collect())
}

/// The status of a server that cannot have its address.
pub(crate) fn bind_status(error: BindError) -> Status {
    let mut text = error.to_string();
    let in_use = error.io_error().kind() == std::io::ErrorKind::AddrInUse;
    if let (true, ListenAddress::Tcp(address)) = (in_use, error.address())
        && let Some(owner) = port_owner(address.port())
    {
        text = format!("port {} is already used by {owner}", address.port());
    }
    let is_no_socket = error.io_error().kind() == std::io::ErrorKind::AlreadyExists;
    let hint = match error.address() {
        _ if is_no_socket => Some("remove it, or choose another path"),
        _ if !in_use => None,
        ListenAddress::Tcp(_) => Some("stop it, or choose another port (0 lets the system choose)"),
        _ => Some("stop it, or choose another path"),
    };
    let status = Status::unavailable(text).caused_by(error.into_io_error());
    hint.into_iter().fold(status, |status, hint| status.note("hint", hint))
}
