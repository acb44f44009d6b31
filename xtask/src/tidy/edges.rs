//! Which crate may use which: the table in `ARCHITECTURE.md` is the law, the manifests are held against it.
//!
//! Both directions count: an edge that the table does not allow is a fault, and so is a crate that the table does
//! not name or names in vain. What only tests use is free.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::Failure;
use crate::failure::While;
use crate::process::root;
use crate::workspace::{Package, members};

const TABLE_BEGINS: &str = "<!-- edges: begin -->";
const TABLE_ENDS: &str = "<!-- edges: end -->";

/// What a crate may use.
#[derive(Debug, Default, PartialEq, Eq)]
struct Allowed {
    ours: BTreeSet<String>,
    others: BTreeSet<String>,
}

type Table = BTreeMap<String, Allowed>;

/// Checks the packages of the workspace.
pub(crate) fn check() -> Result<Vec<String>, Failure> {
    let path = root().join("ARCHITECTURE.md");
    let text = fs::read_to_string(&path).while_doing(|| format!("cannot read {}", path.display()))?;
    let table = read_table(&text)?;
    let members = members()?;
    let crates_folder = root().join("crates");
    let crates: Vec<&Package> = members.iter().filter(|package| package.manifest.starts_with(&crates_folder)).collect();

    let mut faults = edge_faults(&table, &crates);
    faults.extend(table_faults(&table, &crates));
    faults.extend(binary_faults(&members));
    for package in &members {
        faults.extend(manifest_faults(package)?);
    }
    Ok(faults)
}

/// Reads the rows `| crate | what it owns | may use of ours | may use of others |` between the two marks.
fn read_table(text: &str) -> Result<Table, Failure> {
    let table = text
        .split_once(TABLE_BEGINS)
        .and_then(|(_, rest)| rest.split_once(TABLE_ENDS))
        .map(|(table, _)| table)
        .ok_or_else(|| Failure::new(format!("ARCHITECTURE.md has no {TABLE_BEGINS} .. {TABLE_ENDS}")))?;
    let rows = table.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').collect();
        let [_, name, _owns, ours, others, _] = cells[..] else { return None };
        let name = names(name).next()?;
        Some((name, Allowed { ours: names(ours).collect(), others: names(others).collect() }))
    });
    Ok(rows.collect())
}

/// The words of a table cell that stand in backticks.
fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

fn edge_faults(table: &Table, crates: &[&Package]) -> Vec<String> {
    let ours: BTreeSet<&str> = crates.iter().map(|package| package.name.as_str()).collect();
    let mut faults = Vec::new();
    for package in crates {
        let Some(allowed) = table.get(&package.name) else { continue };
        for dependency in &package.dependencies {
            let list = if ours.contains(dependency.as_str()) { &allowed.ours } else { &allowed.others };
            if !list.contains(dependency) {
                faults.push(format!("{} may not use {dependency}: ARCHITECTURE.md has no such edge", package.name));
            }
        }
    }
    faults
}

fn table_faults(table: &Table, crates: &[&Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for package in crates {
        if !table.contains_key(&package.name) {
            faults.push(format!("{} is missing in the table of ARCHITECTURE.md", package.name));
        }
        let folder = package.manifest.parent().and_then(|folder| folder.file_name());
        if folder.is_none_or(|folder| folder != package.name.as_str()) {
            faults.push(format!("{} does not live in a folder of its name", package.name));
        }
    }
    for (name, allowed) in table {
        match crates.iter().find(|package| package.name == *name) {
            None => faults.push(format!("the table of ARCHITECTURE.md has {name}, which does not exist")),
            Some(package) => {
                let unused =
                    allowed.ours.iter().chain(&allowed.others).filter(|edge| !package.dependencies.contains(edge));
                faults.extend(
                    unused.map(|edge| format!("the table of ARCHITECTURE.md lets {name} use {edge}, and it does not")),
                );
            }
        }
    }
    faults
}

fn binary_faults(members: &[Package]) -> Vec<String> {
    let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in members {
        for binary in &package.binaries {
            owners.entry(binary).or_default().push(&package.name);
        }
    }
    let shared = owners.into_iter().filter(|(_, packages)| packages.len() > 1);
    shared.map(|(binary, packages)| format!("the binary name {binary} belongs to {}", packages.join(" and "))).collect()
}

/// Every package takes the lints of the root, except examples: they are made to be copied out of here.
fn manifest_faults(package: &Package) -> Result<Vec<String>, Failure> {
    if package.manifest.starts_with(root().join("examples")) {
        return Ok(Vec::new());
    }
    let text =
        fs::read_to_string(&package.manifest).while_doing(|| format!("cannot read {}", package.manifest.display()))?;
    let inherits =
        text.split_once("[lints]").is_some_and(|(_, rest)| rest.trim_start().starts_with("workspace = true"));
    let fault = format!("{} does not inherit the lints: `[lints] workspace = true`", package.name);
    Ok(if inherits { Vec::new() } else { vec![fault] })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{binary_faults, edge_faults, read_table, table_faults};
    use crate::workspace::Package;

    const TABLE: &str = "
<!-- edges: begin -->
| crate | owns | ours | others |
|---|---|---|---|
| `a` | nouns | - | `bytes` |
| `b` | verbs, see `a::Noun` | `a` | `bytes` `tokio` |
<!-- edges: end -->
";

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            licence: None,
            manifest: PathBuf::from(format!("/x/crates/{name}/Cargo.toml")),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
            binaries: vec!["server".to_owned()],
            features: Vec::new(),
        }
    }

    #[test]
    fn what_the_table_allows_passes() {
        let table = read_table(TABLE).unwrap();
        let (a, b) = (package("a", &["bytes"]), package("b", &["a", "bytes", "tokio"]));
        assert_eq!(edge_faults(&table, &[&a, &b]), [""; 0]);
        assert_eq!(table_faults(&table, &[&a, &b]), [""; 0]);
    }

    #[test]
    fn an_edge_against_the_table_is_a_fault() {
        let table = read_table(TABLE).unwrap();
        let (a, b) = (package("a", &["bytes", "b", "tokio"]), package("b", &[]));
        let faults = edge_faults(&table, &[&a, &b]);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].starts_with("a may not use b"), "{faults:?}");
        assert!(faults[1].starts_with("a may not use tokio"), "{faults:?}");
    }

    #[test]
    fn a_table_that_says_too_much_or_too_little_is_a_fault() {
        let table = read_table(TABLE).unwrap();
        let (a, c) = (package("a", &[]), package("c", &[]));
        let faults = table_faults(&table, &[&a, &c]).join("\n");
        assert!(faults.contains("c is missing in the table"), "{faults}");
        assert!(faults.contains("has b, which does not exist"), "{faults}");
        assert!(faults.contains("lets a use bytes, and it does not"), "{faults}");
    }

    #[test]
    fn two_binaries_of_one_name_are_a_fault() {
        let faults = binary_faults(&[package("a", &[]), package("b", &[])]);
        assert_eq!(faults, ["the binary name server belongs to a and b"]);
    }

    #[test]
    fn a_text_without_the_table_is_a_fault() {
        assert!(read_table("# Architecture").is_err());
    }
}
