//! The module tree over the packages, and the macros through which user crates take it in.
//!
//! `include_proto!("a.b")` places a hidden module with `a.b` and every package that it needs, and
//! re-exports the items of `a.b`; `include_protos!()` places all packages as public modules. A package
//! that was not generated becomes a compile error that lists those that were.

use crate::names::unique;
use crate::output::{CHECK_PACKAGE_FILE, INCLUDE_PROTO_FILE, INCLUDE_PROTOS_FILE, MODULE_FILE, OUTPUT_FOLDER_VARIABLE};
use crate::selection::PackageTree;
use buffa_codegen::idents::escape_mod_ident;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Lints that generated code may break and that a user crate may have turned on.
const ALLOWED_LINTS: [&str; 32] = [
    "bindings_with_variant_name",
    "clippy::all",
    "clippy::nursery",
    "clippy::pedantic",
    "clippy::restriction",
    "deprecated",
    "elided_lifetimes_in_paths",
    "explicit_outlives_requirements",
    "future_incompatible",
    "missing_copy_implementations",
    "missing_debug_implementations",
    "missing_docs",
    "non_ascii_idents",
    "nonstandard_style",
    "redundant_imports",
    "redundant_lifetimes",
    "rust_2018_idioms",
    "rust_2021_compatibility",
    "rust_2024_compatibility",
    "rustdoc::all",
    "single_use_lifetimes",
    "trivial_casts",
    "trivial_numeric_casts",
    "unit_bindings",
    "unnameable_types",
    "unreachable_pub",
    "unused",
    "unused_import_braces",
    "unused_lifetimes",
    "unused_qualifications",
    "unused_results",
    "variant_size_differences",
];

/// The file that holds a package's Rust text.
pub(crate) fn source_file(package: &str) -> String {
    let name = format!("{}.rs", stem(package));
    if OTHER_FILES.contains(&name.as_str()) { format!("{package}-.rs") } else { name }
}

/// A file name for a package; `_` is no package name, so it serves for files without a package.
fn stem(package: &str) -> &str {
    if package.is_empty() { "_" } else { package }
}

/// The packages that user crates take in.
#[derive(Clone, Copy)]
pub(crate) struct Packages<'a> {
    pub(crate) trees: &'a [PackageTree],
    /// Whether they have a JSON form, for which `halloo` has to have a feature.
    pub(crate) json: bool,
}

impl Packages<'_> {
    /// Says which kind of generated code this is; `halloo` refuses kinds that it does not know.
    fn expectation(self) -> &'static str {
        match self.json {
            false => "::halloo::__expect_generated_code!(2);\n\n",
            true => "::halloo::__expect_generated_code!(2);\n::halloo::__expect_json!();\n\n",
        }
    }

    fn names(&self) -> BTreeSet<&str> {
        self.trees.iter().map(|package| package.name.as_str()).collect()
    }

    /// The first parts of all packages' names, whose modules stand beside our own.
    fn roots(&self) -> BTreeSet<String> {
        self.names().into_iter().filter_map(|name| segments(name).next()).map(str::to_owned).collect()
    }
}

/// Names of files that are no package's. A package of such a name gets a file name that no package can have.
const OTHER_FILES: [&str; 4] = [MODULE_FILE, CHECK_PACKAGE_FILE, INCLUDE_PROTO_FILE, INCLUDE_PROTOS_FILE];

/// The text that checks a package's name: a macro that is empty for those that were generated.
///
/// Apart from the text of `include_proto!`, so that its error points to the place where that macro is used.
pub(crate) fn check_package(packages: &[PackageTree]) -> String {
    let mut out = String::from("macro_rules! __halloo_check_package {\n");
    for package in packages {
        let _ = writeln!(out, "    ({:?}) => {{}};", package.name);
    }
    let found = packages.iter().map(|package| quoted(&package.name)).collect::<Vec<_>>().join(", ");
    let found = if found.is_empty() { "nothing".to_owned() } else { found };
    out.push_str(
        "    ($package:literal) => {\n        ::core::compile_error!(::core::concat!(\n            \"package `\",\n",
    );
    let _ = writeln!(
        out,
        "            $package,\n            \"` is not in the generated code; found: {found}\"\n        ));\n    }};"
    );
    out.push_str("    ($($other:tt)*) => {\n        ::core::compile_error!(\n");
    out.push_str("            \"expected the name of one package in quotes, as in halloo::include_proto!(\\\"greeter\\\")\"\n        );\n    };\n}\n");
    out
}

/// The text behind `include_proto!`: a macro with an arm for each package, and its call.
///
/// `halloo::include_proto!` defines `__halloo_wanted!`, which calls the macro that it is given with the
/// package's name, and includes this text. The call has to be here: two uses of the macro in one module
/// would otherwise define the same name twice, and rustc would not choose.
pub(crate) fn include_proto(packages: Packages<'_>) -> String {
    let mut out = format!("{}macro_rules! __halloo_include_proto {{\n", packages.expectation());
    let mut taken = packages.roots();
    for package in packages.trees {
        let module = unique(format!("__halloo_{}", stem(&package.name).replace('.', "_")), &mut taken);
        let _ = writeln!(out, "    ({:?}) => {{\n{}    }};", package.name, include_one(package, &module));
    }
    out.push_str("    // Anything else was refused before.\n    ($($other:tt)*) => {};\n}\n\n__halloo_wanted!(__halloo_include_proto);\n");
    out
}

