//! Asks a store for its releases and verifies what it shows, on a thread of its own: however slow a store is, the node goes on, hears
//! signals and takes new secrets.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use crate::deploy::release::{
    Content, Identity, Kept, Refusal, Release, ReleaseError, Releases, Statement, Taken, Trust,
};
use crate::deploy::store::{Found, StoreError, Version};
use crate::deploy::watch::{Wake, Waker};
use crate::proxy::metrics::Metrics;
use crate::table::Digest;

/// What there is to know of the store, after a question.
pub(super) type Answer = Result<Taken, Trouble>;

/// What keeps a node from taking what the store shows.
pub(super) enum Trouble {
    /// The release is refused, whatever happens, until there is another one.
    Refused(Box<Refusal>, Option<Told>),
    /// The store must be asked again.
    Store(String),
}

/// Which release is refused, if it was told.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub(super) serial: u64,
    pub(super) bundle: Digest,
}

/// Whose releases for what are taken, and what is known of them.
pub struct Terms {
    /// Whom to believe.
    pub trust: Trust,
    /// The environment that the node runs for.
    pub environment: Option<String>,
    /// Who the node is.
    pub identity: Identity,
    /// What the node keeps.
    pub kept: Arc<Kept>,
    /// The counters.
    pub metrics: Arc<Metrics>,
}

/// The thread that asks.
pub(super) struct Asker {
    questions: Sender<Question>,
    answers: Receiver<Answer>,
}

enum Question {
    /// Is there anything new?
    New,
    /// What is there, new or not?
    All,
}

impl Told {
    pub(super) fn of(taken: &Taken) -> Self {
        Self { serial: taken.release.statement.serial, bundle: taken.content.bundle }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl Asker {
    /// Starts it; whoever waits by the waker hears of each answer.
    pub(super) fn start(releases: Releases, terms: &Terms, waker: Waker) -> std::io::Result<Self> {
        let (questions, asked) = channel();
        let (sender, answers) = channel();
        let seen = terms.kept.seen();
        let terms = Terms {
            trust: terms.trust.clone(),
            environment: terms.environment.clone(),
            identity: terms.identity.clone(),
            kept: Arc::clone(&terms.kept),
            metrics: Arc::clone(&terms.metrics),
        };
        let mut judge = Judge { releases, terms, seen, judged: None, last: None, told: None };
        let run = move || {
            while let Ok(question) = asked.recv() {
                // what was asked while the store was slow is answered at once
                let anew = asked.try_iter().any(|more| matches!(more, Question::All));
                if anew || matches!(question, Question::All) {
                    (judge.judged, judge.told) = (None, None);
                }
                if let Some(answer) = judge.ask() {
                    if sender.send(answer).is_err() {
                        return;
                    }
                    waker.wake(Wake::Event);
                }
            }
        };
        thread::Builder::new().name("releases".into()).spawn(run)?;
        Ok(Self { questions, answers })
    }

    /// Asks whether there is anything new; the answer comes later, if there is.
    pub(super) fn ask(&self) {
        let _ = self.questions.send(Question::New);
    }

    /// Asks what there is, new or not.
    pub(super) fn ask_anew(&self) {
        let _ = self.questions.send(Question::All);
    }

    /// The last answer that has come.
    pub(super) fn answer(&self) -> Option<Answer> {
        self.answers.try_iter().last()
    }

    /// Waits for an answer.
    pub(super) fn wait(&self) -> Option<Answer> {
        self.answers.recv().ok()
    }

    /// Waits for an answer, but not longer than so.
    pub(super) fn wait_for(&self, patience: Duration) -> Option<Answer> {
        self.answers.recv_timeout(patience).ok()
    }
}

/// Decides what of a store may be taken.
struct Judge {
    releases: Releases,
    terms: Terms,
    /// The highest release that was seen and verified.
    seen: Option<Statement>,
    /// The version of `current` that was judged last.
    judged: Option<Version>,
    /// What was taken last.
    last: Option<Taken>,
    /// The trouble with the store that was told last.
    told: Option<String>,
}

impl Judge {
    /// Asks the store; `None` if there is nothing new to say.
    fn ask(&mut self) -> Option<Answer> {
        match self.look() {
            Ok(None) => None,
            Ok(Some(taken)) => {
                self.told = None;
                self.last = Some(taken.clone());
                Some(Ok(taken))
            }
            Err(Trouble::Store(trouble)) => {
                // once it can be asked again, what it shows is judged again
                self.judged = None;
                let told = self.told.replace(trouble.clone());
                (told.as_ref() != Some(&trouble)).then_some(Err(Trouble::Store(trouble)))
            }
            Err(refused) => {
                self.told = None;
                Some(Err(refused))
            }
        }
    }

    fn look(&mut self) -> Result<Option<Taken>, Trouble> {
        let found = self.releases.said(self.judged.as_ref())?;
        self.terms.metrics.releases.answered();
        let (envelope, version) = match found {
            Found::Same => return Ok(None),
            Found::Missing => return Err(Trouble::Store("the store holds no release".to_owned())),
            Found::Object(envelope, version) => (envelope, version),
        };
        let judged = self.judge(&envelope);
        self.judged = Some(version);
        judged.map(Some)
    }

    /// Verifies what the store shows.
    fn judge(&mut self, envelope: &Bytes) -> Result<Taken, Trouble> {
        let release = Release::read(envelope.to_vec(), &self.terms.trust)
            .map_err(|refusal| Trouble::Refused(refusal.into(), None))?;
        let content = release.statement.content_for(&self.terms.identity);
        let told = Told { serial: release.statement.serial, bundle: content.bundle };
        let refused = |refusal: Refusal| Trouble::Refused(refusal.into(), Some(told));
        self.check(&release.statement).map_err(refused)?;
        if self.seen.as_ref().is_none_or(|seen| seen.serial < release.statement.serial) {
            self.seen = Some(release.statement.clone());
            if let Err(error) = self.terms.kept.note(&release) {
                tracing::error!(%error, "a release is not noted, so an old one could be taken for new after a restart");
            }
        }
        let bundle = match self.has(content) {
            Some(bundle) => bundle,
            None => self.releases.bundle(content.bundle).map_err(|error| match error {
                // it may still be on its way: a store behind a cache shows one object before the other
                ReleaseError::Refused(Refusal::Missing(_)) => Trouble::Store(error.to_string()),
                ReleaseError::Refused(refusal) => refused(refusal),
                error => Trouble::Store(error.to_string()),
            })?,
        };
        Ok(Taken { release, content, bundle })
    }

    /// Whether a release may follow those that were seen, on this node.
    fn check(&self, statement: &Statement) -> Result<(), Refusal> {
        if statement.environment != self.terms.environment {
            let (release, own) = (statement.environment.clone(), self.terms.environment.clone());
            return Err(Refusal::Environment { release, own });
        }
        let Some(seen) = &self.seen else { return Ok(()) };
        let Statement { serial, bundle, time, ref canary, .. } = *statement;
        if serial < seen.serial {
            return Err(Refusal::Replayed { serial, time, last: seen.serial });
        }
        if serial == seen.serial && (bundle, canary) != (seen.bundle, &seen.canary) {
            return Err(Refusal::Forked { serial, seen: seen.bundle, shown: bundle });
        }
        Ok(())
    }

    /// A bundle that is at hand.
    fn has(&self, wanted: Content) -> Option<Bytes> {
        let last = self.last.as_ref().filter(|taken| taken.content.bundle == wanted.bundle);
        last.map(|taken| taken.bundle.clone()).or_else(|| self.terms.kept.bundle(wanted.bundle))
    }
}
