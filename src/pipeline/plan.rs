//! A consumption plan as it is enforced: how much the keys of it may call, and which routes.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::limits::{Enforcer, Limits};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::name::Name;

/// A plan. Keys that override its numbers have one of their own, with the same name.
#[derive(Debug)]
pub struct Plan {
    /// Its name, as `namespace/name` unless the namespace is `default`.
    pub name: Box<str>,
    /// How often its keys may call, each by itself.
    pub limits: Arc<Limits>,
    /// The most bytes of a request's body.
    pub body: Option<u64>,
    /// The routes that may be called, as sorted names; `None` is all.
    pub routes: Option<Arc<[Box<str>]>>,
    /// Enforces the limits, once the plan is ready.
    pub enforcer: OnceLock<Enforcer>,
}

/// The plans of a table, by namespace and name.
pub type Plans = BTreeMap<(Name, Name), Arc<Plan>>;

impl Plan {
    /// Before its table is put in force.
    ///
    /// # Errors
    /// If its counts cannot be kept: the table is not put in force then.
    pub fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        let enforcer = Enforcer::of_plan(Arc::clone(&self.limits), ready)?;
        let _ = self.enforcer.set(enforcer);
        Ok(())
    }

    /// Lets a request of a key go on and counts it, or answers it.
    pub fn enforce(&self, exchange: &mut Exchange<'_>, key: &str) -> Step {
        let listed = |routes: &Arc<[Box<str>]>| routes.binary_search_by(|name| (**name).cmp(exchange.route)).is_ok();
        if !self.routes.as_ref().is_none_or(listed) {
            return refuse(403, exchange);
        }
        if let Some(body) = self.body {
            if announced_length(exchange).is_some_and(|length| length > body) {
                return refuse(413, exchange);
            }
            exchange.body_at_most = Some(exchange.body_at_most.unwrap_or(body).min(body));
        }
        self.enforcer.get().map_or(Step::Continue, |enforcer| enforcer.enforce(exchange, key))
    }
}

fn announced_length(exchange: &Exchange<'_>) -> Option<u64> {
    std::str::from_utf8(exchange.request.fields.received("content-length")?).ok()?.parse().ok()
}

fn refuse(status: u16, exchange: &mut Exchange<'_>) -> Step {
    exchange.response.status = status;
    Step::Answer(Content::Empty)
}
