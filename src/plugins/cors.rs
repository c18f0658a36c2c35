//! `cors`: which pages of other origins may read the answers (Fetch standard, 4.8 to 4.10; Private Network Access).
//!
//! It keeps nobody from asking: browsers send what needs no preflight anyway, and keep the answer from the page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Severity};
use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::head::{Fields, RequestHead, ResponseHead};
use crate::pipeline::plugin::{CompileContext, PLUGIN_SHAPE, Plugin, PluginType};
use crate::pipeline::preflight::REQUEST_METHOD;
use crate::value::header::HeaderName;
use crate::value::lifetime::Lifetime;
use crate::value::method::Method;
use crate::value::origin::OriginPattern;
use crate::value::regex::Pattern;

/// Which pages of other origins may read the answers of this route. Preflights (`OPTIONS` that announce a method) are answered here,
/// before plugins below and the backend, and need no `OPTIONS` in `match`: they get to the route that the announced method gets to. A
/// `when` is decided on the preflight itself, whose method is `OPTIONS`.
/// What the backend itself says of CORS is replaced, and errors carry the fields too.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example(), extend("x-gw-security" = "which sites may read answers"))]
pub struct CorsConfig {
    /// The origins of the pages that may: exact ones, those below a name, or `*` for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), extend("uniqueItems" = true))]
    pub allow_origins: Vec<OriginPattern>,
    /// More origins, by regular expressions that a whole origin matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("uniqueItems" = true), example = regex_example())]
    pub allow_origin_regexes: Vec<Pattern>,
    /// The methods that pages may use. Browsers ask for none of `GET`, `HEAD` and `POST`.
    #[serde(default = "simple_methods")]
    #[schemars(extend("uniqueItems" = true))]
    pub allow_methods: Vec<Method>,
    /// The header fields that pages may set, beside those that need no permission (`accept`, `accept-language`, `content-language`, and
    /// `content-type` of forms).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub allow_headers: Vec<HeaderName>,
    /// Whether pages may set any header field: those that a preflight asks for are allowed as they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_any_header: bool,
    /// The header fields of the answer that pages may read, beside a few such as `content-type` and `cache-control`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub expose_headers: Vec<HeaderName>,
    /// Whether pages may read answers to requests with cookies, client certificates or a password of the browser.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_credentials: bool,
    /// Whether public pages may ask although the gateway is in a private network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_private_network: bool,
    /// How long browsers remember the answer to a preflight; they cut it off at some hours.
    #[serde(default = "ten_minutes")]
    pub max_age: Lifetime,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "allowOrigins": ["https://*.shop.example"], "allowMethods": ["GET", "PUT"], "allowHeaders": ["x-tenant"], "maxAge": "1d" })
}

fn regex_example() -> serde_json::Value {
    serde_json::json!(["https://pr-[0-9]+\\.preview\\.example"])
}

fn simple_methods() -> Vec<Method> {
    vec![Method::Get, Method::Head, Method::Post]
}

fn ten_minutes() -> Lifetime {
    Lifetime::from_secs(600)
}

/// The compiled plugin.
pub struct Cors {
    origins: Vec<OriginPattern>,
    regexes: Vec<Pattern>,
    methods: Vec<Method>,
    headers: Headers,
    credentials: bool,
    private_network: bool,
    /// What fields say.
    methods_text: Box<[u8]>,
    exposed_text: Option<Box<[u8]>>,
    max_age_text: Box<[u8]>,
}

/// The header fields that pages may set.
enum Headers {
    Any,
    These { names: Vec<HeaderName>, text: Box<[u8]> },
}

/// Fields without which a page can do, whatever a preflight says of them (Fetch standard, 2.2.2). Browsers ask for them where their
/// values are unusual.
const SAFE_HEADERS: &[&str] = &["accept", "accept-language", "content-language"];

