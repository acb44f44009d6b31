//! What the two programs do: one legal thing a step, and at the end all that is needed for every call to end well.

use std::time::Duration;

use halloo_http2::OpenError;

use super::ours;
use super::peers;
use super::world::World;
use crate::input::Input;

/// The larger part of what one step sends.
const MAX_BYTES: usize = 70_000;

/// More than the connection's window usually is.
const PROBE_BYTES: usize = 300 << 10;

/// Does one thing.
pub(crate) fn run(world: &mut World, input: &mut Input<'_>) {
    let step = input.below(28);
    match step {
        0..3 => return open(world, input),
        3 => return ping(world, input),
        4..7 => _ = world.step(input.size(200_000)),
        7 => return world.settle(),
        8 => {
            world.settle();
            return jump(world, Duration::from_millis(1 << input.below(13)));
        }
        9 => return world.theirs.set_initial_window(input.choose(&[65_535, 0, 1, 1000, 100_000, 1 << 20])),
        10 => return world.theirs.set_target_window(input.choose(&[65_535, 100_000, 1 << 20])),
        11 => return world.ours.trim(),
        12 if input.byte() == 255 => return leave(world, input.flag()),
        _ => {}
    }
    let Some(at) = choose(world, input) else { return };
    match step {
        13..16 => ours::send_data(world, at, input.size(MAX_BYTES), input.byte() < 25),
        16 => ours::send_head(world, at, input),
        17 => ours::send_trailers(world, at),
        18 => _ = ours::release(world, at, input.size(MAX_BYTES)),
        19 if input.byte() < 50 => ours::give_up(world, at, input.flag()),
        20..23 => peers::send_data(world, at, input.size(MAX_BYTES), input.byte() < 25),
        23 => peers::send_head(world, at, input),
        24 => peers::send_trailers(world, at),
        25 => peers::read(world, at, input.below(20)),
        26 => _ = peers::release(world, at, input.size(MAX_BYTES)),
        27 if input.byte() < 50 => peers::give_up(world, at, input.flag()),
        _ => {}
    }
    world.take_events();
}

/// A call that is under way, counted from the latest; now and then any call at all.
fn choose(world: &World, input: &mut Input<'_>) -> Option<usize> {
    let byte = usize::from(input.byte());
    let alive: Vec<usize> = (0..world.calls.len()).rev().filter(|at| !world.calls[*at].is_done()).collect();
    match alive.len() {
        0 => world.calls.len().checked_sub(1 + byte % world.calls.len().max(1)),
        _ if byte > 240 => Some((255 - byte) % world.calls.len()),
        count => Some(alive[byte % count]),
    }
}

fn open(world: &mut World, input: &mut Input<'_>) {
    let is_whole = input.byte() < 50;
    if world.we_are_client { ours::open(world, input, is_whole) } else { peers::open(world, input, is_whole) }
}

fn ping(world: &mut World, input: &mut Input<'_>) {
    if input.flag() {
        world.ours.send_ping(*b"ourping!");
        world.pings += 1;
    } else if let Some(pings) = &mut world.h2_pings
        && !world.h2_ping_waits
    {
        world.h2_ping_waits = pings.send_ping(h2::Ping::opaque()).is_ok();
    }
}

fn jump(world: &mut World, time: Duration) {
    let end = world.now + time;
    for handled in 0.. {
        let Some(next) = world.ours.poll_timeout().filter(|next| *next <= end) else { break };
        assert!(handled < 1000, "a deadline that has passed comes back");
        world.now = world.now.max(next);
        world.ours.handle_timeout(world.now);
        world.settle();
    }
    world.now = end;
}

fn leave(world: &mut World, it_is_us: bool) {
    world.is_leaving = true;
    if it_is_us {
        world.ours.shutdown(world.now);
        world.take_events();
    } else {
        world.theirs.shut_down();
    }
}

/// Lets every call end, tries the windows once more if asked to, and closes.
pub(crate) fn finish(mut world: World, probes: bool) {
    world.settle();
    world.theirs.set_initial_window(1 << 20);
    world.theirs.set_target_window(1 << 20);
    drain(&mut world);
    if !world.is_leaving {
        if probes {
            probe(&mut world);
        }
        assert_eq!((world.pings, world.h2_ping_waits, world.waits_for_stream), (0, false, false));
    }
    world.calls.clear();
    leave(&mut world, true);
    leave(&mut world, false);
    world.settle();
    jump(&mut world, Duration::from_secs(20));
    world.close();
}

/// No credit was lost on the way: more than any window still passes, both ways.
fn probe(world: &mut World) {
    let nothing = || Input::new(&[]);
    open(world, &mut Input::new(&[255]));
    let at = world.calls.len() - 1;
    world.settle();
    peers::send_head(world, at, &mut nothing());
    ours::send_head(world, at, &mut nothing());
    world.settle();
    peers::read(world, at, 1);
    peers::send_data(world, at, PROBE_BYTES, false);
    ours::send_data(world, at, PROBE_BYTES, false);
    drain(world);
    let call = &world.calls[at];
    assert!(call.up.is_over && call.down.is_over && call.up.sent + call.down.sent == 2 * PROBE_BYTES);
}

/// Ends both directions of every call that is wanted, reads everything, and waits until all have come to their end.
fn drain(world: &mut World) {
    for rounds in 0.. {
        assert!(rounds < 20_000, "the calls never end");
        let mut moved = false;
        for at in 0..world.calls.len() {
            if world.calls[at].is_wanted() {
                peers::read(world, at, usize::MAX);
                peers::finish(world, at);
                ours::finish(world, at);
            } else {
                peers::drop_call(world, at);
            }
            moved |= peers::release(world, at, usize::MAX) | ours::release(world, at, usize::MAX);
        }
        world.take_events();
        moved |= world.step(usize::MAX);
        if !moved {
            break;
        }
    }
    for call in &world.calls {
        assert!(call.is_done(), "a call that both want does not end: {call:?}");
    }
    for at in 0..world.calls.len() {
        peers::drop_call(world, at);
        world.ours.finish_stream(world.calls[at].id);
        world.calls[at].is_finished = true;
        world.calls[at].give_up();
    }
    world.settle();
    assert_eq!(world.ours.open_streams(), 0);
    if !world.is_leaving {
        world.check_credit();
    }
    if world.we_are_client && !world.is_leaving {
        assert!(world.ours.can_open() && world.ours.peer_max_streams() > 0, "{:?}", OpenError::StreamLimit);
    }
}
