//! Follows the releases of a store: whatever it shows is verified before it is compiled, and compiled before it is put in force.
//! What is refused changes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use crate::compiler::Compiled;
use crate::deploy::bundle::Bundle;
use crate::deploy::follow::{Candidate, Look, Refused, Report, Source};
use crate::deploy::release::{Kept, Refusal, Release, ReleaseError, Releases, Statement, Taken, Trust};
use crate::deploy::secrets::{fingerprint, resolve};
use crate::deploy::store::{Found, StoreError, Version};
use crate::deploy::watch::Wake;
use crate::proxy::metrics::Metrics;
use crate::proxy::status::InForce;
use crate::table::Digest;
use crate::value::secret::Secret;

/// What cannot be put in force for a reason outside of the release is tried again after so long, or longer.
const AGAIN: Duration = Duration::from_secs(2);

/// Why a release is refused that doesn't compile, in one word.
const MANIFESTS: &str = "manifests";

/// The same of one whose secrets this node doesn't have.
const SECRETS: &str = "secrets";

/// The same where the store cannot be asked.
const STORE: &str = "store";

/// Follows the releases of a store.
pub struct ReleaseFollower {
    releases: Releases,
    trust: Trust,
    environment: Option<String>,
    kept: Kept,
    metrics: Arc<Metrics>,
    /// The highest release that was seen and verified.
    seen: Option<Statement>,
    /// The version of `current` that was judged last.
    judged: Option<Version>,
    /// The newest release that was verified.
    newest: Option<Taken>,
    /// What was compiled last.
    compiled: Option<Seen>,
    named: BTreeSet<Secret>,
    /// What was refused last, and told.
    told: Option<String>,
    in_force: Option<Taken>,
    /// The values of the secrets of the table in force.
    fingerprint: Option<Digest>,
    /// When to try again what could not be put in force.
    again: Option<Instant>,
}

/// What decides what a release compiles to on this node, and which one it is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    serial: u64,
    bundle: Digest,
    /// The values of the secrets.
    secrets: Digest,
}

/// Which release is refused, if it was told.
#[derive(Clone, Copy)]
struct Told {
    serial: u64,
    bundle: Digest,
}

impl Told {
    fn of(statement: &Statement) -> Self {
        Self { serial: statement.serial, bundle: statement.bundle }
    }
}

/// What a look at the store cannot get past.
enum Trouble {
    /// The release is refused, whatever happens, until there is another one.
    Refused(Box<Refusal>, Option<Told>),
    /// The store must be asked again.
    Store(String),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl ReleaseFollower {
    /// Follows the releases of a store, with what the node keeps of them.
    pub fn new(
        releases: Releases,
        trust: Trust,
        environment: Option<String>,
        kept: Kept,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            releases,
            trust,
            environment,
            seen: kept.seen(),
            kept,
            metrics,
            judged: None,
            newest: None,
            compiled: None,
            named: BTreeSet::new(),
            told: None,
            in_force: None,
            fingerprint: None,
            again: None,
        }
    }

    /// Asks the store, and takes the release that it shows if that is another one.
    fn ask(&mut self) -> Result<(), Trouble> {
        let found = self.releases.said(self.judged.as_ref())?;
        self.metrics.releases.answered();
        let (envelope, version) = match found {
            Found::Same => return Ok(()),
            Found::Missing => return Err(Trouble::Store("the store holds no release".to_owned())),
            Found::Object(envelope, version) => (envelope, version),
        };
        let judged = self.judge(envelope);
        if !matches!(judged, Err(Trouble::Store(_))) {
            self.judged = Some(version);
        }
        let taken = judged?;
        if self.told.take().is_some() {
            // it may be what is in force: compiling it again says that all is well
            self.compiled = None;
        }
        self.newest = Some(taken);
        Ok(())
    }

    /// Verifies what the store shows.
    fn judge(&mut self, envelope: Bytes) -> Result<Taken, Trouble> {
        let release =
            Release::read(envelope.to_vec(), &self.trust).map_err(|refusal| Trouble::Refused(refusal.into(), None))?;
        let told = Told::of(&release.statement);
        let refused = |refusal: Refusal| Trouble::Refused(refusal.into(), Some(told));
        self.check(&release.statement).map_err(refused)?;
        if self.seen.as_ref().is_none_or(|seen| seen.serial < release.statement.serial) {
            self.seen = Some(release.statement.clone());
            if let Err(error) = self.kept.note(&release) {
                tracing::error!(%error, "a release is not noted, so an old one could be taken for new after a restart");
            }
        }
        let bundle = match self.has(release.statement.bundle) {
            Some(bundle) => bundle,
            None => match self.releases.bundle(release.statement.bundle) {
                Ok(bundle) => bundle,
                // it may still be on its way: a store behind a cache shows one object before the other
                Err(error @ ReleaseError::Refused(Refusal::Missing(_))) => {
                    return Err(Trouble::Store(error.to_string()));
                }
                Err(ReleaseError::Refused(refusal)) => return Err(refused(refusal)),
                Err(error) => return Err(Trouble::Store(error.to_string())),
            },
        };
        Ok(Taken { release, bundle })
    }

    /// Whether a release may follow those that were seen, on this node.
    fn check(&self, statement: &Statement) -> Result<(), Refusal> {
        if statement.environment != self.environment {
            let (release, own) = (statement.environment.clone(), self.environment.clone());
            return Err(Refusal::Environment { release, own });
        }
        let Some(seen) = &self.seen else { return Ok(()) };
        let Statement { serial, bundle, time, .. } = *statement;
        if serial < seen.serial {
            return Err(Refusal::Replayed { serial, time, last: seen.serial });
        }
        if serial == seen.serial && bundle != seen.bundle {
            return Err(Refusal::Forked { serial, seen: seen.bundle, shown: bundle });
        }
        Ok(())
    }

