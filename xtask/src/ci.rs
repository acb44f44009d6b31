//! The steps that every change must pass, cheapest first.

use crate::process::{cargo, run};
use crate::steps::Steps;
use crate::{features, fuzz, licences, tidy};

/// Adds the steps of `cargo xtask ci`.
pub(crate) fn add_steps(steps: &mut Steps) {
    steps.add("fmt", || run(&mut cargo(&["fmt", "--all", "--check"])));
    steps.add("tidy", tidy::run);
    steps.add("licences", licences::run);
    steps.add("clippy", || {
        run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]))
    });
    steps.add("docs", || {
        let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
        run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    });
    steps.add("tests", || run(&mut cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"])));
    // The other steps turn every feature on, which hides what a build without TLS does, or one with few features.
    steps.add("plaintext", || run(&mut cargo(&["test", "--package=halloo-client"])));
    steps.add("features", features::check);
    steps.add("fuzz-seeds", fuzz::check_package);
}
