//! Addresses of mail, as far as somebody who writes to them needs to know (RFC 6068: no header fields, one recipient).

use std::fmt;

use crate::value::host::HostName;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// The address of one mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailAddress(Box<str>);

impl MailAddress {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for MailAddress {
    const FORMAT: &'static str = "gw-mail";
    const DESCRIPTION: &'static str = "The address of a mailbox, without `mailto:` and without a name.";
    const EXAMPLES: &'static [&'static str] = &["ops@shop.example"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if let Some(bare) = text.strip_prefix("mailto:") {
            let error = ScalarError::new("an address of mail is written without `mailto:`");
            return Err(if Self::parse(bare).is_ok() { error.suggest(bare) } else { error });
        }
        let wrong = || ScalarError::new("an address of mail is a mailbox, `@` and a host, such as `ops@shop.example`");
        let (mailbox, host) = text.rsplit_once('@').ok_or_else(wrong)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$'*+-/=^_`{|}~.".contains(&byte);
        if mailbox.is_empty() || !mailbox.bytes().all(plain) || HostName::parse(host).is_err() {
            return Err(wrong());
        }
        Ok(Self(text.into()))
    }
}

scalar!(MailAddress);

#[cfg(test)]
mod tests {
    use super::{MailAddress, Scalar};

    #[test]
    fn an_address_is_one_mailbox() {
        for good in ["ops@shop.example", "a.b+acme@eu.shop.example"] {
            assert_eq!(MailAddress::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "ops", "@shop.example", "ops@", "a b@shop.example", "a@b@c", "a,b@c.example", "ops@x?subject=y"]
        {
            assert!(MailAddress::parse(bad).is_err(), "{bad}");
        }
        let suggestion = MailAddress::parse("mailto:ops@shop.example").unwrap_err().suggestion;
        assert_eq!(suggestion, Some("ops@shop.example".into()));
    }
}
