//! The certificates that listeners name.

use std::collections::BTreeMap;

use crate::compiler::manifest::Spec;
use crate::compiler::object::Object;
use crate::compiler::resolve::Model;
use crate::table::settings::Settings;
use crate::table::tls::Certificate;
use crate::value::name::Name;
use crate::value::reference::{CertificateKind, Ref, Referent as _};

/// The certificates that listeners name, by their names; those that have problems are left out.
pub(super) fn certificates(model: &Model, settings: &Settings) -> BTreeMap<Name, Certificate> {
    let Some(gateway) = model.gateway().1 else { return BTreeMap::new() };
    let named = settings.listeners.iter().flat_map(|listener| &listener.tls).flat_map(|tls| &tls.certificates);
    named.filter_map(|name| certificate(model, gateway, name)).collect()
}

fn certificate(model: &Model, gateway: &Object, reference: &Ref<CertificateKind>) -> Option<(Name, Certificate)> {
    let object = model.get(CertificateKind::KIND, reference.namespace(&gateway.address.namespace), reference.name())?;
    let Some(Spec::Certificate(spec)) = &object.spec else { return None };
    Some((reference.name().clone(), spec.compile()?))
}