/// The text behind `include_protos!`: all packages as modules.
pub(crate) fn include_protos(packages: Packages<'_>) -> String {
    include_all(packages, Location::OutputFolder)
}

/// The text of a module with all packages, which stands beside their files.
pub(crate) fn module(packages: Packages<'_>) -> String {
    format!(
        "//! Messages and services of `.proto` files: a module for each part of a package's name.\n\n{}",
        include_all(packages, Location::Beside)
    )
}

/// Where an including file finds the packages' files.
#[derive(Clone, Copy, PartialEq)]
enum Location {
    /// In the folder that the build script has published.
    OutputFolder,
    /// In its own folder.
    Beside,
}

fn quoted(package: &str) -> String {
    if package.is_empty() { "`` (no package)".to_owned() } else { format!("`{package}`") }
}

/// The attribute that lets a module of generated code break lints.
fn allow_in_module() -> String {
    format!("#[allow({}, reason = \"generated code\")]", ALLOWED_LINTS.join(", "))
}

/// The attribute for a re-export: nobody need use it, and two packages may have items of one name.
const ALLOW_IN_REEXPORT: &str = "#[allow(ambiguous_glob_reexports, clippy::restriction, clippy::pedantic, unreachable_pub, \
     unused_imports, reason = \"generated code\")]";

/// A hidden module `module` with the package's tree, and its items at the place of the macro.
fn include_one(package: &PackageTree, module: &str) -> String {
    let path: String = segments(&package.name).map(|segment| format!("::{}", escape_mod_ident(segment))).collect();
    let mut out = String::new();
    let _ = writeln!(out, "        #[doc(hidden)]\n        {}", allow_in_module());
    let _ = writeln!(out, "        mod {module} {{");
    Node::new(package.members.iter().map(String::as_str)).write(Location::OutputFolder, &mut out, 3);
    let _ = writeln!(out, "        }}");
    let _ = writeln!(out, "        {ALLOW_IN_REEXPORT}\n        pub use {module}{path}::*;");
    for top in beside(package) {
        let _ = writeln!(out, "        {ALLOW_IN_REEXPORT}\n        pub use {module}::{};", escape_mod_ident(top));
    }
    out
}

/// The top-level modules of other packages that come with `package`, so that users can name their types.
fn beside(package: &PackageTree) -> BTreeSet<&str> {
    if package.name.is_empty() {
        return BTreeSet::new();
    }
    let outside = |other: &&String| {
        let inner = other.strip_prefix(package.name.as_str());
        !inner.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    package.members.iter().filter(outside).filter_map(|other| segments(other).next()).collect()
}

fn include_all(packages: Packages<'_>, place: Location) -> String {
    // People's formatter follows `mod proto;` into this text, and has settings of its own. `#[rustfmt::skip]` would be a
    // path, into a package `rustfmt` if there is one.
    let unformatted = if place == Location::Beside { "#[cfg_attr(rustfmt, rustfmt_skip)]\n" } else { "" };
    let mut out = String::from(packages.expectation());
    let root = Node::new(packages.names().into_iter());
    for (name, child) in &root.children {
        let _ = writeln!(out, "{unformatted}{}", allow_in_module());
        child.write_module(name, place, &mut out, 0);
    }
    if root.is_package {
        // Items without a package stand beside the modules, in a module of their own for the lints.
        let module = unique("__halloo_".to_owned(), &mut packages.roots());
        let _ = writeln!(out, "#[doc(hidden)]\n{unformatted}{}\nmod {module} {{", allow_in_module());
        for name in root.children.keys() {
            let _ = writeln!(out, "    use super::{};", escape_mod_ident(name));
        }
        let _ = writeln!(out, "    {}\n}}", include_text("", place));
        let _ = writeln!(out, "{unformatted}{ALLOW_IN_REEXPORT}\npub use {module}::*;");
    }
    out
}

fn segments(package: &str) -> impl Iterator<Item = &str> {
    package.split('.').filter(|segment| !segment.is_empty())
}

fn include_text(package: &str, place: Location) -> String {
    let file = source_file(package);
    match place {
        Location::Beside => format!("::core::include!(\"{file}\");"),
        Location::OutputFolder => {
            format!("::core::include!(::core::concat!(::core::env!(\"{OUTPUT_FOLDER_VARIABLE}\"), \"/{file}\"));")
        }
    }
}

/// One module of the tree.
#[derive(Default)]
struct Node {
    name: String,
    is_package: bool,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn new<'a>(packages: impl Iterator<Item = &'a str>) -> Self {
        let mut root = Self::default();
        for package in packages {
            let mut node = &mut root;
            for segment in segments(package) {
                node = node.children.entry(segment.to_owned()).or_default();
            }
            package.clone_into(&mut node.name);
            node.is_package = true;
        }
        root
    }

    fn write(&self, place: Location, out: &mut String, depth: usize) {
        if self.is_package {
            let _ = writeln!(out, "{}{}", "    ".repeat(depth), include_text(&self.name, place));
        }
        for (name, child) in &self.children {
            child.write_module(name, place, out, depth);
        }
    }

    fn write_module(&self, name: &str, place: Location, out: &mut String, depth: usize) {
        let indent = "    ".repeat(depth);
        let _ = writeln!(out, "{indent}pub mod {} {{", escape_mod_ident(name));
        self.write(place, out, depth + 1);
        let _ = writeln!(out, "{indent}}}");
    }
}
