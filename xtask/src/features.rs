//! The features of the crate `halloo`: each compiles alone and without the default ones, and a program with a codec of
//! its own gets nothing of protobuf. All features together are what the other steps build.

use crate::Failure;
use crate::process::{cargo, output, run};
use crate::workspace::members;

/// The program with a codec of its own.
const OWN_CODEC: &str = "--package=halloo-codec-test";

/// What it must not depend on.
const PROTOBUF: [&str; 4] = ["buffa", "buffa-types", "halloo-protobuf", "halloo-services"];

/// Checks every feature alone, and what is built without any.
pub(crate) fn check() -> Result<(), Failure> {
    for features in features_of("halloo")? {
        let selection = format!("--features={features}");
        let clippy = ["clippy", "--package=halloo", "--no-default-features", &selection, "--", "-D", "warnings"];
        run(&mut cargo(&clippy))?;
    }
    check_tree(&output(&mut cargo(&["tree", OWN_CODEC, "--edges=normal,build", "--prefix=none"]))?)?;
    run(&mut cargo(&["test", OWN_CODEC]))
}

/// Each feature of `package`, and none.
fn features_of(package: &str) -> Result<Vec<String>, Failure> {
    let mut features = vec![String::new()];
    let members = members()?;
    features.extend(members.into_iter().filter(|member| member.name == package).flat_map(|member| member.features));
    match features.len() {
        1 => Err(Failure::new(format!("cargo knows no features of {package}"))),
        _ => Ok(features),
    }
}

/// Refuses protobuf in a tree without prefixes, of which each line begins with the name of a crate.
fn check_tree(tree: &str) -> Result<(), Failure> {
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    match names.into_iter().find(|name| PROTOBUF.contains(name)) {
        Some(name) => Err(Failure::new(format!("without its default features, halloo depends on {name}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check_tree;

    #[test]
    fn protobuf_in_a_tree_is_found() {
        let tree = "text v0.1.0 (/x)\nbytes v1.12.0\nhalloo v0.1.0 (/x/halloo)\n";
        check_tree(tree).unwrap();
        let found = check_tree(&format!("{tree}buffa v0.9.2\nbytes v1.12.0 (*)\n")).unwrap_err();
        assert!(found.to_string().contains("depends on buffa"), "{found}");
    }
}
