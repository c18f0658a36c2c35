//! `securityHeaders`: the fields of an answer by which browsers protect their users, from a preset with exceptions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::Exchange;
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::value::content_policy::ContentPolicy;
use crate::value::lifetime::Lifetime;
use crate::value::url::Scheme;

/// Fields that tell browsers what to do, also on errors and on answers of plugins below. They replace those of the backend, except
/// `content-security-policy`, its `-report-only` and `permissions-policy`: there, what the backend says is kept.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct SecurityHeadersConfig {
    /// What is sent where the fields below say nothing.
    #[serde(default)]
    pub preset: Preset,
    /// `strict-transport-security` (RFC 6797), which is sent over HTTPS only. The presets say a year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsts: Option<Hsts>,
    /// Who may show the answer within a page of theirs, by `x-frame-options`, and by `frame-ancestors` in the policy of the preset
    /// `strict`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<Frame>,
    /// What other sites learn of the page that a link stands on, by `referrer-policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer_policy: Option<ReferrerPolicy>,
    /// `content-security-policy`, where the backend sends none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_security_policy: Option<ContentPolicy>,
    /// `content-security-policy-report-only`, where the backend sends none: what would break it is reported and goes on. Such a
    /// policy is tried out beside the one that is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_security_policy_report_only: Option<ContentPolicy>,
    /// `permissions-policy`, where the backend sends none: features of the browser, each with the origins that may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = PERMISSIONS), example = &"geolocation=(self \"https://maps.example\"), camera=()")]
    pub permissions_policy: Option<String>,
    /// `cross-origin-opener-policy`: whether pages of other origins that opened this one, or were opened by it, can reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opener_policy: Option<OpenerPolicy>,
    /// `cross-origin-embedder-policy`: whether a page may load what does not say that it may be loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedder_policy: Option<EmbedderPolicy>,
    /// `cross-origin-resource-policy`: which pages may load the answer, without CORS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_policy: Option<ResourcePolicy>,
}

/// Features with their origins: `name=(self "https://a.example")`, `name=()`, `name=*`.
const PERMISSIONS: &str = r#"^[a-z][a-z-]*=(\*|self|\(( ?(self|src|\*|"[!#-~]+"))*\))(, ?[a-z][a-z-]*=(\*|self|\(( ?(self|src|\*|"[!#-~]+"))*\)))*$"#;

fn example() -> serde_json::Value {
    serde_json::json!({ "preset": "strict", "hsts": { "maxAge": "730d", "includeSubdomains": true }, "frame": "sameOrigin" })
}

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Preset {
    /// What breaks no site: HTTPS from now on, no guessing of media types, no frames of other sites, origins only to other sites.
    #[default]
    Basic,
    /// The same, and no frames at all, scripts and styles from the own host only, no camera, microphone and position.
    Strict,
}

/// How long browsers use HTTPS only.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Hsts {
    /// How long, from each answer on. `0s` takes it back.
    #[serde(default = "a_year")]
    pub max_age: Lifetime,
    /// Whether it is so for all names below the host too: none of them can be reached over plain HTTP then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub include_subdomains: bool,
    /// Whether browsers may put the host on the list that they come with. It takes months to get off it; the list wants
    /// `includeSubdomains` and a year.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preload: bool,
}

fn a_year() -> Lifetime {
    Lifetime::from_secs(365 * 86_400)
}

impl Default for Hsts {
    fn default() -> Self {
        Self { max_age: a_year(), include_subdomains: false, preload: false }
    }
}

impl Hsts {
    fn value(self) -> String {
        let subdomains = if self.include_subdomains { "; includeSubDomains" } else { "" };
        let preload = if self.preload { "; preload" } else { "" };
        format!("max-age={}{subdomains}{preload}", self.max_age.get().as_secs())
    }
}

/// Who may show an answer within a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Frame {
    /// Nobody.
    Deny,
    /// Pages of the same host.
    SameOrigin,
    /// Anybody: no field is sent.
    Any,
}

