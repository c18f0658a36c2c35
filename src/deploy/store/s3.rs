//! A store that is a bucket of S3 or of what speaks as S3 does. Conditions are those of HTTP (`If-Match`, `If-None-Match`; RFC 9110,
//! section 13).

use bytes::Bytes;
use http::header::{ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH};
use http::{Method, Request, StatusCode};
use rusty_s3::actions::ListObjectsV2;
use url::Url;

use crate::deploy::store::{Found, Objects, Put, StoreError, Version, When};
use crate::net::{Answer, Blocking, NetError, S3Bucket};

/// The most bytes of an answer that is no object.
const ANSWER_LIMIT: u64 = 8 << 20;

/// A bucket, or a part of one.
pub struct S3Store {
    bucket: S3Bucket,
    name: String,
    client: Blocking,
}

impl S3Store {
    /// The store in a bucket.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(bucket: S3Bucket) -> Result<Self, NetError> {
        Ok(Self { name: bucket.name(), bucket, client: Blocking::new()? })
    }

    fn what(&self, key: &str) -> String {
        format!("{}/{key}", self.name)
    }

    fn send(&self, what: &str, ask: Ask<'_>, limit: u64) -> Result<Answer, StoreError> {
        let mut request = Request::builder().method(ask.method).uri(ask.url.as_str());
        if let Some((name, value)) = ask.condition {
            request = request.header(name, value);
        }
        let request = request.body(ask.body).map_err(|error| NetError::Failed(error.to_string()));
        request.and_then(|request| self.client.send(request, limit)).map_err(|error| StoreError::net(what, error))
    }
}

/// A request.
struct Ask<'a> {
    method: Method,
    url: Url,
    condition: Option<(HeaderName, &'a str)>,
    body: Bytes,
}

impl<'a> Ask<'a> {
    fn new(method: Method, url: Url) -> Self {
        Self { method, url, condition: None, body: Bytes::new() }
    }

    fn when(mut self, name: HeaderName, value: &'a str) -> Self {
        self.condition = Some((name, value));
        self
    }
}

impl Objects for S3Store {
    fn get(&self, key: &str, limit: u64, known: Option<&Version>) -> Result<Found, StoreError> {
        let what = self.what(key);
        let mut ask = Ask::new(Method::GET, self.bucket.get(key));
        if let Some(Version(tag)) = known {
            ask = ask.when(IF_NONE_MATCH, tag);
        }
        let answer = self.send(&what, ask, limit.max(ANSWER_LIMIT))?;
        match answer.status {
            StatusCode::OK if answer.body.len() as u64 > limit => Err(StoreError::TooLarge { what, limit }),
            StatusCode::OK => match answer.headers.get(ETAG).and_then(|tag| tag.to_str().ok()) {
                Some(tag) => Ok(Found::Object(answer.body, Version(tag.to_owned()))),
                None => Err(unexpected(what, &answer)),
            },
            StatusCode::NOT_MODIFIED => Ok(Found::Same),
            StatusCode::NOT_FOUND if code(&answer.body) != "NoSuchBucket" => Ok(Found::Missing),
            _ => Err(unexpected(what, &answer)),
        }
    }

    fn put(&self, key: &str, content: &[u8], when: When<'_>) -> Result<Put, StoreError> {
        let what = self.what(key);
        let ask = Ask { body: Bytes::copy_from_slice(content), ..Ask::new(Method::PUT, self.bucket.put(key)) };
        let ask = match when {
            When::Always => ask,
            When::Absent => ask.when(IF_NONE_MATCH, "*"),
            When::Is(Version(tag)) => ask.when(IF_MATCH, tag),
        };
        let conditional = ask.condition.is_some();
        let answer = self.send(&what, ask, ANSWER_LIMIT)?;
        match answer.status {
            status if status.is_success() => Ok(Put::Done),
            // a conflict is another writer at the same moment; a missing object has no version
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT if conditional => Ok(Put::Refused),
            StatusCode::NOT_FOUND if conditional && code(&answer.body) == "NoSuchKey" => Ok(Put::Refused),
            _ => Err(unexpected(what, &answer)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let what = self.what(prefix);
        let mut keys = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let ask = Ask::new(Method::GET, self.bucket.list(prefix, next.take()));
            let answer = self.send(&what, ask, ANSWER_LIMIT)?;
            if answer.status != StatusCode::OK {
                return Err(unexpected(what, &answer));
            }
            let page = ListObjectsV2::parse_response(&String::from_utf8_lossy(&answer.body));
            let page = page.map_err(|error| StoreError::net(&what, NetError::Failed(error.to_string())))?;
            keys.extend(page.contents.iter().filter_map(|found| self.bucket.strip(&found.key)).map(str::to_owned));
            next = page.next_continuation_token;
            if next.is_none() {
                keys.sort_unstable();
                return Ok(keys);
            }
        }
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        let what = self.what(key);
        let answer = self.send(&what, Ask::new(Method::DELETE, self.bucket.delete(key)), ANSWER_LIMIT)?;
        match answer.status {
            status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
            _ => Err(unexpected(what, &answer)),
        }
    }

    fn name(&self) -> &str {
        &self.name
    }
}

fn unexpected(what: String, answer: &Answer) -> StoreError {
    let mut detail = code(&answer.body);
    if answer.status == StatusCode::FORBIDDEN {
        detail.push_str(
            ": check the credentials, and that they may list the bucket: else what is missing looks forbidden",
        );
    }
    StoreError::Answer { what, status: answer.status.as_u16(), detail }
}

/// The code of an error, such as `NoSuchKey`.
fn code(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map(|(code, _)| code.chars().filter(char::is_ascii_alphanumeric).take(64).collect()).unwrap_or_default()
}