    /// A bundle that is at hand.
    fn has(&self, wanted: Digest) -> Option<Bytes> {
        let taken = [&self.newest, &self.in_force].into_iter().flatten();
        let at_hand = taken.filter(|taken| taken.release.statement.bundle == wanted).map(|taken| taken.bundle.clone());
        at_hand.into_iter().next().or_else(|| self.kept.bundle(wanted))
    }

    /// Compiles the newest release that was verified.
    fn compile(&mut self, taken: &Taken) -> Look {
        let statement = &taken.release.statement;
        let bundle = match Bundle::read(&taken.bundle) {
            Ok(bundle) => bundle,
            Err(error) => return self.refuse(error.into(), Some(Told::of(statement))),
        };
        if bundle.contents.environment != statement.environment {
            let (release, own) = (bundle.contents.environment, self.environment.clone());
            return self.refuse(Refusal::Environment { release, own }, Some(Told::of(statement)));
        }
        let of_another_compiler = bundle.contents.is_of_another_compiler();
        let Compiled { sources, diagnostics, table, .. } = bundle.compile();
        let refused = |reason| Some(Refused { serial: Some(statement.serial), reason });
        let report = Report {
            diagnostics,
            sources,
            digest: Some(statement.bundle),
            trouble: None,
            refused: refused(MANIFESTS),
            since: SystemTime::now(),
        };
        let Some(table) = table else { return Look::Refused(report) };
        if table.digest != statement.table {
            if !of_another_compiler {
                let refusal = Refusal::Table { reviewed: statement.table, found: table.digest };
                return self.refuse(refusal, Some(Told::of(statement)));
            }
            tracing::warn!(
                reviewed = %statement.table.short(), table = %table.digest.short(),
                "another version of the program made the release, and compiled it to another table"
            );
        }
        self.named.clone_from(&table.secrets);
        let print = fingerprint(&self.named);
        self.compiled = Some(Seen { serial: statement.serial, bundle: statement.bundle, secrets: print });
        match resolve(&table.secrets) {
            Ok(secrets) => {
                let rotated = self.fingerprint.is_some_and(|before| before != print);
                Look::Table(Box::new(Candidate { table, secrets, rotated, print }), Report { refused: None, ..report })
            }
            Err(missing) => {
                Look::Refused(Report { trouble: Some(missing.to_string()), refused: refused(SECRETS), ..report })
            }
        }
    }

    /// Refuses a release, once.
    fn refuse(&mut self, refusal: Refusal, told: Option<Told>) -> Look {
        let refused = Refused { serial: told.map(|told| told.serial), reason: refusal.reason() };
        let digest = told.map(|told| told.bundle);
        self.say(Report { digest, refused: Some(refused), ..Report::of_trouble(refusal.to_string()) })
    }

    fn say(&mut self, report: Report) -> Look {
        if self.told == report.trouble {
            return Look::Same;
        }
        self.told.clone_from(&report.trouble);
        Look::Refused(report)
    }
}

impl Source for ReleaseFollower {
    fn look(&mut self, why: Wake) -> Look {
        let said = match self.ask() {
            Ok(()) => Look::Same,
            Err(Trouble::Refused(refusal, told)) => self.refuse(*refusal, told),
            Err(Trouble::Store(trouble)) => {
                self.judged = None;
                let refused = Some(Refused { serial: None, reason: STORE });
                self.say(Report { refused, ..Report::of_trouble(trouble) })
            }
        };
        if matches!(said, Look::Refused(_)) {
            return said;
        }
        let Some(newest) = self.newest.clone() else { return said };
        let retries = self.again.is_some_and(|at| why == Wake::Asked || at <= Instant::now());
        let Statement { serial, bundle, .. } = newest.release.statement;
        let state = Seen { serial, bundle, secrets: fingerprint(&self.named) };
        if !retries && self.compiled == Some(state) {
            return Look::Same;
        }
        self.again = None;
        self.compiled = Some(state);
        self.compile(&newest)
    }

    fn accepted(&mut self, print: Digest) {
        let first = self.fingerprint.replace(print).is_none();
        self.in_force.clone_from(&self.newest);
        if !first && self.told.take().is_some() {
            // new secrets came into force, and what is refused still is: it is judged, and told, again
            self.judged = None;
        }
        let Some(taken) = &self.in_force else { return };
        if let Err(error) = self.kept.keep(taken) {
            tracing::error!(%error, "the release is in force, and this node could not start from it without the store");
        }
        let Statement { serial, bundle, .. } = &taken.release.statement;
        tracing::info!(serial, bundle = %bundle.short(), "a release is in force");
    }

    fn failed(&mut self, took: Duration) {
        self.again = Some(Instant::now() + AGAIN.max(took * 20));
        self.judged = None;
    }

    fn last_known_good(&mut self) -> Option<Look> {
        let good = match self.kept.good(&self.trust) {
            Ok(good) => good?,
            Err(refusal) => return Some(self.refuse(refusal, None)),
        };
        if good.release.statement.environment != self.environment {
            let (release, own) = (good.release.statement.environment, self.environment.clone());
            return Some(self.refuse(Refusal::Environment { release, own }, None));
        }
        self.newest = Some(good.clone());
        Some(self.compile(&good))
    }

    fn release(&self) -> Option<InForce> {
        let Release { statement, signed_by, .. } = &self.in_force.as_ref()?.release;
        Some(InForce {
            store: self.releases.name().to_owned(),
            serial: statement.serial,
            bundle: statement.bundle,
            environment: statement.environment.clone(),
            commit: statement.commit.clone(),
            signed_by: signed_by.clone(),
            made: statement.time.into(),
        })
    }
}
