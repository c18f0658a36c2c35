//! What is different for gRPC (its protocol over HTTP/2): a deadline that comes along, and errors that are no HTTP statuses.

use std::time::Duration;

/// Whether a message is of gRPC, by its `Content-Type`.
pub fn is_grpc(content_type: &[u8]) -> bool {
    matches!(content_type.strip_prefix(b"application/grpc"), Some([] | [b'+' | b';', ..]))
}

/// What `grpc-timeout` says: at most eight digits and a unit.
pub fn timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let number: u64 =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
    (digits.len() <= 8).then_some(())?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

/// The status of a call that the gateway answers itself, for its status of HTTP.
pub fn status(http: u16) -> &'static str {
    match http {
        // DEADLINE_EXCEEDED
        408 | 504 => "4",
        // PERMISSION_DENIED
        403 => "7",
        // RESOURCE_EXHAUSTED
        413 | 429 | 431 => "8",
        // UNIMPLEMENTED
        404 | 405 | 501 => "12",
        // INTERNAL
        400 | 500 => "13",
        // UNAVAILABLE
        502 | 503 => "14",
        // UNAUTHENTICATED
        401 => "16",
        // UNKNOWN
        _ => "2",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{is_grpc, timeout};

    #[test]
    fn timeouts_have_a_unit() {
        for (text, millis) in
            [("1H", 3_600_000), ("2M", 120_000), ("3S", 3000), ("250m", 250), ("4000u", 4), ("5000000n", 5)]
        {
            assert_eq!(timeout(text.as_bytes()), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "S", "1", "+1S", "-1S", "1 S", "123456789S", "1x"] {
            assert_eq!(timeout(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_type_is_known_with_its_suffixes() {
        assert!(
            [&b"application/grpc"[..], b"application/grpc+proto", b"application/grpc;x"].iter().all(|t| is_grpc(t))
        );
        assert!([&b"application/grpc-web"[..], b"application/json", b""].iter().all(|t| !is_grpc(t)));
    }
}
