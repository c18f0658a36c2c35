//! A store that is shown by a web server: read only, with entity tags where the server gives them (RFC 9110).

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, DATE, ETAG, HeaderName, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use url::Url;

use crate::deploy::store::{Found, Objects, Put, StoreError, Version, When};
use crate::net::{Answer, Blocking, NetError};
use crate::table::Digest;

/// So long after its last change an object has a tag of its own.
const SETTLED: Duration = Duration::from_secs(2);

/// A web server.
pub struct HttpsStore {
    base: Url,
    name: String,
    /// What it is asked with.
    authorization: Option<HeaderValue>,
    client: Blocking,
}

impl HttpsStore {
    /// The store below an address. A query of it goes with each request, and is never shown.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(base: Url, token: Option<&str>) -> Result<Self, NetError> {
        let mut shown = base.clone();
        shown.set_query(None);
        let bearer = |token| {
            let value = HeaderValue::try_from(format!("Bearer {token}"));
            value.map_err(|_| NetError::Failed("the token holds characters that no header field can".to_owned()))
        };
        let authorization = token.map(bearer).transpose()?.map(|mut value| {
            value.set_sensitive(true);
            value
        });
        let name = shown.as_str().trim_end_matches('/').to_owned();
        Ok(Self { base, name, authorization, client: Blocking::new()? })
    }

    fn what(&self, key: &str) -> String {
        format!("{}/{key}", self.name)
    }

    fn request(&self, key: &str, known: Option<&Version>) -> Result<Request<Bytes>, http::Error> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{key}", self.base.path().trim_end_matches('/')));
        let mut request = Request::get(url.as_str());
        if let Some(Version(tag)) = known {
            request = request.header(IF_NONE_MATCH, tag);
        }
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value);
        }
        request.body(Bytes::new())
    }
}

impl Objects for HttpsStore {
    fn get(&self, key: &str, limit: u64, known: Option<&Version>) -> Result<Found, StoreError> {
        let what = self.what(key);
        let request = self.request(key, known).map_err(|error| NetError::Failed(error.to_string()));
        let answer = request.and_then(|request| self.client.send(request, limit));
        let Answer { status, headers, body } = answer.map_err(|error| StoreError::net(&what, error))?;
        match status {
            StatusCode::OK => {
                let tag = headers.get(ETAG).filter(|_| is_settled(&headers));
                let tag = tag.and_then(|tag| tag.to_str().ok()).map(str::to_owned);
                // without one, the content tells; a server takes it for a tag that it doesn't know
                let version = Version(tag.unwrap_or_else(|| format!("\"{}\"", Digest::of_bytes(&body))));
                let same = known == Some(&version);
                Ok(if same { Found::Same } else { Found::Object(body, version) })
            }
            StatusCode::NOT_MODIFIED => Ok(Found::Same),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Found::Missing),
            status => Err(StoreError::Answer { what, status: status.as_u16(), detail: String::new() }),
        }
    }

    fn put(&self, key: &str, _: &[u8], _: When<'_>) -> Result<Put, StoreError> {
        Err(StoreError::ReadOnly(self.what(key)))
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        Err(StoreError::ReadOnly(self.what(prefix)))
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly(self.what(key)))
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// Whether an entity tag can be relied on: servers make it of the second of the last change and the length, so until that second is
/// over another change may get the same one (RFC 9110, section 8.8.2.2).
fn is_settled(headers: &HeaderMap) -> bool {
    let time = |name: HeaderName| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    let (Some(now), Some(changed)) = (time(DATE), time(LAST_MODIFIED)) else { return true };
    now.duration_since(changed).is_ok_and(|since| since >= SETTLED)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::{DATE, LAST_MODIFIED};

    use super::is_settled;

    #[test]
    fn a_tag_of_this_second_is_not_relied_on() {
        let headers = |date: &'static str, modified: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(DATE, date.parse().unwrap());
            headers.insert(LAST_MODIFIED, modified.parse().unwrap());
            headers
        };
        let (noon, later) = ("Tue, 24 Nov 2026 12:00:00 GMT", "Tue, 24 Nov 2026 12:00:02 GMT");
        assert!(is_settled(&HeaderMap::new()) && is_settled(&headers(later, noon)));
        assert!(!is_settled(&headers(noon, noon)) && !is_settled(&headers(noon, later)));
    }
}
