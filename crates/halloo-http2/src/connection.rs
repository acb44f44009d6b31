//! The connection: the contract between the engine and its driver, and the ends of streams and of the connection.
//! What arrives is handled in `recv.rs`, `block.rs` and `control.rs`; what leaves in `send.rs`.

use crate::bandwidth::Bandwidth;
use crate::block::OpenBlock;
use crate::budget::{Bucket, PingBudget, ResetBudget, WindowUpdateBudget};
use crate::error::{Error, ErrorCode, OpenError, SendError, Violation};
use crate::event::{End, Event, EventQueue, Origin, StreamId};
use crate::frame::{self, Flags};
use crate::headers::{Block, EntryId, HeaderList, Template};
use crate::hpack::{BlockLimits, Decoder, Encoder, INITIAL_TABLE_BYTES};
use crate::life::Life;
use crate::limits::Config;
use crate::recv::PREFACE;
use crate::schedule::Schedule;
use crate::settings::{self, PeerSettings, Role};
use crate::stream::{Cause, Sending, State};
use crate::streams::{Key, Streams};
use crate::timer::{Timer, Timers};
use crate::transmit::Transmit;
use crate::window::{ConnectionWindow, DEFAULT_WINDOW, SendWindow};
use bytes::{Bytes, BytesMut};
use std::time::Instant;

/// Speaks HTTP/2 (RFC 9113) for one end of one connection, without IO, threads or clock.
///
/// A driver moves bytes and time, in any order that suits it:
///
/// * what the socket gave goes to [`handle_input`](Self::handle_input), its end to [`handle_eof`](Self::handle_eof);
/// * then [`poll_event`](Self::poll_event) until it returns `None`: events are bounded by the input of one batch only;
/// * what is to be sent goes to the `send_*` methods, at any time;
/// * then [`poll_transmit`](Self::poll_transmit), which lends the bytes to write;
/// * [`poll_timeout`](Self::poll_timeout) says when to call [`handle_timeout`](Self::handle_timeout).
///
/// After each `handle_*` or `send_*`, events, output and timeout may have changed. Each DATA event must be answered
/// with [`release`](Self::release) when its bytes were consumed or dropped, and on a server each stream with
/// [`finish_stream`](Self::finish_stream) when nothing works for it any more.
///
/// # Flow control
/// A stream's window opens again when its bytes are released; the connection's already on receipt, as long as the
/// unread bytes of all streams stay under `Config::max_connection_window_bytes`. So a stream that is not read holds
/// its own window, and never its neighbours'.
///
/// # Memory
/// Bounded by [`Limits`](crate::Limits) and the windows of [`Config`]. An idle connection holds its HPACK tables and
/// little else after [`trim`](Self::trim).
#[derive(Debug)]
pub struct Connection {
    pub(crate) role: Role,
    pub(crate) config: Config,
    /// The latest time that the driver has told.
    pub(crate) clock: Instant,
    pub(crate) phase: Phase,
    pub(crate) handshake: Handshake,
    pub(crate) streams: Streams,
    pub(crate) schedule: Schedule,
    pub(crate) events: EventQueue,
    pub(crate) out: Transmit,
    pub(crate) encoder: Encoder,
    pub(crate) decoder: Decoder,
    pub(crate) block: Option<OpenBlock>,
    pub(crate) peer: PeerSettings,
    pub(crate) recv_window: ConnectionWindow,
    pub(crate) send_window: SendWindow,
    /// The measured size for the windows of streams that are read.
    pub(crate) stream_window: u32,
    pub(crate) bandwidth: Bandwidth,
    pub(crate) budgets: Budgets,
    pub(crate) timers: Timers,
    pub(crate) life: Life,
    /// The highest stream that the peer opened.
    pub(crate) highest_peer: u32,
    /// The next stream that this side opens.
    pub(crate) next_own: u32,
    /// The peer's GOAWAY.
    pub(crate) peer_goaway: Option<ErrorCode>,
    /// A request found no free stream, so the driver waits to hear of one.
    pub(crate) wants_stream: bool,
    pub(crate) awaited_pings: u32,
    /// Bytes of DATA that went to the output since the start.
    pub(crate) data_sent: u64,
    pub(crate) progress: Progress,
    /// How many more bytes the frame at the front of the input needs.
    pub(crate) needed: usize,
}

