//! The numbers of `ARCHITECTURE.md`: a table names the constant of each, and its text has none that the table lacks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::Failure;
use crate::failure::While;
use crate::process::root;

const TABLE_BEGINS: &str = "<!-- numbers: begin -->";
const TABLE_ENDS: &str = "<!-- numbers: end -->";

/// The units, and how many of its smallest kind each is: bytes, or microseconds.
const UNITS: [(&str, u64); 6] =
    [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("µs", 1), ("ms", 1_000), ("s", 1_000_000)];

/// Checks that each row of the table has the value of its constant, and that the text has no other number with a unit.
pub(crate) fn check() -> Result<Vec<String>, Failure> {
    let path = root().join("ARCHITECTURE.md");
    let text = fs::read_to_string(&path).while_doing(|| format!("cannot read {}", path.display()))?;
    let folder = root().join("crates");
    faults(&text, |file| source(&folder, file))
}

/// The text of `call/exchange/state.rs`, which is a file of `halloo-call`.
fn source(folder: &Path, file: &str) -> Result<String, Failure> {
    let (package, rest) = file.split_once('/').unwrap_or((file, ""));
    let path = folder.join(format!("halloo-{package}")).join("src").join(rest);
    fs::read_to_string(&path).while_doing(|| format!("ARCHITECTURE.md: cannot read {}", path.display()))
}

fn faults(text: &str, source: impl Fn(&str) -> Result<String, Failure>) -> Result<Vec<String>, Failure> {
    let table = text.split_once(TABLE_BEGINS).and_then(|(_, rest)| rest.split_once(TABLE_ENDS)).map(|(table, _)| table);
    let table = table.ok_or_else(|| Failure::new(format!("ARCHITECTURE.md has no {TABLE_BEGINS} .. {TABLE_ENDS}")))?;
    let mut faults = Vec::new();
    let mut known = BTreeSet::new();
    for row in table.lines().filter(|line| line.contains('`')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, _, number, place, _] = cells[..] else {
            faults.push(format!("ARCHITECTURE.md: a row of numbers has not three columns: {row}"));
            continue;
        };
        let [file, constant] = place.split('`').skip(1).step_by(2).collect::<Vec<_>>()[..] else {
            faults.push(format!("ARCHITECTURE.md: a row of numbers names no file and constant: {row}"));
            continue;
        };
        known.insert(number.to_owned());
        let said = quantity(number);
        let is = value(&source(file)?, constant);
        if said.is_none() || said != is {
            faults.push(format!("ARCHITECTURE.md: `{constant}` in {file} is not {number}"));
        }
    }
    for (index, line) in text.lines().enumerate() {
        for number in quantities(line).filter(|number| !known.contains(number)) {
            faults.push(format!("ARCHITECTURE.md:{}: {number} is in no row of the table of numbers", index + 1));
        }
    }
    Ok(faults)
}

/// The numbers with a unit in a line.
fn quantities(line: &str) -> impl Iterator<Item = String> {
    let words: Vec<&str> = line.split([' ', '(', ')', ',', ';', ':']).filter(|word| !word.is_empty()).collect();
    let pairs: Vec<_> =
        words.windows(2).map(|pair| (pair[0].to_owned(), pair[1].trim_end_matches('.').to_owned())).collect();
    pairs.into_iter().filter_map(|(number, unit)| {
        let is_unit = UNITS.iter().any(|(known, _)| *known == unit);
        (is_unit && number.parse::<u64>().is_ok()).then(|| format!("{number} {unit}"))
    })
}

/// `64 KiB` in bytes, `200 µs` in microseconds, `32` as it is.
fn quantity(text: &str) -> Option<u64> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number: u64 = number.parse().ok()?;
    match unit {
        "" => Some(number),
        unit => Some(number * UNITS.iter().find(|(known, _)| *known == unit)?.1),
    }
}

/// The value that `name` is given in a source: as a constant, or as a field's default.
fn value(source: &str, name: &str) -> Option<u64> {
    source.match_indices(name).find_map(|(at, _)| {
        let rest = source[at + name.len()..].strip_prefix(':')?;
        let end = rest.find([';', ',', '\n'])?;
        let expression = rest[..end].rsplit('=').next()?;
        evaluate(expression.trim())
    })
}

/// Products, shifts and durations of numbers.
fn evaluate(expression: &str) -> Option<u64> {
    for (function, factor) in [("from_secs", 1_000_000), ("from_millis", 1_000), ("from_micros", 1)] {
        if let Some(inner) = expression.strip_prefix(&format!("Duration::{function}(")) {
            return Some(evaluate(inner.strip_suffix(')')?)? * factor);
        }
    }
    if let Some((number, shift)) = expression.split_once("<<") {
        return Some(evaluate(number.trim())? << evaluate(shift.trim())?);
    }
    if let Some((left, right)) = expression.split_once('*') {
        return Some(evaluate(left.trim())? * evaluate(right.trim())?);
    }
    expression.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "const A: usize = 64 * 1024;\nconst B: Duration = Duration::from_micros(200);\n  c: 16 << 20,\nconst D: u32 = 4_096;";

    fn check(row: &str, text: &str, expected: &[&str]) {
        let text = format!("{TABLE_BEGINS}\n| what | number | where |\n|---|---|---|\n{row}\n{TABLE_ENDS}\n{text}");
        assert_eq!(faults(&text, |_| Ok(SOURCE.to_owned())).unwrap(), expected, "{text}");
    }

    #[test]
    fn numbers_are_those_of_the_sources() {
        for (row, text, expected) in [
            ("| a | 64 KiB | `x/y.rs` `A` |", "of 64 KiB, or HTTP/2 s", &[][..]),
            ("| b | 200 µs | `x/y.rs` `B` |", "(200 µs).", &[]),
            ("| c | 16 MiB | `x/y.rs` `c` |", "", &[]),
            ("| d | 4096 | `x/y.rs` `D` |", "", &[]),
            ("| a | 32 KiB | `x/y.rs` `A` |", "", &["ARCHITECTURE.md: `A` in x/y.rs is not 32 KiB"]),
            ("| a | 64 KiB | `x/y.rs` `E` |", "", &["ARCHITECTURE.md: `E` in x/y.rs is not 64 KiB"]),
            (
                "| a | 64 KiB | `x/y.rs` `A` |",
                "for 30 s.",
                &["ARCHITECTURE.md:6: 30 s is in no row of the table of numbers"],
            ),
        ] {
            check(row, text, expected);
        }
    }
}
