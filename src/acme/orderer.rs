//! Orders each certificate when it is time to, if no other gateway does.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use instant_acme::CertificateIdentifier;
use tokio::time::{sleep, timeout};

use crate::acme::account::Customer;
use crate::acme::client::Client;
use crate::acme::kept::{Attempt, Kept, seconds};
use crate::acme::order::{Order, PATIENCE};
use crate::acme::schedule::{self, Term, Window};
use crate::acme::store::{Hold, Store};
use crate::acme::trouble::Trouble;
use crate::acme::watcher::{slot, take_in};
use crate::proxy::live::Live;
use crate::proxy::tls::{Current, MaterialError, Slot, roots};
use crate::proxy::upstream::{client_config, system_roots};
use crate::table::acme::Acme;
use crate::value::duration;
use crate::value::https_url::HttpsUrl;

/// How often is looked whether something is to be done.
const LOOK: Duration = Duration::from_millis(500);

/// How long another gateway has the right to order before this one asks for it again, where it doesn't hurry.
const OTHERS: Duration = Duration::from_mins(1);

/// Orders the certificates of the tables in force.
pub struct Orderer {
    live: Live,
    store: Arc<dyn Store>,
    random: fastrand::Rng,
    own: BTreeMap<(String, HttpsUrl), Own>,
}

/// A certificate that is ordered.
struct Wanted {
    name: String,
    hosts: Vec<String>,
    acme: Acme,
    kept: Kept,
    slot: Arc<Slot>,
}

/// What this gateway has to do with a certificate.
struct Own {
    /// The right to order it.
    hold: Option<Box<dyn Hold>>,
    /// By which it orders neither first nor last, another one for each certificate.
    dice: f64,
    /// The certificate that this is about.
    of: Option<Arc<Current>>,
    /// When the authority would like it to be renewed.
    window: Option<Window>,
    /// When it is asked for that.
    ask: SystemTime,
    /// Nothing is ordered before; what is kept says so too, if it could be kept.
    not_before: SystemTime,
}

impl Orderer {
    /// Orders what the tables in force say.
    pub fn new(live: Live, store: Arc<dyn Store>, random: fastrand::Rng) -> Self {
        Self { live, store, random, own: BTreeMap::new() }
    }

    /// Orders for ever.
    pub async fn run(mut self) {
        loop {
            let wanted = self.wanted();
            // the right to order what isn't wanted any more is free again
            self.own.retain(|key, _| wanted.iter().any(|wanted| wanted.key() == *key));
            for wanted in &wanted {
                let mut own = self.own.remove(&wanted.key()).unwrap_or_else(|| begin(wanted));
                if let Err(error) = self.attend(wanted, &mut own).await {
                    own.ask = SystemTime::now() + OTHERS;
                    tracing::warn!(certificate = %wanted.name, %error, "it cannot be said who orders a certificate");
                }
                self.own.insert(wanted.key(), own);
            }
            sleep(LOOK).await;
        }
    }

    fn wanted(&self) -> Vec<Wanted> {
        let generation = self.live.load();
        let ordered = generation.table.ordered().filter_map(|(name, certificate, acme)| {
            Some(Wanted {
                name: name.to_string(),
                hosts: certificate.hosts.iter().map(ToString::to_string).collect(),
                acme: acme.clone(),
                kept: Kept::of(&self.store, &acme.directory),
                slot: Arc::clone(slot(&generation, name.as_str())?),
            })
        });
        ordered.collect()
    }

    /// Does what is to be done for a certificate now.
    async fn attend(&mut self, wanted: &Wanted, own: &mut Own) -> io::Result<()> {
        let now = SystemTime::now();
        own.look_at(wanted.slot.current(), now, &mut self.random);
        let next = own.next_order(wanted);
        wanted.slot.change(|course| course.next = Some(next));
        if next > now && own.ask > now {
            return Ok(());
        }
        if own.hold.is_some() {
            self.act(wanted, own, next <= now).await;
            return Ok(());
        }
        own.hold = wanted.kept.hold(&wanted.name)?;
        match own.hold {
            // who had it may have ordered since this gateway has looked: it looks again, then acts
            Some(_) => take_in(&wanted.kept, &wanted.name, &wanted.slot),
            None => own.ask = now + OTHERS,
        }
        Ok(())
    }

