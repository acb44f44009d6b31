//! What the program on `h2` does, in either role.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use h2::Reason;
use halloo_http2::StreamId;
use http::header::{HeaderMap, HeaderValue};
use http::{Request, Response};

use super::calls::Call;
use super::flow::{Ending, Flow};
use super::theirs::{Theirs, context};
use super::world::World;
use crate::fields::{REQUEST, TRAILERS};
use crate::input::Input;

pub(crate) fn open(world: &mut World, input: &mut Input<'_>, is_whole: bool) {
    let may_be_refused = may_be_refused(world);
    let Theirs::Client { requests: Some(requests), .. } = &mut world.theirs else { return };
    match requests.poll_ready(&mut context()) {
        Poll::Ready(Ok(())) => {}
        Poll::Ready(Err(error)) => return assert!(world.is_leaving, "{error}"),
        Poll::Pending => return,
    }
    let mut request = Request::post("http://localhost/greeter.Greeter/SayHello").body(()).expect("a good request");
    for (name, value) in REQUEST.iter().filter(|(name, _)| !name.starts_with(':')) {
        request.headers_mut().insert(*name, HeaderValue::from_static(value));
    }
    push_more(request.headers_mut(), input);
    let (response, send) = match requests.send_request(request, is_whole) {
        Ok(opened) => opened,
        Err(error) => return assert!(world.is_leaving, "{error}"),
    };
    let mut call = Call::new(StreamId::new(response.stream_id().as_u32()));
    call.up.ending = is_whole.then_some(Ending::Data);
    call.response = Some(response);
    call.send = Some(send);
    if may_be_refused {
        call.give_up();
    }
    world.calls.push(call);
}

/// Our engine counts a stream that was reset until its program has finished with it, and `h2` only until it is closed.
fn may_be_refused(world: &mut World) -> bool {
    let under_way = |world: &World| world.calls.iter().filter(|call| !call.is_known).count();
    if world.ours.open_streams() + under_way(world) < world.max_streams {
        return false;
    }
    // Of those that were given up, some are on their way and some never leave.
    world.settle();
    let waiting = world.calls.iter().filter(|call| !call.is_known && call.is_wanted()).count();
    world.ours.open_streams() + waiting >= world.max_streams
}

/// The response's head, now and then with an informational one before it; or, as its only part, one that ends it.
pub(crate) fn send_head(world: &mut World, at: usize, input: &mut Input<'_>) {
    let is_leaving = world.is_leaving;
    let call = &mut world.calls[at];
    let Some(mut respond) = call.respond.take() else { return };
    let shape = input.byte();
    if shape & 3 == 1 {
        let _ = respond.send_informational(Response::builder().status(103).body(()).expect("a good head"));
    }
    let mut response = Response::new(());
    push_more(response.headers_mut(), input);
    let is_whole = shape & 28 == 4;
    match respond.send_response(response, is_whole) {
        Ok(send) => {
            call.down.ending = is_whole.then_some(Ending::Data);
            call.send = Some(send);
        }
        Err(error) => assert!(is_leaving || !call.is_wanted(), "{error} for {call:?}"),
    }
}

pub(crate) fn send_data(world: &mut World, at: usize, len: usize, is_last: bool) {
    send_head(world, at, &mut Input::new(&[]));
    let is_leaving = world.is_leaving;
    let (call, is_up) = (&mut world.calls[at], !world.we_are_client);
    let flow = if is_up { &mut call.up } else { &mut call.down };
    let Some(send) = call.send.as_mut().filter(|_| flow.ending.is_none()) else { return };
    // A DATA frame without bytes or an end is legal, and `h2` counts each against its peer.
    if len == 0 && !is_last {
        return;
    }
    match send.send_data(flow.make(len), is_last) {
        Ok(()) => {
            flow.sent += len;
            flow.ending = is_last.then_some(Ending::Data);
        }
        Err(error) => assert!(is_leaving || !call.is_wanted(), "{error} for {call:?}"),
    }
}

