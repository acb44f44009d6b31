//! One of our engines and one endpoint of the `h2` crate, both with programs that do anything legal in any order:
//! nothing panics or hangs, every byte arrives once and in order, and in the end nothing is left anywhere.

mod calls;
mod flow;
mod ours;
mod peers;
mod pipe;
mod steps;
mod theirs;
mod world;

use crate::input::Input;
use world::World;

/// Runs one input with `h2` as the client and our engine as the server.
pub fn run_server(data: &[u8]) {
    run(data, false);
}

/// Runs one input with our engine as the client and `h2` as the server.
pub fn run_client(data: &[u8]) {
    run(data, true);
}

/// The configurations of both sides, and steps.
fn run(data: &[u8], we_are_client: bool) {
    let mut input = Input::new(data);
    let probes = input.byte() < 64;
    let mut world = World::new(&mut input, we_are_client);
    for _ in 0..200 {
        if input.is_empty() {
            break;
        }
        steps::run(&mut world, &mut input);
    }
    steps::finish(world, probes);
}
