//! The command lines of all measured programs, ours and the peers': one address, then options.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

/// A command line: `ADDRESS [--name value]... [--name=value]... [--flag]...`.
#[derive(Debug)]
pub struct Options {
    /// What the program listens on or connects to.
    pub address: String,
    values: BTreeMap<String, String>,
}

/// Says which part of a command line is wrong.
#[derive(Debug)]
pub struct BadOption(String);

impl Options {
    /// Reads the process's command line; `valued` and `flags` are the options that there are.
    ///
    /// # Errors
    /// When the address is missing, an option is unknown, or its value is missing.
    pub fn from_command_line(valued: &[&str], flags: &[&str]) -> Result<Self, BadOption> {
        let mut args = std::env::args().skip(1);
        let mut address = None;
        let mut values = BTreeMap::new();
        while let Some(arg) = args.next() {
            let Some(option) = arg.strip_prefix("--") else {
                if address.replace(arg).is_some() {
                    return Err(BadOption("there are two addresses".to_owned()));
                }
                continue;
            };
            let (name, value) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
            let value = match value {
                _ if flags.contains(&name) => String::new(),
                _ if !valued.contains(&name) => return Err(BadOption(format!("there is no option --{name}"))),
                Some(value) => value.to_owned(),
                None => args.next().ok_or_else(|| BadOption(format!("--{name} needs a value")))?,
            };
            values.insert(name.to_owned(), value);
        }
        let address = address.ok_or_else(|| BadOption("the address is missing".to_owned()))?;
        Ok(Self { address, values })
    }

    /// Whether a flag was given.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A number, or `default` when the option was not given.
    ///
    /// # Errors
    /// When the value is no number.
    pub fn number(&self, name: &str, default: u64) -> Result<u64, BadOption> {
        let Some(value) = self.values.get(name) else { return Ok(default) };
        value.parse().map_err(|_| BadOption(format!("--{name} is a number, not {value:?}")))
    }

    /// The tokio runtime that `--runtime current|multi` and `--threads N` ask for; default: one thread.
    ///
    /// # Errors
    /// When the options are wrong, or the threads cannot be started.
    pub fn runtime(&self) -> io::Result<tokio::runtime::Runtime> {
        let threads = self.number("threads", 2).map_err(io::Error::other)? as usize;
        let mut builder = match self.values.get("runtime").map_or("current", String::as_str) {
            "current" => tokio::runtime::Builder::new_current_thread(),
            "multi" => tokio::runtime::Builder::new_multi_thread(),
            other => return Err(io::Error::other(format!("--runtime is current or multi, not {other:?}"))),
        };
        builder.worker_threads(threads.max(1)).enable_all().build()
    }
}

impl fmt::Display for BadOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadOption {}
