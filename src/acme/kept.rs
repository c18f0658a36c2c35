//! What is kept for one authority, and under which names:
//!
//! | below `acme/HOST-DIGEST/` | what it is |
//! |---|---|
//! | `accounts/DIGEST.json` | an account with its key; another one for each address of mail and external account |
//! | `certificates/NAME.pem` | a certificate by its name in the manifests: the key, then the chain |
//! | `attempts/NAME.json` | the last order that failed, and when the next one is tried |
//! | `challenges/NAME.TOKEN.json` | what the authority may ask now, and the answer |
//! | `locks/NAME` | held by the gateway that orders the certificate |
//! | `locks/account.DIGEST` | held by the gateway that makes an account |

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::acme::store::{Entry, Hold, Store};
use crate::proxy::challenges::Proof;
use crate::table::Digest;
use crate::table::acme::AcmeChallenge;
use crate::value::https_url::HttpsUrl;

/// What is kept for one authority.
#[derive(Clone)]
pub struct Kept {
    store: Arc<dyn Store>,
    authority: String,
    base: String,
}

/// The last order of a certificate, if it failed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// How many have failed in a row.
    pub failures: u32,
    /// When the next one is tried, in seconds since 1970.
    pub not_before: u64,
    /// Why the last one failed.
    pub trouble: String,
}

/// A proof as it is written.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    challenge: AcmeChallenge,
    host: String,
    token: String,
    authorization: String,
    /// Until when it may be asked for, in seconds since 1970: who wrote it may have ended in the midst of an order.
    until: u64,
}

impl Kept {
    /// What a store keeps for an authority.
    pub fn of(store: &Arc<dyn Store>, directory: &HttpsUrl) -> Self {
        let authority = directory.to_string();
        let digest = Digest::of_bytes(authority.as_bytes()).short();
        Self { store: Arc::clone(store), authority, base: format!("acme/{}-{digest}", directory.server().host) }
    }

    /// The authority, by its directory.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Makes ready that something can be kept.
    pub fn begin(&self) -> io::Result<()> {
        self.store.begin(&self.base)
    }

    /// How often it is worth looking for what other gateways have written.
    pub fn look_every(&self) -> Duration {
        self.store.look_every()
    }

    /// An account, by what makes it another one.
    pub fn account(&self, of: &str) -> io::Result<Option<Vec<u8>>> {
        self.store.read(&self.account_key(of))
    }

    /// Keeps an account, or forgets it.
    pub fn set_account(&self, of: &str, account: Option<&[u8]>) -> io::Result<()> {
        let key = self.account_key(of);
        account.map_or_else(|| self.store.remove(&key), |account| self.store.write(&key, account))
    }

    fn account_key(&self, of: &str) -> String {
        format!("{}/accounts/{}.json", self.base, Digest::of_bytes(of.as_bytes()).short())
    }

    /// The certificates, with versions.
    pub fn certificates(&self) -> io::Result<Vec<Entry>> {
        Ok(without_ending(self.store.list(&format!("{}/certificates", self.base))?, ".pem"))
    }

    /// A certificate with its key, in PEM.
    pub fn certificate(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.store.read(&format!("{}/certificates/{name}.pem", self.base))
    }

    /// Keeps a certificate with its key.
    pub fn set_certificate(&self, name: &str, pem: &str) -> io::Result<()> {
        self.store.write(&format!("{}/certificates/{name}.pem", self.base), pem.as_bytes())
    }

    /// The orders that failed, with versions.
    pub fn attempts(&self) -> io::Result<Vec<Entry>> {
        Ok(without_ending(self.store.list(&format!("{}/attempts", self.base))?, ".json"))
    }

    /// The last order of a certificate, if it failed.
    pub fn attempt(&self, name: &str) -> io::Result<Option<Attempt>> {
        let content = self.store.read(&self.attempt_key(name))?;
        Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
    }

    /// Keeps that an order failed, or that none did since.
    pub fn set_attempt(&self, name: &str, attempt: Option<&Attempt>) -> io::Result<()> {
        let key = self.attempt_key(name);
        match attempt {
            Some(attempt) => self.store.write(&key, &serde_json::to_vec(attempt)?),
            None => self.store.remove(&key),
        }
    }

    fn attempt_key(&self, name: &str) -> String {
        format!("{}/attempts/{name}.json", self.base)
    }

    /// What the authority may ask, with versions.
    pub fn challenges(&self) -> io::Result<Vec<Entry>> {
        self.store.list(&format!("{}/challenges", self.base))
    }

    /// A proof by its name in [`challenges`](Self::challenges), and until when it may be asked for.
    pub fn proof(&self, name: &str) -> io::Result<Option<(Proof, SystemTime)>> {
        let content = self.store.read(&format!("{}/challenges/{name}", self.base))?;
        let record: Option<Record> = content.and_then(|content| serde_json::from_slice(&content).ok());
        Ok(record.map(|record| {
            let Record { challenge, host, token, authorization, until } = record;
            (Proof { challenge, host, token, authorization }, SystemTime::UNIX_EPOCH + Duration::from_secs(until))
        }))
    }

    /// Keeps a proof for the order of a certificate. A token is base64url, so it is fit for a key.
    pub fn add_proof(&self, certificate: &str, proof: &Proof, until: SystemTime) -> io::Result<()> {
        let Proof { challenge, host, token, authorization } = proof.clone();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the token of a challenge is not base64url"));
        }
        let key = format!("{}/challenges/{certificate}.{token}.json", self.base);
        let record = Record { challenge, host, token, authorization, until: seconds(until) };
        self.store.write(&key, &serde_json::to_vec(&record)?)
    }

    /// Forgets the proofs for the order of a certificate.
    pub fn forget_proofs(&self, certificate: &str) -> io::Result<()> {
        let own = |entry: &Entry| entry.name.split_once('.').is_some_and(|(name, _)| name == certificate);
        let challenges = self.challenges()?;
        challenges.iter().filter(|entry| own(entry)).try_for_each(|entry| {
            let key = format!("{}/challenges/{}", self.base, entry.name);
            self.store.remove(&key)
        })
    }

    /// Takes the right to order a certificate, which one gateway has at a time.
    pub fn hold(&self, certificate: &str) -> io::Result<Option<Box<dyn Hold>>> {
        self.store.hold(&format!("{}/locks/{certificate}", self.base))
    }

    /// Takes the right to make an account.
    pub fn hold_account(&self, of: &str) -> io::Result<Option<Box<dyn Hold>>> {
        self.store.hold(&format!("{}/locks/account.{}", self.base, Digest::of_bytes(of.as_bytes()).short()))
    }
}

/// A moment in seconds since 1970.
pub fn seconds(moment: SystemTime) -> u64 {
    moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn without_ending(entries: Vec<Entry>, ending: &str) -> Vec<Entry> {
    let bare = |entry: Entry| Some(Entry { name: entry.name.strip_suffix(ending)?.to_owned(), ..entry });
    entries.into_iter().filter_map(bare).collect()
}
