//! The compiled table: immutable, made by `compiler`, read by `proxy`, the only value that both planes know. No I/O.

pub mod acme;
pub mod digest;
pub mod keys;
pub mod route;
pub mod router;
pub mod settings;
pub mod space;
pub mod tls;

pub use digest::Digest;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::pipeline::auth::Auth;
use crate::pipeline::head::RequestHead;
use crate::table::acme::Acme;
use crate::table::route::CompiledRoute;
use crate::table::router::{Asker, NoTrace, Outcome, Router, Trace};
use crate::table::settings::Settings;
use crate::table::tls::{Certificate, CertificateSource};
use crate::value::method::Method;
use crate::value::name::Name;
use crate::value::secret::Secret;

/// Everything that decides what a request gets.
pub struct RouteTable {
    /// What it is made of, as one number: equal digests behave equally.
    pub digest: Digest,
    /// The gateway as a whole.
    pub settings: Settings,
    /// Finds the route of a request.
    pub router: Router,
    /// The routes, by the indices that the router gives.
    pub routes: Box<[CompiledRoute]>,
    /// The certificates that listeners name.
    pub certificates: BTreeMap<Name, Certificate>,
    /// The `Auth`s that routes let callers in by, sorted by name.
    pub auths: Box<[Arc<Auth>]>,
    /// The secrets that must be resolved before it is put in force.
    pub secrets: BTreeSet<Secret>,
}

impl RouteTable {
    /// Finds the rule of a request that came in on a listener. A CORS preflight is matched as the method that it announces if the
    /// route so found answers preflights.
    pub fn find<'t>(
        &'t self,
        asker: Asker<'_>,
        listener: u16,
        head: &RequestHead,
        trace: &mut impl Trace,
    ) -> Outcome<'t> {
        let announced = self.announced_method(asker, listener, head);
        let method = announced.as_ref().unwrap_or(asker.method);
        self.router.find_as(Asker { method, ..asker }, listener, head, trace)
    }

    /// The method that a CORS preflight announces, if it is matched as that.
    pub fn announced_method(&self, asker: Asker<'_>, listener: u16, head: &RequestHead) -> Option<Method> {
        let method = head.announced_method()?;
        match self.router.find_as(Asker { method: &method, ..asker }, listener, head, &mut NoTrace) {
            Outcome::Found(hit) | Outcome::AsksCaller(hit) => {
                self.routes[hit.route as usize].answers_preflights().then_some(method)
            }
            _ => None,
        }
    }

    /// The certificates that are ordered from an authority, by name.
    pub fn ordered(&self) -> impl Iterator<Item = (&Name, &Certificate, &Acme)> {
        self.certificates.iter().filter_map(|(name, certificate)| match &certificate.source {
            CertificateSource::Acme(acme) => Some((name, certificate, &**acme)),
            CertificateSource::Given(_) | CertificateSource::SelfSigned => None,
        })
    }
}
