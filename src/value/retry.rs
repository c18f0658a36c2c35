//! What a request is sent again for.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// What a request is sent again for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RetryCause {
    /// No connection was made.
    ConnectFailure,
    /// The connection ended before any byte of an answer.
    Reset,
    /// No answer came in time.
    Timeout,
    /// An answer of this status.
    Status(u16),
}

impl fmt::Display for RetryCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectFailure => f.write_str("connectFailure"),
            Self::Reset => f.write_str("reset"),
            Self::Timeout => f.write_str("timeout"),
            Self::Status(status) => write!(f, "{status}"),
        }
    }
}

impl Scalar for RetryCause {
    const FORMAT: &'static str = "gw-retry-cause";
    const DESCRIPTION: &'static str = "`connectFailure` (no connection was made), `reset` (the connection ended before any byte of an \
         answer), `timeout` (no answer came in time), or a status from 400 to 599 in quotes, such as `\"503\"`.";
    const EXAMPLES: &'static [&'static str] = &["connectFailure", "reset", "timeout", "503"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let named = [Self::ConnectFailure, Self::Reset, Self::Timeout].into_iter();
        if let Some(cause) = named.clone().find(|cause| cause.to_string() == text) {
            return Ok(cause);
        }
        if let Some(status) = text.parse().ok().filter(|status| text.len() == 3 && (400..600).contains(status)) {
            return Ok(Self::Status(status));
        }
        let error = ScalarError::new(
            "a request is sent again for `connectFailure`, `reset`, `timeout` or a status such as `\"503\"`",
        );
        let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        let near = named.map(|cause| cause.to_string()).find(|name| name.eq_ignore_ascii_case(&plain));
        Err(match near {
            Some(near) => error.suggest(near),
            None => error,
        })
    }
}

scalar!(RetryCause);

#[cfg(test)]
mod tests {
    use super::{RetryCause, Scalar};

    #[test]
    fn names_and_statuses_are_causes() {
        for text in ["connectFailure", "reset", "timeout", "429", "503"] {
            assert_eq!(RetryCause::parse(text).unwrap().to_string(), text);
        }
        for bad in ["", "200", "0503", "600", "5xx"] {
            assert!(RetryCause::parse(bad).is_err(), "{bad}");
        }
        let suggestion = RetryCause::parse("connect-failure").unwrap_err().suggestion;
        assert_eq!(suggestion.as_deref(), Some("connectFailure"));
    }
}
