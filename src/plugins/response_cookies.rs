//! `responseCookies`: edits the cookies that answers set in browsers (RFC 6265bis).

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Exchange, Place};
use crate::pipeline::plugin::{CompileContext, Needed, PLUGIN_SHAPE, Plugin, PluginType};
use crate::value::cookie::{CookieName, is_cookie_byte};
use crate::value::host::HostName;
use crate::value::lifetime::Lifetime;
use crate::value::template::Template;
use crate::value::url::Scheme;

/// What becomes of the cookies that answers set: of those of the backend and of plugins below. They are removed, changed and added to,
/// in this order.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct ResponseCookiesConfig {
    /// Cookies that browsers are not to be given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub remove: Vec<CookieName>,
    /// The cookies that the fields below change. The default is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub only: Vec<CookieName>,
    /// Whether browsers are told to send them over HTTPS only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secure: bool,
    /// Whether scripts of the page are kept from reading them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub http_only: bool,
    /// Whether browsers send them along when another site asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_site: Option<SameSite>,
    /// The domain that they are for, in place of the one that the backend says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<HostName>,
    /// Whether they are for the host alone that was asked, whatever domain the backend says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub host_only: bool,
    /// The path that they are for, in place of the one that the backend says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^/[!-:<-~]*$"), example = &"/shop")]
    pub path: Option<String>,
    /// Cookies to add.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<NewCookie>,
}

/// A cookie that browsers are given, over HTTPS with `Secure`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewCookie {
    /// Its name.
    pub name: CookieName,
    /// Its value. Without one, or with one that no cookie can have, there is no cookie.
    pub value: Template,
    /// How long browsers keep it. The default is until they are closed; `0s` has them forget it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Lifetime>,
    /// The path that it is for.
    #[serde(default = "root")]
    #[schemars(regex(pattern = "^/[!-:<-~]*$"), example = &"/shop")]
    pub path: String,
    /// The domain that it is for. The default is the host alone that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<HostName>,
    /// Whether scripts of the page are kept from reading it.
    #[serde(default = "yes")]
    pub http_only: bool,
    /// Whether browsers send it along when another site asks.
    #[serde(default)]
    pub same_site: SameSite,
}

/// When browsers send a cookie along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SameSite {
    /// When a page of the same site asks.
    Strict,
    /// Then, and when a link of another site is followed.
    #[default]
    Lax,
    /// Always; browsers want `secure` for it.
    None,
}

