//! `when`: for which requests a plugin runs, decided on the request as it came.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::caller::{Caller, ConsumerCondition};
use crate::pipeline::certificate::{CertificateCondition, ClientCertificate};
use crate::pipeline::condition::{FieldCondition, NamedCondition, Names};
use crate::pipeline::exchange::Exchange;
use crate::pipeline::head::RequestHead;
use crate::value::method::Method;
use crate::value::network::Network;
use crate::value::path::PathGlob;

/// For which requests a plugin runs: all given conditions hold. It is decided on the request as it came, before
/// any plugin changed it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct When {
    /// The method is one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub methods: Vec<Method>,
    /// The path matches one of these patterns; a last `/**` means everything below.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub paths: Vec<PathGlob>,
    /// Conditions on header fields; all hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<NamedCondition>,
    /// Conditions on query parameters; all hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<NamedCondition>,
    /// Conditions on cookies; all hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<NamedCondition>,
    /// The client's address lies in one of these networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub networks: Vec<Network>,
    /// Conditions on the certificate that the client showed; a listener of the route asks for one (`clientAuth`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<CertificateCondition>,
    /// Whether an `auth` above has found out who calls. Decided when the plugin is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub authenticated: Option<bool>,
    /// Conditions on the application that calls, by its API key. Decided when the plugin is reached; an `auth` stands above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<ConsumerCondition>,
}

/// A `when` as it is decided: all conditions hold, those that are not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Guard {
    /// The method is one of these.
    pub methods: Vec<Method>,
    /// The path matches one of these.
    pub paths: Vec<PathGlob>,
    /// Conditions on header fields.
    pub headers: Vec<FieldCondition>,
    /// Conditions on query parameters.
    pub query: Vec<FieldCondition>,
    /// Conditions on cookies.
    pub cookies: Vec<FieldCondition>,
    /// The client's address lies in one of these.
    pub networks: Vec<Network>,
    /// What the client's certificate must be.
    pub certificate: Option<CertificateCondition>,
    /// Whether the caller is known.
    pub authenticated: Option<bool>,
    /// What the application that calls must be.
    pub consumer: Option<ConsumerCondition>,
}

impl When {
    /// Whether it asks who calls, and under which name.
    pub fn asks_caller(&self) -> Option<&'static str> {
        let authenticated = self.authenticated.map(|_| "authenticated");
        authenticated.or_else(|| self.consumer.as_ref().map(|_| "consumer"))
    }

    /// The guard; conditions that don't have exactly one test are left out, the compiler has reported them.
    pub fn compile(&self) -> Guard {
        let all = |list: &[NamedCondition], names| list.iter().filter_map(|c| c.compile(names)).collect();
        Guard {
            methods: self.methods.clone(),
            paths: self.paths.clone(),
            headers: all(&self.headers, Names::AnyCase),
            query: all(&self.query, Names::ExactCase),
            cookies: all(&self.cookies, Names::ExactCase),
            networks: self.networks.clone(),
            certificate: self.client_certificate.clone(),
            authenticated: self.authenticated,
            consumer: self.consumer.clone(),
        }
    }
}

impl Guard {
    /// Whether the plugin runs for this caller; decided when it is reached.
    pub fn admits_caller(&self, caller: &Caller) -> bool {
        self.authenticated.is_none_or(|known| known == caller.is_known())
            && self.consumer.as_ref().is_none_or(|condition| condition.holds(caller))
    }

    /// Whether the plugin may run for this request, as far as that is decided before any plugin has run.
    pub fn holds(&self, exchange: &Exchange<'_>) -> bool {
        self.admits(exchange.request, exchange.client.ip, exchange.certificate)
    }

    /// Whether the plugin runs for a request with this head, from this address, by a client with this certificate.
    pub fn admits(&self, head: &RequestHead, ip: IpAddr, certificate: Option<&ClientCertificate>) -> bool {
        (self.methods.is_empty() || self.methods.contains(&head.method))
            && (self.paths.is_empty() || self.paths.iter().any(|path| path.matches(&head.path)))
            && (self.networks.is_empty() || self.networks.iter().any(|net| net.contains(ip)))
            && self.headers.iter().all(|condition| condition.header(head))
            && self.query.iter().all(|condition| condition.query(head))
            && self.cookies.iter().all(|condition| condition.cookie(head))
            && self.certificate.as_ref().is_none_or(|condition| condition.holds(certificate))
    }
}
