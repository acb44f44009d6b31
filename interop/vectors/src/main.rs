//! `vectors FOLDER`: hpack-test-case and http2-frame-test-case, unpacked in FOLDER, against our engine.
//!
//! Prints a line for each kind of check with what it has counted, and fails on the first difference.
#![expect(clippy::print_stdout, reason = "its counts are what it is for")]

mod decoding;
mod encoding;
mod frames;
mod stories;

use std::error::Error;
use std::path::PathBuf;

use stories::Story;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: vectors FOLDER")?);
    let stories = stories::read(&folder)?;
    println!("hpack stories decoded: {}", decoding::check(&stories)?);
    let raw: Vec<&Story> = stories.iter().filter(|story| !story.is_encoded()).collect();
    for check in encoding::CHECKS {
        println!("hpack lists encoded {}: {}", check.name, check.run(&raw)?);
    }
    println!("frames: {}", frames::check(&folder)?);
    Ok(())
}
