//! Writes generated sources into a folder, or says what in it is out of date:
//! `cargo run -p halloo-build --example generate -- [--check] FOLDER INCLUDE PROTO...`

use halloo_build::{Build, Error};

fn main() -> Result<(), Error> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = arguments.first().is_some_and(|first| first == "--check");
    if check {
        arguments.remove(0);
    }
    let [folder, include, protos @ ..] = &arguments[..] else {
        eprintln!("usage: generate [--check] FOLDER INCLUDE PROTO...");
        std::process::exit(2);
    };
    let here = std::env::current_dir().unwrap_or_default();
    let build = Build::new().root(here).out_dir(folder).include(include).protos(protos);
    if check { build.check() } else { build.write() }
}
