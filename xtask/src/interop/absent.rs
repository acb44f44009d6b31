//! What others' interop programs lack: `interop/grpc/absent.txt`.

use std::fs;

use crate::Failure;
use crate::failure::While;
use crate::process::root;

use super::programs::Implementation;

const FILE: &str = "interop/grpc/absent.txt";

/// Which of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// The cases that programs do not have.
#[derive(Debug)]
pub(crate) struct Absent {
    /// Whose, which program, and the case.
    entries: Vec<(String, Role, String)>,
}

impl Absent {
    pub(crate) fn read() -> Result<Self, Failure> {
        let path = root().join(FILE);
        Self::parse(&fs::read_to_string(&path).while_doing(|| format!("cannot read {FILE}"))?)
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let mut entries = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let words: Vec<_> = line.split(' ').collect();
            let entry = match words[..] {
                [whose, "client", case, _, ..] => (whose.to_owned(), Role::Client, case.to_owned()),
                [whose, "server", case, _, ..] => (whose.to_owned(), Role::Server, case.to_owned()),
                _ => return Err(Failure::new(format!("{FILE}: {line:?} is not WHOSE PROGRAM CASE WHAT-IT-LACKS"))),
            };
            entries.push(entry);
        }
        Ok(Self { entries })
    }

    pub(crate) fn has(&self, whose: Implementation, role: Role, case: &str) -> bool {
        self.entries.iter().any(|entry| (&*entry.0, entry.1, &*entry.2) == (whose.name(), role, case))
    }
}

#[cfg(test)]
mod tests {
    use super::{Absent, Role};
    use crate::interop::programs::Implementation::{GrpcGo, GrpcJava};

    #[test]
    fn a_line_is_whose_program_case_and_why() {
        let absent = Absent::parse("# a comment\n\ngrpc-go server ping_pong half of it\n").unwrap();
        assert!(absent.has(GrpcGo, Role::Server, "ping_pong"));
        assert!(!absent.has(GrpcGo, Role::Client, "ping_pong") && !absent.has(GrpcJava, Role::Server, "ping_pong"));
        let failure = Absent::parse("grpc-go server ping_pong").unwrap_err().to_string();
        assert!(failure.contains("\"grpc-go server ping_pong\""), "{failure}");
    }
}