/// What other sites learn of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReferrerPolicy {
    /// Nothing.
    NoReferrer,
    /// Its whole URL, but nothing where that is over plain HTTP and it is not.
    NoReferrerWhenDowngrade,
    /// Its scheme and host, also over plain HTTP, also the own site.
    Origin,
    /// Its scheme and host, also over plain HTTP, and the own site its whole URL.
    OriginWhenCrossOrigin,
    /// Nothing, and the own site its whole URL.
    SameOrigin,
    /// Its scheme and host, also the own site.
    StrictOrigin,
    /// Its scheme and host, and the own site its whole URL.
    StrictOriginWhenCrossOrigin,
    /// Its whole URL, also over plain HTTP.
    UnsafeUrl,
}

/// Which pages a page shares its window group with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OpenerPolicy {
    /// Those of the same origin.
    SameOrigin,
    /// Those of the same origin, and those that it opens itself, such as a login of another site.
    SameOriginAllowPopups,
    /// None, whatever their origin.
    NoopenerAllowPopups,
    /// All of them.
    UnsafeNone,
}

/// What a page may load from other origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EmbedderPolicy {
    /// What says by CORS or `cross-origin-resource-policy` that it may.
    RequireCorp,
    /// Everything, but what does not say that it may is asked for without cookies.
    Credentialless,
    /// Everything.
    UnsafeNone,
}

/// Which pages may load an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ResourcePolicy {
    /// Those of the same origin.
    SameOrigin,
    /// Those of the same registered name, such as `shop.example`.
    SameSite,
    /// All of them.
    CrossOrigin,
}

impl Frame {
    /// What `x-frame-options` says, and `frame-ancestors`.
    fn values(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Deny => Some(("DENY", "'none'")),
            Self::SameOrigin => Some(("SAMEORIGIN", "'self'")),
            Self::Any => None,
        }
    }
}

impl ReferrerPolicy {
    fn value(self) -> &'static str {
        match self {
            Self::NoReferrer => "no-referrer",
            Self::NoReferrerWhenDowngrade => "no-referrer-when-downgrade",
            Self::Origin => "origin",
            Self::OriginWhenCrossOrigin => "origin-when-cross-origin",
            Self::SameOrigin => "same-origin",
            Self::StrictOrigin => "strict-origin",
            Self::StrictOriginWhenCrossOrigin => "strict-origin-when-cross-origin",
            Self::UnsafeUrl => "unsafe-url",
        }
    }
}

impl OpenerPolicy {
    fn value(self) -> &'static str {
        match self {
            Self::SameOrigin => "same-origin",
            Self::SameOriginAllowPopups => "same-origin-allow-popups",
            Self::NoopenerAllowPopups => "noopener-allow-popups",
            Self::UnsafeNone => "unsafe-none",
        }
    }
}

impl EmbedderPolicy {
    fn value(self) -> &'static str {
        match self {
            Self::RequireCorp => "require-corp",
            Self::Credentialless => "credentialless",
            Self::UnsafeNone => "unsafe-none",
        }
    }
}

impl ResourcePolicy {
    fn value(self) -> &'static str {
        match self {
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
            Self::CrossOrigin => "cross-origin",
        }
    }
}

const STRICT_CONTENT: &str = "default-src 'self'; base-uri 'self'; form-action 'self'; object-src 'none'";
const STRICT_PERMISSIONS: &str = "camera=(), geolocation=(), microphone=()";

/// The policy of the preset `strict`.
fn strict_content(frame: Frame) -> String {
    let ancestors = frame.values().map(|(_, ancestors)| format!("; frame-ancestors {ancestors}"));
    format!("{STRICT_CONTENT}{}", ancestors.unwrap_or_default())
}

/// The compiled plugin.
pub struct SecurityHeaders {
    hsts: Box<[u8]>,
    /// Fields that replace the backend's.
    always: Vec<(&'static str, &'static str)>,
    /// Fields for what the backend says nothing of.
    unsaid: Vec<(&'static str, Box<[u8]>)>,
}

impl PluginType for SecurityHeaders {
    type Config = SecurityHeadersConfig;

