//! `Code`: the seventeen ways in which a call can end, and their numbers and names on the wire.

use std::fmt;

/// Says how a call ended.
///
/// The numbers are those of the `grpc-status` trailer. The set is closed: a number that this library does not know
/// is read as [`Code::Unknown`], as gRPC asks.
///
/// ```
/// # use halloo_core as halloo;
/// use halloo::Code;
///
/// assert_eq!(Code::from_u32(3), Code::InvalidArgument);
/// assert_eq!(Code::InvalidArgument.name(), "INVALID_ARGUMENT");
/// assert_eq!(Code::from_u32(99), Code::Unknown);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Code {
    /// The call succeeded.
    Ok = 0,
    /// The call was cancelled, mostly by the caller.
    Cancelled = 1,
    /// The cause is not known: an error without a code, an unknown code, or a panic in a handler.
    Unknown = 2,
    /// The request is wrong whatever the state of the server.
    InvalidArgument = 3,
    /// The deadline passed before the call ended. Both sides produce it.
    DeadlineExceeded = 4,
    /// What was asked for does not exist.
    NotFound = 5,
    /// What should be created exists.
    AlreadyExists = 6,
    /// The caller is known and may not do this.
    PermissionDenied = 7,
    /// A quota, a size limit or space is used up. The library produces it for messages over their limit.
    ResourceExhausted = 8,
    /// The server is not in the state that the call needs; a retry alone does not help.
    FailedPrecondition = 9,
    /// A conflict with a concurrent call, mostly; a retry of the whole transaction may help.
    Aborted = 10,
    /// The request goes past the valid range, for example the end of a file.
    OutOfRange = 11,
    /// The server does not have the method. The library produces it for unknown services and methods.
    Unimplemented = 12,
    /// An invariant is broken. The library produces it for violations of the protocol.
    Internal = 13,
    /// The service cannot be reached at the moment; a retry with back-off may help.
    Unavailable = 14,
    /// Data is lost or corrupted for good.
    DataLoss = 15,
    /// The caller has shown no valid credentials.
    Unauthenticated = 16,
}

impl Code {
    /// All codes, in the order of their numbers.
    pub const ALL: [Code; 17] = [
        Code::Ok,
        Code::Cancelled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::DeadlineExceeded,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unimplemented,
        Code::Internal,
        Code::Unavailable,
        Code::DataLoss,
        Code::Unauthenticated,
    ];

    /// Reads the number of a `grpc-status` trailer. Numbers without a code are [`Code::Unknown`].
    pub const fn from_u32(number: u32) -> Self {
        if number < Self::ALL.len() as u32 { Self::ALL[number as usize] } else { Code::Unknown }
    }

    /// Returns the number that the `grpc-status` trailer carries.
    pub const fn as_u32(self) -> u32 {
        self as u32
    }

    /// Returns the name in the specification's spelling, for example `INVALID_ARGUMENT`.
    pub const fn name(self) -> &'static str {
        match self {
            Code::Ok => "OK",
            Code::Cancelled => "CANCELLED",
            Code::Unknown => "UNKNOWN",
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Code::NotFound => "NOT_FOUND",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::PermissionDenied => "PERMISSION_DENIED",
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::FailedPrecondition => "FAILED_PRECONDITION",
            Code::Aborted => "ABORTED",
            Code::OutOfRange => "OUT_OF_RANGE",
            Code::Unimplemented => "UNIMPLEMENTED",
            Code::Internal => "INTERNAL",
            Code::Unavailable => "UNAVAILABLE",
            Code::DataLoss => "DATA_LOSS",
            Code::Unauthenticated => "UNAUTHENTICATED",
        }
    }

    /// Maps the status of an HTTP response that carries no `grpc-status`, for example a proxy's.
    ///
    /// It follows gRPC's `http-grpc-status-mapping.md`. It never returns [`Code::Ok`]: HTTP 200 without a
    /// `grpc-status` is [`Code::Unknown`] too.
    pub const fn from_http_status(status: u16) -> Self {
        match status {
            400 => Code::Internal,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::Unimplemented,
            429 | 502 | 503 | 504 => Code::Unavailable,
            _ => Code::Unknown,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
