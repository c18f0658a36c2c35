//! What a backend is: servers upstream that `proxy` speaks to, or an end without a server that answers itself.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::diagnostic::Code;
use crate::pipeline::assets::Folder;
use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::plugin::{Part, Problem};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::pipeline::upstream::Upstream;
use crate::value::name::AssetPath;

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

    /// Makes the backend; `None` after a problem was reported.
    fn compile(config: &Self::Config, context: &mut BackendContext<'_>) -> Option<Backend>;
}

/// What a backend's compile step is given, and where it reports problems.
pub struct BackendContext<'a> {
    /// Reads a folder that the manifest names.
    pub folder: &'a dyn Fn(&AssetPath) -> Option<Arc<Folder>>,
    /// The problems found, in order.
    pub problems: Vec<Problem>,
}

impl BackendContext<'_> {
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
