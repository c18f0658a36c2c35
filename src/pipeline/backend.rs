//! What a backend is: servers upstream that `proxy` speaks to, or an end without a server that answers itself.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::diagnostic::Code;
use crate::pipeline::assets::Folder;
use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::plugin::{Part, Problem};
use crate::pipeline::timeouts::Timeouts;
use crate::value::name::AssetPath;
use crate::value::url::TargetUrl;

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
    /// Answers the request; never [`Step::Continue`].
    fn answer(&self, exchange: &mut Exchange<'_>) -> Step;
}

/// Servers that give the same answers.
#[derive(Debug)]
pub struct Upstream {
    /// The servers in turn, one entry for each unit of weight in an even order.
    pub turns: Box<[u32]>,
    /// The servers.
    pub targets: Box<[TargetUrl]>,
    /// What `Host` says upstream.
    pub host: HostHeader,
    /// Its own timeouts, where it has any.
    pub timeouts: Timeouts,
}

/// What the `Host` field of an upstream request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostHeader {
    /// What the client sent.
    Keep,
    /// The host and port of the target.
    Target,
    /// This name.
    Name(Box<str>),
}

impl HostHeader {
    /// What is said to a server; `None` for what the client sent.
    pub fn said_to(&self, target: &TargetUrl) -> Option<Box<str>> {
        match self {
            Self::Keep => None,
            Self::Target => Some(target.authority().into()),
            Self::Name(name) => Some(name.clone()),
        }
    }
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