    fn compile(config: &SecurityHeadersConfig, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        let strict = config.preset == Preset::Strict;
        let referrer = config.referrer_policy.unwrap_or(ReferrerPolicy::StrictOriginWhenCrossOrigin).value();
        let mut always = vec![("x-content-type-options", "nosniff"), ("referrer-policy", referrer)];
        let frame = config.frame.unwrap_or(if strict { Frame::Deny } else { Frame::SameOrigin });
        always.extend(frame.values().map(|(options, _)| ("x-frame-options", options)));
        let opener = config.opener_policy.or(strict.then_some(OpenerPolicy::SameOrigin)).map(OpenerPolicy::value);
        always.extend(opener.map(|value| ("cross-origin-opener-policy", value)));
        always.extend(config.embedder_policy.map(|policy| ("cross-origin-embedder-policy", policy.value())));
        always.extend(config.resource_policy.map(|policy| ("cross-origin-resource-policy", policy.value())));
        let content = config.content_security_policy.as_ref().map(ContentPolicy::to_string);
        let reported = config.content_security_policy_report_only.as_ref().map(ContentPolicy::to_string);
        let permissions = config.permissions_policy.clone().or_else(|| strict.then(|| STRICT_PERMISSIONS.into()));
        let unsaid = [
            ("content-security-policy", content.or_else(|| strict.then(|| strict_content(frame)))),
            ("content-security-policy-report-only", reported),
            ("permissions-policy", permissions),
        ];
        let unsaid = unsaid.into_iter().filter_map(|(name, value)| Some((name, value?.into_bytes().into()))).collect();
        Some(Box::new(Self { hsts: config.hsts.unwrap_or_default().value().into_bytes().into(), always, unsaid }))
    }
}

impl Plugin for SecurityHeaders {
    fn on_response(&self, exchange: &mut Exchange<'_>) {
        let fields = &mut exchange.response.fields;
        if exchange.client.scheme == Scheme::Https {
            fields.set("strict-transport-security", &self.hsts);
        }
        for (name, value) in &self.always {
            fields.set(name, value.as_bytes());
        }
        for (name, value) in &self.unsaid {
            if fields.get(name).is_none() {
                fields.set(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, Hsts, PERMISSIONS, STRICT_PERMISSIONS, SecurityHeadersConfig, strict_content};
    use crate::value::Scalar as _;
    use crate::value::content_policy::ContentPolicy;

    #[test]
    fn both_fields_about_frames_say_the_same() {
        for (frame, ancestors) in [
            (Frame::Deny, Some("; frame-ancestors 'none'")),
            (Frame::SameOrigin, Some("; frame-ancestors 'self'")),
            (Frame::Any, None),
        ] {
            let content = strict_content(frame);
            assert!(ContentPolicy::parse(&content).is_ok());
            assert_eq!(content.find("; frame-ancestors").map(|at| &content[at..]), ancestors);
        }
    }

    #[test]
    fn permissions_are_features_with_origins() {
        let pattern = regex::Regex::new(PERMISSIONS).unwrap();
        for right in
            [STRICT_PERMISSIONS, "fullscreen=*", "geolocation=(self \"https://a.example\"),usb=()", "camera=self"]
        {
            assert!(pattern.is_match(right), "{right}");
        }
        for wrong in ["", "camera", "camera 'none'", "camera=(none)", "camera=(self", "camera=();usb=()", "camera=(),"]
        {
            assert!(!pattern.is_match(wrong), "{wrong}");
        }
    }

    #[test]
    fn hsts_is_written_as_rfc_6797_says() {
        assert_eq!(Hsts::default().value(), "max-age=31536000");
        let all: SecurityHeadersConfig = serde_json::from_value(serde_json::json!({
            "hsts": { "maxAge": "730d", "includeSubdomains": true, "preload": true },
        }))
        .unwrap();
        assert_eq!(all.hsts.unwrap().value(), "max-age=63072000; includeSubDomains; preload");
        let none: SecurityHeadersConfig = serde_json::from_str(r#"{ "hsts": { "maxAge": "0s" } }"#).unwrap();
        assert_eq!(none.hsts.unwrap().value(), "max-age=0");
    }
}
