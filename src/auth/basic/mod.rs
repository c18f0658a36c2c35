//! `basic`: a caller is the user whose password it sends (RFC 7617). Passwords are checked beside the workers, and not again for a while.

mod codes;
mod config;
mod htpasswd;
mod lockout;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use serde_json::{Value as Json, json};

pub use config::BasicConfig;

use crate::auth::basic::codes::{NO_USERS, SAME_USER};
use crate::auth::basic::config::BasicUser;
use crate::auth::basic::lockout::{Limits, Lockout};
use crate::auth::credential::{AUTHORIZATION, scheme, user_and_password};
use crate::auth::hashing::{self, Hashing};
use crate::auth::rules::{ClaimRule, Rules};
use crate::diagnostic::Code;
use crate::pipeline::auth::{
    Accepted, AuthContext, AuthType, Authenticator, Call, Choice, Claim, Finding, Place, Refusal, Shape,
};
use crate::pipeline::caller::{Caller, Identity};
use crate::pipeline::exchange::Exchange;
use crate::pipeline::ready::{Ready, ReadyError};
use crate::pipeline::recent::Recent;
use crate::value::password_hash::PasswordHash;
use crate::value::secret::{NodeFile, SecretRef};

/// How long a password that was right is not checked again.
const REMEMBERED_FOR: Duration = Duration::from_mins(5);

/// How many right passwords are remembered.
const REMEMBERED: usize = 1 << 14;

/// When a password that could not be checked may be sent again, in seconds.
const BUSY: u32 = 1;

/// The longest name and password that are looked at.
const MAX_BYTES: usize = 1024;

/// The compiled way of authenticating.
pub struct BasicAuth {
    users: HashMap<Box<str>, Arc<User>>,
    htpasswd: Option<SecretRef>,
    auth: Arc<str>,
    limits: Limits,
    rules: Rules,
    keep_credential: bool,
    challenge: String,
    running: OnceLock<Running>,
}

struct User {
    hash: PasswordHash,
    identity: Arc<Identity>,
}

/// What there is at run time only.
struct Running {
    /// Those of the manifest and those of the file.
    users: HashMap<Box<str>, Arc<User>>,
    /// Whose hash is compared where there is no such user, so that it takes as long.
    stand_in: Option<Arc<User>>,
    known: Arc<Known>,
    lockout: Arc<Lockout>,
    hashing: Arc<Hashing>,
}

/// Passwords that were right, by a hash under a key that nobody knows.
struct Known {
    key: hmac::Key,
    right: Recent<Box<[u8]>, ()>,
}

impl AuthType for BasicAuth {
    type Config = BasicConfig;
    const CODES: &'static [&'static Code] = &[&NO_USERS, &SAME_USER];

    fn choices(config: &BasicConfig) -> Vec<Choice> {
        ClaimRule::choices("/require", &config.require).chain(ClaimRule::choices("/deny", &config.deny)).collect()
    }

    fn compile(config: &BasicConfig, context: &mut AuthContext<'_>) -> Option<Box<dyn Authenticator>> {
        let before = context.problems.len();
        if config.users.is_empty() && config.htpasswd.is_none() {
            let help = "write `users`, or name a file with `htpasswd`";
            context.report(&NO_USERS, "", "nobody could ever call: there are no users", help);
        }
        let mut users = HashMap::new();
        for (index, user) in config.users.iter().enumerate() {
            if users.insert(user.name.as_str().into(), Arc::new(User::of(user, context.name))).is_some() {
                let message = format!("two users have the name `{}`", user.name);
                let help = "give one of them another name, or leave one out";
                context.report(&SAME_USER, format!("/users/{index}/name"), message, help);
            }
        }
        let htpasswd = config.htpasswd.as_ref().map(NodeFile::reference);
        context.secrets.extend(htpasswd.iter().map(SecretRef::content));
        (context.problems.len() == before).then(|| {
            Box::new(Self {
                users,
                htpasswd,
                auth: Arc::clone(context.name),
                limits: Limits { failures: config.lockout.failures, period: config.lockout.period.get() },
                rules: Rules::new(&config.require, &config.deny),
                keep_credential: config.keep_credential,
                challenge: format!("Basic realm=\"{}\", charset=\"UTF-8\"", config.realm),
                running: OnceLock::new(),
            }) as _
        })
    }
}

impl User {
    fn of(user: &BasicUser, auth: &Arc<str>) -> Self {
        let email = user.email.as_ref().map(ToString::to_string);
        Self::new(auth, &user.name, email.as_deref(), &user.groups, user.hash.clone())
    }

    fn new(auth: &Arc<str>, name: &str, email: Option<&str>, groups: &[String], hash: PasswordHash) -> Self {
        let mut claims = json!({ "sub": name, "name": name, "groups": groups });
        if let (Some(email), Json::Object(claims)) = (email, &mut claims) {
            claims.insert("email".to_owned(), email.into());
        }
        let identity = Identity {
            auth: Arc::clone(auth),
            subject: name.into(),
            name: Some(name.into()),
            email: email.map(Into::into),
            groups: groups.iter().map(|group| group.as_str().into()).collect(),
            claims,
        };
        Self { hash, identity: Arc::new(identity) }
    }
}

