//! The objects of a bucket of S3, or of what speaks as S3 does: their addresses, signed by `rusty-s3` (Signature Version 4, in the
//! query). Nothing is asked here.

use std::time::Duration;

use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Bucket, BucketError, Credentials, S3Action as _, UrlStyle};
use url::{ParseError, Url};

/// How long a signature holds.
const SIGNED_FOR: Duration = Duration::from_mins(5);

/// A bucket, or a part of one.
pub struct S3Bucket {
    bucket: Bucket,
    credentials: Option<S3Credentials>,
    /// What all keys begin with: nothing, or something that ends in `/`.
    prefix: String,
}

/// Who asks. It cannot be printed.
pub struct S3Credentials(Credentials);

impl S3Credentials {
    /// The credentials with this key, and the token of a session if there is one.
    pub fn new(key: impl Into<String>, secret: impl Into<String>, token: Option<String>) -> Self {
        Self(match token {
            Some(token) => Credentials::new_with_token(key.into(), secret.into(), token),
            None => Credentials::new(key.into(), secret.into()),
        })
    }
}

/// Where a bucket is.
pub struct S3Address<'a> {
    /// The server, if it is not Amazon's.
    pub endpoint: Option<Url>,
    /// The region.
    pub region: &'a str,
    /// The name of the bucket.
    pub bucket: &'a str,
    /// What all keys begin with, with or without a slash at its end.
    pub prefix: &'a str,
}

/// Why a bucket has no address.
#[derive(Debug, thiserror::Error)]
pub enum S3AddressError {
    /// The region cannot be part of a name.
    #[error("the region: {0}")]
    Region(#[from] ParseError),
    /// The bucket cannot be part of an address.
    #[error("the bucket: {0}")]
    Bucket(#[from] BucketError),
}

impl S3Bucket {
    /// The bucket at an address. Without credentials, requests are not signed.
    ///
    /// # Errors
    /// If it is no address.
    pub fn new(address: S3Address<'_>, credentials: Option<S3Credentials>) -> Result<Self, S3AddressError> {
        let S3Address { endpoint, region, bucket, prefix } = address;
        let amazon = || Url::parse(&format!("https://s3.{region}.amazonaws.com"));
        let (endpoint, style) = match endpoint {
            Some(endpoint) => (endpoint, UrlStyle::Path),
            // a certificate for the subdomains of a domain is none for theirs
            None if bucket.contains('.') => (amazon()?, UrlStyle::Path),
            None => (amazon()?, UrlStyle::VirtualHost),
        };
        let bucket = Bucket::new(endpoint, style, bucket.to_owned(), region.to_owned())?;
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Ok(Self { bucket, credentials, prefix })
    }

    /// What it is called where that is shown.
    pub fn name(&self) -> String {
        format!("s3://{}/{}", self.bucket.name(), self.prefix).trim_end_matches('/').to_owned()
    }

    /// A key without what all keys begin with.
    pub fn strip<'k>(&self, key: &'k str) -> Option<&'k str> {
        key.strip_prefix(&self.prefix)
    }

    /// Where an object is read with `GET`.
    pub fn get(&self, key: &str) -> Url {
        self.bucket.get_object(self.credentials(), &self.key(key)).sign(SIGNED_FOR)
    }

    /// Where it is asked about with `HEAD`.
    pub fn head(&self, key: &str) -> Url {
        self.bucket.head_object(self.credentials(), &self.key(key)).sign(SIGNED_FOR)
    }

    /// Where it is written with `PUT`.
    pub fn put(&self, key: &str) -> Url {
        self.bucket.put_object(self.credentials(), &self.key(key)).sign(SIGNED_FOR)
    }

    /// Where it is removed with `DELETE`.
    pub fn delete(&self, key: &str) -> Url {
        self.bucket.delete_object(self.credentials(), &self.key(key)).sign(SIGNED_FOR)
    }

    /// Where a page of the keys that begin with something is read with `GET`; `after` is what the page before said.
    pub fn list(&self, prefix: &str, after: Option<String>) -> Url {
        let mut action: ListObjectsV2<'_> = self.bucket.list_objects_v2(self.credentials());
        action.with_prefix(self.key(prefix));
        if let Some(token) = after {
            action.with_continuation_token(token);
        }
        action.sign(SIGNED_FOR)
    }

    fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref().map(|credentials| &credentials.0)
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}
