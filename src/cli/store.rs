//! The arguments that the commands about releases share: which store, whom to believe, what to sign with.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::deploy::release::{PublicKey, Release, Releases, SigningKey, Trust, wait};
use crate::deploy::store::{Location, Objects};
use crate::value::duration::Duration;

/// Which store.
#[derive(clap::Args)]
pub struct Store {
    /// The store of releases: a folder, `s3://BUCKET/PREFIX?region=REGION` (with `endpoint=URL` for what is not Amazon's), or
    /// `https://HOST/PATH`, which can be read only. Credentials come from the environment: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, or `GW_STORE_TOKEN` for a web server that wants a bearer token.
    #[arg(long, env = "GW_STORE", value_name = "URL")]
    pub store: String,
}

/// Whom to believe.
#[derive(clap::Args)]
pub struct Trusted {
    /// A public key, or a file that holds it: what it signed is believed. May be given several times.
    #[arg(long = "trust-key", env = "GW_TRUST_KEY", value_name = "KEY", value_delimiter = ',')]
    keys: Vec<String>,
    /// Believe whoever can write to the store: releases need no signature.
    #[arg(long, conflicts_with = "keys")]
    allow_unsigned: bool,
}

/// What to sign with.
#[derive(clap::Args)]
pub struct Signing {
    /// The file of the private key that signs the release, as `gw key generate` writes it.
    #[arg(long, env = "GW_KEY", value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    trusted: Trusted,
}

/// Where the receipts of nodes are.
#[derive(clap::Args)]
pub struct Receipts {
    /// The store that nodes write their receipts to, if it is not that of the releases. In the environment, `GW_RECEIPTS_AWS_…` goes
    /// before `AWS_…` for it.
    #[arg(long, env = "GW_RECEIPTS", value_name = "URL")]
    receipts: Option<String>,
}

/// Whether to wait for the nodes.
#[derive(clap::Args)]
pub struct Waiting {
    /// Wait until all nodes that are heard run the release; exit with 4 if one refuses it, or they don't in time.
    #[arg(long)]
    wait: bool,
    /// How long to wait.
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    timeout: Duration,
    #[command(flatten)]
    receipts: Receipts,
}

impl Store {
    /// The releases in it.
    pub fn open(&self) -> Result<Releases, String> {
        open(&self.store)
    }
}

impl Receipts {
    /// Where they are, if not elsewhere then in the store of the releases.
    pub fn open(&self, releases: &str) -> Result<Box<dyn Objects>, String> {
        let Some(url) = &self.receipts else {
            return location(releases)?.open(variable).map_err(|error| error.to_string());
        };
        let own = |name: &str| variable(&format!("GW_RECEIPTS_{name}")).or_else(|| variable(name));
        location(url)?.open(own).map_err(|error| error.to_string())
    }

    /// Where a node writes them; `None` if the store of the releases can only be read and no other one is named.
    pub fn open_for_writing(&self, releases: &str) -> Result<Option<Box<dyn Objects>>, String> {
        match &self.receipts {
            None if !location(releases)?.is_writable() => return Ok(None),
            None => {}
            // one that is for receipts alone is made by the first node that writes to it
            Some(url) => {
                if let Location::Folder(path) = location(url)? {
                    fs::create_dir_all(&path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
                }
            }
        }
        self.open(releases).map(Some)
    }
}

impl Waiting {
    /// Where the receipts of the nodes are.
    pub fn receipts(&self, store: &str) -> Result<Box<dyn Objects>, String> {
        self.receipts.open(store)
    }

    /// How long to wait.
    pub fn timeout(&self) -> std::time::Duration {
        self.timeout.get()
    }

    /// Waits for the nodes to come along with a release, if that is wanted.
    pub fn wait(&self, store: &str, release: &Release, output: &mut Output) -> Result<Exit, String> {
        if !self.wait {
            return Ok(Exit::Ok);
        }
        let receipts = self.receipts(store)?;
        let fleet = wait(release, &*receipts, self.timeout.get(), |summary| output.note(summary));
        let fleet = fleet.map_err(|error| error.to_string())?;
        if fleet.follows() {
            return Ok(Exit::Ok);
        }
        output.note(&fleet.table());
        output.note("error: the release is published, and the nodes did not come along\n");
        Ok(Exit::NotFollowed)
    }
}

/// The releases of the store at an address.
pub fn open(url: &str) -> Result<Releases, String> {
    Ok(Releases::new(location(url)?.open(variable).map_err(|error| error.to_string())?))
}

/// Where a store is.
pub fn location(url: &str) -> Result<Location, String> {
    Location::parse(url).map_err(|error| error.to_string())
}

/// A variable of the environment that is set to something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

impl Trusted {
    /// Whom to believe, where somebody has to be named.
    pub fn named(&self) -> Result<Trust, String> {
        if self.keys.is_empty() && !self.allow_unsigned {
            return Err("name whose releases are believed by `--trust-key`, or say `--allow-unsigned`".to_owned());
        }
        self.if_named()
    }

    /// Whom to believe, or anybody.
    pub fn if_named(&self) -> Result<Trust, String> {
        if self.keys.is_empty() {
            return Ok(Trust::Anyone);
        }
        let keys: Result<Vec<PublicKey>, _> = self.keys.iter().map(|key| PublicKey::of(key)).collect();
        keys.map(Trust::Keys).map_err(|error| error.to_string())
    }
}

impl Signing {
    /// The key, and whom to believe: what the key itself signed, and who is named.
    pub fn read(&self) -> Result<(Option<SigningKey>, Trust), String> {
        let Some(path) = &self.key else {
            if self.trusted.allow_unsigned {
                return Ok((None, Trust::Anyone));
            }
            return Err("name the key that signs the release by `--key`, or say `--allow-unsigned`".to_owned());
        };
        let key = read_key(path)?;
        let trust = match self.trusted.if_named()? {
            Trust::Anyone if self.trusted.allow_unsigned => Trust::Anyone,
            Trust::Anyone => Trust::Keys(vec![key.public()]),
            Trust::Keys(mut keys) => {
                keys.push(key.public());
                Trust::Keys(keys)
            }
        };
        Ok((Some(key), trust))
    }
}

fn read_key(path: &Path) -> Result<SigningKey, String> {
    SigningKey::read(path).map_err(|error| error.to_string())
}
