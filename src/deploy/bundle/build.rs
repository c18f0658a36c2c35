//! From a folder to a bundle: the folder is read once, and what was read is both compiled and packed.

use std::path::Path;

use crate::compiler::{Compiled, Manifests, compile};
use crate::deploy::bundle::{Bundle, BundleError, Origin};
use crate::deploy::load::{LoadError, read_assets, read_folder};

/// A folder that was compiled, and packed if nothing is an error.
pub struct Built {
    /// What compiling gave.
    pub compiled: Compiled,
    /// The bytes of the bundle.
    pub bundle: Option<Vec<u8>>,
}

/// Why a folder cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// It cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It cannot be a bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// Compiles a folder of manifests for the environment of its origin, and packs it with the files that they name.
///
/// # Errors
/// If the folder cannot be read, or is larger than a bundle may be.
pub fn build(root: &Path, origin: &Origin) -> Result<Built, BuildError> {
    let files = read_folder(root)?.files;
    let parsed = Manifests::read(files.clone()).parse(origin.environment.as_deref());
    let assets = read_assets(root, &parsed.asset_requests());
    let compiled = compile(parsed, &assets);
    let bundle = match &compiled.table {
        Some(table) => Some(Bundle::write(&files, &assets, table.digest, origin)?),
        None => None,
    };
    Ok(Built { compiled, bundle })
}
