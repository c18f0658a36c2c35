use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value as Json, json};
use tokio::runtime::Builder;

use super::{BasicAuth, BasicConfig};
use crate::pipeline::auth::{AuthContext, AuthType as _, Authenticator, Call, Finding};
use crate::pipeline::background::Background;
use crate::pipeline::exchange::Client;
use crate::pipeline::head::RequestHead;
use crate::pipeline::keys::Keys;
use crate::pipeline::limits::place::State;
use crate::pipeline::ready::Ready;
use crate::pipeline::secrets::Secrets;
use crate::pipeline::state::StatePool;
use crate::state::{Counts, Node};
use crate::table::keys::KeyIndex;
use crate::value::secret::SecretRef;
use crate::value::url::Scheme;

fn hash(password: &str) -> String {
    bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap().to_string()
}

fn compiled(config: Json) -> Result<Box<dyn Authenticator>, String> {
    let config: BasicConfig = serde_json::from_value(config).unwrap();
    let keys: Arc<dyn Keys> = Arc::new(KeyIndex::new(Vec::new()));
    let mut context =
        AuthContext { name: &"squad".into(), keys: &keys, secrets: BTreeSet::new(), problems: Vec::new() };
    let made = BasicAuth::compile(&config, &mut context);
    made.ok_or_else(|| context.problems.iter().map(|problem| problem.pointer.clone()).collect())
}

fn auth(config: Json, secrets: &Secrets, pool: &StatePool) -> Result<Box<dyn Authenticator>, String> {
    let auth = compiled(config)?;
    let background = Background::default();
    let node = Node { folder: None, takes_over: false };
    let limiter = Counts::new(node).limiter(&State { file: None, redis: None }, secrets, &background).unwrap();
    let ready = Ready { pool, secrets, background: &background, limiter: &limiter, owner: "default/squad" };
    auth.ready(&ready).map_err(|error| error.to_string())?;
    Ok(auth)
}

/// What is found of a value of `Authorization`, in words, and whether somebody had to be asked.
fn find(auth: &dyn Authenticator, value: &str) -> (String, bool) {
    let mut request = RequestHead::default();
    request.fields.receive(b"authorization", value.as_bytes());
    let client = Client { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), scheme: Scheme::Http, trusted: false };
    let call = Call { request: &request, client, certificate: None, secrets: &Secrets::default() };
    let mut found = auth.authenticate(&call);
    let mut asked = false;
    while let Finding::Pending(pending) = found {
        asked = true;
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        found = runtime.block_on(pending);
    }
    let said = match found {
        Finding::Accepted(accepted) => accepted.caller.identity.unwrap().subject.to_string(),
        Finding::Refused(refusal) => refusal.status.to_string(),
        Finding::Absent | Finding::Pending(_) => "absent".to_owned(),
    };
    (said, asked)
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

#[test]
fn a_password_is_checked_once_and_then_remembered() {
    let pool = StatePool::default();
    let config = json!({ "users": [{ "name": "ada", "hash": hash("pass:word") }] });
    let first = auth(config, &Secrets::default(), &pool).unwrap();
    assert_eq!(find(&*first, &basic("ada", "pass:word")), ("ada".into(), true));
    assert_eq!(find(&*first, &basic("ada", "pass:word")), ("ada".into(), false));
    for (user, password) in [("ada", "wrong"), ("ada", &hash("pass:word")), ("bob", "pass:word")] {
        assert_eq!(find(&*first, &basic(user, password)), ("401".into(), true), "{user} {password}");
    }
    for wrong in ["Basic", "Basic !", "Basic YWRh", "Basic "] {
        assert_ne!(find(&*first, wrong).0, "ada", "{wrong}");
    }
    assert_eq!(find(&*first, "Bearer abc").0, "absent");

    let config = json!({ "users": [{ "name": "ada", "hash": hash("new") }] });
    let changed = auth(config, &Secrets::default(), &pool).unwrap();
    assert_eq!(find(&*changed, &basic("ada", "pass:word")), ("401".into(), true), "no longer the password");
}

#[test]
fn who_guesses_is_locked_out() {
    let config = json!({ "users": [{ "name": "ada", "hash": hash("right") }], "lockout": { "failures": 2 } });
    let auth = auth(config, &Secrets::default(), &StatePool::default()).unwrap();
    for (password, status) in [("a", "401"), ("b", "401"), ("c", "429"), ("right", "429")] {
        assert_eq!(find(&*auth, &basic("ada", password)).0, status, "{password}");
    }
    assert_eq!(find(&*auth, &basic("bob", "x")).0, "401");
}

#[test]
fn users_come_from_a_file_that_is_right() {
    let file = SecretRef::File("users".into());
    let config = || json!({ "users": [{ "name": "ada", "hash": hash("manifest") }], "htpasswd": { "file": "users" } });
    let with = |content: String| {
        let mut secrets = Secrets::default();
        secrets.insert(file.content(), content.into_bytes());
        auth(config(), &secrets, &StatePool::default())
    };
    let made = with(format!("ada:{}\nbob:{}\n", hash("file"), hash("file"))).unwrap();
    for (user, password, said) in [("bob", "file", "bob"), ("ada", "manifest", "ada"), ("ada", "file", "401")] {
        assert_eq!(find(&*made, &basic(user, password)).0, said);
    }
    let wrong = with("ada:clear".into()).err().unwrap();
    assert!(wrong.contains("file:users") && wrong.contains("line 1") && !wrong.contains("clear"), "{wrong}");
}

#[test]
fn users_are_there_and_apart() {
    assert_eq!(compiled(json!({})).err().as_deref(), Some(""));
    let twice = json!({ "users": [{ "name": "a", "hash": hash("a") }, { "name": "a", "hash": hash("b") }] });
    assert_eq!(compiled(twice).err().as_deref(), Some("/users/1/name"));
}