pub(crate) fn send_trailers(world: &mut World, at: usize) {
    send_head(world, at, &mut Input::new(&[]));
    let is_leaving = world.is_leaving;
    let (call, is_up) = (&mut world.calls[at], !world.we_are_client);
    let flow = if is_up { &mut call.up } else { &mut call.down };
    let Some(send) = call.send.as_mut().filter(|_| flow.ending.is_none()) else { return };
    let mut trailers = HeaderMap::new();
    for (name, value) in TRAILERS {
        trailers.insert(name, HeaderValue::from_static(value));
    }
    match send.send_trailers(trailers) {
        Ok(()) => flow.ending = Some(Ending::Trailers),
        Err(error) => assert!(is_leaving || !call.is_wanted(), "{error} for {call:?}"),
    }
}

/// Takes the head and at most `chunks` pieces of what follows.
pub(crate) fn read(world: &mut World, at: usize, chunks: usize) {
    let is_leaving = world.is_leaving;
    let (call, is_down) = (&mut world.calls[at], !world.we_are_client);
    if let Some(response) = &mut call.response {
        match Pin::new(response).poll(&mut context()) {
            Poll::Pending => return,
            Poll::Ready(Ok(response)) => {
                call.response = None;
                call.recv = Some(response.into_body());
            }
            Poll::Ready(Err(error)) => {
                assert!(is_leaving || !call.is_wanted(), "{error} for {call:?}");
                call.response = None;
                return call.give_up();
            }
        }
    }
    for _ in 0..chunks {
        let flow = if is_down { &mut call.down } else { &mut call.up };
        let Some(recv) = call.recv.as_mut().filter(|_| !flow.is_over) else { return };
        match recv.poll_data(&mut context()) {
            Poll::Pending => return,
            Poll::Ready(Some(Ok(data))) => {
                flow.arrive(&data);
                call.h2_unread += data.len();
            }
            Poll::Ready(Some(Err(error))) => {
                assert!(is_leaving || !call.is_wanted(), "{error} for {call:?}");
                call.recv = None;
                return call.give_up();
            }
            Poll::Ready(None) => return read_end(call, is_down, is_leaving),
        }
    }
}

fn read_end(call: &mut Call, is_down: bool, is_leaving: bool) {
    let flow: &mut Flow = if is_down { &mut call.down } else { &mut call.up };
    let Some(recv) = &mut call.recv else { return };
    match recv.poll_trailers(&mut context()) {
        Poll::Pending => {}
        Poll::Ready(Ok(trailers)) => flow.end(trailers.is_some()),
        Poll::Ready(Err(error)) => {
            assert!(is_leaving || !call.is_wanted(), "{error} for {call:?}");
            call.give_up();
        }
    }
}

/// Returns whether there was anything to release.
pub(crate) fn release(world: &mut World, at: usize, bytes: usize) -> bool {
    let call = &mut world.calls[at];
    let bytes = bytes.min(call.h2_unread);
    call.h2_unread -= bytes;
    if let Some(recv) = &mut call.recv {
        recv.flow_control().release_capacity(bytes).expect("no more than was read");
    }
    bytes > 0
}

/// Resets the stream, or drops all that `h2` gave out for it.
pub(crate) fn give_up(world: &mut World, at: usize, by_reset: bool) {
    let call = &mut world.calls[at];
    if !(call.up.is_over && call.down.is_over) {
        call.give_up();
    }
    match (&mut call.send, &mut call.respond) {
        (Some(send), _) if by_reset => {
            call.life = super::calls::Life::GivenUp;
            send.send_reset(Reason::CANCEL);
        }
        (_, Some(respond)) if by_reset => respond.send_reset(Reason::CANCEL),
        _ => drop_call(world, at),
    }
}

pub(crate) fn drop_call(world: &mut World, at: usize) {
    let call = &mut world.calls[at];
    (call.response, call.respond, call.send, call.recv) = (None, None, None, None);
    call.h2_unread = 0;
}

/// Ends `h2`'s direction of the call, if that was not done.
pub(crate) fn finish(world: &mut World, at: usize) {
    send_data(world, at, 0, true);
}

/// Fields that are new, known or long: up to two frames of them.
fn push_more(headers: &mut HeaderMap, input: &mut Input<'_>) {
    for _ in 0..input.below(5) {
        let name = input.choose(&["x-a", "x-b", "x-c", "authorization"]);
        let text = vec![b'a' + input.byte() % 26; input.size(3000)];
        let mut value = HeaderValue::from_bytes(&text).expect("letters");
        value.set_sensitive(name == "authorization");
        headers.append(name, value);
    }
}
