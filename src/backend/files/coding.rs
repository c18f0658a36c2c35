//! Codings of content (RFC 9110, 12.5.3): which of the precompressed variants of a file a client gets.

use crate::pipeline::head::RequestHead;

/// A coding that a file may be there in beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878).
    Zstd,
    /// gzip (RFC 1952).
    Gzip,
}

impl Coding {
    /// All, the one that makes files smallest first.
    pub(super) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Its name in `Accept-Encoding` and `Content-Encoding`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What is added to the name of a file.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

/// The coding that the client likes most of those that are there; the first of equals. `None` if it likes the file as it is.
pub(super) fn choose(request: &RequestHead, there: impl Iterator<Item = Coding>) -> Option<Coding> {
    let mut best = None;
    for coding in there {
        let quality = quality(request, coding.name());
        if quality > best.map_or(0, |(_, quality)| quality) {
            best = Some((coding, quality));
        }
    }
    best.map(|(coding, _)| coding)
}

/// How much the client likes a coding, in thousandths; 0 is not at all.
fn quality(request: &RequestHead, name: &str) -> u32 {
    let mut any = 0;
    for value in request.fields.received_all("accept-encoding") {
        for item in std::str::from_utf8(value).unwrap_or_default().split(',') {
            let mut parts = item.split(';').map(str::trim);
            let coding = parts.next().unwrap_or_default();
            let quality = || parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            if coding.eq_ignore_ascii_case(name) || (name == "gzip" && coding.eq_ignore_ascii_case("x-gzip")) {
                return { quality }().map_or(1000, thousandths);
            }
            if coding == "*" {
                any = { quality }().map_or(1000, thousandths);
            }
        }
    }
    any
}

/// A weight such as `0.5`; one that is malformed counts as nothing.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.get(..3).unwrap_or(fraction);
    match (whole, format!("{fraction:0<3}").parse::<u32>()) {
        ("0", Ok(thousandths)) => thousandths,
        ("1", _) => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Coding, choose};
    use crate::pipeline::head::RequestHead;

    #[test]
    fn what_is_liked_most_is_taken() {
        for (value, expected) in [
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("gzip;q=1.0, br;q=0.5", Some(Coding::Gzip)),
            ("br;q=0, gzip;q=0.001", Some(Coding::Gzip)),
            ("*", Some(Coding::Brotli)),
            ("*;q=0, zstd", Some(Coding::Zstd)),
            ("identity", None),
            ("br;q=0", None),
            ("br;q=junk", None),
            ("", None),
        ] {
            let mut request = RequestHead::default();
            request.fields.receive(b"accept-encoding", value.as_bytes());
            assert_eq!(choose(&request, Coding::ALL.into_iter()), expected, "{value}");
        }
        assert_eq!(choose(&RequestHead::default(), Coding::ALL.into_iter()), None);
    }
}
