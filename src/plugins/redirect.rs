//! `redirect`: sends the client to another URL (RFC 9110, 15.4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Severity};
use crate::pipeline::exchange::{Content, Exchange, Place, Step};
use crate::pipeline::plugin::{CompileContext, Needed, Plugin, PluginType};
use crate::value::template::{Part, Template};

/// Where the client is sent.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct RedirectConfig {
    /// The URL: absolute, or a path on the same host. References may fill in anything but the scheme and host.
    #[schemars(example = &"https://new.example/department/${path.department}")]
    pub to: Template,
    /// The status: 301 and 308 are permanent, 302, 303 and 307 are not; 307 and 308 keep the method.
    #[serde(default = "temporary")]
    #[schemars(schema_with = "statuses")]
    pub status: u16,
    /// Whether the query of the request is appended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_query: bool,
}

fn example() -> serde_json::Value {
    serde_json::json!({ "to": "https://new.example/orders/${path.id}", "status": 308, "keepQuery": true })
}

fn temporary() -> u16 {
    307
}

fn statuses(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "integer", "enum": [301, 302, 303, 307, 308] })
}

/// The compiled plugin.
pub struct Redirect(RedirectConfig);

impl PluginType for Redirect {
    type Config = RedirectConfig;
    const ANSWERS: bool = true;
    const CODES: &'static [&'static Code] = &[&OPEN_REDIRECT];

    fn compile(config: &RedirectConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        if !has_fixed_origin(&config.to) {
            let help = "write the scheme and host out, such as `https://new.example/`, or begin with one `/` and a name";
            context.report(&OPEN_REDIRECT, "/to", "a request could choose the host that it is sent to", help);
        }
        context.check_params("/to", &config.to, Needed::Always);
        (context.problems.len() == before).then(|| Box::new(Self(config.clone())) as _)
    }
}

/// Whether scheme and host are fixed text: no request can lead a browser to a host that the manifest doesn't name.
fn has_fixed_origin(to: &Template) -> bool {
    let Some(Part::Text(start)) = to.parts().first() else { return false };
    let whole = to.parts().len() == 1;
    if let Some((scheme, rest)) = start.split_once("://") {
        let ends = rest.find(['/', '?', '#']);
        return matches!(scheme, "http" | "https") && !rest.is_empty() && ends != Some(0) && (whole || ends.is_some());
    }
    let second = start.as_bytes().get(1);
    start.starts_with('/') && !matches!(second, Some(b'/' | b'\\')) && (whole || second.is_some())
}

impl Plugin for Redirect {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let Some(mut location) = exchange.render(&self.0.to, Place::Url) else {
            exchange.response.status = 400;
            return Step::Answer(Content::Empty);
        };
        if self.0.keep_query && let Some(query) = &exchange.request.query {
            append_query(&mut location, query);
        }
        exchange.response.status = self.0.status;
        exchange.response.fields.set("location", location.as_bytes());
        Step::Answer(Content::Empty)
    }
}

/// Appends to the query of a URL, which ends where its fragment begins (RFC 3986, 3.4).
fn append_query(url: &mut String, query: &str) {
    let end = url.find('#').unwrap_or(url.len());
    let joint = if url[..end].contains('?') { '&' } else { '?' };
    url.insert_str(end, &format!("{joint}{query}"));
}

static OPEN_REDIRECT: Code = Code {
    id: "GW3101",
    name: "open-redirect",
    severity: Severity::Error,
    page: "\
# GW3101: open-redirect

The scheme and host of a redirect are fixed text. If a request could fill them in, anybody could make a link to your site that
leads to theirs.

```yaml wrong
apiVersion: gw/v1
kind: Route
metadata: { name: login }
spec:
  match: [{ path: /back }]
  public: true
  plugins: [{ redirect: { to: \"${request.query.next}\" } }]
```

```yaml right
apiVersion: gw/v1
kind: Route
metadata: { name: login }
spec:
  match: [{ path: /back }]
  public: true
  plugins: [{ redirect: { to: \"https://www.example/start?from=${request.query.next}\" } }]
```
",
};

#[cfg(test)]
mod tests {
    use super::{append_query, has_fixed_origin};
    use crate::value::template::Template;

    #[test]
    fn a_query_stands_before_the_fragment() {
        for (to, url) in [("/a", "/a?q=1"), ("/a?b", "/a?b&q=1"), ("/a#b", "/a?q=1#b"), ("/a?b#c?d", "/a?b&q=1#c?d")] {
            let mut location = to.to_owned();
            append_query(&mut location, "q=1");
            assert_eq!(location, url);
        }
    }

    #[test]
    fn the_origin_is_fixed_text() {
        let fixed = |text: &str| has_fixed_origin(&text.parse::<Template>().unwrap());
        for good in ["https://a.example", "https://a.example/${path.x}", "/a${request.query.q}", "/", "/?q=${request.query.q}"] {
            assert!(fixed(good), "{good}");
        }
        for bad in ["${request.query.q}", "https://${path.x}/", "https://a.example${path.x}", "//evil", "/${path.x}", "/\\evil", "x"] {
            assert!(!fixed(bad), "{bad}");
        }
    }
}
