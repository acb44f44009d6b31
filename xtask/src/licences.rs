//! Every package that we build on must carry a licence that we accept.
//!
//! Licences are SPDX expressions; the old `MIT/Apache-2.0` counts as OR.

use crate::Failure;
use crate::process::root;
use crate::workspace::all_packages;

/// Licences that ask for no more than keeping their text.
const ACCEPTED: [&str; 10] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Checks the licences of all packages in the lock file. The examples carry none: they are there to be copied.
pub(crate) fn run() -> Result<(), Failure> {
    let mut packages = all_packages()?;
    packages.retain(|package| !package.manifest.starts_with(root().join("examples")));
    let faults: Vec<String> = packages
        .iter()
        .filter_map(|package| {
            let fault = match &package.licence {
                None => "names no licence".to_owned(),
                Some(expression) if is_accepted(expression) => return None,
                Some(expression) => format!("is under `{expression}`, which is not accepted"),
            };
            Some(format!("    {} {} {fault}", package.name, package.version))
        })
        .collect();
    if faults.is_empty() {
        println!("    {} packages, all under accepted licences", packages.len());
        return Ok(());
    }
    Err(Failure::new(faults.join("\n")))
}

/// Whether the SPDX expression can be satisfied with accepted licences alone.
fn is_accepted(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    any_of(&mut words) && words.peek().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

/// `a OR b OR c`, where AND binds tighter.
fn any_of(words: &mut Words<'_>) -> bool {
    let mut accepted = all_of(words);
    while words.next_if_eq(&"OR").is_some() {
        accepted |= all_of(words);
    }
    accepted
}

fn all_of(words: &mut Words<'_>) -> bool {
    let mut accepted = one(words);
    while words.next_if_eq(&"AND").is_some() {
        accepted &= one(words);
    }
    accepted
}

fn one(words: &mut Words<'_>) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let accepted = any_of(words);
        return words.next_if_eq(&")").is_some() && accepted;
    }
    let Some(name) = words.next() else { return false };
    if words.next_if_eq(&"WITH").is_some() {
        let Some(exception) = words.next() else { return false };
        return ACCEPTED.contains(&format!("{name} WITH {exception}").as_str());
    }
    ACCEPTED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::is_accepted;

    #[test]
    fn one_accepted_alternative_is_enough() {
        for expression in
            ["MIT", "GPL-3.0 OR MIT", "MIT/Apache-2.0", "(MIT OR GPL-2.0) AND Unicode-3.0", "Zlib OR MPL-2.0"]
        {
            assert!(is_accepted(expression), "{expression}");
        }
        assert!(is_accepted("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT"));
    }

    #[test]
    fn every_part_of_a_conjunction_must_be_accepted() {
        for expression in ["MPL-2.0", "MIT AND GPL-3.0", "", "(MIT", "MIT MIT", "(MIT OR ISC) AND MPL-2.0", "MIT AND"] {
            assert!(!is_accepted(expression), "{expression}");
        }
        assert!(!is_accepted("GPL-2.0 WITH Classpath-exception-2.0"));
    }
}
