//! `Refusal`: why a token was not accepted, in words for the developer of an honest client.
//!
//! They tell what the client can see in its own token, and nothing of keys. What claims say is only told of tokens
//! whose signature was right.

use std::fmt;

use halloo_core::Status;
use jsonwebtoken::errors::{Error, ErrorKind};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    Several,
    NotBearer,
    TooLong { max_bytes: usize },
    Malformed,
    Critical,
    UnknownKey,
    OtherAlgorithm,
    Signature,
    Expired,
    NotYet,
    Issuer,
    Audience,
    OwnAudienceUnknown,
    NoClaim(String),
    WrongClaim(String),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error.into_kind() {
            ErrorKind::ExpiredSignature => Self::Expired,
            ErrorKind::ImmatureSignature => Self::NotYet,
            ErrorKind::InvalidIssuer => Self::Issuer,
            ErrorKind::InvalidAudience => Self::Audience,
            ErrorKind::MissingRequiredClaim(claim) => Self::NoClaim(claim),
            ErrorKind::InvalidClaimFormat(claim) => Self::WrongClaim(claim),
            ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => Self::OtherAlgorithm,
            ErrorKind::InvalidToken | ErrorKind::Base64(_) | ErrorKind::Json(_) | ErrorKind::Utf8(_) => Self::Malformed,
            // Whatever the cryptography has to say beyond that is not the caller's business.
            _ => Self::Signature,
        }
    }
}

impl Refusal {
    pub(crate) fn into_status(self) -> Status {
        Status::unauthenticated(self.to_string())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Missing => "this method needs a token: send the metadata `authorization: Bearer <token>`",
            Self::Several => "there is more than one `authorization`",
            Self::NotBearer => "`authorization` has to be `Bearer <token>`",
            Self::TooLong { max_bytes } => return write!(f, "the token is over {max_bytes} bytes"),
            Self::Malformed => "the token is no JWT that this server can read",
            Self::Critical => "the token has an extension (`crit`) that this server does not know",
            Self::UnknownKey => "the token was signed with a key that this server does not know (`kid`)",
            Self::OtherAlgorithm => "the token was signed with another algorithm than its key is for (`alg`)",
            Self::Signature => "the token's signature is wrong",
            Self::Expired => "the token has expired (`exp`)",
            Self::NotYet => "the token is not valid yet (`nbf`); do the clocks agree?",
            Self::Issuer => "the token is from an issuer that this server does not trust (`iss`)",
            Self::Audience => "the token is for another audience than this server (`aud`)",
            Self::OwnAudienceUnknown => "the token is for an audience (`aud`), and this server was not told its own",
            Self::NoClaim(claim) => return write!(f, "the token has no usable `{claim}`"),
            Self::WrongClaim(claim) => return write!(f, "the token's `{claim}` is not of the right kind"),
        };
        f.write_str(text)
    }
}
