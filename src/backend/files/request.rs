//! What a request asks of a backend with files: the path of a file, or an answer without looking for one.

use std::borrow::Cow;

use crate::pipeline::assets::is_published;
use crate::pipeline::exchange::{Content, Exchange, Step};
use crate::value::method::Method;
use crate::value::percent;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// A file, by its path; that of a folder is empty or ends in `/`.
    File(String),
    /// What is never there: a name that begins with a dot.
    Hidden,
}

/// What a request asks for.
///
/// # Errors
/// The answer, if it can be asked for nothing: 405 for what is no reading, 400 for what no file can be called.
pub fn asked(exchange: &mut Exchange<'_>) -> Result<Asked, Step> {
    exchange.response.fields.set("x-content-type-options", b"nosniff");
    if !matches!(exchange.request.method, Method::Get | Method::Head) {
        exchange.response.fields.set("allow", b"GET, HEAD");
        return Err(status(exchange, 405));
    }
    let Some(path) = decode(exchange.upstream_path()).map(Cow::into_owned) else { return Err(status(exchange, 400)) };
    let published = path.split('/').all(|segment| segment.is_empty() || is_published(segment));
    Ok(if published { Asked::File(path) } else { Asked::Hidden })
}

/// The path that a normalised one means; `None` if no file can be called so: not UTF-8, or a control character.
fn decode(path: &str) -> Option<Cow<'_, str>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let decoded = match percent::decode(path.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(path),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).ok()?),
    };
    (!decoded.contains(char::is_control)).then_some(decoded)
}

/// An answer whose body the gateway's own error page fills in.
pub fn status(exchange: &mut Exchange<'_>, status: u16) -> Step {
    exchange.response.status = status;
    Step::Answer(Content::Empty)
}

/// Sends a browser from `/docs` to `/docs/`, so that relative links work. The path is the client's own, not a rewritten one.
pub fn redirect_to_folder(exchange: &mut Exchange<'_>) -> Step {
    let query = exchange.request.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("{}/{query}", exchange.request.path);
    exchange.response.fields.set("location", location.as_bytes());
    status(exchange, 308)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn a_path_is_the_name_of_a_file() {
        assert_eq!(decode("/a%20b/c").as_deref(), Some("a b/c"));
        assert_eq!(decode("/").as_deref(), Some(""));
        for none in ["/a%00b", "/a%0Ab", "/%FF"] {
            assert_eq!(decode(none), None, "{none}");
        }
    }
}
