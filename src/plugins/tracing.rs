//! `tracing`: continues the trace of a request or begins one (W3C Trace Context, Level 2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::pipeline::trace::{RANDOM, SAMPLED, TraceContext, TraceId};
use crate::value::header::HeaderName;

/// Gives each request a place in a trace: `traceparent` is sent upstream, and the id of the trace stands in the access log as `traceId`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct TracingConfig {
    /// Whose traces go on here. Those of others end, and a new one begins.
    #[serde(default)]
    pub continue_from: ContinueFrom,
    /// Of a hundred traces that begin here, how many are marked to be kept.
    #[serde(default = "all")]
    #[schemars(range(max = 100))]
    pub sample_percent: u32,
    /// A field of the answer that says the id of the trace. The default is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"x-trace-id")]
    pub response_header: Option<HeaderName>,
}

/// Whose traces go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ContinueFrom {
    /// Those of every client.
    #[default]
    Anybody,
    /// Those of requests that come by a trusted proxy (`trustedProxies` of the `Gateway`).
    TrustedProxies,
    /// No one's.
    Nobody,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "continueFrom": "trustedProxies", "samplePercent": 10, "responseHeader": "x-trace-id" })
}

fn all() -> u32 {
    100
}

/// The compiled plugin.
pub struct Tracing(TracingConfig);

impl PluginType for Tracing {
    type Config = TracingConfig;

    fn compile(config: &TracingConfig, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        Some(Box::new(Self(config.clone())))
    }
}

impl Plugin for Tracing {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let continued = self.continued(exchange);
        if continued.is_none() {
            // it belongs to the trace that ends here
            exchange.request.fields.remove("tracestate");
        }
        let (trace, flags) = match continued {
            Some(context) => (context.trace, context.flags),
            None => (begun(), RANDOM | if fastrand::u32(..100) < self.0.sample_percent { SAMPLED } else { 0 }),
        };
        let context = TraceContext { trace, parent: fastrand::u64(1..), flags };
        exchange.request.fields.set("traceparent", context.to_string().as_bytes());
        exchange.trace = Some(trace);
        Step::Continue
    }

    fn on_response(&self, exchange: &mut Exchange<'_>) {
        if let (Some(name), Some(trace)) = (&self.0.response_header, exchange.trace) {
            exchange.response.fields.set(name.as_str(), trace.to_string().as_bytes());
        }
    }
}

/// A new trace.
fn begun() -> TraceId {
    loop {
        if let Some(trace) = TraceId::new(fastrand::u128(..)) {
            return trace;
        }
    }
}

impl Tracing {
    /// The trace that goes on. Of several nobody knows which one is meant.
    fn continued(&self, exchange: &Exchange<'_>) -> Option<TraceContext> {
        let believed = match self.0.continue_from {
            ContinueFrom::Anybody => true,
            ContinueFrom::TrustedProxies => exchange.client.trusted,
            ContinueFrom::Nobody => false,
        };
        let mut sent = exchange.request.fields.received_all("traceparent").filter(|_| believed);
        let context = TraceContext::parse(sent.next()?)?;
        sent.next().is_none().then_some(context)
    }
}
