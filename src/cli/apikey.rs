//! `gw apikey`: makes, rotates, blocks and shows API keys as manifests.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Subcommand;
use serde_json::json;

use crate::cli::Exit;
use crate::cli::output::{Layout, Output};
use crate::deploy::api_key::{KeyFolder, Known, NewKey, Written};
use crate::value::date::Date;
use crate::value::moment::Moment;
use crate::value::name::Name;

/// How long both secrets are accepted, unless a moment is given.
const GRACE: Duration = Duration::from_hours(7 * 24);

/// Arguments of `gw apikey`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of manifests.
    #[arg(long, value_name = "DIR", default_value = "gateway.d", global = true)]
    dir: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Write the manifest of a new key, and print the key: it is shown once and stored nowhere.
    New(New),
    /// Give a key a second secret, and print the new key: both are accepted until a moment, then the new one alone.
    Rotate(Rotate),
    /// Block a key: its manifest stays and says `enabled: false`.
    Revoke(Revoke),
    /// Show the keys of a folder.
    List(List),
    /// Say whose key is read from standard input, and whether it is accepted now.
    Verify(List),
}

#[derive(clap::Args)]
struct New {
    /// The name of the `ApiKey`.
    #[arg(value_name = "NAME")]
    name: Name,
    /// Its namespace.
    #[arg(long, value_name = "NAME")]
    namespace: Option<Name>,
    /// The `Auth` that accepts it. The default is the only one of the kind `apiKey`.
    #[arg(long, value_name = "NAME")]
    auth: Option<String>,
    /// Its plan.
    #[arg(long, value_name = "NAME")]
    plan: Option<String>,
    /// Who answers for it.
    #[arg(long, value_name = "TEXT")]
    owner: Option<String>,
    /// From when on it is refused.
    #[arg(long, value_name = "MOMENT")]
    expires: Option<Moment>,
    /// A route that it may call; may be given several times. The default is all that its `Auth` guards.
    #[arg(long = "route", value_name = "NAME")]
    routes: Vec<String>,
    /// A label; may be given several times.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// The file that it is written to, behind what is there. The default is a file of its own in `api-keys`.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Rotate {
    /// The name of the `ApiKey`.
    #[arg(value_name = "NAME")]
    name: String,
    /// From when on the new secret alone is accepted. The default is the day in a week.
    #[arg(long, value_name = "MOMENT")]
    at: Option<Moment>,
}

#[derive(clap::Args)]
struct Revoke {
    /// The name of the `ApiKey`.
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(clap::Args)]
struct List {
    /// How it is shown.
    #[arg(long, short, value_name = "FORMAT", default_value = "human")]
    output: Layout,
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a label is written as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let keys = match KeyFolder::read(&arguments.dir) {
        Ok(keys) => keys,
        Err(error) => return output.verdict(Err(error.to_string())),
    };
    let done = match arguments.action {
        Action::New(new) => create(&keys, new, output),
        Action::Rotate(rotate) => rotate_key(&keys, rotate, output),
        Action::Revoke(revoke) => revoke_key(&keys, &revoke, output),
        Action::List(list) => {
            show(&keys, &list, output);
            Ok(Exit::Ok)
        }
        Action::Verify(verify) => verify_key(&keys, &verify, output),
    };
    output.verdict(done)
}

fn create(keys: &KeyFolder, new: New, output: &mut Output) -> Result<Exit, String> {
    let New { name, namespace, auth, plan, owner, expires, routes, labels, file } = new;
    let key = NewKey { name, namespace, auth, plan, owner, expires, routes, labels, file };
    let Written { path, key } = keys.create(&key).map_err(|error| error.to_string())?;
    output.note(&format!("wrote {}\nthe key is shown once and stored nowhere:\n", path.display()));
    output.data(&format!("{key}\n"));
    Ok(Exit::Ok)
}

fn rotate_key(keys: &KeyFolder, rotate: Rotate, output: &mut Output) -> Result<Exit, String> {
    let in_a_week = Date::of(SystemTime::now() + GRACE).to_string();
    let at = rotate.at.map_or_else(|| in_a_week.parse().map_err(|_| "no such day".to_owned()), Ok)?;
    let Written { path, key } = keys.rotate(&rotate.name, &at).map_err(|error| error.to_string())?;
    output.note(&format!(
        "changed {}: both secrets are accepted until {at}, then the new one alone\nthe key is shown once and stored nowhere:\n",
        path.display()
    ));
    output.data(&format!("{key}\n"));
    Ok(Exit::Ok)
}

fn revoke_key(keys: &KeyFolder, revoke: &Revoke, output: &mut Output) -> Result<Exit, String> {
    let path = keys.revoke(&revoke.name).map_err(|error| error.to_string())?;
    output.note(&format!("changed {}: the key is refused once this is in force\n", path.display()));
    Ok(Exit::Ok)
}

fn verify_key(keys: &KeyFolder, verify: &List, output: &mut Output) -> Result<Exit, String> {
    let mut text = String::new();
    std::io::stdin()
        .take(1 << 16)
        .read_to_string(&mut text)
        .map_err(|error| format!("cannot read the key: {error}"))?;
    let Some(known) = keys.verify(text.trim()) else {
        return Err("nobody's key: no `ApiKey` of this folder has its hash".to_owned());
    };
    let state = state(&known);
    output.show(verify.output, || format!("{} {state}\n", known.object.address.short()), || document(&known));
    Ok(if state == ACCEPTED { Exit::Ok } else { Exit::Error })
}

const ACCEPTED: &str = "accepted";

/// What becomes of a key now.
fn state(known: &Known<'_>) -> &'static str {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let spec = known.spec;
    let is_past = |moment: &Moment| moment.seconds() <= now;
    match (spec.enabled, &spec.not_before, &spec.expires) {
        (false, ..) => "blocked",
        (_, _, Some(expires)) if is_past(expires) => "expired",
        (_, Some(from), _) if !is_past(from) => "not yet accepted",
        _ => ACCEPTED,
    }
}

fn document(known: &Known<'_>) -> serde_json::Value {
    let spec = known.spec;
    json!({
        "name": known.object.address.short(),
        "keyId": spec.key_id,
        "auth": spec.auth,
        "state": state(known),
        "expires": spec.expires,
        "owner": spec.owner,
        "labels": known.object.metadata.labels,
    })
}

fn show(keys: &KeyFolder, list: &List, output: &mut Output) {
    let line = |known: Known<'_>| {
        let expires = known.spec.expires.as_ref().map_or("never".to_owned(), Moment::to_string);
        [known.object.address.short(), known.spec.key_id.to_string(), state(&known).to_owned(), expires]
    };
    let human = || {
        let head = ["NAME", "ID", "STATE", "EXPIRES"].map(str::to_owned);
        let lines: Vec<[String; 4]> = std::iter::once(head).chain(keys.keys().map(line)).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
        let widths = [0, 1, 2].map(width);
        let row = |[name, id, state, expires]: &[String; 4]| {
            format!("{name:0$}  {id:1$}  {state:2$}  {expires}\n", widths[0], widths[1], widths[2])
        };
        lines.iter().map(row).collect()
    };
    let all =
        || json!({ "formatVersion": "1.0", "keys": keys.keys().map(|known| document(&known)).collect::<Vec<_>>() });
    output.show(list.output, human, all);
}
