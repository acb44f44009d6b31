//! `Status`: how a call failed, for the wire and for the person who reads it.
//!
//! Code, message, details and metadata travel; notes and the cause stay on this side. `Debug` is prose, because
//! that is what `main` prints when it returns an error.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::code::Code;
use crate::details_text;
use crate::metadata::{Metadata, MetadataError};

/// Says how a call failed. One word wide, also within `Option` and `Result<(), Status>`.
///
/// `Display` is one line: the message and the code's name. `Debug` adds a line for each [note](Self::note), for each
/// detail (those of `google.rpc` in words, all others by name and size) and for the [cause](Self::caused_by); `{:#?}`
/// shows the fields.
///
/// ```
/// # use halloo_core as halloo;
/// use halloo::Status;
///
/// let status = Status::not_found("no shelf 7").note("calling", "library.Library/ReadShelf");
/// assert_eq!(status.to_string(), "no shelf 7 (NOT_FOUND)");
/// assert_eq!(format!("{status:?}"), "no shelf 7 (NOT_FOUND)\n  calling  library.Library/ReadShelf");
/// ```
#[derive(Clone)]
pub struct Status(Box<Fields>);

#[derive(Clone)]
struct Fields {
    code: Code,
    origin: Origin,
    message: String,
    details: Bytes,
    metadata: Metadata,
    headers: Metadata,
    notes: Vec<Note>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// Says which side of the call made a [`Status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This process: the library or the application.
    Local,
    /// The other end: it came in the trailers.
    Peer,
}

/// Explains a [`Status`] in a line, for the reader on this side; it never goes on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    label: &'static str,
    text: String,
}

impl Note {
    /// Returns what the line is about, for example `calling`, `within`, `tried`, `spent` or `hint`.
    pub fn label(&self) -> &'static str {
        self.label
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Status {
    /// Makes a status. With [`Code::Ok`] it is of use in tests and in code that passes statuses on; a call that
    /// succeeds returns its reply and no status.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Fields {
            code,
            origin: Origin::Local,
            message: message.into(),
            details: Bytes::new(),
            metadata: Metadata::new(),
            headers: Metadata::new(),
            notes: Vec::new(),
            source: None,
        }))
    }

    /// Makes a status with [`Code::Cancelled`].
    pub fn cancelled(message: impl Into<String>) -> Self {
        Self::new(Code::Cancelled, message)
    }

    /// Makes a status with [`Code::Unknown`].
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(Code::Unknown, message)
    }

    /// Makes a status with [`Code::InvalidArgument`].
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// Makes a status with [`Code::DeadlineExceeded`].
    pub fn deadline_exceeded(message: impl Into<String>) -> Self {
        Self::new(Code::DeadlineExceeded, message)
    }

    /// Makes a status with [`Code::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// Makes a status with [`Code::AlreadyExists`].
    pub fn already_exists(message: impl Into<String>) -> Self {
        Self::new(Code::AlreadyExists, message)
    }

    /// Makes a status with [`Code::PermissionDenied`].
    pub fn permission_denied(message: impl Into<String>) -> Self {
        Self::new(Code::PermissionDenied, message)
    }

    /// Makes a status with [`Code::ResourceExhausted`].
    pub fn resource_exhausted(message: impl Into<String>) -> Self {
        Self::new(Code::ResourceExhausted, message)
    }

    /// Makes a status with [`Code::FailedPrecondition`].
    pub fn failed_precondition(message: impl Into<String>) -> Self {
        Self::new(Code::FailedPrecondition, message)
    }

    /// Makes a status with [`Code::Aborted`].
    pub fn aborted(message: impl Into<String>) -> Self {
        Self::new(Code::Aborted, message)
    }

    /// Makes a status with [`Code::OutOfRange`].
    pub fn out_of_range(message: impl Into<String>) -> Self {
        Self::new(Code::OutOfRange, message)
    }

    /// Makes a status with [`Code::Unimplemented`].
    pub fn unimplemented(message: impl Into<String>) -> Self {
        Self::new(Code::Unimplemented, message)
    }

    /// Makes a status with [`Code::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    /// Makes a status with [`Code::Unavailable`].
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message)
    }

    /// Makes a status with [`Code::DataLoss`].
    pub fn data_loss(message: impl Into<String>) -> Self {
        Self::new(Code::DataLoss, message)
    }

    /// Makes a status with [`Code::Unauthenticated`].
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(Code::Unauthenticated, message)
    }

    /// Returns the code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Returns the message, which travels in the `grpc-message` trailer.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the bytes of the `grpc-status-details-bin` trailer, an encoded `google.rpc.Status`; empty if none.
    pub fn details(&self) -> &Bytes {
        &self.0.details
    }

    /// Sets the bytes of the `grpc-status-details-bin` trailer, an encoded `google.rpc.Status`.
    pub fn details_bytes(mut self, details: impl Into<Bytes>) -> Self {
        self.0.details = details.into();
        self
    }

    /// Returns the metadata that travels in the trailers.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// Returns the metadata for changing it.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.0.metadata
    }

    /// Adds metadata to the trailers.
    ///
    /// A key or value that [`Metadata::append`] refuses is left out, and a note says so; where that matters, use
    /// [`metadata_mut`](Self::metadata_mut), which returns the error.
    pub fn trailer(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        let appended = self.0.metadata.append(key, value);
        self.note_refusal(appended)
    }

    /// Adds binary metadata to the trailers; the key has to end in `-bin`. What is refused is left out, as in
    /// [`trailer`](Self::trailer).
    pub fn trailer_bin(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) -> Self {
        let appended = self.0.metadata.append_bin(key, value);
        self.note_refusal(appended)
    }

    /// Returns the headers that came before the call failed; empty if it failed without. On a client: what a server
    /// sends of a failure is in the [metadata](Self::metadata), its trailers.
    pub fn headers(&self) -> &Metadata {
        &self.0.headers
    }

    /// Keeps the headers that came before the call failed. They stay on this side.
    pub fn with_headers(mut self, headers: Metadata) -> Self {
        self.0.headers = headers;
        self
    }

    /// Returns which side made the status.
    pub fn origin(&self) -> Origin {
        self.0.origin
    }

    /// Marks the status as received from the peer.
    pub fn from_peer(mut self) -> Self {
        self.0.origin = Origin::Peer;
        self
    }

    /// Keeps the error that led to this status. It stays on this side: [`Error::source`] returns it, `Debug` shows it,
    /// and a server whose call ends with this status writes it to its log.
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Returns the [cause](Self::caused_by) and its own causes in one text, outermost first; `None` if it has none.
    ///
    /// ```
    /// # use halloo_core as halloo;
    /// use halloo::Status;
    ///
    /// let status = Status::unavailable("no shelf can be read").caused_by(std::io::Error::other("the disk is gone"));
    /// assert_eq!(status.cause().as_deref(), Some("the disk is gone"));
    /// ```
    pub fn cause(&self) -> Option<String> {
        self.source().map(chain_text)
    }

    /// Adds a line of explanation for the reader on this side. The usual labels are `calling`, `within`, `tried`,
    /// `spent` and `hint`, and they are shown in that order, whoever adds which first; others follow. A label has at most eight
    /// characters. A text of several lines is shown as such.
    pub fn note(mut self, label: &'static str, text: impl Into<String>) -> Self {
        let notes = &mut self.0.notes;
        let place = notes.iter().position(|note| rank(note.label) > rank(label)).unwrap_or(notes.len());
        notes.insert(place, Note { label, text: text.into() });
        self
    }

    /// Returns the notes in the order in which they are shown.
    pub fn notes(&self) -> &[Note] {
        &self.0.notes
    }

    fn note_refusal(self, appended: Result<(), MetadataError>) -> Self {
        match appended {
            Ok(()) => self,
            Err(error) => self.note("trailer", format!("left out: {error}")),
        }
    }
}