    async fn act(&mut self, wanted: &Wanted, own: &mut Own, is_due: bool) {
        let client = match self.client(&wanted.acme) {
            Ok(client) => client,
            Err(error) => {
                let trouble = Trouble::Unusable(error.to_string());
                return self.failed(wanted, own, &trouble, None);
            }
        };
        if !is_due {
            return self.ask(wanted, own, &client).await;
        }
        tracing::info!(certificate = %wanted.name, directory = %wanted.acme.directory, "ordering a certificate");
        let ordered = timeout(PATIENCE, self.order(wanted, own, &client)).await.unwrap_or(Err(Trouble::Late));
        match ordered.and_then(|pem| Ok((read(wanted, &pem)?, pem))) {
            Ok((current, pem)) => succeeded(wanted, current, &pem),
            Err(trouble) => {
                let advice = client.advice().and_then(|advice| advice.duration_since(SystemTime::now()).ok());
                self.failed(wanted, own, &trouble, advice);
            }
        }
    }

    fn client(&self, acme: &Acme) -> Result<Client, MaterialError> {
        let generation = self.live.load();
        let trusted = acme.ca.as_ref().map_or_else(|| Ok(system_roots()), |ca| roots(ca, &generation.secrets))?;
        Ok(Client::new(Arc::new(client_config(trusted)?)))
    }

    async fn order(&self, wanted: &Wanted, own: &Own, client: &Client) -> Result<String, Trouble> {
        let customer = Customer::of(&wanted.acme, &self.live.load().secrets)?;
        let Wanted { name, hosts, acme, kept, .. } = wanted;
        let current = own.of.as_ref().filter(|_| own.window.is_some());
        let replaces = current.and_then(|current| CertificateIdentifier::try_from(&current.certificate).ok());
        let (challenge, key) = (acme.challenge, acme.key);
        Order { name, hosts, challenge, key, replaces, customer: &customer, kept, client }.place().await
    }

    /// Asks the authority when it would like the certificate to be renewed.
    async fn ask(&mut self, wanted: &Wanted, own: &mut Own, client: &Client) {
        own.ask = SystemTime::now() + schedule::ASK_LATER;
        let Some(current) = &own.of else { return };
        let Ok(id) = CertificateIdentifier::try_from(&current.certificate) else { return };
        let asked = async {
            let customer = Customer::of(&wanted.acme, &self.live.load().secrets)?;
            let account = customer.account(&wanted.kept, client).await?;
            Ok::<_, Trouble>(account.renewal_info(&id).await?)
        };
        match timeout(PATIENCE, asked).await.unwrap_or(Err(Trouble::Late)) {
            Ok((info, again)) => {
                let window = info.suggested_window;
                own.window = Some(Window { start: window.start.into(), end: window.end.into() });
                own.ask = SystemTime::now() + schedule::ask_again(again);
                tracing::debug!(certificate = %wanted.name, start = %window.start, end = %window.end, "when to renew");
            }
            Err(error) => tracing::debug!(certificate = %wanted.name, %error, "no advice when to renew"),
        }
    }

