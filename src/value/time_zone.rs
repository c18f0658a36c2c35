//! Names of time zones of the IANA database, as `Europe/Paris`.

use std::fmt;
use std::hash::{Hash, Hasher};

use jiff::tz::{TimeZone as Rules, TimeZoneDatabase};

use crate::value::did_you_mean::did_you_mean;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A time zone, with the rules that the gateway brings along: no file of the machine is read, so that all machines agree.
#[derive(Clone, Debug)]
pub struct TimeZone {
    name: Box<str>,
    rules: Rules,
}

impl TimeZone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".into(), rules: Rules::UTC }
    }

    /// Its rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }
}

impl PartialEq for TimeZone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TimeZone {}

impl Hash for TimeZone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Scalar for TimeZone {
    const FORMAT: &'static str = "gw-time-zone";
    const DESCRIPTION: &'static str = "A time zone of the IANA database, such as `Europe/Paris`, or `UTC`.";
    const EXAMPLES: &'static [&'static str] = &["Europe/Paris", "UTC", "America/New_York"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if text == "UTC" {
            return Ok(Self::utc());
        }
        let database = TimeZoneDatabase::bundled();
        match database.get(text) {
            Ok(rules) if rules.iana_name() == Some(text) => Ok(Self { name: text.into(), rules }),
            Ok(rules) => Err(unknown().suggest(rules.iana_name().unwrap_or("UTC"))),
            Err(_) => {
                let names: Vec<String> = database.available().map(|name| name.to_string()).collect();
                Err(match did_you_mean(text, names.iter().map(String::as_str)) {
                    Some(near) => unknown().suggest(near),
                    None => unknown(),
                })
            }
        }
    }
}

fn unknown() -> ScalarError {
    ScalarError::new("there is no such time zone").help("write a name such as `Europe/Paris`, or `UTC`")
}

scalar!(TimeZone);

#[cfg(test)]
mod tests {
    use super::{Scalar, TimeZone};

    #[test]
    fn names_are_those_of_the_database() {
        assert_eq!(TimeZone::parse("Europe/Paris").unwrap().to_string(), "Europe/Paris");
        assert_eq!(TimeZone::parse("UTC").unwrap(), TimeZone::utc());
        assert_eq!(TimeZone::parse("europe/paris").unwrap_err().suggestion.as_deref(), Some("Europe/Paris"));
        assert_eq!(TimeZone::parse("Europe/Pariss").unwrap_err().suggestion.as_deref(), Some("Europe/Paris"));
        assert!(["", "CET+1", "+02:00", "../Paris"].iter().all(|text| TimeZone::parse(text).is_err()));
    }
}
