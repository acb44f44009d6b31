//! What can go wrong, by scope and by who is to blame: one `Violation` for each rule that a peer can break, and one
//! table that maps it to its scope, its error code on the wire and its text.
//! Does not decide what happens next; `recv.rs` and `connection.rs` do.

use crate::event::StreamId;
use std::fmt;
use std::time::Duration;

/// Names why a connection or a stream died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke a rule that concerns the whole connection: GOAWAY was sent.
    Connection(Violation),
    /// The peer broke a rule that concerns one stream: RST_STREAM was sent.
    Stream(StreamId, Violation),
    /// The peer ended the connection with GOAWAY and this code.
    GoneAway(ErrorCode),
    /// The peer's side of the transport ended without a farewell.
    Lost,
    /// Nothing arrived within `timeout` after a keepalive PING, so this side ended the connection.
    Silent {
        /// [`Keepalive::timeout`](crate::Keepalive::timeout).
        timeout: Duration,
    },
    /// This side ended the connection with [`Connection::close`](crate::Connection::close) and this code.
    Closed(ErrorCode),
}

impl Error {
    /// Returns the code that was sent or received; [`ErrorCode::ConnectError`] when the transport just ended or the peer
    /// was silent.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Connection(violation) | Self::Stream(_, violation) => violation.code(),
            Self::GoneAway(code) | Self::Closed(code) => *code,
            Self::Lost | Self::Silent { .. } => ErrorCode::ConnectError,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(violation) => write!(f, "{violation}"),
            Self::Stream(id, violation) => write!(f, "stream {id}: {violation}"),
            Self::GoneAway(code) => write!(f, "the peer closed the connection with {code}"),
            Self::Lost => f.write_str("the connection ended without GOAWAY"),
            Self::Silent { timeout } => write!(f, "no answer to a keepalive PING within {} s", timeout.as_secs_f64()),
            Self::Closed(code) => write!(f, "the connection was closed here with {code}"),
        }
    }
}

impl std::error::Error for Error {}

/// Is an error code of RST_STREAM or GOAWAY (RFC 9113 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Graceful end.
    NoError,
    /// A rule without a code of its own was broken.
    ProtocolError,
    /// The sender failed through no fault of its peer.
    InternalError,
    /// A flow-control window was overrun or overflowed.
    FlowControlError,
    /// SETTINGS were not acknowledged in time.
    SettingsTimeout,
    /// A frame arrived on a stream that was already (half-)closed.
    StreamClosed,
    /// A frame had an illegal length.
    FrameSizeError,
    /// The stream was not processed at all: the request may be sent again.
    RefusedStream,
    /// The stream is no longer needed.
    Cancel,
    /// The HPACK state is lost.
    CompressionError,
    /// The connection under a CONNECT request ended; also used in events for streams whose transport ended.
    ConnectError,
    /// The peer costs too much.
    EnhanceYourCalm,
    /// The transport is not secure enough.
    InadequateSecurity,
    /// HTTP/1.1 is wanted instead.
    Http11Required,
    /// A code that RFC 9113 does not know; it has no special meaning.
    Unknown(u32),
}

impl ErrorCode {
    /// Reads a code from the wire.
    pub fn from_u32(code: u32) -> Self {
        match code {
            0 => Self::NoError,
            1 => Self::ProtocolError,
            2 => Self::InternalError,
            3 => Self::FlowControlError,
            4 => Self::SettingsTimeout,
            5 => Self::StreamClosed,
            6 => Self::FrameSizeError,
            7 => Self::RefusedStream,
            8 => Self::Cancel,
            9 => Self::CompressionError,
            10 => Self::ConnectError,
            11 => Self::EnhanceYourCalm,
            12 => Self::InadequateSecurity,
            13 => Self::Http11Required,
            unknown => Self::Unknown(unknown),
        }
    }

    /// Returns the code as it is on the wire.
    pub fn as_u32(self) -> u32 {
        match self {
            Self::NoError => 0,
            Self::ProtocolError => 1,
            Self::InternalError => 2,
            Self::FlowControlError => 3,
            Self::SettingsTimeout => 4,
            Self::StreamClosed => 5,
            Self::FrameSizeError => 6,
            Self::RefusedStream => 7,
            Self::Cancel => 8,
            Self::CompressionError => 9,
            Self::ConnectError => 10,
            Self::EnhanceYourCalm => 11,
            Self::InadequateSecurity => 12,
            Self::Http11Required => 13,
            Self::Unknown(code) => code,
        }
    }

