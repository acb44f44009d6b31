//! Runs every committed input through its target: what a fuzzer starts from, and what it once found.

use std::fs;
use std::path::Path;

use halloo_fuzz::TARGETS;

#[test]
fn every_seed_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, target) in TARGETS {
        let seeds = fs::read_dir(folder.join(name)).expect("a folder for each target");
        let seeds: Vec<_> = seeds.map(|seed| seed.expect("a file").path()).collect();
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            println!("{}", seed.display());
            target(&fs::read(&seed).expect("a file"));
        }
    }
}

#[test]
fn every_target_has_a_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    let mut programs: Vec<_> = fs::read_dir(folder)
        .expect("the targets")
        .map(|file| file.expect("a file").path().with_extension("").file_name().expect("a name").to_owned())
        .collect();
    programs.sort();
    assert_eq!(programs, TARGETS.map(|(name, _)| name));
}
