//! Whether a client certificate can answer some questions yes and others no, and whether an address can.

use std::net::{IpAddr, Ipv4Addr};

use crate::pipeline::certificate::ClientCertificate;
use crate::table::space::atoms::{Atom, Atoms};
use crate::table::space::texts::numbered;
use crate::table::space::values::Answers;
use crate::value::host::HostPattern;
use crate::value::network::Network;
use crate::value::san::SanPattern;

/// A certificate that gives some answers, or that there is none; `None` if that cannot be.
#[expect(clippy::option_option, reason = "the outer one says whether the answers can be given")]
pub(super) fn certificate(answers: &Answers, atoms: &Atoms) -> Option<Option<ClientCertificate>> {
    if answers.yes.is_empty() {
        return Some(None);
    }
    let no: Vec<&Atom> = answers.no.iter().map(|atom| atoms.get(*atom)).collect();
    if no.contains(&&Atom::Certificate) {
        return None;
    }
    let (mut names, mut subjects) = (Vec::new(), Vec::new());
    for atom in &answers.yes {
        match atoms.get(*atom) {
            Atom::San(san) => names.push(name(san, &no)?.into()),
            Atom::Subject(subject) => subjects.push(subject),
            _ => {}
        }
    }
    if subjects.len() > 1 {
        return None;
    }
    let subject = subjects.first().map_or_else(|| fresh_subject(&no), |subject| (*subject).clone());
    Some(Some(ClientCertificate { subject: subject.into(), names: names.into(), ..ClientCertificate::default() }))
}

/// A name that is meant by one pattern and by none of others.
fn name(san: &SanPattern, no: &[&Atom]) -> Option<String> {
    let is_free = |name: &String| !no.iter().any(|atom| matches!(atom, Atom::San(other) if other.matches(name)));
    match san {
        SanPattern::Dns(HostPattern::Wildcard(suffix)) => {
            let covered = no.iter().any(|atom| match atom {
                Atom::San(SanPattern::Dns(HostPattern::Wildcard(other))) => {
                    other == suffix || HostPattern::Wildcard(other.clone()).matches(suffix.as_str())
                }
                _ => false,
            });
            if covered {
                return None;
            }
            // only finitely many names right below the suffix are anything else's
            numbered("x", &format!(".{suffix}")).find(is_free)
        }
        SanPattern::Dns(HostPattern::Exact(host)) => Some(host.to_string()).filter(is_free),
        SanPattern::Other(text) => Some(text.to_string()).filter(is_free),
    }
}

fn fresh_subject(no: &[&Atom]) -> String {
    let is_free = |subject: &String| !no.iter().any(|atom| matches!(atom, Atom::Subject(other) if other == subject));
    numbered("CN=x", "").find(is_free).unwrap_or_default()
}

/// An address for documentation (RFC 5737): what a client has of which nothing is asked.
const SOMEONE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// An address that gives some answers.
pub(super) fn address(answers: &Answers, atoms: &Atoms) -> Option<IpAddr> {
    let networks = |list: &[u32]| -> Vec<Network> {
        list.iter()
            .filter_map(|atom| match atoms.get(*atom) {
                Atom::Network(network) => Some(*network),
                _ => None,
            })
            .collect()
    };
    let (yes, no) = (networks(&answers.yes), networks(&answers.no));
    let in_all = |address: &IpAddr| yes.iter().all(|network| network.contains(*address));
    if in_all(&SOMEONE) && !no.iter().any(|network| network.contains(SOMEONE)) {
        return Some(SOMEONE);
    }
    // networks lie within each other or apart
    let smallest = yes.iter().find(|network| yes.iter().all(|other| other.covers(network)));
    match smallest {
        Some(network) => outside(network, &no),
        None if yes.is_empty() => {
            ["0.0.0.0/0", "2000::/3"].iter().filter_map(|all| all.parse().ok()).find_map(|all| outside(&all, &no))
        }
        None => None,
    }
}

/// An address of a network that lies in none of others.
fn outside(network: &Network, no: &[Network]) -> Option<IpAddr> {
    if no.iter().any(|other| other.covers(network)) {
        return None;
    }
    let within: Vec<Network> = no.iter().filter(|other| network.covers(other)).copied().collect();
    if within.is_empty() {
        return Some(network.first());
    }
    network.halves()?.iter().find_map(|half| outside(half, &within))
}
