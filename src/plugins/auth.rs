//! `auth`: lets in who proves who it is, by one of some `Auth`s.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Severity};
use crate::pipeline::auth::{Accepted, Auth, Call, Finding, Place, Refusal};
use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::value::reference::{AuthKind, Ref};

/// Who is let in: whoever one of the named `Auth`s knows. Everything above this plugin runs for anyone, everything below knows the caller.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = serde_json::json!({ "anyOf": ["partners"] }), extend("x-gw-security" = "who may call it"))]
pub struct AuthConfig {
    /// The `Auth`s, in order: the first whose credential the request has decides, and a wrong credential is refused.
    #[schemars(length(min = 1, max = 16), extend("uniqueItems" = true))]
    pub any_of: Vec<Ref<AuthKind>>,
    /// Lets requests without a credential through, too; a wrong one is refused all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// The compiled plugin.
pub struct AuthPlugin {
    any_of: Arc<[Arc<Auth>]>,
    optional: bool,
}

impl PluginType for AuthPlugin {
    type Config = AuthConfig;
    const CODES: &'static [&'static Code] = &[&SAME_CREDENTIAL];

    fn compile(config: &AuthConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let any_of: Option<Arc<[_]>> = config.any_of.iter().map(|reference| context.auth(reference)).collect();
        let any_of = any_of?;
        let before = context.problems.len();
        for (index, auth) in any_of.iter().enumerate() {
            for earlier in &any_of[..index] {
                report_same(auth, earlier, index, context);
            }
        }
        (context.problems.len() == before).then(|| Box::new(Self { any_of, optional: config.optional }) as _)
    }
}

fn report_same(auth: &Auth, earlier: &Auth, index: usize, context: &mut CompileContext<'_>) {
    let claims = earlier.way.claims();
    let Some(same) = auth.way.claims().into_iter().find(|claim| claims.iter().any(|other| other.meets(claim))) else {
        return;
    };
    let message = format!("`{}` and `{}` would both take the same credential: {same}", earlier.name, auth.name);
    let help = "let one of them look elsewhere with `from`, or put both into routes of their own";
    context.report(&SAME_CREDENTIAL, format!("/anyOf/{index}"), message, help);
}

impl Plugin for AuthPlugin {
    fn authenticates(&self) -> bool {
        !self.optional
    }

    fn auths(&self) -> &[Arc<Auth>] {
        &self.any_of
    }

    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        for name in self.any_of.iter().flat_map(|auth| auth.way.fields()) {
            exchange.request.fields.remove(name);
        }
        if let Some((name, found)) = exchange.verified.take() {
            match self.any_of.iter().position(|auth| Arc::ptr_eq(&auth.name, &name)) {
                Some(index) => return settle(Arc::clone(&self.any_of), index, self.optional, found, exchange),
                None => exchange.verified = Some((name, found)),
            }
        }
        ask(Arc::clone(&self.any_of), 0, self.optional, exchange)
    }

    fn on_response(&self, exchange: &mut Exchange<'_>) {
        for (name, value) in std::mem::take(&mut exchange.answer_fields) {
            exchange.response.fields.add(&name, &value);
        }
    }
}

/// Asks the `Auth`s from one on.
fn ask(any_of: Arc<[Arc<Auth>]>, first: usize, optional: bool, exchange: &mut Exchange<'_>) -> Step {
    for index in first..any_of.len() {
        match any_of[index].way.authenticate(&Call::of(exchange)) {
            Finding::Absent => {}
            found => return settle(any_of, index, optional, found, exchange),
        }
    }
    if optional { Step::Continue } else { challenge(&any_of, exchange) }
}

/// Does what one of them found.
fn settle(any_of: Arc<[Arc<Auth>]>, index: usize, optional: bool, found: Finding, exchange: &mut Exchange<'_>) -> Step {
    match found {
        Finding::Absent => ask(any_of, index + 1, optional, exchange),
        Finding::Refused(refusal) => refuse(refusal, exchange),
        Finding::Accepted(accepted) => accept(&any_of[index], accepted, exchange),
        Finding::Pending(found) => Step::Pending(Box::pin(async move {
            let found = found.await;
            let resume = move |exchange: &mut Exchange<'_>| settle(any_of, index, optional, found, exchange);
            Box::new(resume) as _
        })),
    }
}

