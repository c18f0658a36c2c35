//! Amounts of bytes: `512B`, `32KiB`, `10MiB`, `1GiB`.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// An amount of bytes of at least one, written as one number and a binary unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Size(u64);

/// The units with their bytes, the largest first.
const UNITS: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl Size {
    /// An amount of kibibytes.
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    /// An amount of mebibytes.
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// Twice as much.
    pub const fn doubled(self) -> Self {
        Self(self.0.saturating_mul(2))
    }

    /// The bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, size) = UNITS.iter().find(|(_, size)| self.0.is_multiple_of(*size)).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl Scalar for Size {
    const FORMAT: &'static str = "gw-size";
    const DESCRIPTION: &'static str = "An amount of bytes: a whole number and one of `B`, `KiB`, `MiB`, `GiB`, `TiB`, such as `10MiB`; more than zero.";
    const EXAMPLES: &'static [&'static str] = &["10MiB", "32KiB", "512B", "1GiB"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let wrong =
            || ScalarError::new("an amount of bytes is a whole number and a unit").help("write for example `10MiB`");
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            let error = wrong().help("the units are `B`, `KiB`, `MiB`, `GiB` and `TiB`");
            return Err(match meant(unit) {
                Some(unit) if number > 0 => error.suggest(format!("{number}{unit}")),
                _ => error,
            });
        };
        match number.checked_mul(*size).filter(|bytes| *bytes <= 1 << 50) {
            Some(0) => {
                Err(ScalarError::new("an amount of bytes is more than zero")
                    .help("leave the field out for its default"))
            }
            Some(bytes) => Ok(Self(bytes)),
            None => Err(ScalarError::new("an amount of bytes is at most 1024TiB")),
        }
    }
}

fn meant(unit: &str) -> Option<&'static str> {
    Some(match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" | "byte" | "bytes" => "B",
        "k" | "kb" | "ki" | "kib" => "KiB",
        "m" | "mb" | "mi" | "mib" => "MiB",
        "g" | "gb" | "gi" | "gib" => "GiB",
        "t" | "tb" | "ti" | "tib" => "TiB",
        _ => return None,
    })
}

scalar!(Size);

#[cfg(test)]
mod tests {
    use super::{Scalar, Size};

    #[test]
    fn reads_and_writes_the_largest_unit() {
        for (text, bytes, shown) in [("32KiB", 32 << 10, "32KiB"), ("1024KiB", 1 << 20, "1MiB"), ("7B", 7, "7B")] {
            let size = Size::parse(text).unwrap();
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, shown));
        }
    }

    #[test]
    fn says_what_to_write_instead() {
        let suggestion = |text| Size::parse(text).unwrap_err().suggestion;
        assert_eq!(suggestion("10MB"), Some("10MiB".into()));
        assert_eq!(suggestion("100"), Some("100B".into()));
        assert!(["", "MiB", "1.5MiB", "0B", "9999999TiB"].iter().all(|t| Size::parse(t).is_err()));
    }
}