    /// Returns the RFC's name, like `ENHANCE_YOUR_CALM`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoError => "NO_ERROR",
            Self::ProtocolError => "PROTOCOL_ERROR",
            Self::InternalError => "INTERNAL_ERROR",
            Self::FlowControlError => "FLOW_CONTROL_ERROR",
            Self::SettingsTimeout => "SETTINGS_TIMEOUT",
            Self::StreamClosed => "STREAM_CLOSED",
            Self::FrameSizeError => "FRAME_SIZE_ERROR",
            Self::RefusedStream => "REFUSED_STREAM",
            Self::Cancel => "CANCEL",
            Self::CompressionError => "COMPRESSION_ERROR",
            Self::ConnectError => "CONNECT_ERROR",
            Self::EnhanceYourCalm => "ENHANCE_YOUR_CALM",
            Self::InadequateSecurity => "INADEQUATE_SECURITY",
            Self::Http11Required => "HTTP_1_1_REQUIRED",
            Self::Unknown(_) => "UNKNOWN",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(code) => write!(f, "error code {code:#x}"),
            known => f.write_str(known.name()),
        }
    }
}

/// How much dies with a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Connection,
    Stream,
}

/// Declares [`Violation`] together with its table, so that no rule can lack a row.
macro_rules! violations {
    ($($(#[$doc:meta])* $name:ident = $scope:ident, $code:ident, $text:literal;)*) => {
        /// Names one rule that a peer broke; there is one for each MUST of RFC 9113 and each limit of
        /// [`Limits`](crate::Limits).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Violation {
            $(#[doc = $text] $(#[$doc])* $name,)*
        }

        impl Violation {
            fn row(self) -> (Scope, ErrorCode, &'static str) {
                match self {
                    $(Self::$name => (Scope::$scope, ErrorCode::$code, $text),)*
                }
            }
        }
    };
}

violations! {
    BadPreface = Connection, ProtocolError, "the connection does not begin with the HTTP/2 preface (RFC 9113 section 3.4)";
    SettingsNotFirst = Connection, ProtocolError, "the first frame is not SETTINGS (RFC 9113 section 3.4)";
    FrameTooLarge = Connection, FrameSizeError, "a frame is larger than SETTINGS_MAX_FRAME_SIZE (RFC 9113 section 4.2)";
    BlockInterrupted = Connection, ProtocolError, "a header block was interrupted by another frame (RFC 9113 section 4.3)";
    Compression = Connection, CompressionError, "a header block cannot be decoded (RFC 9113 section 4.3)";
    IdleStream = Connection, ProtocolError, "a frame names a stream that was never opened (RFC 9113 section 5.1)";
    ClosedStream = Connection, StreamClosed, "DATA or HEADERS on a stream that has ended (RFC 9113 section 5.1)";
    WrongParity = Connection, ProtocolError, "a stream id that this peer may not open (RFC 9113 section 5.1.1)";
    StreamIdReused = Connection, ProtocolError, "a stream id that is not greater than all before (RFC 9113 section 5.1.1)";
    DataOnConnection = Connection, ProtocolError, "DATA on stream 0 (RFC 9113 section 6.1)";
    PaddingTooLong = Connection, ProtocolError, "padding as long as its frame (RFC 9113 section 6.1)";
    PaddedFrameEmpty = Connection, FrameSizeError, "a padded frame without a pad length (RFC 9113 section 6.1)";
    HeadersOnConnection = Connection, ProtocolError, "HEADERS on stream 0 (RFC 9113 section 6.2)";
    HeadersTooShort = Connection, FrameSizeError, "HEADERS without its priority fields (RFC 9113 section 6.2)";
    PriorityOnConnection = Connection, ProtocolError, "PRIORITY on stream 0 (RFC 9113 section 6.3)";
    PriorityLength = Stream, FrameSizeError, "PRIORITY that is not 5 bytes long (RFC 9113 section 6.3)";
    ResetOnConnection = Connection, ProtocolError, "RST_STREAM on stream 0 (RFC 9113 section 6.4)";
    ResetLength = Connection, FrameSizeError, "RST_STREAM that is not 4 bytes long (RFC 9113 section 6.4)";
    SettingsOnStream = Connection, ProtocolError, "SETTINGS on a stream (RFC 9113 section 6.5)";
    SettingsLength = Connection, FrameSizeError, "SETTINGS of a length that is no multiple of 6 (RFC 9113 section 6.5)";
    SettingsAckLength = Connection, FrameSizeError, "a SETTINGS acknowledgement with entries (RFC 9113 section 6.5)";
    EnablePushValue = Connection, ProtocolError, "an illegal SETTINGS_ENABLE_PUSH (RFC 9113 section 6.5.2)";
    InitialWindowValue = Connection, FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1 (RFC 9113 section 6.5.2)";
    MaxFrameValue = Connection, ProtocolError, "SETTINGS_MAX_FRAME_SIZE outside of 2^14 to 2^24-1 (RFC 9113 section 6.5.2)";
    SettingsAckTimeout = Connection, SettingsTimeout, "SETTINGS were not acknowledged in time (RFC 9113 section 6.5.3)";
    PushPromise = Connection, ProtocolError, "PUSH_PROMISE, which was not allowed (RFC 9113 section 8.4)";
    PingOnStream = Connection, ProtocolError, "PING on a stream (RFC 9113 section 6.7)";
    PingLength = Connection, FrameSizeError, "PING that is not 8 bytes long (RFC 9113 section 6.7)";
    GoAwayOnStream = Connection, ProtocolError, "GOAWAY on a stream (RFC 9113 section 6.8)";
    GoAwayLength = Connection, FrameSizeError, "GOAWAY shorter than 8 bytes (RFC 9113 section 6.8)";
    WindowUpdateLength = Connection, FrameSizeError, "WINDOW_UPDATE that is not 4 bytes long (RFC 9113 section 6.9)";
    ConnectionIncrementZero = Connection, ProtocolError, "WINDOW_UPDATE of 0 on the connection (RFC 9113 section 6.9)";
    StreamIncrementZero = Stream, ProtocolError, "WINDOW_UPDATE of 0 on a stream (RFC 9113 section 6.9)";
    ConnectionWindowOverflow = Connection, FlowControlError, "the connection window grew past 2^31-1 (RFC 9113 section 6.9.1)";
    StreamWindowOverflow = Stream, FlowControlError, "a stream window grew past 2^31-1 (RFC 9113 section 6.9.1)";
    SettingsWindowOverflow = Connection, FlowControlError, "SETTINGS made a stream window grow past 2^31-1 (RFC 9113 section 6.9.2)";
    ConnectionWindowExceeded = Connection, FlowControlError, "DATA beyond the connection window (RFC 9113 section 6.9.1)";
    StreamWindowExceeded = Stream, FlowControlError, "DATA beyond the stream window (RFC 9113 section 6.9.1)";
    StrayContinuation = Connection, ProtocolError, "CONTINUATION without an open header block (RFC 9113 section 6.10)";
    HalfClosedStream = Stream, StreamClosed, "a frame after END_STREAM (RFC 9113 section 5.1)";
    PastStream = Stream, StreamClosed, "a frame on a stream that has ended (RFC 9113 section 5.1)";
    StreamLimit = Stream, RefusedStream, "more streams than SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113 section 5.1.2)";
    SelfDependency = Stream, ProtocolError, "a stream that depends on itself (RFC 7540 section 5.3.1)";
    DataBeforeHead = Stream, ProtocolError, "DATA before the response head (RFC 9113 section 8.1)";
    TrailersOpen = Stream, ProtocolError, "trailers without END_STREAM (RFC 9113 section 8.1)";
    InformationalEnd = Stream, ProtocolError, "an informational response with END_STREAM (RFC 9113 section 8.1)";
    ContentLengthInvalid = Stream, ProtocolError, "a content-length that is no number, or several (RFC 9113 section 8.1.1)";
    ContentLengthMismatch = Stream, ProtocolError, "DATA that does not add up to content-length (RFC 9113 section 8.1.1)";
    NameEmpty = Stream, ProtocolError, "a field without a name (RFC 9113 section 8.2.1)";
    NameUppercase = Stream, ProtocolError, "a field name with an upper-case letter (RFC 9113 section 8.2.1)";
    NameInvalid = Stream, ProtocolError, "a field name with an illegal character (RFC 9113 section 8.2.1)";
    ValueInvalid = Stream, ProtocolError, "a field value with an illegal character (RFC 9113 section 8.2.1)";
    ConnectionField = Stream, ProtocolError, "a connection-specific field (RFC 9113 section 8.2.2)";
    TeInvalid = Stream, ProtocolError, "a te field other than trailers (RFC 9113 section 8.2.2)";
    PseudoAfterField = Stream, ProtocolError, "a pseudo-header after an ordinary field (RFC 9113 section 8.3)";
    PseudoUnknown = Stream, ProtocolError, "an unknown pseudo-header (RFC 9113 section 8.3)";
    PseudoRepeated = Stream, ProtocolError, "a repeated pseudo-header (RFC 9113 section 8.3)";
    PseudoMissing = Stream, ProtocolError, "a missing pseudo-header (RFC 9113 section 8.3.1)";
    PseudoInTrailers = Stream, ProtocolError, "a pseudo-header in trailers (RFC 9113 section 8.1)";
    PathEmpty = Stream, ProtocolError, "an empty :path (RFC 9113 section 8.3.1)";
    ConnectInvalid = Stream, ProtocolError, "a CONNECT request with :scheme or :path, or without :authority (RFC 9113 section 8.5)";
    HostDiffers = Stream, ProtocolError, "a host field that is not the :authority (RFC 9113 section 8.3.1)";
    /// Answered with 400.
    HostRepeated = Stream, NoError, "more than one host field (RFC 9112 section 3.2)";
    StatusInvalid = Stream, ProtocolError, "a :status that is no three digits (RFC 9113 section 8.3.2)";
    SwitchingProtocols = Stream, ProtocolError, "status 101, which HTTP/2 does not have (RFC 9113 section 8.6)";
    HandshakeTimeout = Connection, SettingsTimeout, "no preface and SETTINGS in time";
    FrameTimeout = Connection, EnhanceYourCalm, "a frame or header block was not finished in time";
    StreamStalled = Stream, EnhanceYourCalm, "the stream window stayed at zero while data waited";
    ConnectionStalled = Connection, EnhanceYourCalm, "nothing could be written while data waited";
    HeaderBlockTooLarge = Connection, EnhanceYourCalm, "a header block is far too large";
    TooManyContinuations = Connection, EnhanceYourCalm, "too many CONTINUATION frames";
    TooManyEmptyFrames = Connection, EnhanceYourCalm, "too many empty frames";
    TooManyDataFrames = Connection, EnhanceYourCalm, "too many small DATA frames are unread";
    TooManyResets = Connection, EnhanceYourCalm, "too many streams were reset before they were served";
    TooManyGlitches = Connection, EnhanceYourCalm, "too many frames without use";
    TooManySettings = Connection, EnhanceYourCalm, "too many entries in SETTINGS";
    TooManyWindowUpdates = Connection, EnhanceYourCalm, "too many WINDOW_UPDATE frames";
    /// The text is what gRPC clients look for before they slow their pings down.
    TooManyPings = Connection, EnhanceYourCalm, "too_many_pings";
}

impl Violation {
    /// Returns the error code that the violation puts on the wire.
    pub fn code(self) -> ErrorCode {
        self.row().1
    }

    /// Returns one sentence without a full stop, with the RFC's section where a MUST was broken.
    pub fn text(self) -> &'static str {
        self.row().2
    }

    pub(crate) fn scope(self) -> Scope {
        self.row().0
    }

    /// The error that this violation is when it happens on stream `id`.
    pub(crate) fn on(self, id: u32) -> Error {
        match self.scope() {
            Scope::Connection => Error::Connection(self),
            Scope::Stream => Error::Stream(StreamId::new(id), self),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

const HEADERS_TOO_LARGE: &str = "the header list is larger than the peer accepts";

/// Says why a request could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The peer allows no further stream at this time; `Event::StreamsAvailable` follows.
    StreamLimit,
    /// The peer or this side has sent GOAWAY: open the request on another connection.
    GoingAway,
    /// All 2^30 stream ids of this connection are used: open another connection.
    Exhausted,
    /// The connection has ended.
    Closed,
    /// This side is the server.
    NotClient,
    /// The header list is larger than the peer accepts
    /// ([`peer_max_header_list_bytes`](crate::Connection::peer_max_header_list_bytes)). Nothing was sent.
    HeadersTooLarge,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StreamLimit => "the peer allows no further stream at this time",
            Self::GoingAway => "the connection is going away",
            Self::Exhausted => "the connection has no stream id left",
            Self::Closed => "the connection has ended",
            Self::NotClient => "a server cannot send requests",
            Self::HeadersTooLarge => HEADERS_TOO_LARGE,
        })
    }
}

impl std::error::Error for OpenError {}

/// Says why something could not be sent on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The stream has ended, was reset, or never was.
    Gone,
    /// END_STREAM has already been sent or queued.
    Ended,
    /// DATA before the response head, or trailers that do not end the stream.
    OutOfOrder,
    /// The header list is larger than the peer accepts
    /// ([`peer_max_header_list_bytes`](crate::Connection::peer_max_header_list_bytes)). Nothing of it was sent; a smaller
    /// one can be.
    HeadersTooLarge,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "the stream is gone",
            Self::Ended => "the stream was already ended",
            Self::OutOfOrder => "the head comes first, trailers come last",
            Self::HeadersTooLarge => HEADERS_TOO_LARGE,
        })
    }
}

impl std::error::Error for SendError {}
