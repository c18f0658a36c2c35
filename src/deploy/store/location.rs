//! Where a store is, as one word: a path, `file:PATH`, `s3://BUCKET/PREFIX` or `https://HOST/PATH`.

use std::path::PathBuf;

use url::{Host, Url};

use crate::deploy::store::Objects;
use crate::deploy::store::folder::FolderStore;
use crate::deploy::store::https::HttpsStore;
use crate::deploy::store::s3::S3Store;
use crate::net::{NetError, S3Address, S3AddressError, S3Bucket, S3Credentials};

/// The region of a bucket for which none is named.
const REGION: &str = "us-east-1";

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a folder.
    Folder(PathBuf),
    /// In a bucket.
    S3(BucketAddress),
    /// Behind a web server.
    Https(Url),
}

/// Where a bucket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketAddress {
    /// Its name.
    bucket: String,
    /// What its keys begin with: nothing, or something that ends in `/`.
    prefix: String,
    /// The server, if it is not Amazon's.
    endpoint: Option<Url>,
    /// The region, if the address says one.
    region: Option<String>,
}

/// Why there is no such store.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// The address is none of a store.
    #[error("`{0}` is no address of a store: write a path, `s3://BUCKET/PREFIX?region=REGION` or `https://HOST/PATH`")]
    Scheme(String),
    /// The address holds a user or a password.
    #[error("credentials don't belong into the address of a store, which logs show: set {0} in the environment")]
    Credentials(&'static str),
    /// The address of a web server is not safe.
    #[error("a store is read over `http://` from this machine only: write `https://`")]
    Plain,
    /// The address of a bucket has a parameter that isn't known.
    #[error("`{0}` is no parameter of a bucket's address: there are `endpoint` and `region`")]
    Parameter(String),
    /// The address of the bucket's server is none.
    #[error("the bucket's server: {0}")]
    Endpoint(#[from] url::ParseError),
    /// The bucket has no address.
    #[error(transparent)]
    Bucket(#[from] S3AddressError),
    /// The client cannot be set up.
    #[error(transparent)]
    Net(#[from] NetError),
}

impl Location {
    /// The location with this text.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        if let Some(path) = text.strip_prefix("file:") {
            return Ok(Self::Folder(path.strip_prefix("//").unwrap_or(path).into()));
        }
        if !text.contains("://") {
            return Ok(Self::Folder(text.into()));
        }
        let scheme = || LocationError::Scheme(text.split('?').next().unwrap_or_default().escape_debug().to_string());
        let url = Url::parse(text).map_err(|_| scheme())?;
        let named = !url.username().is_empty() || url.password().is_some();
        match url.scheme() {
            "s3" if named => Err(LocationError::Credentials("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")),
            "s3" => bucket(&url).map(Self::S3),
            "https" | "http" if named => Err(LocationError::Credentials("GW_STORE_TOKEN")),
            "https" => Ok(Self::Https(url)),
            "http" if is_this_machine(&url) => Ok(Self::Https(url)),
            "http" => Err(LocationError::Plain),
            _ => Err(scheme()),
        }
    }

    /// The store there. What it needs to be let in is asked of `variable`, by the names that go with `AWS_`.
    ///
    /// # Errors
    /// If it cannot be asked anything.
    pub fn open(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Box<dyn Objects>, LocationError> {
        match self {
            Self::Folder(path) => Ok(Box::new(FolderStore::new(path.clone()))),
            Self::Https(url) => Ok(Box::new(HttpsStore::new(url.clone(), variable("GW_STORE_TOKEN").as_deref())?)),
            Self::S3(address) => {
                let region = address.region.clone().or_else(|| variable("AWS_REGION"));
                let region = region.or_else(|| variable("AWS_DEFAULT_REGION")).unwrap_or_else(|| REGION.to_owned());
                let BucketAddress { bucket, prefix, endpoint, .. } = address;
                let address = S3Address { endpoint: endpoint.clone(), region: &region, bucket, prefix };
                Ok(Box::new(S3Store::new(S3Bucket::new(address, credentials(variable))?)?))
            }
        }
    }

    /// Whether there can be written to it.
    pub fn is_writable(&self) -> bool {
        !matches!(self, Self::Https(_))
    }

    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&PathBuf> {
        match self {
            Self::Folder(path) => Some(path),
            Self::S3(_) | Self::Https(_) => None,
        }
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn bucket(url: &Url) -> Result<BucketAddress, LocationError> {
    let name = url.host_str().ok_or_else(|| LocationError::Scheme(url.as_str().to_owned()))?;
    let prefix = url.path().trim_matches('/');
    let mut address = BucketAddress {
        bucket: name.to_owned(),
        prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
        endpoint: None,
        region: None,
    };
    for (name, value) in url.query_pairs() {
        match &*name {
            "endpoint" => address.endpoint = Some(Url::parse(&value)?),
            "region" => address.region = Some(value.into_owned()),
            other => return Err(LocationError::Parameter(other.escape_debug().to_string())),
        }
    }
    Ok(address)
}

fn credentials(variable: impl Fn(&str) -> Option<String>) -> Option<S3Credentials> {
    let (key, secret) = (variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?);
    Some(S3Credentials::new(key, secret, variable("AWS_SESSION_TOKEN")))
}

#[cfg(test)]
mod tests {
    use super::Location;

    #[test]
    fn a_location_is_a_path_a_bucket_or_a_web_server() {
        let folder = |text| Location::parse(text).unwrap().folder().cloned();
        assert_eq!(folder("releases"), Some("releases".into()));
        assert_eq!(folder("file:releases"), Some("releases".into()));
        assert_eq!(folder("file:///var/releases"), Some("/var/releases".into()));
        let Location::S3(bucket) =
            Location::parse("s3://b/a/prod/?endpoint=http%3A%2F%2Fminio:9000&region=eu").unwrap()
        else {
            panic!()
        };
        assert_eq!((bucket.bucket.as_str(), bucket.prefix.as_str()), ("b", "a/prod/"));
        assert_eq!((bucket.endpoint.unwrap().as_str(), bucket.region.as_deref()), ("http://minio:9000/", Some("eu")));
        for (wrong, why) in [
            ("ftp://a/b", "no address"),
            ("s3://k:s@b/p", "AWS_SECRET_ACCESS_KEY"),
            ("https://u:p@a/", "GW_STORE_TOKEN"),
            ("http://a.example/", "https://"),
            ("s3://b?regoin=x", "regoin"),
            ("s3://b?endpoint=x", "the bucket's server"),
        ] {
            let error = Location::parse(wrong).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains(":p@") && !error.contains("k:s"), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_store_is_shown_without_what_is_secret() {
        let name = |text| Location::parse(text).unwrap().open(|_| None).unwrap().name().to_owned();
        assert_eq!(name("https://a.example/x/?sig=secret"), "https://a.example/x");
        assert_eq!(name("s3://b/p"), "s3://b/p");
    }
}
