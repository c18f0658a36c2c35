//! Going back: an old bundle is put in force under a new number. The past stays as it was.

use jiff::Timestamp;

use crate::deploy::release::{Content, Current, Purpose, Release, ReleaseError, Releases, SigningKey, Trust};

/// The most releases that are looked through.
const DEPTH: usize = 100_000;

/// The fewest digits of a digest that name a release.
const DIGITS: usize = 6;

/// Which release to go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// What ran before: the newest with another bundle, older than what the one in force went back to, and no canary.
    Previous,
    /// The one with this number.
    Serial(u64),
    /// The newest whose bundle's digest begins so.
    Digest(String),
}

impl Target {
    /// A number, or the first digits of the digest of a bundle.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() < DIGITS
            && let Ok(serial) = text.parse()
        {
            return Ok(Self::Serial(serial));
        }
        let hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match text.len() {
            DIGITS..=64 if hex => Ok(Self::Digest(text.to_owned())),
            _ => Err(format!("write the number of a release, or at least {DIGITS} digits of the digest of its bundle")),
        }
    }

    fn is(&self, release: &Release, current: &Release) -> bool {
        let (statement, newest) = (&release.statement, &current.statement);
        match self {
            Self::Previous => {
                let before = newest.restores.unwrap_or(newest.serial);
                statement.serial < before && statement.canary.is_none() && statement.bundle != newest.bundle
            }
            Self::Serial(serial) => statement.serial == *serial,
            Self::Digest(digits) => statement.bundle.to_string().starts_with(digits),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Previous => "with another bundle".to_owned(),
            Self::Serial(serial) => serial.to_string(),
            Self::Digest(digits) => format!("with the bundle {digits}"),
        }
    }
}

impl Releases {
    /// What is in force, and the release to go back to.
    ///
    /// # Errors
    /// If there is no such release, or the store cannot be asked or believed.
    pub fn find(&self, target: &Target, trust: &Trust) -> Result<(Current, Release), ReleaseError> {
        let current = self.current(trust)?;
        let history = self.history(trust, DEPTH)?;
        let found = current
            .release
            .as_ref()
            .and_then(|current| history.into_iter().find(|release| target.is(release, current)));
        found.map(|found| (current, found)).ok_or_else(|| ReleaseError::Unknown(target.name()))
    }

    /// Goes back to a release, or takes the canary back that is in force.
    ///
    /// # Errors
    /// If there is no such release, or as [`Releases::publish`].
    pub fn roll_back(
        &self,
        target: &Target,
        trust: &Trust,
        key: Option<&SigningKey>,
        now: Timestamp,
    ) -> Result<Release, ReleaseError> {
        let current = self.current(trust)?;
        let canary = current.release.as_ref().and_then(|release| release.statement.canary.as_ref());
        if let (Target::Previous, Some(canary)) = (target, canary) {
            return self.withdraw(&current, canary.rest, key, now);
        }
        let (current, older) = self.find(target, trust)?;
        self.restore(&current, &older, key, now)
    }

    /// Puts the bundle of an older release in force.
    ///
    /// # Errors
    /// As [`Releases::publish`], and if the bundle is gone.
    pub(super) fn restore(
        &self,
        after: &Current,
        older: &Release,
        key: Option<&SigningKey>,
        now: Timestamp,
    ) -> Result<Release, ReleaseError> {
        let bundle = self.bundle(older.statement.bundle)?;
        self.publish(after, &bundle, key, now, Purpose::Restore(older.statement.serial))
    }

    /// Takes a canary back: all nodes run what the others went on with.
    ///
    /// # Errors
    /// As [`Releases::publish`], and if the bundle is gone.
    pub fn withdraw(
        &self,
        after: &Current,
        rest: Content,
        key: Option<&SigningKey>,
        now: Timestamp,
    ) -> Result<Release, ReleaseError> {
        self.publish(after, &self.bundle(rest.bundle)?, key, now, Purpose::Restore(rest.serial))
    }
}