/// How far the connection is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// The first GOAWAY was sent, which refuses nothing; its PING is to come back first.
    Announced,
    /// The last GOAWAY was sent; streams up to `last_id` may finish.
    Draining {
        last_id: u32,
    },
    /// Over; what is left of the output may still be written.
    Closed,
    /// Over, and nobody is there to write to.
    Abandoned,
}

/// What the peer has to send before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handshake {
    Preface,
    Settings,
    Done,
}

/// The counters of what a peer may cost.
#[derive(Debug)]
pub(crate) struct Budgets {
    pub(crate) resets: ResetBudget,
    pub(crate) empty_frames: Bucket,
    pub(crate) glitches: Bucket,
    pub(crate) window_updates: WindowUpdateBudget,
    pub(crate) pings: PingBudget,
}

/// How much has left so far: what a stalled connection does not add to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) is_blocked: bool,
    pub(crate) bytes: u64,
}

/// The payload of the PING between the two GOAWAYs.
pub(crate) const SHUTDOWN_PING: [u8; 8] = *b"hallooBy";

/// At most so much of a debug text goes into GOAWAY.
const DEBUG_BYTES: usize = 256;

/// What the driver gives.
impl Connection {
    /// Makes the server's end; its SETTINGS are in the output at once.
    pub fn server(config: Config, now: Instant) -> Self {
        Self::new(Role::Server, config, now)
    }

    /// Makes the client's end; its preface and SETTINGS are in the output at once, and requests may follow at once.
    pub fn client(config: Config, now: Instant) -> Self {
        Self::new(Role::Client, config, now)
    }

    fn new(role: Role, mut config: Config, now: Instant) -> Self {
        settings::clamp(&mut config);
        let limits = &config.limits;
        let block_limits =
            BlockLimits { max_list_bytes: limits.max_header_list_bytes as usize, max_fields: limits.max_header_fields };
        let budgets = Budgets {
            resets: ResetBudget::new(limits.resets, now),
            empty_frames: Bucket::new(limits.empty_frames, now),
            glitches: Bucket::new(limits.glitches, now),
            window_updates: WindowUpdateBudget::new(limits.window_updates),
            pings: PingBudget::new(limits.pings.filter(|_| role == Role::Server)),
        };
        let mut encoder = Encoder::new();
        if (config.max_send_table_bytes as usize) < INITIAL_TABLE_BYTES {
            encoder.set_max_table_bytes(config.max_send_table_bytes as usize);
        }
        let mut connection = Self {
            role,
            clock: now,
            phase: Phase::Open,
            handshake: if role == Role::Server { Handshake::Preface } else { Handshake::Settings },
            streams: Streams::new(),
            schedule: Schedule::default(),
            events: EventQueue::default(),
            out: Transmit::default(),
            encoder,
            decoder: Decoder::new(config.header_table_bytes as usize, block_limits, config.name_class)
                .padding(config.allows_padding),
            block: None,
            peer: PeerSettings::new(),
            recv_window: ConnectionWindow::new(config.connection_window_bytes, config.max_connection_window_bytes),
            send_window: SendWindow::new(DEFAULT_WINDOW),
            stream_window: config.stream_window_bytes,
            bandwidth: Bandwidth::new(),
            budgets,
            timers: Timers::default(),
            life: Life::new(now, config.lifetime.max_requests),
            highest_peer: 0,
            next_own: 1,
            peer_goaway: None,
            wants_stream: false,
            awaited_pings: 0,
            data_sent: 0,
            progress: Progress::default(),
            needed: 0,
            config,
        };
        connection.start(now);
        connection
    }

    fn start(&mut self, now: Instant) {
        if self.role == Role::Client {
            self.out.frames().extend_from_slice(PREFACE);
        }
        frame::write_settings(self.out.frames(), &settings::ours(&self.config, self.role));
        self.replenish_connection();
        self.timers.arm(Timer::Handshake, now + self.config.limits.handshake_timeout);
        self.timers.arm(Timer::SettingsAck, now + self.config.limits.settings_ack_timeout);
    }

    /// Takes every complete frame out of `input` and leaves a partial one, whose rest
    /// [`needed_bytes`](Self::needed_bytes) tells.
    ///
    /// DATA payloads of 1 KiB and more become slices of `input`'s memory; everything else is copied or consumed.
    pub fn handle_input(&mut self, now: Instant, input: &mut BytesMut) {
        self.clock = now;
        self.life.heard = now;
        self.recv_input(now, input);
    }