impl PluginType for Cors {
    type Config = CorsConfig;
    const CODES: &'static [&'static Code] = &[&CORS_CREDENTIALS];

    fn compile(config: &CorsConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        check(config, context);
        (context.problems.len() == before).then(|| {
            let listed = |names: &[HeaderName]| joined(names.iter().map(HeaderName::as_str));
            let names = &config.allow_headers;
            Box::new(Self {
                origins: config.allow_origins.clone(),
                regexes: config.allow_origin_regexes.clone(),
                methods: config.allow_methods.clone(),
                headers: if config.allow_any_header {
                    Headers::Any
                } else {
                    Headers::These { names: names.clone(), text: listed(names) }
                },
                credentials: config.allow_credentials,
                private_network: config.allow_private_network,
                methods_text: joined(config.allow_methods.iter().map(Method::as_str)),
                exposed_text: Some(listed(&config.expose_headers)).filter(|text| !text.is_empty()),
                max_age_text: config.max_age.get().as_secs().to_string().into_bytes().into(),
            }) as _
        })
    }
}

fn check(config: &CorsConfig, context: &mut CompileContext<'_>) {
    if config.allow_origins.is_empty() && config.allow_origin_regexes.is_empty() {
        let help = "write for example `allowOrigins: [\"https://shop.example\"]`, or remove the plugin";
        context.report(&PLUGIN_SHAPE, "", "`cors` allows no origin", help);
    }
    if config.allow_any_header && !config.allow_headers.is_empty() {
        let message = "`allowAnyHeader` allows all header fields, the list would have no effect";
        context.report(&PLUGIN_SHAPE, "/allowHeaders", message, "write either `allowHeaders` or `allowAnyHeader`");
    }
    if !config.allow_credentials {
        return;
    }
    let help = "list the origins that are trusted, or leave `allowCredentials` out";
    let message = "every site could act as the users that visit it, and read what they may read";
    if let Some(at) = config.allow_origins.iter().position(|origin| *origin == OriginPattern::Any) {
        context.report(&CORS_CREDENTIALS, format!("/allowOrigins/{at}"), message, help);
    }
    let is_any = |pattern: &Pattern| STRANGERS.iter().all(|origin| pattern.is_match(origin));
    if let Some(at) = config.allow_origin_regexes.iter().position(is_any) {
        context.report(&CORS_CREDENTIALS, format!("/allowOriginRegexes/{at}"), message, help);
    }
}

/// Origins of which nobody means both.
const STRANGERS: &[&str] = &["https://a.example", "https://xn--q.invalid"];

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> Box<[u8]> {
    texts.collect::<Vec<_>>().join(", ").into_bytes().into()
}

impl Plugin for Cors {
    fn answers_preflights(&self) -> bool {
        true
    }

    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let Some(method) = exchange.request.announced_method() else { return Step::Continue };
        let is_allowed = self.allow(&method, exchange.request, &mut exchange.response.fields);
        exchange.response.status = if is_allowed { 204 } else { 403 };
        self.vary(exchange.response);
        for name in [REQUEST_METHOD, REQUEST_HEADERS] {
            exchange.response.varies_by(name);
        }
        if self.private_network {
            exchange.response.varies_by(REQUEST_PRIVATE_NETWORK);
        }
        Step::Answer(Content::Empty)
    }

    fn on_response(&self, exchange: &mut Exchange<'_>) {
        exchange.response.fields.remove_where(|name, _| name.starts_with(b"access-control-"));
        self.vary(exchange.response);
        let fields = &mut exchange.response.fields;
        if self.allow_origin(exchange.request, fields)
            && let Some(exposed) = &self.exposed_text
        {
            fields.set("access-control-expose-headers", exposed);
        }
    }
}

const REQUEST_HEADERS: &str = "access-control-request-headers";
const REQUEST_PRIVATE_NETWORK: &str = "access-control-request-private-network";

impl Cors {
    /// Whether the answer is the same for all origins.
    fn is_for_all(&self) -> bool {
        !self.credentials && self.origins.contains(&OriginPattern::Any)
    }

