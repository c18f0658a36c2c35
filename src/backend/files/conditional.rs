//! Conditional requests in the order of precedence of RFC 9110, 13.2.2.

use std::time::{Duration, SystemTime};

use crate::pipeline::head::RequestHead;

/// What the conditions of a GET or HEAD say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend) enum Verdict {
    /// Answer as if there were none.
    Send,
    /// 304
    NotModified,
    /// 412
    Failed,
}

/// Evaluates the conditions against the file's entity tag, which is weak perhaps, and its date.
pub(in crate::backend) fn evaluate(request: &RequestHead, etag: &str, modified: Option<SystemTime>) -> Verdict {
    let unchanged_since =
        |field| date(request, field).zip(modified).map(|(then, changed)| whole_seconds(changed) <= then);
    if has(request, "if-match") {
        if !any_tag(request, "if-match", |tag| tag == "*" || (tag == etag && !tag.starts_with("W/"))) {
            return Verdict::Failed;
        }
    } else if unchanged_since("if-unmodified-since") == Some(false) {
        return Verdict::Failed;
    }
    if has(request, "if-none-match") {
        if any_tag(request, "if-none-match", |tag| tag == "*" || opaque(tag) == opaque(etag)) {
            return Verdict::NotModified;
        }
    } else if unchanged_since("if-modified-since") == Some(true) {
        return Verdict::NotModified;
    }
    Verdict::Send
}

/// A tag without the mark of a weak one.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

fn has(request: &RequestHead, field: &str) -> bool {
    request.fields.received(field).is_some()
}

fn any_tag(request: &RequestHead, field: &str, test: impl Fn(&str) -> bool) -> bool {
    request
        .fields
        .received_all(field)
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .any(|tag| test(tag.trim()))
}

fn date(request: &RequestHead, field: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(request.fields.received(field)?).ok()?).ok()
}

/// HTTP dates have no fractions of a second.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::{Verdict, evaluate};
    use crate::pipeline::head::RequestHead;
    use std::time::{Duration, SystemTime};

    #[test]
    fn precedence_of_rfc_9110() {
        let modified = Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_500));
        let same = "Mon, 12 Jan 1970 13:46:40 GMT";
        let older = "Sun, 11 Jan 1970 13:46:40 GMT";
        for (fields, expected) in [
            (&[("if-none-match", "W/\"a\"")][..], Verdict::NotModified),
            (&[("if-none-match", "\"b\", \"a\"")], Verdict::NotModified),
            (&[("if-none-match", "\"b\""), ("if-modified-since", same)], Verdict::Send),
            (&[("if-modified-since", same)], Verdict::NotModified),
            (&[("if-modified-since", older)], Verdict::Send),
            (&[("if-modified-since", "junk")], Verdict::Send),
            (&[("if-match", "\"b\"")], Verdict::Failed),
            (&[("if-match", "W/\"a\"")], Verdict::Failed),
            (&[("if-match", "*")], Verdict::Send),
            (&[("if-unmodified-since", older)], Verdict::Failed),
        ] {
            let mut request = RequestHead::default();
            for (name, value) in fields {
                request.fields.receive(name.as_bytes(), value.as_bytes());
            }
            assert_eq!(evaluate(&request, "\"a\"", modified), expected, "{fields:?}");
        }
    }
}
