//! Follows the releases of a store: whatever it shows is verified before it is compiled, and compiled before it is put in force.
//! What is refused changes nothing.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant, SystemTime};

use crate::compiler::Compiled;
use crate::deploy::bundle::Bundle;
use crate::deploy::follow::{Candidate, Look, Report, Source};
use crate::deploy::release::asker::{Answer, Asker, Told, Trouble};
use crate::deploy::release::{Content, Refusal, Release, Releases, Taken, Terms};
use crate::deploy::secrets::{fingerprint, resolve};
use crate::deploy::watch::{Wake, Waker};
use crate::proxy::status::InForce;
use crate::table::Digest;
use crate::value::secret::Secret;

/// How long a node that has something else to start from waits for the store.
const FIRST: Duration = Duration::from_secs(3);

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
    /// What people know the store by.
    store: String,
    asker: Asker,
    terms: Terms,
    /// Whether the store was asked.
    began: bool,
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

impl ReleaseFollower {
    /// Follows the releases of a store, with what the node keeps of them. It asks on a thread of its own, and the waker is told when
    /// there is something to look at.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(releases: Releases, terms: Terms, waker: Waker) -> io::Result<Self> {
        let store = releases.name().to_owned();
        let asker = Asker::start(releases, &terms, waker)?;
        Ok(Self {
            store,
            asker,
            terms,
            began: false,
            newest: None,
            compiled: None,
            named: BTreeSet::new(),
            told: None,
            in_force: None,
            fingerprint: None,
            again: None,
        })
    }

    /// What the store shows, if it is anything new. The first time it is waited for, and not for long if there is something else to
    /// start from.
    fn hear(&mut self) -> Option<Answer> {
        self.asker.ask();
        if std::mem::replace(&mut self.began, true) {
            return self.asker.answer();
        }
        if !self.terms.kept.has_good() {
            return self.asker.wait();
        }
        let patience = || Err(Trouble::Store(format!("the store has not answered within {} seconds", FIRST.as_secs())));
        Some(self.asker.wait_for(FIRST).unwrap_or_else(patience))
    }

    /// Compiles the newest release that was verified.
    fn compile(&mut self, taken: &Taken) -> Look {
        let (statement, content) = (&taken.release.statement, taken.content);
        let bundle = match Bundle::read(&taken.bundle) {
            Ok(bundle) => bundle,
            Err(error) => return self.refuse(error.into(), Some(Told::of(taken))),
        };
        if bundle.contents.environment != statement.environment {
            let (release, own) = (bundle.contents.environment, self.terms.environment.clone());
            return self.refuse(Refusal::Environment { release, own }, Some(Told::of(taken)));
        }
        let of_another_compiler = bundle.contents.is_of_another_compiler();
        let Compiled { sources, diagnostics, table, .. } = bundle.compile();
        let report = Report {
            diagnostics,
            sources,
            digest: Some(content.bundle),
            trouble: None,
            serial: Some(statement.serial),
            reason: Some(MANIFESTS),
            since: SystemTime::now(),
        };
        let Some(table) = table else { return Look::Refused(report) };
        if table.digest != content.table {
            if !of_another_compiler {
                let refusal = Refusal::Table { reviewed: content.table, found: table.digest };
                return self.refuse(refusal, Some(Told::of(taken)));
            }
            tracing::warn!(
                reviewed = %content.table.short(), table = %table.digest.short(),
                "another version of the program made the release, and compiled it to another table"
            );
        }
        self.named.clone_from(&table.secrets);
        let print = fingerprint(&self.named);
        self.compiled = Some(Seen { serial: statement.serial, bundle: content.bundle, secrets: print });
        match resolve(&table.secrets) {
            Ok(secrets) => {
                let rotated = self.fingerprint.is_some_and(|before| before != print);
                Look::Table(Box::new(Candidate { table, secrets, rotated, print }), Report { reason: None, ..report })
            }
            Err(missing) => {
                Look::Refused(Report { trouble: Some(missing.to_string()), reason: Some(SECRETS), ..report })
            }
        }
    }

    /// Refuses a release, once.
    fn refuse(&mut self, refusal: Refusal, told: Option<Told>) -> Look {
        let (serial, digest) = (told.map(|told| told.serial), told.map(|told| told.bundle));
        self.say(Report { digest, serial, reason: Some(refusal.reason()), ..Report::of_trouble(refusal.to_string()) })
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
        let said = match self.hear() {
            None => Look::Same,
            Some(Ok(taken)) => {
                if self.told.take().is_some() {
                    // it may be what is in force: compiling it again says that all is well
                    self.compiled = None;
                }
                self.newest = Some(taken);
                Look::Same
            }
            Some(Err(Trouble::Refused(refusal, told))) => self.refuse(*refusal, told),
            Some(Err(Trouble::Store(trouble))) => {
                self.say(Report { reason: Some(STORE), ..Report::of_trouble(trouble) })
            }
        };
        if matches!(said, Look::Refused(_)) {
            return said;
        }
        let Some(newest) = self.newest.clone() else { return said };
        let retries = self.again.is_some_and(|at| why == Wake::Asked || at <= Instant::now());
        let (serial, Content { bundle, .. }) = (newest.release.statement.serial, newest.content);
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
            self.asker.ask_anew();
        }
        let Some(taken) = &self.in_force else { return };
        if let Err(error) = self.terms.kept.keep(taken) {
            tracing::error!(%error, "the release is in force, and this node could not start from it without the store");
        }
        let (serial, Content { bundle, .. }) = (taken.release.statement.serial, taken.content);
        tracing::info!(serial, bundle = %bundle.short(), "a release is in force");
    }

    fn failed(&mut self, took: Duration) {
        self.again = Some(Instant::now() + AGAIN.max(took * 20));
        self.asker.ask_anew();
    }

    fn last_known_good(&mut self) -> Option<Look> {
        let good = match self.terms.kept.good(&self.terms.trust, &self.terms.identity) {
            Ok(good) => good?,
            Err(refusal) => return Some(self.refuse(refusal, None)),
        };
        if good.release.statement.environment != self.terms.environment {
            let (release, own) = (good.release.statement.environment, self.terms.environment.clone());
            return Some(self.refuse(Refusal::Environment { release, own }, None));
        }
        self.newest = Some(good.clone());
        Some(self.compile(&good))
    }

    fn release(&self) -> Option<InForce> {
        let Taken { release, content, .. } = self.in_force.as_ref()?;
        let Release { statement, signed_by, .. } = release;
        Some(InForce {
            store: self.store.clone(),
            serial: statement.serial,
            bundle: content.bundle,
            environment: statement.environment.clone(),
            commit: statement.commit.clone(),
            signed_by: signed_by.clone(),
            made: statement.time.into(),
        })
    }
}
