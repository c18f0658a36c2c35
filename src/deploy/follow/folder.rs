//! Follows a folder of manifests, which may be written to at any moment.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::compiler::{AssetRequest, Compiled, Manifests, compile_to_serve};
use crate::deploy::follow::{Candidate, Look, Report, Source};
use crate::deploy::load::{LoadError, Snapshot, asset_stats, read_assets, read_folder};
use crate::deploy::secrets::{fingerprint, resolve};
use crate::deploy::watch::{POLL, Wake};
use crate::table::{Digest, RouteTable};
use crate::value::secret::Secret;

/// How long a manifest without a byte is taken for one that is about to be written: who opens a file to write empties it first.
const HOLLOW: Duration = Duration::from_secs(1);

/// Looks at a folder again and again.
pub struct Follower {
    root: PathBuf,
    environment: Option<String>,
    seen: Option<Seen>,
    served: bool,
    /// Since when a manifest has no byte.
    hollow: Option<Instant>,
    named: BTreeSet<Secret>,
    /// The values of the secrets of the table in force.
    fingerprint: Option<Digest>,
    /// When to try again what could not be put in force for a reason outside of the files.
    again: Option<Instant>,
}

/// What the folder was like when it was last compiled, or why it could not be.
#[derive(PartialEq, Eq)]
struct Seen {
    /// The bytes of the manifests, or the reason.
    manifests: Digest,
    /// The files that they name, by size, times and place.
    files: Digest,
    /// The values of the secrets that they name.
    secrets: Digest,
    requests: Vec<AssetRequest>,
}

impl Follower {
    /// Follows a folder that was not looked at yet, for an environment if one is chosen.
    pub fn new(root: &Path, environment: Option<String>) -> Self {
        Self {
            root: root.to_owned(),
            environment,
            seen: None,
            served: false,
            hollow: None,
            named: BTreeSet::new(),
            fingerprint: None,
            again: None,
        }
    }

    fn is_about_to_be_written(&mut self, snapshot: &Snapshot) -> bool {
        if !self.served || snapshot.files.iter().all(|file| !file.bytes.is_empty()) {
            self.hollow = None;
            return false;
        }
        self.hollow.get_or_insert_with(Instant::now).elapsed() < HOLLOW
    }

    fn state(&self, manifests: Digest, requests: Vec<AssetRequest>) -> Seen {
        let files = asset_stats(&self.root, &requests);
        Seen { manifests, files, secrets: fingerprint(&self.named), requests }
    }

    /// Resolves the secrets of a table; one that is missing refuses it.
    fn candidate(&mut self, table: RouteTable, report: Report) -> Look {
        self.named.clone_from(&table.secrets);
        let print = fingerprint(&self.named);
        if let Some(seen) = &mut self.seen {
            seen.secrets = print;
        }
        match resolve(&table.secrets) {
            Ok(secrets) => {
                let rotated = self.fingerprint.is_some_and(|before| before != print);
                Look::Table(Box::new(Candidate { table, secrets, rotated, print }), report)
            }
            Err(missing) => Look::Refused(Report { trouble: Some(missing.to_string()), ..report }),
        }
    }

    fn read(&self) -> Result<Snapshot, LoadError> {
        read_folder(&self.root)
    }

    fn trouble(&mut self, error: &LoadError) -> Look {
        self.say(error.to_string())
    }

    /// Refuses for a reason outside of manifests, once.
    fn say(&mut self, trouble: String) -> Look {
        let seen = self.state(Digest::of_bytes(trouble.as_bytes()), Vec::new());
        if self.seen.as_ref() == Some(&seen) {
            return Look::Same;
        }
        self.seen = Some(seen);
        Look::Refused(Report::of_trouble(trouble))
    }
}

impl Source for Follower {
    // It reads the folder until two readings agree, and compiles what changed. A table in force is never followed by one without
    // routes: so it looks when files are being moved or emptied.
    fn look(&mut self, why: Wake) -> Look {
        let snapshot = match self.read() {
            Ok(snapshot) => snapshot,
            Err(error) => return self.trouble(&error),
        };
        if snapshot.files.is_empty() && self.served {
            return self.say("the folder holds no manifest any more".to_owned());
        }
        let manifests = snapshot.digest();
        let retries = self.again.is_some_and(|at| why == Wake::Asked || at <= Instant::now());
        if !retries && self.seen.as_ref().is_some_and(|seen| *seen == self.state(manifests, seen.requests.clone())) {
            return Look::Same;
        }
        // events wait for quiet, a poll comes at any moment
        if why == Wake::Poll || self.is_about_to_be_written(&snapshot) {
            return Look::Unsettled;
        }
        let parsed = Manifests::read(snapshot.files).parse(self.environment.as_deref());
        let state = self.state(manifests, parsed.asset_requests());
        let assets = read_assets(&self.root, &state.requests);
        let again = self.read().map(|again| self.state(again.digest(), state.requests.clone()));
        if !again.is_ok_and(|again| again == state) {
            return Look::Unsettled;
        }
        self.seen = Some(state);
        self.again = None;
        let Compiled { sources, diagnostics, table, .. } = compile_to_serve(parsed, &assets);
        let report = Report {
            diagnostics,
            sources,
            digest: Some(manifests),
            trouble: None,
            serial: None,
            reason: None,
            since: SystemTime::now(),
        };
        match table {
            Some(table) if self.served && table.routes.is_empty() => {
                Look::Refused(Report { trouble: Some("the folder holds no route any more".to_owned()), ..report })
            }
            Some(table) => self.candidate(table, report),
            None => Look::Refused(report),
        }
    }

    fn accepted(&mut self, print: Digest) {
        self.served = true;
        self.fingerprint = Some(print);
    }

    fn failed(&mut self, took: Duration) {
        self.again = Some(Instant::now() + POLL.max(took * 20));
    }
}
