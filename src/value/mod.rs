//! The scalar types of the manifest language: each knows its text, its JSON Schema and its meaning.
//!
//! A value that exists is a valid one. Every type names its `format` in the schema, so that a manifest with
//! ten bad scalars gets ten diagnostics: see [`FORMATS`].

pub mod address;
pub mod api_key;
pub mod bucket;
pub mod content_policy;
pub mod cookie;
pub mod date;
pub mod did_you_mean;
pub mod duration;
pub mod folder;
pub mod header;
pub mod host;
pub mod https_url;
pub mod json_pointer;
pub mod lifetime;
pub mod mail;
pub mod media_type;
pub mod method;
pub mod moment;
pub mod name;
pub mod network;
pub mod origin;
pub mod password_hash;
pub mod path;
pub mod percent;
pub mod realm;
pub mod reference;
pub mod regex;
pub mod request_url;
pub mod retry;
pub mod san;
mod scalar;
pub mod search;
pub mod secret;
pub mod service_url;
pub mod sha256;
pub mod size;
pub mod template;
pub mod time_of_day;
pub mod time_zone;
pub mod url;
pub mod variable;
pub mod web_url;

pub use scalar::{Format, Scalar, ScalarError};

/// The scalar formats, one line each; `compiler::check` looks a schema's `format` up here.
pub const FORMATS: &[Format] = &[
    Format::of::<address::IpListenAddress>(),
    Format::of::<address::ListenAddress>(),
    Format::of::<api_key::KeyId>(),
    Format::of::<bucket::BucketName>(),
    Format::of::<content_policy::ContentPolicy>(),
    Format::of::<cookie::CookieName>(),
    Format::of::<date::Date>(),
    Format::of::<duration::Duration>(),
    Format::of::<folder::FolderPath>(),
    Format::of::<header::HeaderName>(),
    Format::of::<host::HostName>(),
    Format::of::<host::HostPattern>(),
    Format::of::<https_url::HttpsUrl>(),
    Format::of::<json_pointer::JsonPointer>(),
    Format::of::<lifetime::Lifetime>(),
    Format::of::<mail::MailAddress>(),
    Format::of::<media_type::MediaTypes>(),
    Format::of::<method::Method>(),
    Format::of::<moment::Moment>(),
    Format::of::<name::AssetPath>(),
    Format::of::<name::Name>(),
    Format::of::<network::Address>(),
    Format::of::<network::Network>(),
    Format::of::<origin::OriginPattern>(),
    Format::of::<password_hash::PasswordHash>(),
    Format::of::<path::AskedPath>(),
    Format::of::<path::PathGlob>(),
    Format::of::<path::PathPrefix>(),
    Format::of::<path::PathRegex>(),
    Format::of::<path::PathTemplate>(),
    Format::of::<realm::Realm>(),
    Format::of::<reference::Target>(),
    Format::of::<regex::Pattern>(),
    Format::of::<request_url::RequestUrl>(),
    Format::of::<retry::RetryCause>(),
    Format::of::<san::SanPattern>(),
    Format::of::<service_url::ServiceUrl>(),
    Format::of::<sha256::Sha256>(),
    Format::of::<search::SearchPattern>(),
    Format::of::<size::Size>(),
    Format::of::<template::Template>(),
    Format::of::<time_of_day::TimeOfDay>(),
    Format::of::<time_zone::TimeZone>(),
    Format::of::<url::TargetUrl>(),
    Format::of::<variable::VariableName>(),
    Format::of::<web_url::WebUrl>(),
];
