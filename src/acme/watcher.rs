//! Takes in what any gateway has written: certificates, what became of orders, and what an authority may ask.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use crate::acme::kept::Kept;
use crate::acme::store::{Entry, Store};
use crate::proxy::challenges::Proof;
use crate::proxy::live::{Generation, Live};
use crate::proxy::tls::{Current, Issued, Slot};
use crate::value::https_url::HttpsUrl;

/// Looks at a store again and again.
pub struct Watcher {
    live: Live,
    store: Arc<dyn Store>,
    issued: Arc<Issued>,
    /// The versions of what was taken in.
    seen: HashMap<(&'static str, String, String), String>,
    proofs: Vec<Proof>,
    /// What was said last that is wrong.
    told: Option<String>,
}

impl Watcher {
    /// Looks for what the tables in force order.
    pub fn new(live: Live, store: Arc<dyn Store>, issued: Arc<Issued>) -> Self {
        Self { live, store, issued, seen: HashMap::new(), proofs: Vec::new(), told: None }
    }

    /// Looks for ever.
    pub async fn run(mut self) {
        loop {
            let looked = self.look(SystemTime::now()).err().map(|error| error.to_string());
            if let Some(error) = looked.as_ref().filter(|_| looked != self.told) {
                tracing::warn!(%error, "the state of the gateway cannot be read: what there is stays in force");
            }
            self.told = looked;
            sleep(self.store.look_every()).await;
        }
    }

    fn look(&mut self, now: SystemTime) -> io::Result<()> {
        let generation = self.live.load();
        let directories: BTreeSet<&HttpsUrl> = generation.table.ordered().map(|(_, _, acme)| &acme.directory).collect();
        let mut proofs = Vec::new();
        for directory in directories {
            let kept = Kept::of(&self.store, directory);
            let certificates = kept.certificates()?;
            let attempts = kept.attempts()?;
            for (name, slot) in slots(&generation, directory) {
                let (certificate, attempt) = (listed(&certificates, name), listed(&attempts, name));
                if certificate.is_some_and(|entry| self.is_new("certificate", directory, entry)) {
                    take_certificate(&kept, name, slot);
                }
                match attempt {
                    Some(entry) if self.is_new("attempt", directory, entry) => take_attempt(&kept, name, slot),
                    None if slot.course().failures > 0 => slot.change(|course| {
                        (course.failures, course.not_before, course.trouble) = (0, None, None);
                    }),
                    Some(_) | None => {}
                }
            }
            for entry in kept.challenges()? {
                proofs.extend(kept.proof(&entry.name)?.filter(|(_, until)| *until > now).map(|(proof, _)| proof));
            }
        }
        if proofs != self.proofs {
            self.issued.challenges.set(&proofs).map_err(io::Error::other)?;
            self.proofs = proofs;
        }
        Ok(())
    }

    /// Whether an entry was not taken in yet; from now on it was.
    fn is_new(&mut self, kind: &'static str, directory: &HttpsUrl, entry: &Entry) -> bool {
        let key = (kind, directory.to_string(), entry.name.clone());
        self.seen.insert(key, entry.version.clone()).is_none_or(|before| before != entry.version)
    }
}

/// The slots of the certificates that are ordered from an authority.
fn slots<'g>(generation: &'g Generation, directory: &HttpsUrl) -> impl Iterator<Item = (&'g str, &'g Arc<Slot>)> {
    let ordered = generation.table.ordered().filter(move |(_, _, acme)| acme.directory == *directory);
    ordered.filter_map(|(name, ..)| Some((name.as_str(), slot(generation, name.as_str())?)))
}

/// The slot of a certificate.
pub fn slot<'g>(generation: &'g Generation, name: &str) -> Option<&'g Arc<Slot>> {
    generation.tls.certificates.iter().find(|loaded| *loaded.name == *name)?.slot()
}

fn listed<'e>(entries: &'e [Entry], name: &str) -> Option<&'e Entry> {
    entries.iter().find(|entry| entry.name == name)
}

/// Takes in all that is kept of a certificate.
pub fn take_in(kept: &Kept, name: &str, slot: &Slot) {
    take_certificate(kept, name, slot);
    take_attempt(kept, name, slot);
}

fn take_certificate(kept: &Kept, name: &str, slot: &Slot) {
    match kept.certificate(name) {
        Ok(None) => {}
        Ok(Some(pem)) => match Current::read(&pem, kept.authority()) {
            Some(current) if slot.current().is_some_and(|held| held.certificate == current.certificate) => {}
            Some(current) => {
                tracing::info!(certificate = name, "a certificate that is kept in the state folder is in force");
                slot.put(current);
            }
            None => tracing::warn!(certificate = name, "the certificate that is kept in the state folder is unusable"),
        },
        Err(error) => tracing::warn!(certificate = name, %error, "the certificate that is kept cannot be read"),
    }
}

fn take_attempt(kept: &Kept, name: &str, slot: &Slot) {
    if let Ok(Some(attempt)) = kept.attempt(name) {
        slot.change(|course| {
            course.failures = attempt.failures;
            course.not_before = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(attempt.not_before));
            course.trouble = Some(attempt.trouble);
        });
    }
}
