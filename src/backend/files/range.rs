//! Range requests (RFC 9110, 14): one range, several as `multipart/byteranges`, with bounds against amplification.

use std::ops::Range;

use bytes::Bytes;

use crate::pipeline::head::RequestHead;
use crate::value::method::Method;

/// More ranges than this in one request are answered with the whole file.
const MOST_RANGES: usize = 16;

/// What of a file is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::backend) enum Ranges {
    /// All of it: nothing else was asked, or what was asked is ignored.
    Whole,
    /// One range.
    One(Range<usize>),
    /// Several, in the order asked.
    Many(Vec<Range<usize>>),
    /// None of what was asked: 416.
    Unsatisfiable,
}

/// What the request asks of a file of this length.
pub(in crate::backend) fn requested(
    request: &RequestHead,
    etag: &str,
    modified: Option<&str>,
    length: usize,
) -> Ranges {
    let Some(value) = request.fields.received("range").filter(|_| request.method == Method::Get) else {
        return Ranges::Whole;
    };
    let condition = request.fields.received("if-range");
    if condition.is_some_and(|c| c != etag.as_bytes() && Some(c) != modified.map(str::as_bytes)) {
        return Ranges::Whole;
    }
    let Some(list) = std::str::from_utf8(value).ok().and_then(|value| value.strip_prefix("bytes=")) else {
        return Ranges::Whole;
    };
    select(list, length)
}

fn select(list: &str, length: usize) -> Ranges {
    let mut ranges = Vec::new();
    for (i, spec) in list.split(',').map(str::trim).filter(|spec| !spec.is_empty()).enumerate() {
        match parse(spec, length) {
            _ if i >= MOST_RANGES => return Ranges::Whole,
            Some(range) => ranges.extend(range),
            None => return Ranges::Whole,
        }
    }
    let total: usize = ranges.iter().map(Range::len).sum();
    match ranges.len() {
        0 if list.trim().is_empty() => Ranges::Whole,
        0 => Ranges::Unsatisfiable,
        1 => Ranges::One(ranges.remove(0)),
        _ if total >= length => Ranges::Whole,
        _ => Ranges::Many(ranges),
    }
}

/// `Some(None)` is a range behind the end, `None` one that is malformed.
#[expect(
    clippy::option_option,
    reason = "malformed, unsatisfiable and satisfiable are three outcomes of one small parser"
)]
fn parse(spec: &str, length: usize) -> Option<Option<Range<usize>>> {
    let (first, last) = spec.split_once('-')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().unwrap_or(usize::MAX));
    match (first, last) {
        ("", "") => None,
        ("", suffix) => {
            let suffix = number(suffix)?.min(length);
            Some((suffix > 0).then(|| length - suffix..length))
        }
        (first, last) => {
            let start = number(first)?;
            let end = if last.is_empty() { length } else { number(last)?.saturating_add(1).min(length) };
            if !last.is_empty() && number(last)? < start {
                return None;
            }
            Some((start < length).then_some(start..end))
        }
    }
}

/// The body of several ranges, with its boundary.
pub(in crate::backend) fn multipart(
    bytes: &Bytes,
    ranges: &[Range<usize>],
    media_type: &str,
    sha256: &str,
) -> (String, Vec<u8>) {
    let boundary = format!("gw-{}", &sha256[sha256.len().saturating_sub(24)..]);
    let mut body = Vec::new();
    for range in ranges {
        let head = format!(
            "\r\n--{boundary}\r\ncontent-type: {media_type}\r\ncontent-range: bytes {}-{}/{}\r\n\r\n",
            range.start,
            range.end - 1,
            bytes.len()
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&bytes[range.clone()]);
    }
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (boundary, body)
}

#[cfg(test)]
mod tests {
    use super::{Ranges, select};

    #[test]
    fn ranges_of_a_file_of_100_bytes() {
        for (list, expected) in [
            ("0-9", Ranges::One(0..10)),
            ("90-", Ranges::One(90..100)),
            ("-10", Ranges::One(90..100)),
            ("-1000", Ranges::One(0..100)),
            ("95-1000", Ranges::One(95..100)),
            ("0-4,10-14", Ranges::Many(vec![0..5, 10..15])),
            ("0-4,200-", Ranges::One(0..5)),
            ("100-", Ranges::Unsatisfiable),
            ("-0", Ranges::Unsatisfiable),
            ("5-2", Ranges::Whole),
            ("x", Ranges::Whole),
            ("0-,0-", Ranges::Whole),
            ("", Ranges::Whole),
        ] {
            assert_eq!(select(list, 100), expected, "{list}");
        }
        assert_eq!(select(&"0-0,".repeat(17), 100), Ranges::Whole);
    }
}
