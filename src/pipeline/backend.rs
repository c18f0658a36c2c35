//! What a backend is: servers upstream that `proxy` speaks to, or an end without a server that answers itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::diagnostic::Code;
use crate::pipeline::assets::{Asset, Beside, Folder};
use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::plugin::{Part, Problem};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::pipeline::upstream::Upstream;
use crate::value::name::AssetPath;
use crate::value::secret::Secret;

/// Where requests end.
#[derive(Clone)]
pub enum Backend {
    /// Servers that are asked.
    Upstream(Arc<Upstream>),
    /// No server: it answers itself.
    Local(Arc<dyn Local>),
}

/// An end without a server, such as a folder of files.
pub trait Local: Send + Sync {
    /// Before its table is put in force, as [`Plugin::ready`](crate::pipeline::plugin::Plugin::ready).
    ///
    /// # Errors
    /// If it could not work: the table is not put in force then.
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        let _ = ready;
        Ok(())
    }

    /// Answers the request; never [`Step::Continue`].
    fn answer(&self, exchange: &mut Exchange<'_>) -> Step;
}

/// A type of backend, as the table in `backend/mod.rs` lists it.
pub trait BackendType {
    /// What stands under its name in a manifest.
    type Config: DeserializeOwned + Serialize + JsonSchema + Clone + std::fmt::Debug;

    /// The codes of the problems that its compile step finds.
    const CODES: &'static [&'static Code] = &[];

    /// Makes the backend; `None` after a problem was reported.
    fn compile(config: &Self::Config, context: &mut BackendContext<'_>) -> Option<Backend>;
}

/// What a backend's compile step is given, and where it reports problems.
#[derive(Debug, Default)]
pub struct BackendContext<'a> {
    /// The files beside the manifest.
    pub beside: Beside<'a>,
    /// The problems found, in order.
    pub problems: Vec<Problem>,
    /// The secrets that it names: they are resolved before the table is put in force.
    pub secrets: BTreeSet<Secret>,
}

impl BackendContext<'_> {
    /// A folder that the config names at this place; a problem is reported if there is none.
    pub fn folder(&mut self, pointer: &str, path: &AssetPath) -> Option<Arc<Folder>> {
        self.beside.folder(pointer, path).map_err(|problem| self.problems.push(*problem)).ok()
    }

    /// A file that the config names at this place; a problem is reported if there is none.
    pub fn file(&mut self, pointer: &str, path: &AssetPath) -> Option<Asset> {
        self.beside.file(pointer, path).map_err(|problem| self.problems.push(*problem)).ok()
    }

    /// Reports a problem at a place of the config.
    pub fn report(
        &mut self,
        code: &'static Code,
        pointer: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (pointer, message, help) = (pointer.into(), message.into(), Some(help.into()));
        self.problems.push(Problem { code, pointer, message, help, part: Part::Value });
    }
}
