//! What every token has to claim whoever it is about: when it is valid, who issued it, whom it is for (RFC 7519, 4.1).

use std::time::Duration;

use serde_json::Value as Json;

use crate::auth::token::Fault;

/// What is expected.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Who issues it.
    pub issuer: Option<Box<str>>,
    /// Whom it is for: one of these.
    pub audiences: Box<[Box<str>]>,
    /// How far clocks may be apart.
    pub leeway: Duration,
    /// Whether it may be valid for ever.
    pub may_last: bool,
}

impl Expected {
    /// Whether claims are as expected, at so many seconds since 1970; and until when they are.
    ///
    /// # Errors
    /// If they are not.
    pub fn check(&self, claims: &Json, now: f64) -> Result<Option<f64>, Fault> {
        let leeway = self.leeway.as_secs_f64();
        let expires = time(claims, "exp")?.map(|end| end + leeway);
        if expires.is_some_and(|end| end <= now) {
            return Err(Fault::Expired);
        }
        if expires.is_none() && !self.may_last {
            return Err(Fault::Claim);
        }
        let begins = [time(claims, "nbf")?, time(claims, "iat")?];
        if begins.into_iter().flatten().any(|begin| begin - leeway > now) {
            return Err(Fault::Early);
        }
        if let Some(issuer) = &self.issuer
            && claims.get("iss").and_then(Json::as_str) != Some(issuer)
        {
            return Err(Fault::Issuer);
        }
        if !self.audiences.is_empty() && !self.is_for_us(claims) {
            return Err(Fault::Audience);
        }
        match claims.get("sub") {
            None | Some(Json::String(_)) => Ok(expires),
            Some(_) => Err(Fault::Claim),
        }
    }

    fn is_for_us(&self, claims: &Json) -> bool {
        let is_ours = |audience: &Json| {
            audience.as_str().is_some_and(|audience| self.audiences.iter().any(|own| **own == *audience))
        };
        match claims.get("aud") {
            Some(Json::Array(all)) => all.iter().all(Json::is_string) && all.iter().any(is_ours),
            Some(one) => is_ours(one),
            None => false,
        }
    }
}

fn time(claims: &Json, name: &str) -> Result<Option<f64>, Fault> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().filter(|time| time.is_finite()).map(Some).ok_or(Fault::Claim),
    }
}

/// The scopes that claims grant: `scope`, separated by spaces (RFC 8693, 4.2), or `scp` as some issuers write it.
pub fn scopes(claims: &Json) -> impl Iterator<Item = &str> {
    let named = ["scope", "scp"].into_iter().filter_map(|name| claims.get(name));
    named.flat_map(|value| {
        let members = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        members.iter().filter_map(Json::as_str).flat_map(|text| text.split(' ')).filter(|scope| !scope.is_empty())
    })
}
