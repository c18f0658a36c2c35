//! How the listeners of a table speak TLS, made before the table is put in force.
//!
//! Hosts that ask for the same client certificates share a policy: one set of settings, and tickets of its own, so that no session
//! is resumed under another policy. What is made of equal parts is the same over swaps, so that sessions live on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::server::{NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use crate::pipeline::secrets::Secrets;
use crate::proxy::tls::by_host::ByHost;
use crate::proxy::tls::certificate::{Loaded, Shown, digest};
use crate::proxy::tls::facts::{HTTP2, TlsFacts};
use crate::proxy::tls::issued::Issued;
use crate::proxy::tls::material::{MaterialError, content, roots, verifier};
use crate::proxy::tls::provider::provider;
use crate::table::settings::{Listener, Protocol};
use crate::table::tls::{ClientAuth, ListenerTls, TlsVersion};
use crate::table::{Digest, RouteTable};
use crate::value::name::Name;

/// What is asked of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyKey {
    /// As the manifest says it.
    written: Digest,
    /// With the content of what the manifest names.
    content: Digest,
}

impl PolicyKey {
    fn of(auth: Option<&ClientAuth>, secrets: &Secrets) -> Result<Self, MaterialError> {
        let mut text = format!("{auth:?}");
        let written = Digest::of_bytes(text.as_bytes());
        for reference in auth.iter().flat_map(|auth| std::iter::once(&auth.ca).chain(&auth.crl)) {
            text.push_str(&Digest::of_bytes(content(reference, secrets)?).to_string());
        }
        Ok(Self { written, content: Digest::of_bytes(text.as_bytes()) })
    }
}

/// How the listeners of a table speak TLS.
pub struct TlsSetup {
    /// The certificates of the table, by name.
    pub certificates: Box<[Arc<Loaded>]>,
    /// The listeners by their index; `None` for plain text.
    pub listeners: Box<[Option<Arc<TlsListener>>]>,
}

impl TlsSetup {
    /// Whether clients are asked for certificates anywhere.
    pub fn asks_for_certificates(&self) -> bool {
        self.listeners.iter().flatten().any(|listener| listener.policies.iter().any(|policy| policy.asks))
    }
}

/// How a listener speaks TLS.
pub struct TlsListener {
    /// The policies; the first is that of all hosts without one of their own.
    policies: Box<[Policy]>,
    /// The hosts with a policy of their own, by its index.
    hosts: ByHost<usize>,
}

/// Hosts that ask the same of clients.
pub struct Policy {
    /// What they ask.
    pub key: PolicyKey,
    /// Whether they ask for a certificate.
    asks: bool,
    /// The settings.
    pub config: Arc<ServerConfig>,
}

impl TlsListener {
    /// The policy of all hosts, if there is only one.
    pub fn only_policy(&self) -> Option<&Policy> {
        if let [only] = &*self.policies { Some(only) } else { None }
    }

    /// The policy of a host, in lower case.
    pub fn policy_of(&self, host: Option<&str>) -> &Policy {
        &self.policies[host.and_then(|host| self.hosts.find(host)).copied().unwrap_or(0)]
    }

    /// Whether a connection of which this is known may ask for a host. A host that asks for other client certificates than the one
    /// that the connection was made to is not reached by it: whoever connects could choose what is asked of it.
    pub fn admits(&self, host: &str, held: Option<&TlsFacts>) -> bool {
        let asked = self.only_policy().unwrap_or_else(|| self.policy_of(Some(host)));
        match held {
            Some(facts) => facts.policy.written == asked.key.written,
            // it was plain text when the connection was made
            None => !asked.asks,
        }
    }

    /// Whether what a connection's client was checked with is still what clients are checked with.
    pub fn is_current(&self, held: &TlsFacts) -> bool {
        self.policies.iter().any(|policy| policy.key == held.policy)
    }
}

/// What listeners are made of, kept as long as a generation uses it.
#[derive(Default)]
pub struct ListenerCache {
    certificates: Mutex<HashMap<Digest, Arc<Loaded>>>,
    configs: Mutex<HashMap<Digest, Arc<ServerConfig>>>,
    tickets: Mutex<HashMap<Digest, Arc<dyn ProducesTickets>>>,
}

/// What is kept for a digest, or made now.
fn kept<T: ?Sized>(
    cache: &Mutex<HashMap<Digest, Arc<T>>>,
    digest: Digest,
    make: impl FnOnce() -> Result<Arc<T>, MaterialError>,
) -> Result<Arc<T>, MaterialError> {
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = cache.get(&digest) {
        return Ok(Arc::clone(kept));
    }
    let fresh = make()?;
    cache.insert(digest, Arc::clone(&fresh));
    Ok(fresh)
}

impl ListenerCache {
    /// Forgets what no generation uses.
    pub fn forget_unused(&self) {
        fn forget<T: ?Sized>(cache: &Mutex<HashMap<Digest, Arc<T>>>) {
            cache.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, kept| Arc::strong_count(kept) > 1);
        }
        forget(&self.configs);
        forget(&self.certificates);
        forget(&self.tickets);
    }
}

