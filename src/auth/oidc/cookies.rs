//! Cookies of sessions and of logins in flight (RFC 6265), in chunks where one is too long for a browser.

use crate::pipeline::auth::{Call, Place};
use crate::value::url::Scheme;

/// Browsers keep 4096 bytes of a cookie, its name and attributes among them.
const CHUNK: usize = 3800;

/// No session has more chunks: heads of requests are bounded, too.
const MAX_CHUNKS: usize = 5;

/// So many logins may be in flight in one browser, such as in several tabs.
const MAX_LOGINS: usize = 5;

/// How long a login may take, in seconds.
pub const LOGIN_SECONDS: u64 = 600;

/// The names of the cookies of an `Auth`, over TLS or not.
pub struct Cookies {
    base: String,
    secure: bool,
}

impl Cookies {
    /// Those for a call. Over TLS a browser keeps them to this very host (`__Host-`), and no other host can set them.
    pub fn of(auth: &str, call: &Call<'_>) -> Self {
        let secure = call.client.scheme == Scheme::Https;
        let prefix = if secure { "__Host-" } else { "" };
        Self { base: format!("{prefix}gw_{}", auth.replace('/', "_")), secure }
    }

    /// The name of the first one.
    pub fn name(&self) -> &str {
        &self.base
    }

    /// What is kept of a session, put together.
    pub fn session(&self, call: &Call<'_>) -> Option<String> {
        let mut whole = call.request.cookies(&self.base).next()?.to_owned();
        for index in 1..MAX_CHUNKS {
            let name = self.chunk(index);
            let Some(chunk) = call.request.cookies(&name).next() else { break };
            whole.push_str(chunk);
        }
        Some(whole)
    }

    /// The cookies of a session, to be set; those that it needs no more are deleted. `None` if it is too long.
    pub fn keep(&self, sealed: &str) -> Option<Vec<String>> {
        let count = sealed.len().div_ceil(CHUNK);
        if count > MAX_CHUNKS {
            return None;
        }
        let chunks = sealed.as_bytes().chunks(CHUNK).map(|chunk| String::from_utf8_lossy(chunk).into_owned());
        let set = chunks.enumerate().map(|(index, chunk)| self.line(&self.chunk(index), &chunk, None));
        // one more is always deleted: what is left of a longer session would be taken for a part of this one
        let delete = (count < MAX_CHUNKS).then(|| self.line(&self.chunk(count), "", Some(0)));
        Some(set.chain(delete).collect())
    }

    /// Deletes all of a session that the browser has.
    pub fn forget(&self, call: &Call<'_>) -> Vec<String> {
        let names = (0..MAX_CHUNKS).map(|index| self.chunk(index));
        names
            .filter(|name| call.request.cookies(name).next().is_some())
            .map(|name| self.line(&name, "", Some(0)))
            .collect()
    }

    /// Where a session stands: the upstream doesn't see it.
    pub fn places(&self, call: &Call<'_>) -> Vec<Place> {
        let mut names: Vec<String> = (0..MAX_CHUNKS).map(|index| self.chunk(index)).collect();
        names.extend(self.logins(call));
        names.retain(|name| call.request.cookies(name).next().is_some());
        names.into_iter().map(|name| Place::Cookie(name.into())).collect()
    }

    /// Keeps a login in flight; the oldest ones go where there are too many.
    pub fn keep_login(&self, state: &str, sealed: &str, call: &Call<'_>) -> Vec<String> {
        let others = self.logins(call);
        let surplus = (others.len() + 1).saturating_sub(MAX_LOGINS);
        let mut lines: Vec<String> =
            others[..surplus.min(others.len())].iter().map(|name| self.line(name, "", Some(0))).collect();
        lines.push(self.line(&self.login(state), sealed, Some(LOGIN_SECONDS)));
        lines
    }

    /// What is kept of the login with a state, and the line that deletes it.
    pub fn take_login(&self, state: &str, call: &Call<'_>) -> Option<(String, String)> {
        let name = self.login(state);
        let sealed = call.request.cookies(&name).next()?.to_owned();
        Some((sealed, self.line(&name, "", Some(0))))
    }

    fn chunk(&self, index: usize) -> String {
        if index == 0 { self.base.clone() } else { format!("{}.{index}", self.base) }
    }

    /// The name holds only the beginning of the state, of characters that a name can hold.
    fn login(&self, state: &str) -> String {
        let short: String = state.chars().filter(|c| c.is_ascii_alphanumeric()).take(8).collect();
        format!("{}.login-{short}", self.base)
    }

    fn logins(&self, call: &Call<'_>) -> Vec<String> {
        let prefix = format!("{}.login-", self.base);
        let values = call.request.fields.received_all("cookie").filter_map(|value| std::str::from_utf8(value).ok());
        let names = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.split('=').next());
        names.map(str::trim).filter(|name| name.starts_with(&prefix)).take(64).map(str::to_owned).collect()
    }

    fn line(&self, name: &str, value: &str, max_age: Option<u64>) -> String {
        let age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/{age}{secure}; HttpOnly; SameSite=Lax")
    }
}