    /// Takes note that the peer sends nothing more. Nothing can be written from here on.
    pub fn handle_eof(&mut self, now: Instant) {
        self.clock = now;
        if !self.is_over() {
            let broken = self.handshake != Handshake::Done && self.role == Role::Client;
            let error = match self.peer_goaway {
                Some(code) if code != ErrorCode::NoError => Some(Error::GoneAway(code)),
                _ if broken || self.has_active_streams() => Some(Error::Lost),
                _ => None,
            };
            self.end(error);
        }
        self.phase = Phase::Abandoned;
        self.timers.disarm_all();
    }

    /// Acts on every deadline that has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.clock = now;
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                Timer::StalledConnection if self.is_over() => self.phase = Phase::Abandoned,
                Timer::Handshake => self.fail(Violation::HandshakeTimeout),
                Timer::SettingsAck => self.fail(Violation::SettingsAckTimeout),
                Timer::Frame => self.fail(Violation::FrameTimeout),
                Timer::StalledStreams => self.reset_stalled_streams(now),
                Timer::StalledConnection => self.check_progress(now),
                Timer::Shutdown => self.drain(),
                Timer::Keepalive => self.check_keepalive(now),
                Timer::Idle => self.check_idle(now),
                Timer::Age => self.end_age(now),
                Timer::Grace => self.end_grace(),
            }
        }
    }
}

/// What the driver takes.
impl Connection {
    /// Returns the next event.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// Moves DATA that may leave behind what is already in the output, and lends the output. Advance it by what was
    /// written; what was not stays for the next time.
    #[inline]
    pub fn poll_transmit(&mut self, now: Instant) -> &mut Transmit {
        self.clock = now;
        self.fill_output(now);
        &mut self.out
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout) at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Returns whether to read from the socket. False while too many answers wait to be written, or too many bytes: so
    /// a peer that asks and does not read is not served on.
    pub fn wants_input(&self) -> bool {
        let limits = &self.config.limits;
        let is_stuck = self.role == Role::Server && self.out.len() > limits.max_stuck_output_bytes;
        !is_stuck && self.out.queued_answers() < limits.max_queued_control_frames
    }

    /// Returns how many more bytes the frame at the front of the input needs, at least; 0 when there is none. A hint
    /// for the size of the read buffer; never more than the largest legal frame.
    pub fn needed_bytes(&self) -> usize {
        self.needed
    }

    /// Returns whether the connection is over and everything was written: the socket may be closed.
    pub fn is_closed(&self) -> bool {
        match self.phase {
            Phase::Abandoned => true,
            Phase::Closed => self.out.is_empty(),
            _ => false,
        }
    }

    /// Returns how many streams are open, or are counted because they are not finished.
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// Returns the stream that the next [`send_request`](Self::send_request) would open.
    #[inline]
    pub fn next_stream(&self) -> StreamId {
        StreamId::new(self.next_own)
    }

    /// Returns how many streams the peer allows; 100 until its SETTINGS arrive.
    pub fn peer_max_streams(&self) -> u32 {
        self.peer.max_concurrent_streams
    }

    /// Returns how large a header list the peer says it accepts, if it does (SETTINGS_MAX_HEADER_LIST_SIZE). Larger ones
    /// are not sent.
    pub fn peer_max_header_list_bytes(&self) -> Option<usize> {
        Some(self.peer.max_header_list).filter(|bytes| *bytes != usize::MAX)
    }

    /// Returns whether [`send_request`](Self::send_request) would succeed.
    #[inline]
    pub fn can_open(&self) -> bool {
        self.check_open().is_ok()
    }

    /// Gives back memory that an idle connection does not need. Cheap when there is none to give.
    pub fn trim(&mut self) {
        self.events.trim();
        self.out.trim();
        self.streams.trim();
        self.decoder.trim();
        self.encoder.trim();
    }
}

/// What this side does.
impl Connection {
    /// Opens a stream with a request head: the template's fields first, then `fields`. Client only.
    ///
    /// # Errors
    /// See [`OpenError`]; after `StreamLimit`, [`Event::StreamsAvailable`] tells when to try again.
    pub fn send_request(
        &mut self,
        template: Option<&Template>,
        fields: &HeaderList,
        end: End,
    ) -> Result<StreamId, OpenError> {
        self.open_stream(Block { template, fields }, end)
    }