impl TlsSetup {
    /// Makes ready what the listeners of a table need.
    ///
    /// # Errors
    /// If a certificate, a key, an authority or a list of revoked certificates is unusable.
    pub fn prepare(
        table: &RouteTable,
        secrets: &Secrets,
        cache: &ListenerCache,
        issued: &Issued,
    ) -> Result<Self, MaterialError> {
        for ca in table.ordered().filter_map(|(_, _, acme)| acme.ca.as_ref()) {
            roots(ca, secrets)?;
        }
        let mut certificates = HashMap::new();
        for (name, certificate) in &table.certificates {
            let digest = digest(name.as_str(), certificate, secrets)?;
            let read = || Loaded::read(name.as_str(), certificate, secrets, issued).map(Arc::new);
            certificates.insert(name, kept(&cache.certificates, digest, read)?);
        }
        let listener = |listener: &Listener| {
            let Some(tls) = &listener.tls else { return Ok(None) };
            Making { listener, tls, certificates: &certificates, secrets, cache }.make().map(Some)
        };
        let listeners = table.settings.listeners.iter().map(listener).collect::<Result<_, MaterialError>>()?;
        let mut certificates: Box<[_]> = certificates.into_values().collect();
        certificates.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { certificates, listeners })
    }
}

/// What a listener is made of.
struct Making<'a> {
    listener: &'a Listener,
    tls: &'a ListenerTls,
    certificates: &'a HashMap<&'a Name, Arc<Loaded>>,
    secrets: &'a Secrets,
    cache: &'a ListenerCache,
}

impl Making<'_> {
    fn make(&self) -> Result<Arc<TlsListener>, MaterialError> {
        let named = self.tls.certificates.iter().filter_map(|name| self.certificates.get(name.name()));
        let certificates: Vec<Arc<Loaded>> = named.cloned().collect();
        let shown: Arc<Shown> = Arc::new(Shown::new(&certificates));
        let tickets = format!("{} {:?}", self.listener.name, self.tls.min_version);
        let mut material = format!("{tickets} {:?} {}", self.listener.protocols, self.tls.resumption);
        for certificate in &certificates {
            material.push_str(&certificate.digest.to_string());
        }
        let mut policies = vec![self.policy(self.tls.client_auth.as_ref(), &material, &tickets, &shown)?];
        let mut hosts = ByHost::default();
        for entry in &self.tls.hosts {
            for pattern in &entry.hosts {
                *hosts.entry(pattern) = policies.len();
            }
            policies.push(self.policy(entry.client_auth.as_ref(), &material, &tickets, &shown)?);
        }
        Ok(Arc::new(TlsListener { policies: policies.into(), hosts }))
    }

    /// A policy. `material` and `tickets` stand for all that its settings, and its tickets, depend on beside what is asked of clients.
    fn policy(
        &self,
        auth: Option<&ClientAuth>,
        material: &str,
        tickets: &str,
        shown: &Arc<Shown>,
    ) -> Result<Policy, MaterialError> {
        let key = PolicyKey::of(auth, self.secrets)?;
        let of = |parts: &str| Digest::of_bytes(format!("{parts} {}", key.content).as_bytes());
        let config = kept(&self.cache.configs, of(material), || {
            let ticketer = || Ok(rustls::crypto::aws_lc_rs::Ticketer::new()?);
            let ticketer = kept(&self.cache.tickets, of(tickets), ticketer)?;
            self.config(auth, Arc::clone(shown) as _, ticketer).map(Arc::new)
        })?;
        Ok(Policy { key, asks: auth.is_some(), config })
    }

    fn config(
        &self,
        auth: Option<&ClientAuth>,
        shown: Arc<dyn ResolvesServerCert>,
        ticketer: Arc<dyn ProducesTickets>,
    ) -> Result<ServerConfig, MaterialError> {
        let versions: &[&SupportedProtocolVersion] = match self.tls.min_version {
            TlsVersion::Tls12 => &[&TLS13, &TLS12],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions)?;
        let builder = match auth {
            Some(auth) => builder.with_client_cert_verifier(verifier(auth, self.secrets)?),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(shown);
        config.alpn_protocols = protocols(self.listener);
        if self.tls.resumption {
            config.ticketer = ticketer;
        } else {
            config.send_tls13_tickets = 0;
        }
        // the strongest suite that both sides have, whatever the client would rather have
        config.ignore_client_order = true;
        // whoever takes no ticket makes a new session: what is kept for it here would be behind a lock
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(config)
    }
}

/// The protocols that clients are offered (RFC 7301), the best first.
fn protocols(listener: &Listener) -> Vec<Vec<u8>> {
    let all = [(Protocol::Http2, HTTP2), (Protocol::Http1, b"http/1.1")];
    all.iter().filter(|(protocol, _)| listener.speaks_over_tls(*protocol)).map(|(_, name)| name.to_vec()).collect()
}
