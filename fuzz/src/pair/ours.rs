//! What the program on our engine does, in either role.

use halloo_http2::{End, ErrorCode, HeaderList, OpenError};

use super::calls::Call;
use super::flow::{Ending, Flow};
use super::world::World;
use crate::fields::{REQUEST, RESPONSE, TRAILERS, fields_of};
use crate::input::Input;

pub(crate) fn open(world: &mut World, input: &mut Input<'_>, is_whole: bool) {
    let mut fields = fields_of(&REQUEST);
    push_more(&mut fields, input);
    let end = if is_whole { End::Stream } else { End::Open };
    match world.ours.send_request(None, &fields, end) {
        Ok(id) => {
            assert!(world.ours.open_streams() <= world.ours.peer_max_streams() as usize);
            let mut call = Call::new(id);
            call.is_known = true;
            call.up.ending = is_whole.then_some(Ending::Data);
            world.calls.push(call);
        }
        Err(OpenError::StreamLimit) => world.waits_for_stream = true,
        Err(error) => assert!(world.is_leaving, "{error}"),
    }
}

/// The response's head, now and then with an informational one before it; or, as its only part, one that ends it.
pub(crate) fn send_head(world: &mut World, at: usize, input: &mut Input<'_>) {
    let call = &world.calls[at];
    if world.we_are_client || call.has_our_head || !call.is_known {
        return;
    }
    let id = call.id;
    let shape = input.byte();
    if shape & 3 == 1 {
        let _ = world.ours.send_headers(id, None, &fields_of(&[(":status", "103")]), End::Open);
    }
    let mut fields = fields_of(&RESPONSE);
    push_more(&mut fields, input);
    let is_whole = shape & 28 == 4;
    let end = if is_whole { End::Stream } else { End::Open };
    let sent = world.ours.send_headers(id, None, &fields, end);
    let call = &mut world.calls[at];
    assert!(sent.is_ok() || !call.may_send(), "{sent:?} for {call:?}");
    if sent.is_ok() {
        call.has_our_head = true;
        call.down.ending = is_whole.then_some(Ending::Data);
    }
}

pub(crate) fn send_data(world: &mut World, at: usize, len: usize, is_last: bool) {
    send_head(world, at, &mut Input::new(&[]));
    let end = if is_last { End::Stream } else { End::Open };
    let (call, flow) = leaving(world, at);
    let (id, bytes) = (call.0, flow.make(len));
    let may_send = call.1 && flow.ending.is_none();
    let sent = world.ours.send_data(id, bytes, end);
    assert!(sent.is_ok() || !may_send, "{sent:?} for {:?}", world.calls[at]);
    if sent.is_ok() {
        let (_, flow) = leaving(world, at);
        flow.sent += len;
        flow.ending = is_last.then_some(Ending::Data);
    }
}

pub(crate) fn send_trailers(world: &mut World, at: usize) {
    send_head(world, at, &mut Input::new(&[]));
    let (call, flow) = leaving(world, at);
    // Without a head, trailers would be the head.
    if !call.1 || flow.ending.is_some() {
        return;
    }
    let sent = world.ours.send_headers(call.0, None, &fields_of(&TRAILERS), End::Stream);
    assert!(sent.is_ok(), "{sent:?} for {:?}", world.calls[at]);
    leaving(world, at).1.ending = Some(Ending::Trailers);
}

/// Returns whether there was anything to release.
pub(crate) fn release(world: &mut World, at: usize, bytes: usize) -> bool {
    let call = &mut world.calls[at];
    let bytes = bytes.min(call.our_unread);
    call.our_unread -= bytes;
    world.ours.release(call.id, bytes);
    bytes > 0
}

/// Resets the stream, or says that nothing works for it any more.
pub(crate) fn give_up(world: &mut World, at: usize, by_reset: bool) {
    let call = &mut world.calls[at];
    if !call.is_known {
        return;
    }
    if by_reset {
        call.give_up();
        return world.ours.send_reset(call.id, ErrorCode::Cancel);
    }
    // A response that was ended leaves whole, and then nothing more is needed of a request that has ended.
    let is_complete = if world.we_are_client { call.down.is_over } else { call.down.ending.is_some() };
    if !(call.up.is_over && is_complete) {
        call.give_up();
    }
    call.is_finished = true;
    world.ours.finish_stream(call.id);
}

/// Ends our direction of the call, if that was not done.
pub(crate) fn finish(world: &mut World, at: usize) {
    send_head(world, at, &mut Input::new(&[]));
    let (call, flow) = leaving(world, at);
    if call.1 && flow.ending.is_none() {
        send_data(world, at, 0, true);
    }
}

/// The id, whether the program may send DATA, and the direction from us.
fn leaving(world: &mut World, at: usize) -> ((halloo_http2::StreamId, bool), &mut Flow) {
    let we_are_client = world.we_are_client;
    let call = &mut world.calls[at];
    let may_send = call.may_send() && (we_are_client || call.has_our_head);
    let flow = if we_are_client { &mut call.up } else { &mut call.down };
    ((call.id, may_send), flow)
}

/// Fields that are new, known or long: up to two frames of them.
fn push_more(fields: &mut HeaderList, input: &mut Input<'_>) {
    for _ in 0..input.below(5) {
        let name = input.choose(&["x-a", "x-b", "x-c", "authorization"]);
        let value = vec![b'a' + input.byte() % 26; input.size(3000)];
        if name == "authorization" {
            fields.push_sensitive(name.as_bytes(), &value);
        } else {
            fields.push(name.as_bytes(), &value);
        }
    }
}