fn accept(auth: &Auth, accepted: Accepted, exchange: &mut Exchange<'_>) -> Step {
    if let Err(refusal) = auth.way.authorize(&accepted.caller, exchange) {
        return refuse(refusal, exchange);
    }
    for place in &accepted.hide {
        hide(place, exchange);
    }
    for (name, value) in &accepted.request_fields {
        exchange.request.fields.set(name, value);
    }
    exchange.answer_fields.extend(accepted.response_fields);
    let counted = auth.way.count(&accepted.caller, exchange);
    exchange.caller.add(accepted.caller);
    counted
}

fn refuse(refusal: Refusal, exchange: &mut Exchange<'_>) -> Step {
    exchange.response.status = refusal.status;
    if let Some(challenge) = &refusal.challenge {
        exchange.response.fields.set("www-authenticate", challenge.as_bytes());
    }
    if let Some(seconds) = refusal.retry_after {
        exchange.response.fields.set("retry-after", seconds.to_string().as_bytes());
    }
    for (name, value) in &refusal.fields {
        exchange.response.fields.add(name, value);
    }
    exchange.response.fields.set("cache-control", b"no-store");
    Step::Answer(Content::Empty)
}

/// No credential was sent: each says what it asks for (RFC 9110, 11.6.1).
fn challenge(any_of: &[Arc<Auth>], exchange: &mut Exchange<'_>) -> Step {
    let mut challenges: Vec<String> = Vec::new();
    for challenge in any_of.iter().filter_map(|auth| auth.way.challenge()) {
        if !challenges.contains(&challenge) {
            challenges.push(challenge);
        }
    }
    exchange.response.status = 401;
    for challenge in &challenges {
        exchange.response.fields.add("www-authenticate", challenge.as_bytes());
    }
    exchange.response.fields.set("cache-control", b"no-store");
    Step::Answer(Content::Empty)
}

/// What the upstream is not to see.
fn hide(place: &Place, exchange: &mut Exchange<'_>) {
    match place {
        Place::Header(name) => exchange.request.fields.remove(name),
        Place::Query(name) => exchange.remove_query_parameter(name),
        Place::Cookie(name) => exchange.request.remove_cookie(name),
        // that goes no further than the connection
        Place::Certificate | Place::Anywhere => {}
    }
}

/// Two ways that would both take a credential.
static SAME_CREDENTIAL: Code = Code {
    id: "GW3060",
    name: "same-credential",
    severity: Severity::Error,
    page: "\
# GW3060: same-credential

The first `Auth` of `anyOf` whose credential is present decides, and a wrong credential is refused, never tried as another's. So two of
them must not look for the same credential in the same place: the second would never be asked. Bearer tokens are told apart by their
shape: one that begins with `gw_` is an API key, one with three parts a JWT; keys that come from elsewhere and tokens that are
introspected may look like anything. A `forward` asks about every request, so it stands last.

```yaml wrong
apiVersion: gw/v1
kind: Auth
metadata: { name: partners }
spec: { apiKey: {} }
---
apiVersion: gw/v1
kind: Auth
metadata: { name: staff }
spec: { apiKey: { from: [{ bearer: {} }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec:
  plugins:
    - auth: { anyOf: [partners, staff] }
    - respond: { body: hello }
```

```yaml right
apiVersion: gw/v1
kind: Auth
metadata: { name: partners }
spec: { apiKey: {} }
---
apiVersion: gw/v1
kind: Auth
metadata: { name: staff }
spec: { apiKey: { from: [{ header: { name: x-staff-key } }] } }
---
apiVersion: gw/v1
kind: Route
metadata: { name: api }
spec:
  plugins:
    - auth: { anyOf: [partners, staff] }
    - respond: { body: hello }
```
",
};
