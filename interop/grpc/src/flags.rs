//! Flags as gRPC's interop programs take them: `--name=value` or `--name value`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use halloo::Status;

/// Holds what a program was told on its command line.
#[derive(Debug, Default)]
pub struct Flags {
    values: BTreeMap<String, String>,
}

impl Flags {
    /// Reads flags, each of which has to be in `known` and has a value.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for anything else.
    pub fn read(args: impl IntoIterator<Item = String>, known: &[&str]) -> Result<Self, Status> {
        let mut flags = Self::default();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let usage = || {
                let names: Vec<_> = known.iter().map(|name| format!("--{name}")).collect();
                Status::invalid_argument(format!("{arg:?} is not --FLAG=VALUE; there are {}", names.join(" ")))
            };
            let flag = arg.strip_prefix("--").ok_or_else(usage)?;
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => (flag, args.next().ok_or_else(usage)?),
            };
            if !known.contains(&name) {
                return Err(usage());
            }
            flags.values.insert(name.to_owned(), value);
        }
        Ok(flags)
    }

    /// Returns a flag's value.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Returns a flag's value.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if it was not given; the text says `why` it is needed.
    pub fn needed(&self, name: &str, why: &str) -> Result<&str, Status> {
        self.text(name).ok_or_else(|| Status::invalid_argument(format!("--{name} is missing: {why}")))
    }

    /// Returns a flag's value, or `default`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if it is not a `T`.
    pub fn value<T: FromStr<Err: Display>>(&self, name: &str, default: T) -> Result<T, Status> {
        let Some(text) = self.text(name) else { return Ok(default) };
        text.parse().map_err(|error| Status::invalid_argument(format!("--{name} is {text:?}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::Flags;

    fn read(args: &[&str]) -> Result<Flags, halloo::Status> {
        Flags::read(args.iter().map(ToString::to_string), &["port", "use_tls"])
    }

    #[test]
    fn values_follow_an_equals_sign_or_a_space() {
        for args in [&["--port=1", "--use_tls=true"][..], &["--port", "1", "--use_tls", "true"]] {
            let flags = read(args).unwrap();
            assert_eq!(flags.value("port", 0).unwrap(), 1);
            assert!(flags.value("use_tls", false).unwrap());
        }
        assert_eq!(read(&[]).unwrap().value("port", 7).unwrap(), 7);
    }

    #[test]
    fn what_is_no_flag_is_named() {
        for args in [&["port=1"][..], &["--prt=1"], &["--port"]] {
            let status = read(args).unwrap_err();
            assert!(status.message().contains(args[0]) && status.message().contains("--port --use_tls"), "{status}");
        }
        let status = read(&["--port=x"]).unwrap().value("port", 0).unwrap_err();
        assert!(status.message().starts_with("--port is \"x\": "), "{status}");
    }
}