    /// Sends a response head (1xx or final; server), or trailers (both sides, with `End::Stream`), which wait behind
    /// the stream's DATA.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send_headers(
        &mut self,
        id: StreamId,
        template: Option<&Template>,
        fields: &HeaderList,
        end: End,
    ) -> Result<(), SendError> {
        self.send_block(id, Block { template, fields }, end)
    }

    /// Sends DATA. What flow control, fairness or a full output do not let through at once is queued without limit:
    /// heed [`send_backlog`](Self::send_backlog).
    ///
    /// Writes below 4 KiB are joined, larger ones keep their memory.
    ///
    /// # Errors
    /// See [`SendError`].
    #[inline]
    pub fn send_data(&mut self, id: StreamId, data: Bytes, end: End) -> Result<(), SendError> {
        self.send_body(id, data, end)
    }

    /// As [`send_data`](Self::send_data), for bytes that stay the caller's: they are copied.
    ///
    /// # Errors
    /// See [`SendError`].
    #[inline]
    pub fn send_slice(&mut self, id: StreamId, data: &[u8], end: End) -> Result<(), SendError> {
        self.send_copy(id, data, end)
    }

    /// Returns how many bytes of DATA are queued on the stream and not in the output yet; 0 for a stream that is gone.
    pub fn send_backlog(&self, id: StreamId) -> usize {
        self.streams.search(id.as_u32()).map_or(0, |key| self.streams.get(key).backlog_bytes())
    }

    /// Ends a stream with RST_STREAM and drops what is queued. No `Reset` event follows. Does nothing to a stream that
    /// is gone.
    pub fn send_reset(&mut self, id: StreamId, code: ErrorCode) {
        let Some(key) = self.streams.find(id.as_u32()) else { return };
        if self.streams.get(key).is_active() {
            frame::write_reset(self.out.frames(), id.as_u32(), code);
            self.close_stream(key, Cause::ResetHere);
        }
    }

    /// Gives window back for DATA that was consumed or dropped: the sum of the `flow_bytes` of its events. Works for
    /// streams that are gone, whose bytes count against the connection until then.
    #[inline]
    pub fn release(&mut self, id: StreamId, bytes: usize) {
        if bytes > 0 && !self.is_over() {
            self.release_bytes(id, bytes);
        }
    }

    /// Says that nothing works for the stream any more.
    ///
    /// On a server a stream counts against [`Limits::max_concurrent_streams`](crate::Limits::max_concurrent_streams)
    /// until this call, also when it was reset; after it, no event is made for the stream. A response that was ended
    /// still leaves whole; if the request has not ended by then, RST_STREAM with NO_ERROR follows it (RFC 9113
    /// section 8.1). A response that was not ended is reset with INTERNAL_ERROR.
    ///
    /// On a client a stream that is still open is reset with CANCEL. Does nothing to a stream that is gone.
    #[inline(always)]
    pub fn finish_stream(&mut self, id: StreamId) {
        match self.streams.find(id.as_u32()) {
            Some(key) if self.role == Role::Server => self.finish(key),
            Some(key) => self.reset_request(key, ErrorCode::Cancel),
            None => {}
        }
    }

    /// Sends a PING; [`Event::PingAck`] follows when the peer answers.
    pub fn send_ping(&mut self, payload: [u8; 8]) {
        if !self.is_over() {
            self.awaited_pings = self.awaited_pings.saturating_add(1);
            frame::write_ping(self.out.frames(), Flags::NONE, payload);
        }
    }

    /// Ends the connection gracefully: a server announces it with a GOAWAY that refuses nothing and a PING, and when
    /// the answer arrives it names the last stream that it serves. `Event::Closed` comes when all streams are done.
    pub fn shutdown(&mut self, now: Instant) {
        self.shut_down(now, "");
    }

    /// Ends the connection at once with GOAWAY; of `debug` at most 256 bytes are sent.
    pub fn close(&mut self, code: ErrorCode, debug: &str) {
        if self.is_over() {
            return;
        }
        self.write_goaway(self.highest_peer, code, debug);
        self.end((code != ErrorCode::NoError).then_some(Error::Closed(code)));
    }

    /// Tags an entry of the table for received headers: fields that refer to it carry the tag from the next header
    /// block on. Ignored if the entry has been evicted.
    pub fn set_tag(&mut self, entry: EntryId, tag: u32) {
        self.decoder.set_tag(entry, tag);
    }
}