impl Authenticator for BasicAuth {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        let mut users = self.users.clone();
        for (name, hash) in self.of_the_file(ready)? {
            let user = || Arc::new(User::new(&self.auth, &name, None, &[], hash));
            users.entry(name.clone()).or_insert_with(user);
        }
        let hashing = ready.pool.get_or(hashing::MEANING, Hashing::default);
        hashing.start()?;
        let running = Running {
            stand_in: users.values().min_by(|a, b| a.hash.cmp(&b.hash)).cloned(),
            users,
            known: ready.pool.get_or(ready.owner, Known::default),
            lockout: ready.pool.get_or(ready.owner, Lockout::default),
            hashing,
        };
        let _ = self.running.set(running);
        Ok(())
    }

    fn authenticate(&self, call: &Call<'_>) -> Finding {
        let Some(sent) = scheme(call.request, "basic", |_| true) else { return Finding::Absent };
        let sent = sent.and_then(user_and_password);
        let fits = |(name, password): &(String, String)| name.len() <= MAX_BYTES && password.len() <= MAX_BYTES;
        let Some((name, password)) = sent.filter(fits) else {
            return Finding::Refused(Refusal::wrong(&self.challenge));
        };
        match self.running.get() {
            Some(running) => self.check(running, name, password, call.client.ip),
            // where manifests are only looked at, nothing is checked
            None => Finding::Pending(Box::pin(async { Finding::Refused(Refusal::unavailable(BUSY)) })),
        }
    }

    fn authorize(&self, caller: &Caller, _: &Exchange<'_>) -> Result<(), Refusal> {
        let is_admitted = caller.identity.as_ref().is_some_and(|identity| self.rules.admit(&identity.claims));
        if is_admitted { Ok(()) } else { Err(Refusal::forbidden()) }
    }

    fn challenge(&self) -> Option<String> {
        Some(self.challenge.clone())
    }

    fn claims(&self) -> Vec<Claim> {
        vec![Claim { place: authorization(), scheme: "basic", shape: Shape::Any }]
    }
}

impl BasicAuth {
    fn of_the_file(&self, ready: &Ready<'_>) -> Result<HashMap<Box<str>, PasswordHash>, ReadyError> {
        let Some(reference) = self.htpasswd.as_ref().filter(|_| !ready.secrets.are_made_up()) else {
            return Ok(HashMap::new());
        };
        let content = ready.secrets.content(reference).unwrap_or_default();
        htpasswd::read(content).map_err(|why| ReadyError::Secret {
            owner: ready.owner.to_owned(),
            secret: reference.to_string(),
            why,
        })
    }

    fn check(&self, running: &Running, name: String, password: String, ip: IpAddr) -> Finding {
        let now = Instant::now();
        let user = running.users.get(name.as_str()).cloned();
        let proof = user.as_ref().map(|user| running.known.proof(&name, &password, &user.hash));
        if let (Some(user), Some(proof)) = (&user, &proof)
            && running.known.right.get(proof, now).is_some()
        {
            return Finding::Accepted(self.accept(user));
        }
        let delay = match running.lockout.attempt(&name, ip, self.limits, now) {
            Ok(delay) => delay,
            Err(seconds) => return Finding::Refused(Refusal::too_often(seconds)),
        };
        let Some(compared) = user.as_ref().or(running.stand_in.as_ref()).map(|user| user.hash.clone()) else {
            return Finding::Refused(Refusal::wrong(&self.challenge));
        };
        let Some(checked) = running.hashing.run(move || compared.is_of(password.as_bytes())) else {
            running.lockout.succeeded(&name, ip, self.limits, now);
            return Finding::Refused(Refusal::unavailable(BUSY));
        };
        let refused = Finding::Refused(Refusal::wrong(&self.challenge));
        let accepted = user.map(|user| self.accept(&user)).zip(proof);
        let (known, lockout, limits) = (Arc::clone(&running.known), Arc::clone(&running.lockout), self.limits);
        Finding::Pending(Box::pin(async move {
            match (checked.await, accepted) {
                (Ok(true), Some((accepted, proof))) => {
                    let now = Instant::now();
                    lockout.succeeded(&name, ip, limits, now);
                    known.right.put(proof, (), now + REMEMBERED_FOR);
                    Finding::Accepted(accepted)
                }
                (Err(_), _) => Finding::Refused(Refusal::unavailable(BUSY)),
                (Ok(_), _) => {
                    tokio::time::sleep(delay).await;
                    refused
                }
            }
        }))
    }

    fn accept(&self, user: &User) -> Accepted {
        let caller = Caller { consumer: None, identity: Some(Arc::clone(&user.identity)) };
        let hide = if self.keep_credential { Vec::new() } else { vec![authorization()] };
        Accepted { caller, hide, ..Accepted::default() }
    }
}

impl Default for Known {
    fn default() -> Self {
        let mut key = [0; 32];
        // without randomness nothing is remembered under a key that somebody knows: the process has one address space, and no copy of it
        let _ = aws_lc_rs::rand::fill(&mut key);
        Self { key: hmac::Key::new(HMAC_SHA256, &key), right: Recent::new(REMEMBERED) }
    }
}

impl Known {
    /// What a user, a password and the hash that it has to match are remembered by. With another hash it is another.
    fn proof(&self, name: &str, password: &str, hash: &PasswordHash) -> Box<[u8]> {
        let mut proof = hmac::Context::with_key(&self.key);
        for part in [name, hash.as_str(), password] {
            proof.update(&(part.len() as u64).to_be_bytes());
            proof.update(part.as_bytes());
        }
        proof.sign().as_ref().into()
    }
}

fn authorization() -> Place {
    Place::Header(AUTHORIZATION.into())
}