    fn failed(&mut self, wanted: &Wanted, own: &mut Own, trouble: &Trouble, advised: Option<Duration>) {
        let failures = wanted.slot.course().failures.saturating_add(1);
        let pause = schedule::pause(trouble, failures, advised, self.random.f64());
        own.not_before = SystemTime::now() + pause;
        // another gateway may reach what this one doesn't
        own.hold = None;
        if matches!(trouble, Trouble::Busy) {
            return;
        }
        let text = trouble.to_string();
        let attempt = Attempt { failures, not_before: seconds(own.not_before), trouble: text.clone() };
        if let Err(error) = wanted.kept.set_attempt(&wanted.name, Some(&attempt)) {
            tracing::warn!(certificate = %wanted.name, %error, "that an order failed cannot be kept");
        }
        wanted.slot.failed.fetch_add(1, Relaxed);
        wanted.slot.change(|course| {
            course.failures = failures;
            course.not_before = Some(own.not_before);
            course.trouble = Some(attempt.trouble);
        });
        tracing::warn!(
            certificate = %wanted.name, error = %text, failures, again_in = ?Duration::from_secs(pause.as_secs()),
            "a certificate could not be ordered: what there is stays in force"
        );
    }
}

impl Wanted {
    /// The right to order is one for each authority.
    fn key(&self) -> (String, HttpsUrl) {
        (self.name.clone(), self.acme.directory.clone())
    }

    /// Whether a certificate is what is ordered.
    fn fits(&self, current: &Current) -> bool {
        *current.authority == *self.kept.authority()
            && current.kind == Some(self.acme.key)
            && self.hosts.iter().all(|host| current.is_for(host))
    }
}

impl Own {
    fn new(now: SystemTime) -> Self {
        Self { hold: None, dice: 0.5, of: None, window: None, ask: now, not_before: SystemTime::UNIX_EPOCH }
    }

    /// Notes the certificate in force; what was known of another one is not known of it.
    fn look_at(&mut self, current: Option<Arc<Current>>, now: SystemTime, random: &mut fastrand::Rng) {
        let certificate = |current: &Option<Arc<Current>>| current.as_ref().map(|current| current.certificate.clone());
        if certificate(&self.of) != certificate(&current) {
            (self.dice, self.window, self.ask) = (random.f64(), None, now);
        }
        self.of = current;
    }

    /// When the next order is due, which may be past.
    fn next_order(&self, wanted: &Wanted) -> SystemTime {
        let before = wanted.acme.renew_before.map(duration::Duration::get);
        let due = self.of.as_ref().filter(|current| wanted.fits(current)).map(|current| {
            let term = Term { begins: current.begins, expires: current.expires };
            schedule::renewal(term, self.window, before, self.dice)
        });
        let allowed = wanted.slot.course().not_before.unwrap_or(SystemTime::UNIX_EPOCH).max(self.not_before);
        due.map_or(allowed, |due| due.max(allowed))
    }
}

/// Begins with a certificate that is newly wanted.
fn begin(wanted: &Wanted) -> Own {
    if wanted.slot.current().is_none() {
        let name = &wanted.name;
        tracing::warn!(certificate = %name, "it was not issued yet: other certificates are shown for its hosts, or none");
    }
    Own::new(SystemTime::now())
}

/// What an authority has sent, if it is what was ordered.
fn read(wanted: &Wanted, pem: &str) -> Result<Current, Trouble> {
    let read = Current::read(pem.as_bytes(), wanted.kept.authority()).filter(|current| wanted.fits(current));
    read.ok_or_else(|| Trouble::Refused("what it has issued is not what was ordered".to_owned()))
}

fn succeeded(wanted: &Wanted, current: Current, pem: &str) {
    let expires = httpdate::fmt_http_date(current.expires);
    wanted.slot.put(current);
    wanted.slot.succeeded.fetch_add(1, Relaxed);
    let kept = wanted.kept.set_certificate(&wanted.name, pem);
    if let Err(error) = kept.and_then(|()| wanted.kept.set_attempt(&wanted.name, None)) {
        tracing::error!(certificate = %wanted.name, %error, "a certificate was issued that cannot be kept");
    }
    wanted.slot.change(|course| (course.failures, course.not_before, course.trouble) = (0, None, None));
    tracing::info!(certificate = %wanted.name, expires, "a certificate was issued");
}
