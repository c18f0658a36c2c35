//! The fields of a head: those that say something of the connection or of the framing, told from all others, and how one is taken.

use httparse::Header;

use crate::pipeline::head::Fields;

/// What a field is to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It goes on to the other side, unless `Connection` names it.
    EndToEnd,
    /// `Content-Length`
    ContentLength,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Connection`
    Connection,
    /// `Trailer`
    Trailer,
    /// `Upgrade`
    Upgrade,
    /// `TE`
    Te,
    /// `Host`
    Host,
    /// `Expect`
    Expect,
    /// It ends here.
    HopByHop,
}

/// What the field of this name is, in any case. The length and the first letter tell nearly every field apart before it is
/// compared, first with its usual spelling.
pub fn kind(name: &str) -> Kind {
    let first = name.as_bytes().first().map_or(0, |letter| letter | 0x20);
    let (usual, kind) = match (name.len(), first) {
        (2, b't') => ("TE", Kind::Te),
        (4, b'h') => ("Host", Kind::Host),
        (6, b'e') => ("Expect", Kind::Expect),
        (7, b't') => ("Trailer", Kind::Trailer),
        (7, b'u') => ("Upgrade", Kind::Upgrade),
        (10, b'c') => ("Connection", Kind::Connection),
        (10, b'k') => ("Keep-Alive", Kind::HopByHop),
        (14, b'c') => ("Content-Length", Kind::ContentLength),
        (14, b'h') => ("HTTP2-Settings", Kind::HopByHop),
        (16, b'p') => ("Proxy-Connection", Kind::HopByHop),
        (18, b'p') => ("Proxy-Authenticate", Kind::HopByHop),
        (25, b'p') => ("Proxy-Authentication-Info", Kind::HopByHop),
        (17, b't') => ("Transfer-Encoding", Kind::TransferEncoding),
        _ => return Kind::EndToEnd,
    };
    if name == usual || name.eq_ignore_ascii_case(usual) { kind } else { Kind::EndToEnd }
}

/// Takes a field of a head over from the input that it was read in.
pub fn take_field(header: &Header<'_>, input: &[u8], fields: &mut Fields) {
    match line(header, input) {
        Some(line) => fields.receive_line(line, header.name.len()),
        None => fields.receive(header.name.as_bytes(), header.value),
    }
}

/// The line of a field where it stands in the input, if it is spelled as nearly all are: it is copied in one piece then.
fn line<'a>(header: &Header<'_>, input: &'a [u8]) -> Option<&'a [u8]> {
    let at = |part: *const u8| part.addr().wrapping_sub(input.as_ptr().addr());
    let start = at(header.name.as_ptr());
    let separator = start.checked_add(header.name.len())?;
    let value = at(header.value.as_ptr());
    let end = value.checked_add(header.value.len())?;
    let usual = separator.checked_add(2) == Some(value)
        && input.get(separator..value)? == b": "
        && input.get(end..end.checked_add(2)?)? == b"\r\n";
    if usual { input.get(start..end + 2) } else { None }
}

/// A number in its one canonical spelling.
pub fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::{Kind, decimal, kind};

    #[test]
    fn names_are_known_in_any_case() {
        for name in ["Content-Length", "content-length", "CONTENT-LENGTH"] {
            assert_eq!(kind(name), Kind::ContentLength);
        }
        for name in ["content_length", "x-content-length", "", "connectioN2", "Hosts"] {
            assert_eq!(kind(name), Kind::EndToEnd, "{name}");
        }
    }

    #[test]
    fn lengths_have_one_spelling() {
        assert_eq!(
            (decimal(b"0"), decimal(b"10"), decimal(b"18446744073709551615")),
            (Some(0), Some(10), Some(u64::MAX))
        );
        for text in ["", "00", "01", "+1", "-1", " 1", "1 ", "0x1", "1e1", "18446744073709551616"] {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
    }
}
