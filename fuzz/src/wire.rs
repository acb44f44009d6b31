//! The frame decoder under any bytes: a server's or a client's engine, cut anywhere, with a clock that jumps.

use std::time::Duration;

use crate::config;
use crate::driver::{Action, Driver};
use crate::input::Input;

/// Runs one input: the role, the configuration, how to cut, and the bytes of the wire.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let is_client = input.flag();
    let shakes_hands = input.flag();
    let mut dice = Dice(u32::from(input.byte()) + 1);
    let config = config::choose(&mut input);
    let mut driver = Driver::new(is_client, config);
    // The bytes may hold any SETTINGS, so that no size of our frames is wrong.
    driver.allow_frames_of((1 << 24) - 1);
    if is_client {
        (0..3).for_each(|nth| driver.act(Action::Request, nth));
        driver.act(Action::Data(30_000), 1);
    }
    if shakes_hands {
        driver.shake_hands(&[]);
    }
    let mut rest = input.rest();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 << dice.below(12)));
        rest = after;
        driver.feed(piece);
        move_on(&mut driver, &mut dice);
    }
    driver.finish();
}

/// What happens besides: a program at work, a socket that takes some bytes, and time.
fn move_on(driver: &mut Driver, dice: &mut Dice) {
    let nth = dice.below(4);
    match dice.below(16) {
        0 => driver.act(Action::Head, nth),
        1 => driver.act(Action::Data(1 << dice.below(17)), nth),
        2 => driver.act(Action::Trailers, nth),
        3 => driver.act(Action::Finish, nth),
        4 => driver.act(Action::Release(1 << dice.below(17)), nth),
        5 => driver.jump(Duration::from_millis(1 << dice.below(18))),
        6 => driver.act(Action::Trim, nth),
        7 => driver.act(Action::Request, nth),
        8..12 => driver.write(1 << dice.below(18)),
        _ => {}
    }
}

/// Numbers that depend on one byte of the input alone.
#[derive(Debug)]
struct Dice(u32);

impl Dice {
    fn below(&mut self, count: u32) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 % count) as usize
    }
}
