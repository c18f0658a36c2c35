//! What `Cache-Control` says of an answer (RFC 9111, 5.2.2; RFC 5861).

use crate::pipeline::head::Fields;

/// The directives of an answer that a shared cache heeds.
#[expect(clippy::struct_excessive_bools, reason = "each is said or not, whatever the others are")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub(super) no_store: bool,
    /// Must be asked for again each time.
    pub(super) no_cache: bool,
    pub(super) private: bool,
    pub(super) public: bool,
    /// Must not be used once it is stale, whatever happens: `must-revalidate`, `proxy-revalidate` and `s-maxage` say so.
    pub(super) must_revalidate: bool,
    pub(super) must_understand: bool,
    pub(super) max_age: Option<u64>,
    pub(super) s_maxage: Option<u64>,
    pub(super) stale_while_revalidate: Option<u64>,
    pub(super) stale_if_error: Option<u64>,
}

impl Directives {
    /// What the fields of an answer say.
    pub(super) fn of(fields: &Fields) -> Self {
        let mut all = Self::default();
        for value in fields.all("cache-control") {
            parts(value).for_each(|(name, value)| all.read(name, value));
        }
        all
    }

    fn read(&mut self, name: &[u8], value: Option<&[u8]>) {
        match name.to_ascii_lowercase().as_slice() {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"public" => self.public = true,
            b"must-revalidate" | b"proxy-revalidate" => self.must_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"max-age" => least(&mut self.max_age, value),
            b"s-maxage" => {
                least(&mut self.s_maxage, value);
                self.must_revalidate = true;
            }
            b"stale-while-revalidate" => least(&mut self.stale_while_revalidate, value),
            b"stale-if-error" => least(&mut self.stale_if_error, value),
            _ => {}
        }
    }
}

/// Of several times the shortest counts; what is no time is none at all.
fn least(place: &mut Option<u64>, value: Option<&[u8]>) {
    let time = value.and_then(seconds).unwrap_or(0);
    *place = Some(place.map_or(time, |before| before.min(time)));
}

/// A number of seconds (RFC 9111, 1.2.2): digits and nothing else.
pub(super) fn seconds(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(value).ok()?.parse().ok().or(Some(u64::from(u32::MAX))))?
}

/// The directives of a value, each as its name and what stands behind `=`, without quotes. A comma within quotes is none.
pub(super) fn parts(value: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let mut quoted = false;
    let split = value.split(move |byte| {
        quoted ^= *byte == b'"';
        !quoted && *byte == b','
    });
    split.map(|part| {
        let mut sides = part.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
        let (name, value) = (sides.next().unwrap_or_default(), sides.next());
        let bare = value.and_then(|value| value.strip_prefix(b"\"")?.strip_suffix(b"\""));
        (name, bare.or(value))
    })
}

#[cfg(test)]
mod tests {
    use super::{Directives, seconds};
    use crate::pipeline::head::Fields;

    fn read(value: &str) -> Directives {
        let mut fields = Fields::default();
        fields.receive(b"cache-control", value.as_bytes());
        Directives::of(&fields)
    }

    #[test]
    fn directives_are_read_as_rfc_9111_says() {
        let all = read("MaX-AgE=60, s-maxage=\"30\", no-cache=\"a, b\", Private");
        assert_eq!((all.max_age, all.s_maxage, all.no_cache, all.private), (Some(60), Some(30), true, true));
        assert!(all.must_revalidate && !all.no_store);
        assert_eq!(read("extension=\"max-age=3600\", max-age=1").max_age, Some(1));
        assert_eq!(read("extension=\"a, max-age=3600\"").max_age, None);
        assert_eq!(read("max-age=7, max-age=5").max_age, Some(5));
        for bad in ["max-age='60'", "max-age=-1", "max-age=6.0", "max-age", "max-age=1, max-age=x"] {
            assert_eq!(read(bad).max_age, Some(0), "{bad}");
        }
        assert_eq!(seconds(b"003600"), Some(3600));
        assert_eq!(seconds(b"99999999999999999999999"), Some(u64::from(u32::MAX)));
    }
}
