//! `securityTxt`: whom to tell of a hole, at `/.well-known/security.txt` (RFC 9116).

use std::fmt::Write as _;
use std::time::SystemTime;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::date::Date;
use crate::value::method::Method;

/// Whom to tell of a hole in what this route serves. `/.well-known/security.txt` is answered where it is a path of the route.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct SecurityTxtConfig {
    /// How to reach those who mend it, the way you like most first: URLs of `mailto:`, `https:` or `tel:`.
    #[schemars(length(min = 1, max = 20), inner(regex(pattern = CONTACT)), example = contact_example())]
    pub contact: Vec<String>,
    /// The day from which on it is not to be believed any more, best less than a year ahead. The gateway warns when it has passed.
    pub expires: Date,
    /// Where keys for encrypted messages are: URLs of `https:`, `dns:` or `openpgp4fpr:`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(regex(pattern = KEY)), example = links_example("pgp-key.txt"))]
    pub encryption: Vec<String>,
    /// Pages that thank those who found something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(regex(pattern = WEB)), example = links_example("thanks"))]
    pub acknowledgments: Vec<String>,
    /// The languages that may be written in, as BCP 47 has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(regex(pattern = "^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*$")), example = languages_example())]
    pub preferred_languages: Vec<String>,
    /// The URLs at which this file is to be found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(regex(pattern = WEB)), example = links_example(".well-known/security.txt"))]
    pub canonical: Vec<String>,
    /// Pages that say how holes are dealt with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(regex(pattern = WEB)), example = links_example("disclosure"))]
    pub policy: Vec<String>,
    /// Pages with jobs in security.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(regex(pattern = WEB)), example = links_example("jobs"))]
    pub hiring: Vec<String>,
}

const CONTACT: &str = "^(mailto:|https://|tel:)[!-~]+$";
const KEY: &str = "^(https://|dns:|openpgp4fpr:)[!-~]+$";
const WEB: &str = "^https://[!-~]+$";

fn example() -> serde_json::Value {
    serde_json::json!({ "contact": ["mailto:security@shop.example"], "expires": "2027-06-30" })
}

fn contact_example() -> serde_json::Value {
    serde_json::json!(["mailto:security@shop.example", "https://shop.example/security"])
}

fn links_example(page: &str) -> serde_json::Value {
    serde_json::json!([format!("https://shop.example/{page}")])
}

fn languages_example() -> serde_json::Value {
    serde_json::json!(["en", "fr"])
}

const PATH: &str = "/.well-known/security.txt";

/// The compiled plugin.
pub struct SecurityTxt {
    text: Bytes,
    expires: Date,
}

impl PluginType for SecurityTxt {
    type Config = SecurityTxtConfig;

    fn compile(config: &SecurityTxtConfig, _: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        Some(Box::new(Self { text: text(config).into(), expires: config.expires }))
    }
}

fn text(config: &SecurityTxtConfig) -> String {
    let mut text = String::new();
    let mut add = |name: &str, value: &str| {
        // writing to a string never fails
        writeln!(text, "{name}: {value}").unwrap_or_default();
    };
    for url in &config.contact {
        add("Contact", url);
    }
    add("Expires", &format!("{}T00:00:00Z", config.expires));
    let lists = [
        ("Encryption", &config.encryption),
        ("Acknowledgments", &config.acknowledgments),
        ("Canonical", &config.canonical),
        ("Policy", &config.policy),
        ("Hiring", &config.hiring),
    ];
    for (name, urls) in lists {
        for url in urls {
            add(name, url);
        }
    }
    if !config.preferred_languages.is_empty() {
        add("Preferred-Languages", &config.preferred_languages.join(", "));
    }
    text
}

impl Plugin for SecurityTxt {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        if self.expires <= Date::of(SystemTime::now()) {
            tracing::warn!(plugin = ready.owner, expires = %self.expires, "a security.txt has expired: nobody is to believe it");
        }
        Ok(())
    }

    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        let request = &exchange.request;
        if request.path != PATH || !matches!(request.method, Method::Get | Method::Head) {
            return Step::Continue;
        }
        exchange.response.status = 200;
        exchange.response.fields.set("content-type", b"text/plain; charset=utf-8");
        Step::Answer(Content::Bytes(self.text.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::{SecurityTxtConfig, text};

    #[test]
    fn it_is_written_as_rfc_9116_says() {
        let config: SecurityTxtConfig = serde_json::from_value(serde_json::json!({
            "contact": ["mailto:security@shop.example", "tel:+33-1-23"],
            "expires": "2027-06-30",
            "preferredLanguages": ["en", "fr"],
            "policy": ["https://shop.example/disclosure"],
        }))
        .unwrap();
        let expected = "Contact: mailto:security@shop.example\nContact: tel:+33-1-23\nExpires: 2027-06-30T00:00:00Z\n\
                        Policy: https://shop.example/disclosure\nPreferred-Languages: en, fr\n";
        assert_eq!(text(&config), expected);
    }
}
