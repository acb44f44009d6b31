//! Circles of files: files of a crate that need each other, directly or through others.
//!
//! `paths` finds the paths that a file names, `modules` the files that they lead to. A name that is only passed on
//! (`pub use`) makes no file need another.

mod modules;
mod paths;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use self::modules::{Crate, module_of};
use crate::Failure;
use crate::failure::While;
use crate::process::root;
use crate::tidy::sources::rust_files;
use crate::workspace::members;

/// The most files that may need each other.
const MAX_FILES: usize = 5;

/// The crates with another limit: a call has to be read in small parts.
const LIMITS: [(&str, usize); 2] = [("halloo-call", 3), ("halloo-client", 3)];

/// Checks every package of the workspace.
pub(crate) fn check() -> Result<Vec<String>, Failure> {
    let mut faults = Vec::new();
    for package in members()? {
        let Some(folder) = package.manifest.parent().map(|folder| folder.join("src")) else { continue };
        let max = LIMITS.iter().find(|(name, _)| *name == package.name).map_or(MAX_FILES, |(_, limit)| *limit);
        let name = folder.strip_prefix(root()).unwrap_or(&folder).display().to_string();
        let needs = Crate::new(read(&folder)?).needs();
        faults.extend(circles(&needs).into_iter().filter(|circle| circle.len() > max).map(|circle| {
            format!("{name}: {} files need each other, at most {max} may: {}", circle.len(), circle.join(", "))
        }));
    }
    Ok(faults)
}

/// The texts of a crate by their modules, without those of tests.
fn read(folder: &Path) -> Result<BTreeMap<Vec<String>, String>, Failure> {
    let mut texts = BTreeMap::new();
    for path in rust_files(folder)? {
        let relative = path.strip_prefix(folder).unwrap_or(&path);
        if let Some(module) = module_of(&relative.to_string_lossy().replace('\\', "/")) {
            let text = fs::read_to_string(&path).while_doing(|| format!("cannot read {}", path.display()))?;
            texts.insert(module, text);
        }
    }
    Ok(texts)
}

/// The sets of more than one file in which each needs every other.
fn circles(needs: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = needs.keys().map(|file| (file, reach(needs, file))).collect();
    let mut circles = BTreeSet::new();
    for (file, others) in &reached {
        let around: Vec<String> =
            others.iter().filter(|other| reached[*other].contains(*file)).map(|other| (*other).clone()).collect();
        if around.len() > 1 {
            circles.insert(around);
        }
    }
    circles.into_iter().collect()
}

/// The files that a file needs, directly or through others.
fn reach<'a>(needs: &'a BTreeMap<String, BTreeSet<String>>, file: &'a String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![file];
    while let Some(file) = waiting.pop() {
        waiting.extend(needs[file].iter().filter(|next| reached.insert(*next)));
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &[&[&str]]) {
        let module = |file: &str| module_of(file).expect("the test names sources");
        let texts = files.iter().map(|(file, text)| (module(file), (*text).to_owned())).collect();
        assert_eq!(circles(&Crate::new(texts).needs()), expected);
    }

    #[test]
    fn files_that_need_each_other_are_a_circle() {
        check(&[("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::B;"), ("b.rs", "struct B;")], &[]);
        check(&[("a.rs", "use crate::b::B;"), ("b.rs", "fn f(a: crate::a::A) {}")], &[&["a", "b"]]);
        check(
            &[
                ("a.rs", "use super::b;"),
                ("b.rs", "use crate::c::{C, d::{self, D}};"),
                ("c/mod.rs", "mod d;"),
                ("c/d.rs", "use crate::a::{X as Y};"),
            ],
            &[&["a", "b", "c::d"]],
        );
    }

    #[test]
    fn names_lead_to_the_file_that_has_them() {
        let passed_on = ("lib.rs", "mod a; mod b; pub use a::A; pub use crate::b::{B, C as D};");
        check(&[passed_on, ("a.rs", "use crate::{B, D};"), ("b.rs", "use super::A;")], &[&["a", "b"]]);
        check(&[passed_on, ("a.rs", "pub use crate::B;"), ("b.rs", "use super::A;")], &[]);
        check(&[("c/mod.rs", "mod d; use d::D; struct C;"), ("c/d.rs", "use super::C;")], &[&["c", "c::d"]]);
        check(&[("c/mod.rs", "mod d; fn f() { d::g() }"), ("c/d.rs", "use super::f;")], &[&["c", "c::d"]]);
    }

    #[test]
    fn comments_texts_and_tests_name_nothing() {
        let tests = "\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n";
        for text in
            ["// crate::a::A", "/// [`crate::a::A`]\nfn f() {}", "fn f() { g(\"crate::a::A\\\"\", '\"') }", tests]
        {
            check(&[("a.rs", "use crate::b::B;"), ("b.rs", text)], &[]);
        }
        check(
            &[("a.rs", "use crate::b::B;"), ("b.rs", "fn f<'a>(c: char) { c == '\"'; crate::a::g(\"\") }")],
            &[&["a", "b"]],
        );
    }
}
