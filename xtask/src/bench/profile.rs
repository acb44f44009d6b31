//! Reads what callgrind writes: the total, and each function's own share.
//!
//! The format is lines of `fn=(id) name`, position and cost, and `calls=` with the cost of the call on the line after
//! it, which belongs to the callee. A name is written out once and is its number from then on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::Failure;
use crate::failure::While;

/// The instructions of one run.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    pub(crate) total: f64,
    /// By shortened name.
    pub(crate) functions: BTreeMap<String, f64>,
}

impl Profile {
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(file).while_doing(|| format!("cannot read {}", file.display()))?;
        let profile = Self::parse(&text);
        if profile.total == 0.0 {
            return Err(Failure::new(format!("callgrind counted nothing into {}", file.display())));
        }
        Ok(profile)
    }

    fn parse(text: &str) -> Self {
        let mut profile = Self::default();
        let mut names: BTreeMap<&str, String> = BTreeMap::new();
        let mut function = String::new();
        let mut is_callees = false;
        for line in text.lines() {
            if let Some(named) = line.strip_prefix("fn=") {
                let (id, name) = named.split_once(' ').unwrap_or((named, ""));
                if !name.is_empty() {
                    names.insert(id, shorten(name));
                }
                function = names.get(id).cloned().unwrap_or_default();
            } else if let Some(named) = line.strip_prefix("cfn=") {
                if let Some((id, name)) = named.split_once(' ') {
                    names.insert(id, shorten(name));
                }
            } else if line.starts_with("calls=") {
                is_callees = true;
            } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
                let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<f64>().ok()).unwrap_or(0.0);
                if !std::mem::take(&mut is_callees) {
                    profile.total += cost;
                    *profile.functions.entry(function.clone()).or_default() += cost;
                }
            }
        }
        profile
    }
}

/// A name without the types that it is generic over, its hash, and where the trait comes from.
fn shorten(name: &str) -> String {
    // callgrind marks recursion and copies: name'2.
    let name = name.split('\'').next().unwrap_or(name);
    let name = name.strip_prefix('<').map_or_else(|| name.to_owned(), method_of_impl);
    let mut short = String::new();
    let mut depth = 0_usize;
    for character in name.chars() {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => short.push(character),
            _ => {}
        }
    }
    let parts: Vec<&str> =
        short.split("::").filter(|part| !part.is_empty() && !is_hash(part) && !part.starts_with("{{")).collect();
    let krate = parts.first().copied().unwrap_or("?");
    let tail = &parts[parts.len().saturating_sub(2)..];
    if parts.len() > 2 { format!("{krate}::…::{}", tail.join("::")) } else { parts.join("::") }
}

/// `<a::B<C> as d::E>::f` as `a::B::f`.
fn method_of_impl(rest: &str) -> String {
    let mut depth = 1_usize;
    let mut kept = String::new();
    let mut is_trait = false;
    for (at, character) in rest.char_indices() {
        match character {
            '<' => depth += 1,
            '>' => depth -= 1,
            ' ' if depth == 1 && rest[at..].starts_with(" as ") => is_trait = true,
            _ => {}
        }
        if depth == 0 {
            return format!("{kept}{}", &rest[at + 1..]);
        }
        if !is_trait {
            kept.push(character);
        }
    }
    kept
}

fn is_hash(part: &str) -> bool {
    part.len() == 17 && part.starts_with('h') && part[1..].bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::{Profile, shorten};

    #[test]
    fn own_costs_add_up_without_the_callees() {
        let text = "events: Ir\nfl=(1) a.rs\nfn=(1) a::b::main\n3 10\nfi=(2) b.rs\n+1 5\ncfn=(2) a::f\ncalls=2 9\n+1 700\n\nfn=(2)\n9 700\ntotals: 715\n";
        let profile = Profile::parse(text);
        assert_eq!(profile.total, 715.0);
        assert_eq!(profile.functions["a::…::b::main"], 15.0);
        assert_eq!(profile.functions["a::f"], 700.0);
    }

    #[test]
    fn names_lose_what_only_the_compiler_needs() {
        for (long, short) in [
            ("memcpy", "memcpy"),
            ("halloo_http2::hpack::decode::Decoder::decode", "halloo_http2::…::Decoder::decode"),
            ("<tokio::io::Driver<T> as x::Park>::park::h0123456789abcdef", "tokio::…::Driver::park"),
            ("alloc::sync::Arc<T,A>::drop_slow'2", "alloc::…::Arc::drop_slow"),
        ] {
            assert_eq!(shorten(long), short);
        }
    }
}
