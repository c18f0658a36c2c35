//! How credentials stand in a request: schemes of `Authorization` (RFC 9110, 11.6.2), fields, parameters and cookies that are there once.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::pipeline::head::RequestHead;

/// A credential longer than this is none: it is not even hashed.
pub const MAX_BYTES: usize = 16 << 10;

/// The field of HTTP's own authentication.
pub const AUTHORIZATION: &str = "authorization";

/// The credential of a scheme in `Authorization`; the inner `None` where it is not one text.
pub fn scheme<'r>(head: &'r RequestHead, wanted: &str, is_ours: impl Fn(&[u8]) -> bool) -> Option<Option<&'r str>> {
    let credential = |value: &'r [u8]| {
        let (scheme, rest) = value.split_at_checked(wanted.len())?;
        let rest = rest.strip_prefix(b" ")?.trim_ascii();
        (scheme.eq_ignore_ascii_case(wanted.as_bytes()) && is_ours(rest)).then_some(rest)
    };
    let mut values = head.fields.received_all(AUTHORIZATION);
    let (first, again) = (values.next()?, values.next().is_some());
    let found = credential(first).or_else(|| values.find_map(credential))?;
    Some(text(found).filter(|_| !again))
}

/// The one value of a field; the inner `None` where there are several, or it is not text.
pub fn one<'r>(mut values: impl Iterator<Item = &'r [u8]>) -> Option<Option<&'r str>> {
    let first = values.next()?;
    Some(text(first).filter(|_| values.next().is_none()))
}

/// The one value; the inner `None` where there are several.
pub fn only<T>(mut values: impl Iterator<Item = T>) -> Option<Option<T>> {
    let first = values.next()?;
    Some(Some(first).filter(|_| values.next().is_none()))
}

/// User and password in what the scheme `Basic` sends (RFC 7617, 2).
pub fn user_and_password(sent: &str) -> Option<(String, String)> {
    let text = String::from_utf8(BASE64_STANDARD.decode(sent).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().filter(|text| text.len() <= MAX_BYTES)
}