    /// A cache must not give one origin what was meant for another, nor for none.
    fn vary(&self, response: &mut ResponseHead) {
        if !self.is_for_all() {
            response.varies_by("origin");
        }
    }

    /// Says that the page may read the answer, if it may.
    fn allow_origin(&self, request: &RequestHead, fields: &mut Fields) -> bool {
        let Some(origin) = request.fields.received("origin") else { return false };
        let is_allowed = std::str::from_utf8(origin).is_ok_and(|origin| {
            self.origins.iter().any(|pattern| pattern.matches(origin))
                || self.regexes.iter().any(|regex| regex.is_match(origin))
        });
        if !is_allowed {
            return false;
        }
        fields.set("access-control-allow-origin", if self.is_for_all() { b"*" } else { origin });
        if self.credentials {
            fields.set("access-control-allow-credentials", b"true");
        }
        true
    }

    /// Says what a page may do after its preflight, if it may do what it announces.
    fn allow(&self, method: &Method, request: &RequestHead, fields: &mut Fields) -> bool {
        let simple = matches!(method, Method::Get | Method::Head | Method::Post);
        let asked = request.fields.received(REQUEST_HEADERS).unwrap_or_default();
        if !simple && !self.methods.contains(method)
            || !self.headers.allow(asked)
            || !self.allow_origin(request, fields)
        {
            return false;
        }
        fields.set("access-control-allow-methods", &self.methods_text);
        let headers = match &self.headers {
            Headers::Any => asked,
            Headers::These { text, .. } => text,
        };
        if !headers.is_empty() {
            fields.set("access-control-allow-headers", headers);
        }
        if self.private_network && request.fields.received(REQUEST_PRIVATE_NETWORK) == Some(b"true") {
            fields.set("access-control-allow-private-network", b"true");
        }
        fields.set("access-control-max-age", &self.max_age_text);
        true
    }
}

impl Headers {
    /// Whether a page may set all these fields.
    fn allow(&self, asked: &[u8]) -> bool {
        let Self::These { names, .. } = self else { return true };
        let mut asked = asked.split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
        asked.all(|asked| {
            let is = |name: &str| asked.eq_ignore_ascii_case(name.as_bytes());
            SAFE_HEADERS.iter().any(|name| is(name)) || names.iter().any(|name| is(name.as_str()))
        })
    }
}

static CORS_CREDENTIALS: Code = Code {
    id: "GW3010",
    name: "cors-credentials",
    severity: Severity::Error,
    page: "\
# GW3010: cors-credentials

With `allowCredentials` a page may send requests with the cookies of the user who visits it, and read the answers. Allowed for every
origin, any site on the web could do so in the name of each of its visitors. Browsers refuse `*` for such requests for this reason;
an answer that repeats any origin it is asked by would get around that.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: account }
spec:
  public: true
  plugins:
    - cors: { allowOrigins: [\"*\"], allowCredentials: true }
    - respond: { body: hello }
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: account }
spec:
  public: true
  plugins:
    - cors: { allowOrigins: [\"https://shop.example\"], allowCredentials: true }
    - respond: { body: hello }
```
",
};

#[cfg(test)]
mod tests {
    use super::Headers;
    use crate::value::Scalar as _;
    use crate::value::header::HeaderName;

    #[test]
    fn fields_are_allowed_one_by_one() {
        let names = vec![HeaderName::parse("x-tenant").unwrap()];
        let these = Headers::These { names, text: Box::default() };
        for (asked, allowed) in [
            ("", true),
            ("X-Tenant", true),
            ("accept , x-tenant,", true),
            ("x-other", false),
            ("x-tenant,x-other", false),
        ] {
            assert_eq!(these.allow(asked.as_bytes()), allowed, "{asked}");
            assert!(Headers::Any.allow(asked.as_bytes()));
        }
    }
}
