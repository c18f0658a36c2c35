//! `/usage`: how much of their quotas keys have used, by key and by plan; and how limits decided, for `/metrics`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use serde::Serialize;

use crate::pipeline::limits::enforce::KEY;
use crate::pipeline::limits::store::{LimitStore, Used};
use crate::pipeline::limits::tally::{Tallies, Tally, VERDICTS, Whose};
use crate::pipeline::limits::window::Mark;
use crate::pipeline::plan::Plan;
use crate::proxy::live::Generation;
use crate::proxy::status::View;
use crate::proxy::status::answer::{Answer, document};
use crate::proxy::status::metrics::family;

/// The most counts that are shown.
const AT_MOST: usize = 10_000;

/// The document at `/usage`.
pub(super) fn usage(view: &View) -> Answer {
    let generation = view.live.load();
    let limiter = &generation.limiter;
    let store: &dyn LimitStore = limiter.shared.as_deref().unwrap_or(&*limiter.own);
    let mut used = store.used(KEY, AT_MOST + 1);
    let truncated = used.len() > AT_MOST;
    used.truncate(AT_MOST);
    let now = (limiter.clock)();
    let mut keys: BTreeMap<Box<str>, KeyLine> = BTreeMap::new();
    for used in used {
        let plan = plan_of(&generation, &used.subject);
        let line = keys.entry(used.subject.clone()).or_insert_with(|| KeyLine {
            key: used.subject.clone(),
            plan: plan.as_ref().map(|(_, plan)| plan.name.clone()),
            name: plan.as_ref().map(|(name, _)| name.clone()),
            quotas: Vec::new(),
        });
        line.quotas.extend(plan.and_then(|(_, plan)| quota(used, plan, now)));
    }
    document(Usage {
        counted: if limiter.shared.is_some() { "by all nodes, as this one last heard" } else { "by this node" },
        plans: plans(&limiter.tallies),
        keys: keys.into_values().collect(),
        truncated,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    counted: &'static str,
    plans: Vec<PlanLine>,
    keys: Vec<KeyLine>,
    truncated: bool,
}

/// How a plan decided, since this node has started.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanLine {
    plan: Box<str>,
    decisions: BTreeMap<&'static str, u64>,
}

/// What a key has used of its quotas.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyLine {
    key: Box<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Box<str>>,
    quotas: Vec<QuotaLine>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QuotaLine {
    per: Box<str>,
    used: u64,
    limit: u64,
    until: String,
}

fn plans(tallies: &Tallies) -> Vec<PlanLine> {
    let line = |(plan, tally): (Box<str>, Arc<Tally>)| PlanLine {
        plan,
        decisions: VERDICTS.iter().map(|(verdict, name)| (*name, tally.of(*verdict))).collect(),
    };
    split(tallies).0.into_iter().map(line).collect()
}

/// Names with their tallies.
type Named = Vec<(Box<str>, Arc<Tally>)>;

/// The tallies of plans, and those of plugins.
fn split(tallies: &Tallies) -> (Named, Named) {
    let (mut plans, mut plugins) = (Vec::new(), Vec::new());
    for (whose, tally) in tallies.all() {
        match whose {
            Whose::Plan(name) => plans.push((name, tally)),
            Whose::Plugin(name) => plugins.push((name, tally)),
        }
    }
    (plans, plugins)
}

/// The name of the `ApiKey` with this id, and its plan.
fn plan_of<'g>(generation: &'g Generation, key: &str) -> Option<(Box<str>, &'g Plan)> {
    generation.table.auths.iter().find_map(|auth| {
        let key = auth.way.keys()?.by_id(key)?;
        Some((key.consumer.name.clone(), &**key.plan.as_ref()?))
    })
}

/// A quota as of now; none if the plan has it no more.
fn quota(used: Used, plan: &Plan, now: u64) -> Option<QuotaLine> {
    let window = plan.limits.windows.iter().find(|window| window.is_quota() && window.name == used.window)?;
    let (mark, limit) = (Mark { at: used.period, count: used.count }, window.limit());
    let until = Timestamp::from_nanosecond(i128::from(window.end(mark, now))).ok()?.to_string();
    Some(QuotaLine { per: used.window, used: limit.saturating_sub(window.room(mark, now)), limit, until })
}

/// The metrics of limits.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, tallies: &Tallies) -> fmt::Result {
    let (plans, plugins) = split(tallies);
    let help = "Requests with API keys by plan, and how its limits decided";
    decisions(encoder, "gw_plan_requests", help, "plan", &plans)?;
    let help = "Requests by `rateLimit`, and how its limits decided";
    decisions(encoder, "gw_rate_limit_requests", help, "plugin", &plugins)
}

fn decisions(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &str,
    tallies: &[(Box<str>, Arc<Tally>)],
) -> fmt::Result {
    if tallies.is_empty() {
        return Ok(());
    }
    let mut requests = family(encoder, name, help, None, MetricType::Counter)?;
    for (whose, tally) in tallies {
        for (verdict, decision) in VERDICTS {
            let labels = [(label, &**whose), ("decision", decision)];
            requests.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&tally.of(verdict), None)?;
        }
    }
    Ok(())
}
