//! The options behind `--halloo_opt`: the same choices as `halloo_build::Build` has, in one line.

use halloo_codegen::{Only, Request};
use std::fmt;

/// What `--help` and the errors say of the options.
pub(crate) const HELP: &str = "\
The options are:
  default_unimplemented    gives every service method a body that answers UNIMPLEMENTED
  json                     gives messages a JSON form and methods the codec for application/grpc+json
  only=PART                generates PART only: messages, clients or servers
  shared_bytes=PATH        makes the bytes fields under PATH (`.photos.Photo`, or `.` for all) hold bytes::Bytes
  views=METHOD             hands the requests of METHOD (`greeter.Greeter/SayHello`) to its handler as views
";

const NAMES: [&str; 5] = ["default_unimplemented", "json", "only", "shared_bytes", "views"];

/// An option that cannot be followed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownOption(String);

impl fmt::Display for UnknownOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.0, HELP.trim_end())
    }
}

/// Applies the options, which are separated by commas, to `request`.
pub(crate) fn apply(mut request: Request, parameter: &str) -> Result<Request, UnknownOption> {
    for option in parameter.split(',').map(str::trim).filter(|option| !option.is_empty()) {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (option, None),
        };
        request = match (name, value) {
            ("default_unimplemented", None | Some("true")) => request.default_unimplemented(true),
            ("default_unimplemented", Some("false")) => request.default_unimplemented(false),
            ("json", None | Some("true")) => request.json(true),
            ("json", Some("false")) => request.json(false),
            ("only", Some("messages")) => request.only(Only::Messages),
            ("only", Some("clients")) => request.only(Only::Clients),
            ("only", Some("servers")) => request.only(Only::Servers),
            ("shared_bytes", Some(path)) if path.starts_with('.') => request.shared_bytes(path),
            ("views", Some(method)) if !method.is_empty() => request.views(method),
            (name, _) if NAMES.contains(&name) => {
                return Err(UnknownOption(format!("the option `{option}` is not understood")));
            }
            _ => return Err(UnknownOption(format!("there is no option `{name}`"))),
        };
    }
    Ok(request)
}

#[cfg(test)]
#[path = "../tests/unit/options.rs"]
mod tests;
