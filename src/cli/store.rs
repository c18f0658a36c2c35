//! The arguments that the commands about releases share: which store, whom to believe, what to sign with.

use std::env;
use std::path::{Path, PathBuf};

use crate::deploy::release::{PublicKey, Releases, SigningKey, Trust};
use crate::deploy::store::Location;

/// Which store.
#[derive(clap::Args)]
pub struct Store {
    /// The store of releases: a folder, `s3://BUCKET/PREFIX?region=REGION`, or `https://HOST/PATH`, which can be read only.
    #[arg(long = "store", env = "GW_STORE", value_name = "URL")]
    url: String,
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

impl Store {
    /// The releases in it.
    pub fn open(&self) -> Result<Releases, String> {
        open(&self.url)
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
