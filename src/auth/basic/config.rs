//! What a manifest says of users with passwords.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::rules::ClaimRule;
use crate::value::Scalar as _;
use crate::value::duration::Duration;
use crate::value::mail::MailAddress;
use crate::value::password_hash::PasswordHash;
use crate::value::realm::Realm;
use crate::value::secret::NodeFile;

/// Users with passwords (RFC 7617). Passwords travel with every request: only over TLS.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[schemars(example = example())]
pub struct BasicConfig {
    /// What browsers show where they ask for the password.
    pub realm: Realm,
    /// The users.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub users: Vec<BasicUser>,
    /// A file of more users on the node that runs, as `htpasswd -B` writes it: `name:hash` on each line. New content is taken without a
    /// restart; a file that is not right is not taken. A user of the manifest counts more than one of the same name here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-gw-security" = "which users there are"))]
    pub htpasswd: Option<NodeFile>,
    /// What becomes of who guesses passwords.
    pub lockout: LockoutConfig,
    /// Rules that all hold for who is let in. What is claimed of a user: `/sub` and `/name`, the name; `/email`; `/groups`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-gw-security" = "who is let in"))]
    pub require: Vec<ClaimRule>,
    /// Rules of which none holds for who is let in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-gw-security" = "who is let in"))]
    pub deny: Vec<ClaimRule>,
    /// Whether the upstream sees user and password, too. One that only has to know who calls is told with `requestHeaders` or `callerToken`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-gw-security" = "who sees the password"))]
    pub keep_credential: bool,
}

fn example() -> serde_json::Value {
    let hash = PasswordHash::EXAMPLES.first().copied().unwrap_or_default();
    serde_json::json!({ "realm": "staging", "users": [{ "name": "ada", "hash": hash, "groups": ["squad"] }] })
}

#[expect(clippy::expect_used, reason = "the text is fixed and is a realm")]
impl Default for BasicConfig {
    fn default() -> Self {
        Self {
            realm: Realm::parse("restricted").expect("a literal"),
            users: Vec::new(),
            htpasswd: None,
            lockout: LockoutConfig::default(),
            require: Vec::new(),
            deny: Vec::new(),
            keep_credential: false,
        }
    }
}

/// A user.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BasicUser {
    /// The name; case matters.
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^[^:\x00-\x1f]+$"), example = &"ada")]
    pub name: String,
    /// The hash of the password, as `htpasswd -nBC 12 NAME` writes it after the colon.
    pub hash: PasswordHash,
    /// The mail address, for `${identity.email}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<MailAddress>,
    /// The groups of the user, for rules and for `${identity.claim./groups}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("uniqueItems" = true), example = serde_json::json!(["squad"]))]
    pub groups: Vec<String>,
}

/// What becomes of who guesses passwords: each failure is answered later, and after some of them nothing is tried any more but answered
/// with 429. The same user from elsewhere, and other users from the same address, may fail ten times as often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct LockoutConfig {
    /// After how many failures of a user from one address.
    #[schemars(range(min = 1, max = 1000))]
    pub failures: u32,
    /// How long after the last failure they are forgiven.
    pub period: Duration,
}

impl Default for LockoutConfig {
    fn default() -> Self {
        Self { failures: 10, period: Duration::from_secs(5 * 60) }
    }
}
