//! `s3`: a site whose files are the objects of a bucket, passed on as they are asked for.

use std::sync::Arc;

use http::Method as Verb;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::backend::files::site_config;
use crate::backend::remote::{Origin, RemoteSite};
use crate::net::{S3Address, S3Bucket, S3Credentials};
use crate::pipeline::backend::{Backend, BackendContext, BackendType, Local};
use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::ready::{Ready, ReadyError};
use crate::pipeline::secrets::Secrets;
use crate::value::bucket::BucketName;
use crate::value::duration::Duration;
use crate::value::secret::SecretRef;
use crate::value::url::TargetUrl;

site_config! {
    /// A bucket of Amazon S3, or of a store that speaks as it does. Objects are read, never written or listed. Requests are signed (Signature
    /// Version 4) if there are `credentials`, which need the right to list the bucket as well: without it, S3 calls what is not there
    /// forbidden, and clients get a 502. Conditions and ranges are answered by what S3 says of an object; its errors are a 502, its silence a
    /// 504. With the plugin `cache` before it, objects are asked for once.
    #[schemars(example = example())]
    pub struct S3Config {
        /// The name of the bucket.
        #[schemars(example = &"handbook")]
        pub bucket: BucketName,
        /// What the keys of all objects begin with, with or without a slash at its end. The default is nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(example = &"site/v2")]
        pub prefix: Option<String>,
        /// The region of the bucket.
        #[serde(default = "region")]
        #[schemars(length(min = 1), example = &"eu-west-3")]
        pub region: String,
        /// The server, if it is not Amazon's. Buckets are the first segment of its paths.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(example = &"https://cellar-c2.services.clever-cloud.com")]
        pub endpoint: Option<TargetUrl>,
        /// Who asks. The default is that requests are not signed: the bucket is public then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub credentials: Option<CredentialsConfig>,
        /// How long an object that was not there is not asked for again.
        #[serde(default = "crate::backend::remote::absent_for")]
        #[schemars(example = &"10s")]
        pub absent_for: Duration,
    }
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "bucket": "handbook",
        "region": "eu-west-3",
        "credentials": { "accessKey": { "env": "HANDBOOK_ACCESS_KEY" }, "secretKey": { "env": "HANDBOOK_SECRET_KEY" } },
    })
}

fn region() -> String {
    "us-east-1".to_owned()
}

/// The credentials of an account that may read the bucket, and nothing else.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CredentialsConfig {
    /// The access key.
    #[schemars(example = serde_json::json!({ "env": "HANDBOOK_ACCESS_KEY" }))]
    pub access_key: SecretRef,
    /// The secret key.
    #[schemars(example = serde_json::json!({ "env": "HANDBOOK_SECRET_KEY" }))]
    pub secret_key: SecretRef,
    /// The token of a session. The default is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = serde_json::json!({ "file": "/run/secrets/handbook-session" }))]
    pub session_token: Option<SecretRef>,
}

/// The compiled backend.
pub struct S3 {
    config: S3Config,
    site: RemoteSite,
}

impl BackendType for S3 {
    type Config = S3Config;

    fn compile(config: &S3Config, context: &mut BackendContext<'_>) -> Option<Backend> {
        let named =
            config.credentials.iter().flat_map(|c| [&c.access_key, &c.secret_key].into_iter().chain(&c.session_token));
        context.secrets.extend(named.map(SecretRef::line));
        let site = RemoteSite::new(config.rules(), config.absent_for.get());
        Some(Backend::Local(Arc::new(Self { config: config.clone(), site })))
    }
}

impl Local for S3 {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        let failed = |why: String| ReadyError::Failed { owner: ready.owner.to_owned(), why };
        let S3Config { bucket, prefix, region, endpoint, .. } = &self.config;
        let endpoint = endpoint.as_ref().map(|endpoint| Url::parse(&endpoint.to_string())).transpose();
        let endpoint = endpoint.map_err(|error| failed(format!("the endpoint: {error}")))?;
        let meant = format!("{bucket} {prefix:?} {region} {endpoint:?}");
        let address = S3Address { endpoint, region, bucket: bucket.as_str(), prefix: prefix.as_deref().unwrap_or_default() };
        let credentials = self.config.credentials.as_ref().and_then(|named| credentials(named, ready.secrets));
        let bucket = S3Bucket::new(address, credentials).map_err(|error| failed(error.to_string()))?;
        self.site.ready(ready, Arc::new(Objects(bucket)), &meant)
    }

    fn answer(&self, exchange: &mut Exchange<'_>) -> Step {
        self.site.answer(exchange)
    }
}

fn credentials(named: &CredentialsConfig, secrets: &Secrets) -> Option<S3Credentials> {
    let line = |reference| Some(String::from_utf8_lossy(secrets.line(reference)?).into_owned());
    let token = named.session_token.as_ref().and_then(line);
    Some(S3Credentials::new(line(&named.access_key)?, line(&named.secret_key)?, token))
}

/// The objects of a bucket.
struct Objects(S3Bucket);

impl Origin for Objects {
    fn url(&self, path: &str, verb: &Verb) -> Url {
        if *verb == Verb::HEAD { self.0.head(path) } else { self.0.get(path) }
    }
}
