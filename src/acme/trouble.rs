//! Why an order failed, in words for operators.

use std::io;

/// Why an order failed.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The authority has said no.
    #[error("the authority refuses: {0}")]
    Refused(String),
    /// The authority does not answer, or with what is no answer.
    #[error("the authority cannot be asked: {0}")]
    Unreachable(String),
    /// The order has not ended in time.
    #[error("the authority has not decided in time")]
    Late,
    /// Something that the manifest names is unusable.
    #[error("{0}")]
    Unusable(String),
    /// What there is cannot be kept.
    #[error("the state of the gateway cannot be kept: {0}")]
    Store(#[from] io::Error),
    /// Another gateway is at it.
    #[error("another gateway makes the account")]
    Busy,
}

/// The longest text of an authority that is told.
const LONGEST: usize = 500;

impl From<instant_acme::Error> for Trouble {
    fn from(error: instant_acme::Error) -> Self {
        match error {
            // it was asked again with a new one, and may be in the midst of a restart
            error if is(&error, "badNonce") || is(&error, "serverInternal") => {
                Self::Unreachable(printable(&error.to_string()))
            }
            instant_acme::Error::Api(problem) => Self::Refused(printable(&problem.to_string())),
            instant_acme::Error::Timeout(_) => Self::Late,
            other => Self::Unreachable(printable(&other.to_string())),
        }
    }
}

/// Whether an authority's answer is an error of this type (RFC 8555, 6.7).
pub fn is(error: &instant_acme::Error, kind: &str) -> bool {
    let instant_acme::Error::Api(problem) = error else { return false };
    problem.r#type.as_deref().and_then(|kind| kind.strip_prefix("urn:ietf:params:acme:error:")) == Some(kind)
}

/// A text that comes from elsewhere, for a line of the log.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}
