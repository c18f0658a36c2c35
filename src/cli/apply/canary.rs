//! A release that some nodes take first, and what becomes of it.

use bytes::Bytes;
use jiff::Timestamp;

use crate::cli::apply::{Arguments, Stop, To};
use crate::cli::output::Output;
use crate::deploy::release::canary::Wish;
use crate::deploy::release::fleet::Fleet;
use crate::deploy::release::trial::{Terms, Verdict, attempt};
use crate::deploy::release::{Current, Purpose, Release, ReleaseError, show, wait};
use crate::deploy::store::Objects;
use crate::table::Digest;
use crate::value::duration::Duration;

/// Arguments about nodes that take a release first.
#[derive(clap::Args)]
pub struct CanaryArguments {
    /// Put the release in force on some nodes first, while all others go on with what they run: those with a label, or a share of those
    /// that are heard, at least one. Without `--watch`, applying the same again puts it in force everywhere, and `gw rollback` takes it
    /// back.
    #[arg(long, value_name = "LABEL=VALUE|PERCENT", value_parser = Wish::parse)]
    canary: Option<Wish>,
    /// Compare these nodes with the others by their receipts, then put the release in force everywhere; or take it back, and exit with
    /// 3, if they refuse it, or if surely more of their answers are errors (5xx), or slow.
    #[arg(long, requires = "canary")]
    watch: bool,
    /// How long they are compared.
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    watch_for: Duration,
    /// How many requests they have to answer in that time: of fewer nothing can be said, and the release is taken back.
    #[arg(long, value_name = "N", default_value_t = 100)]
    watch_requests: u64,
    /// By how many of a hundred requests the share of errors may be higher than that of the others.
    #[arg(long, value_name = "PERCENT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=100))]
    watch_tolerance: u8,
}

impl CanaryArguments {
    /// What the release is made for.
    pub(super) fn purpose(&self, arguments: &Arguments, to: &To<'_>, bundle: &Bytes) -> Result<Purpose, Stop> {
        let Some(wish) = &self.canary else { return Ok(Purpose::All) };
        let receipts = receipts(arguments, to)?;
        let fleet = Fleet::read(None, &*receipts, Timestamp::now()).map_err(Stop::error)?;
        wish.choose(&fleet, Digest::of_bytes(bundle)).map(Purpose::Canary).map_err(Stop::error)
    }

    /// Watches a release that was published for some nodes, and gives the one that is in force then; `None` if it was taken back.
    pub(super) fn attempt(
        &self,
        arguments: &Arguments,
        to: &To<'_>,
        release: Release,
        bundle: &Bytes,
        output: &mut Output,
    ) -> Result<Option<Release>, Stop> {
        let Some(canary) = release.statement.canary.as_ref().filter(|_| self.watch) else { return Ok(Some(release)) };
        let verdict = self.judged(arguments, to, &release, output)?;
        let current = still(to, &release)?;
        let (key, now) = (to.key.as_ref(), Timestamp::now());
        let next = match verdict {
            Verdict::Good => to.releases.publish(&current, bundle, key, now, Purpose::All),
            Verdict::Bad(_) => to.releases.withdraw(&current, canary.rest, key, now),
        };
        let next = next.map_err(Stop::error)?;
        output.show(arguments.output, || show::release_line(&next), || show::release_document(&next));
        let Verdict::Bad(why) = verdict else { return Ok(Some(next)) };
        output.note(&format!("error: the canary was taken back: {why}\n"));
        Ok(None)
    }

    fn judged(
        &self,
        arguments: &Arguments,
        to: &To<'_>,
        release: &Release,
        output: &mut Output,
    ) -> Result<Verdict, Stop> {
        let receipts = receipts(arguments, to)?;
        let timeout = arguments.waiting.timeout();
        let fleet = wait(release, &*receipts, timeout, |summary| output.note(summary));
        match fleet {
            Ok(fleet) if fleet.canary_follows() => {}
            Ok(fleet) => {
                output.note(&fleet.table());
                return Ok(Verdict::Bad("its nodes did not come along".to_owned()));
            }
            Err(error) => return Ok(Verdict::Bad(format!("the receipts cannot be read: {error}"))),
        }
        let terms = Terms {
            period: self.watch_for.get(),
            requests: self.watch_requests,
            tolerance: f64::from(self.watch_tolerance) / 100.0,
        };
        Ok(attempt(release, &*receipts, &terms, |line| output.note(line)))
    }
}

fn receipts(arguments: &Arguments, to: &To<'_>) -> Result<Box<dyn Objects>, Stop> {
    arguments.waiting.receipts(to.address).map_err(Stop::Error)
}

/// What is in force, if that is still the release that was watched.
fn still(to: &To<'_>, release: &Release) -> Result<Current, Stop> {
    let current = to.releases.current(&to.trust).map_err(Stop::error)?;
    let is_same = current.release.as_ref().is_some_and(|now| now.envelope == release.envelope);
    if is_same { Ok(current) } else { Err(Stop::error(ReleaseError::Moved)) }
}