/// Where a note stands among the others.
fn rank(label: &str) -> u8 {
    match label {
        "calling" => 0,
        "within" => 1,
        "tried" => 2,
        "spent" => 3,
        "hint" => 4,
        _ => 5,
    }
}

/// Metadata that cannot be sent is a mistake on this side: INTERNAL.
impl From<MetadataError> for Status {
    fn from(error: MetadataError) -> Self {
        Status::internal(error.to_string()).caused_by(error)
    }
}

impl Error for Status {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as &(dyn Error + 'static))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.message.is_empty() {
            return f.write_str(self.0.code.name());
        }
        write!(f, "{} ({})", OneLine(&self.0.message), self.0.code)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return self.fmt_fields(f);
        }
        fmt::Display::fmt(self, f)?;
        for note in &self.0.notes {
            write_note(f, note.label, &note.text)?;
        }
        for (label, text) in details_text::lines(&self.0.details) {
            write_note(f, label, &text)?;
        }
        match self.cause() {
            // A status whose message is its cause's text says it once.
            Some(text) if text != self.0.message => write_note(f, "cause", &text),
            _ => Ok(()),
        }
    }
}

impl Status {
    fn fmt_fields(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Status")
            .field("code", &self.0.code)
            .field("message", &self.0.message)
            .field("origin", &self.0.origin)
            .field("details", &self.0.details)
            .field("metadata", &self.0.metadata)
            .field("headers", &self.0.headers)
            .field("notes", &self.0.notes)
            .field("source", &self.0.source)
            .finish()
    }
}

/// Writes `label` in a column of its own; further lines of `text` go under its first.
fn write_note(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    let mut label = label;
    for line in text.split('\n') {
        write!(f, "\n  {label:<8} {}", OneLine(line))?;
        label = "";
    }
    Ok(())
}

fn chain_text(source: &(dyn Error + 'static)) -> String {
    let mut text = source.to_string();
    let mut next = source.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}

/// Shows a text with its control characters escaped: a peer's message can neither break a log line nor reach the
/// terminal.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((at, control)) = rest.char_indices().find(|(_, character)| character.is_control()) {
            f.write_str(&rest[..at])?;
            write!(f, "{}", control.escape_default())?;
            rest = &rest[at + control.len_utf8()..];
        }
        f.write_str(rest)
    }
}
