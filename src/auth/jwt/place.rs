//! Where a token stands in a request.

use std::borrow::Cow;

use crate::auth::credential::{AUTHORIZATION, MAX_BYTES, one, only, scheme};
use crate::auth::jwt::config::TokenPlace;
use crate::auth::token::is_token;
use crate::pipeline::auth::{Claim, Place, Shape};
use crate::pipeline::head::RequestHead;

/// A token as it was sent.
pub struct Sent<'r> {
    /// The token; `None` where it is not one text.
    pub token: Option<Cow<'r, str>>,
    /// Where it stood.
    pub place: Place,
}

impl TokenPlace {
    /// What stands there, if it may be a token: a bearer token that doesn't look like one is somebody else's, unless `any` is taken.
    pub fn look<'r>(&'r self, head: &'r RequestHead, any: bool) -> Option<Sent<'r>> {
        let token: Option<Cow<'r, str>> = match self {
            Self { header: Some(field), .. } => one(head.fields.received_all(field.name.as_str()))?.map(Cow::Borrowed),
            Self { cookie: Some(cookie), .. } => only(head.cookies(cookie.name.as_str()))?.map(Cow::Borrowed),
            Self { query: Some(query), .. } => only(head.query_values(&query.name))?,
            Self { .. } => scheme(head, "bearer", |token| any || is_token(token))?.map(Cow::Borrowed),
        };
        let token = token.filter(|token| token.len() <= MAX_BYTES);
        Some(Sent { token, place: self.place() })
    }

    /// What it takes for its own.
    pub fn claim(&self, shape: Shape) -> Claim {
        let is_bearer = matches!(self.place(), Place::Header(_)) && self.header.is_none();
        let (scheme, shape) = if is_bearer { ("bearer", shape) } else { ("", Shape::Any) };
        Claim { place: self.place(), scheme, shape }
    }

    fn place(&self) -> Place {
        match self {
            Self { header: Some(field), .. } => Place::Header(field.name.as_str().into()),
            Self { cookie: Some(cookie), .. } => Place::Cookie(cookie.name.as_str().into()),
            Self { query: Some(query), .. } => Place::Query(query.name.as_str().into()),
            Self { .. } => Place::Header(AUTHORIZATION.into()),
        }
    }
}
