//! Trace contexts (W3C Trace Context, Level 2): the ids by which what several programs did for one request is put together.

use std::fmt;

/// The id of a trace; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(u128);

/// Where a request stands in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: TraceId,
    /// The part of it that asks.
    pub parent: u64,
    /// What is noted of it: sampled, and whether its id is random.
    pub flags: u8,
}

/// The flag that says that whoever asks keeps the trace.
pub const SAMPLED: u8 = 1;

/// The flag that says that the id of the trace is random.
pub const RANDOM: u8 = 2;

impl TraceId {
    /// An id; `None` for zero.
    pub fn new(id: u128) -> Option<Self> {
        (id != 0).then_some(Self(id))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{:016x}-{:02x}", self.trace, self.parent, self.flags)
    }
}

impl TraceContext {
    /// Reads the value of `traceparent`; of a version that is not known, the part that will not change. `None` if it is none.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (version, rest) = (text.get(..2)?, text.get(55..)?);
        let dashes = [2, 35, 52].iter().all(|at| text.as_bytes()[*at] == b'-');
        let is_whole = if version == "00" { rest.is_empty() } else { rest.is_empty() || rest.starts_with('-') };
        if !dashes || !is_whole || version == "ff" || !is_hex(version) {
            return None;
        }
        let part = |from: usize, to: usize| text.get(from..to).filter(|part| is_hex(part));
        let parent = u64::from_str_radix(part(36, 52)?, 16).ok().filter(|parent| *parent != 0)?;
        let trace = TraceId::new(u128::from_str_radix(part(3, 35)?, 16).ok()?)?;
        let flags = u8::from_str_radix(part(53, 55)?, 16).ok()? & (SAMPLED | RANDOM);
        Some(Self { trace, parent, flags })
    }
}

/// Digits in lower case, as it has to be.
fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::TraceContext;

    #[test]
    fn contexts_are_read_as_they_are_written() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceContext::parse(text.as_bytes()).unwrap().to_string(), text);
        let newer = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-what-else";
        assert_eq!(TraceContext::parse(newer.as_bytes()).unwrap().to_string(), text.replace("-01", "-03"));
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
            "00-4bf92f3577b34da6a3ce929d0e0e47\u{e9}-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