/// The ends of streams and of the connection.
impl Connection {
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Closed | Phase::Abandoned)
    }

    fn has_active_streams(&self) -> bool {
        self.streams.keys().any(|key| self.streams.get(key).is_active())
    }

    /// Closes a stream before both sides have ended it.
    pub(crate) fn close_stream(&mut self, key: Key, cause: Cause) {
        self.schedule.remove(&mut self.streams, key);
        self.streams.get_mut(key).close(cause);
        self.settle(key);
    }

    /// Removes a closed stream, unless the driver's work for it still counts.
    #[inline]
    pub(crate) fn settle(&mut self, key: Key) {
        if self.role == Role::Client || self.streams.get(key).is_finished {
            self.remove_stream(key);
        }
    }

    #[inline]
    fn remove_stream(&mut self, key: Key) {
        self.streams.remove(key);
        if self.streams.is_empty() {
            self.life.idle_since = self.clock;
        }
        if self.wants_stream && self.can_open() {
            self.wants_stream = false;
            self.events.push(Event::StreamsAvailable);
        }
        self.end_if_drained();
    }

    #[inline]
    fn finish(&mut self, key: Key) {
        let stream = self.streams.get_mut(key);
        stream.is_finished = true;
        match stream.state {
            State::Closed(_) => self.settle(key),
            State::Active { send: Sending::Ending, .. } => {}
            State::Active { send: Sending::Ended, .. } => self.reset_request(key, ErrorCode::NoError),
            State::Active { .. } => self.reset_request(key, ErrorCode::InternalError),
        }
    }

    /// Ends a request that nobody reads any more.
    pub(crate) fn reset_request(&mut self, key: Key, code: ErrorCode) {
        let id = self.streams.get(key).id;
        frame::write_reset(self.out.frames(), id.as_u32(), code);
        self.close_stream(key, Cause::ResetHere);
    }

    /// Resets a stream of the table because of the peer, and tells the driver.
    pub(crate) fn reset_stream(&mut self, key: Key, violation: Violation) {
        let stream = self.streams.get(key);
        let id = stream.id;
        self.out.push_reset(id, violation.code());
        if !stream.is_active() {
            // One RST_STREAM is enough (RFC 9113 section 5.4.2).
            self.streams.get_mut(key).close(Cause::ResetHere);
            return;
        }
        if !stream.is_finished {
            let (code, why) = (violation.code(), Some(violation.text()));
            self.events.push(Event::Reset { id, code, by: Origin::Local, why });
        }
        self.close_stream(key, Cause::ResetHere);
    }

    /// Ends the connection because the peer broke a rule.
    #[cold]
    pub(crate) fn fail(&mut self, violation: Violation) {
        if self.is_over() {
            return;
        }
        self.write_goaway(self.highest_peer, violation.code(), violation.text());
        self.end(Some(Error::Connection(violation)));
    }

    #[inline]
    pub(crate) fn end_if_drained(&mut self) {
        let is_leaving = match self.phase {
            Phase::Draining { .. } => true,
            Phase::Open => self.role == Role::Client && self.peer_goaway.is_some(),
            _ => false,
        };
        if !is_leaving || !self.streams.is_empty() {
            return;
        }
        if self.phase == Phase::Open {
            self.write_goaway(0, ErrorCode::NoError, "");
        }
        self.end(self.peer_goaway.filter(|code| *code != ErrorCode::NoError).map(Error::GoneAway));
    }

    pub(crate) fn write_goaway(&mut self, last_id: u32, code: ErrorCode, debug: &str) {
        let end = (0..=debug.len().min(DEBUG_BYTES)).rev().find(|at| debug.is_char_boundary(*at));
        let debug = &debug[..end.unwrap_or(0)];
        frame::write_goaway(self.out.frames(), last_id, code, debug);
    }

    /// Resets every stream in the driver's eyes and closes.
    pub(crate) fn end(&mut self, error: Option<Error>) {
        let code = error.map_or(ErrorCode::NoError, |error| error.code());
        let why = match error {
            Some(Error::Connection(violation)) => Some(violation.text()),
            _ => None,
        };
        for (_, stream) in self.streams.iter_mut() {
            if stream.is_active() && !stream.is_finished {
                self.events.push(Event::Reset { id: stream.id, code, by: Origin::Connection, why });
            }
        }
        self.streams = Streams::new();
        self.schedule = Schedule::default();
        self.block = None;
        self.phase = Phase::Closed;
        self.needed = 0;
        self.timers.disarm_all();
        if let Some(timeout) = self.config.limits.stalled_socket_timeout {
            self.timers.arm(Timer::StalledConnection, self.clock + timeout);
        }
        self.events.push(Event::Closed { error });
    }
}