impl SameSite {
    fn value(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

fn example() -> serde_json::Value {
    serde_json::json!({ "secure": true, "httpOnly": true, "sameSite": "lax", "remove": ["debug"] })
}

fn root() -> String {
    "/".into()
}

fn yes() -> bool {
    true
}

/// The compiled plugin.
pub struct ResponseCookies(ResponseCookiesConfig);

impl PluginType for ResponseCookies {
    type Config = ResponseCookiesConfig;

    fn compile(config: &ResponseCookiesConfig, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let before = context.problems.len();
        if config.host_only && config.domain.is_some() {
            let message = "`hostOnly` says that cookies are for no domain";
            context.report(&PLUGIN_SHAPE, "/domain", message, "write either `domain` or `hostOnly`");
        }
        if config.same_site == Some(SameSite::None) && !config.secure {
            let message = "browsers refuse `sameSite: none` without `secure`";
            context.report(&PLUGIN_SHAPE, "/sameSite", message, "add `secure: true`");
        }
        for (i, cookie) in config.set.iter().enumerate() {
            context.check_params(&format!("/set/{i}/value"), &cookie.value, Needed::Sometimes);
        }
        (context.problems.len() == before).then(|| Box::new(Self(config.clone())) as _)
    }
}

impl Plugin for ResponseCookies {
    fn on_response(&self, exchange: &mut Exchange<'_>) {
        let given = exchange.response.fields.iter().filter(|(name, _)| *name == b"set-cookie");
        let mut cookies: Vec<Vec<u8>> = given.filter_map(|(_, cookie)| self.edited(cookie)).collect();
        cookies.extend(self.0.set.iter().filter_map(|cookie| cookie.text(exchange)).map(String::into_bytes));
        let fields = &mut exchange.response.fields;
        fields.remove("set-cookie");
        for cookie in cookies {
            fields.add("set-cookie", &cookie);
        }
    }
}

impl ResponseCookies {
    /// A cookie as it is to be set; `None` if it is not.
    fn edited(&self, cookie: &[u8]) -> Option<Vec<u8>> {
        let config = &self.0;
        let mut parts = cookie.split(|b| *b == b';').map(<[u8]>::trim_ascii);
        let pair = parts.next().unwrap_or_default();
        let name = pair.split(|b| *b == b'=').next().unwrap_or_default().trim_ascii();
        let is = |other: &CookieName| other.as_str().as_bytes() == name;
        if config.remove.iter().any(is) {
            return None;
        }
        if !config.only.is_empty() && !config.only.iter().any(is) {
            return Some(cookie.to_vec());
        }
        let replaced = |attribute: &[u8]| {
            let name = attribute.split(|b| *b == b'=').next().unwrap_or_default().trim_ascii();
            let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
            is(b"secure") && config.secure
                || is(b"httponly") && config.http_only
                || is(b"samesite") && config.same_site.is_some()
                || is(b"domain") && (config.host_only || config.domain.is_some())
                || is(b"path") && config.path.is_some()
        };
        let mut out = pair.to_vec();
        for attribute in parts.filter(|attribute| !attribute.is_empty() && !replaced(attribute)) {
            out.extend_from_slice(b"; ");
            out.extend_from_slice(attribute);
        }
        out.extend_from_slice(self.attributes().as_bytes());
        Some(out)
    }

    fn attributes(&self) -> String {
        let ResponseCookiesConfig { secure, http_only, same_site, domain, path, .. } = &self.0;
        attributes(path.as_deref(), domain.as_ref(), *http_only, *secure, *same_site)
    }
}

fn attributes(
    path: Option<&str>,
    domain: Option<&HostName>,
    http_only: bool,
    secure: bool,
    same_site: Option<SameSite>,
) -> String {
    let mut text = String::new();
    let path = path.map(|path| format!("; Path={path}"));
    let domain = domain.map(|domain| format!("; Domain={domain}"));
    text.extend([path, domain].into_iter().flatten());
    text.push_str(if http_only { "; HttpOnly" } else { "" });
    text.push_str(if secure { "; Secure" } else { "" });
    text.extend(same_site.map(|same_site| format!("; SameSite={}", same_site.value())));
    text
}

impl NewCookie {
    /// What sets it; `None` if there is no value.
    fn text(&self, exchange: &Exchange<'_>) -> Option<String> {
        let value = exchange.render(&self.value, Place::Field).filter(|value| value.bytes().all(is_cookie_byte))?;
        let secure = exchange.client.scheme == Scheme::Https;
        let mut text = format!("{}={value}", self.name);
        if let Some(age) = self.max_age {
            // writing to a string never fails
            write!(text, "; Max-Age={}", age.get().as_secs()).unwrap_or_default();
        }
        text.push_str(&attributes(
            Some(&self.path),
            self.domain.as_ref(),
            self.http_only,
            secure,
            Some(self.same_site),
        ));
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::{ResponseCookies, ResponseCookiesConfig};

    #[test]
    fn attributes_are_replaced_and_added() {
        for (config, cookie, expected) in [
            ("{}", "a=1; Path=/", Some("a=1; Path=/")),
            (r#"{ "remove": ["a"] }"#, "a=1", None),
            (r#"{ "remove": ["b"] }"#, "a=b", Some("a=b")),
            (
                r#"{ "secure": true, "httpOnly": true }"#,
                "a=1; secure; Max-Age=5",
                Some("a=1; Max-Age=5; HttpOnly; Secure"),
            ),
            (
                r#"{ "sameSite": "strict", "path": "/x" }"#,
                "a=1;path=/;samesite=none",
                Some("a=1; Path=/x; SameSite=Strict"),
            ),
            (r#"{ "hostOnly": true }"#, "a=1; Domain=b.example; Secure", Some("a=1; Secure")),
            (r#"{ "domain": "c.example" }"#, "a=1; Domain=b.example", Some("a=1; Domain=c.example")),
            (r#"{ "only": ["b"], "secure": true }"#, "a=1", Some("a=1")),
        ] {
            let config: ResponseCookiesConfig = serde_json::from_str(config).unwrap();
            let edited = ResponseCookies(config).edited(cookie.as_bytes());
            assert_eq!(edited.map(|cookie| String::from_utf8(cookie).unwrap()).as_deref(), expected, "{cookie}");
        }
    }
}
