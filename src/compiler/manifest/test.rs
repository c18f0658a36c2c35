//! The kind `Test`: requests, and what must happen to them. It decides nothing, and is no part of the table.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::pipeline::header_edits::unique_names;
use crate::value::Scalar as _;
use crate::value::header::HeaderName;
use crate::value::host::HostPattern;
use crate::value::method::Method;
use crate::value::name::Name;
use crate::value::network::Address;
use crate::value::path::PathGlob;
use crate::value::reference::{ApiKeyKind, BackendKind, Ref, RouteKind};
use crate::value::request_url::RequestUrl;

/// Requests, and what must happen to them: `gw test` sends them through the gateway's own code, with a server that answers 200 in
/// place of all upstream ones.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example(), extend("minProperties" = 1))]
pub struct TestSpec {
    /// The cases, each a request of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10_000))]
    pub cases: Vec<Case>,
    /// What must hold of all requests of some kind. It is proved for all of them, and none is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1_000), example = statements_example())]
    pub statements: Vec<Statement>,
}

fn example() -> Value {
    json!({ "cases": [
        {
            "name": "the start page",
            "request": { "url": "https://shop.example/", "ip": "203.0.113.9" },
            "expect": { "route": "shop", "backend": "shop", "upstreamPath": "/v2/", "status": 200 },
        },
        {
            "name": "an order is not deleted",
            "request": { "method": "DELETE", "url": "https://shop.example/orders/7" },
            "expect": { "noRoute": true, "status": 405 },
        },
    ] })
}

fn statements_example() -> Value {
    json!([{ "name": "nobody deletes", "forAll": { "methods": ["DELETE"] }, "expect": { "noRoute": true } }])
}

/// A request, and what must happen to it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Case {
    /// What it shows, in words; unique within the object.
    #[schemars(length(min = 1, max = 200), example = &"a partner reads the API")]
    pub name: String,
    /// The request.
    pub request: CaseRequest,
    /// What must happen to it: all of what is given.
    pub expect: Expect,
}

/// The request of a case.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = request_example())]
pub struct CaseRequest {
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// The URL that the client asks for. It comes in by the listener with its port, else by the first one that speaks its scheme.
    pub url: RequestUrl,
    /// The listener that it comes in by, by its name in the `Gateway`. The default follows from the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<Name>,
    /// Header fields, by their names. A `host` stands in place of the URL's.
    #[serde(default, deserialize_with = "unique_names", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = headers_example(), extend("propertyNames" = { "format": HeaderName::FORMAT }))]
    pub headers: BTreeMap<HeaderName, String>,
    /// The `ApiKey` that it is called with: its credential stands where its `Auth` looks first. The default is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Ref<ApiKeyKind>>,
    /// The body. The default is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1_000_000), example = &"{\"lat\": 46}")]
    pub body: Option<String>,
    /// The address of the client, or of the proxy in front.
    #[serde(default = "loopback")]
    pub ip: Address,
}

fn loopback() -> Address {
    Address(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

fn request_example() -> Value {
    json!({ "method": "POST", "url": "https://shop.example/orders", "headers": { "x-tenant": "acme" }, "body": "{}" })
}

fn headers_example() -> Value {
    json!({ "x-tenant": "acme" })
}

/// What must happen to a request; what is not given may be anything.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = expect_example(), extend("minProperties" = 1))]
pub struct Expect {
    /// The route that it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Ref<RouteKind>>,
    /// That no route has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_route: bool,
    /// The backend that it gets to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Ref<BackendKind>>,
    /// The plugin that answers in place of the backend, by its `id` or its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), example = &"httpsOnly")]
    pub rejected_by: Option<String>,
    /// The path that the backend gets, without the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/v2/orders/7")]
    pub upstream_path: Option<String>,
    /// Header fields that the backend gets, by their names: one value of each is this.
    #[serde(default, deserialize_with = "unique_names", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = headers_example(), extend("propertyNames" = { "format": HeaderName::FORMAT }))]
    pub upstream_headers: BTreeMap<HeaderName, String>,
    /// Header fields that the backend doesn't get.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub no_upstream_headers: Vec<HeaderName>,
    /// The status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 200, max = 599), example = &200)]
    pub status: Option<u16>,
    /// Header fields of the answer, by their names: one value of each is this.
    #[serde(default, deserialize_with = "unique_names", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = answer_example(), extend("propertyNames" = { "format": HeaderName::FORMAT }))]
    pub response_headers: BTreeMap<HeaderName, String>,
    /// Header fields that the answer doesn't have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub no_response_headers: Vec<HeaderName>,
}

fn expect_example() -> Value {
    json!({ "route": "shop", "backend": "shop", "status": 200 })
}

fn answer_example() -> Value {
    json!({ "cache-control": "no-store" })
}

/// What must hold of all requests of some kind.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Statement {
    /// What it says, in words; unique within the object.
    #[schemars(length(min = 1, max = 200), example = &"nobody deletes")]
    pub name: String,
    /// The requests.
    pub for_all: Requests,
    /// What must hold of each of them: one of these.
    pub expect: Always,
}

/// Requests: those for which all of what is given holds.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = requests_example())]
pub struct Requests {
    /// The listeners that they come in by, by their names in the `Gateway`. The default is any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Name>,
    /// The hosts that they ask for. The default is any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostPattern>,
    /// Their paths, normalised. The default is any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathGlob>,
    /// Their methods. The default is any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Method>,
}

fn requests_example() -> Value {
    json!({ "hosts": ["*.shop.example"], "paths": ["/admin/**"], "methods": ["POST", "DELETE"] })
}

/// What must hold of each request of some kind.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = always_example())]
pub struct Always {
    /// The route that all of them get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Ref<RouteKind>>,
    /// That no route has any of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_route: bool,
    /// That no route has one of them whose caller doesn't prove who it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub authenticated: bool,
}

fn always_example() -> Value {
    json!({ "authenticated": true })
}

impl Always {
    /// The names of all that may hold.
    pub const ALL: [&str; 3] = ["route", "noRoute", "authenticated"];

    /// The names of those that are given.
    pub fn named(&self) -> Vec<&'static str> {
        let given = [self.route.is_some(), self.no_route, self.authenticated];
        Self::ALL.into_iter().zip(given).filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }
}
