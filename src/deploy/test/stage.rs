//! Where cases are played: a rehearsal of the data plane, and all that can be told of a request that went through it.

use std::io;
use std::sync::Arc;

use crate::deploy::test::parts::{Entries, Journal, Parts};
use crate::proxy::rehearsal::{Caller, Played, Rehearsal, RehearsalError};

/// A request as it is played.
#[derive(Clone, Debug)]
pub struct Script {
    /// Who sends it.
    pub caller: Caller,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Got {
    /// The status of the answer; 0 if there was none.
    pub status: u16,
    /// The header fields of the answer.
    pub fields: Vec<(String, String)>,
    /// Why the gateway answered with an error of its own.
    pub error: Option<&'static str>,
    /// The route.
    pub route: Option<Box<str>>,
    /// The rule of the router that led to it, by its index.
    pub rule: Option<u32>,
    /// The backend that it got to.
    pub backend: Option<Box<str>>,
    /// The plugins that ran, by their places in the route.
    pub ran: Vec<usize>,
    /// The plugin that answered, by its place in the route.
    pub answered: Option<usize>,
    /// The names of that plugin: its id and its type.
    pub rejected_by: Option<(Box<str>, &'static str)>,
    /// What the backend got: the path, and the header fields.
    pub sent: Option<(String, Vec<(String, String)>)>,
}

/// Where cases are played.
pub struct Stage {
    rehearsal: Rehearsal,
    journal: Arc<Journal>,
}

impl Stage {
    /// A stage with a table.
    ///
    /// # Errors
    /// If the table cannot be made ready, or a socket on loopback cannot be had.
    pub fn new(parts: &Parts) -> Result<Self, RehearsalError> {
        let journal = Arc::<Journal>::default();
        let rehearsal = Rehearsal::start(parts.table(&journal), parts.secrets())?;
        Ok(Self { rehearsal, journal })
    }

    /// The same stage with another table.
    ///
    /// # Errors
    /// If it cannot be made ready.
    pub fn change(&mut self, parts: &Parts) -> Result<(), RehearsalError> {
        self.rehearsal.swap(parts.table(&self.journal), parts.secrets())
    }

    /// Plays one request to the table on the stage, of which `parts` are the parts.
    ///
    /// # Errors
    /// If the program has too many open files.
    pub fn play(&mut self, script: &Script, parts: &Parts) -> io::Result<Got> {
        self.journal.take();
        let played = self.rehearsal.play(script.caller, &script.bytes)?;
        Ok(told(&played, self.journal.take(), parts))
    }
}

fn told(played: &Played, entries: Entries, parts: &Parts) -> Got {
    let Entries { ran, answered, asked } = entries;
    let mut got = Got { ran, answered, ..Got::default() };
    (got.status, got.fields) = answer(&played.answer);
    got.sent = asked.map(|asked| (asked.path, asked.fields)).or_else(|| played.sent.as_deref().and_then(request));
    let Some(record) = &played.record else { return got };
    got.error = record.error;
    got.rule = record.way.rule;
    let rule = record.way.rule.and_then(|rule| parts.rules.get(rule as usize));
    let Some(route) = rule.and_then(|rule| parts.routes.get(rule.route as usize)) else { return got };
    got.route = Some(route.name.clone());
    got.backend = record.way.end.and_then(|end| Some(route.ends.get(end)?.name.clone()));
    let step = answered.and_then(|index| route.steps.iter().find(|step| step.index == index));
    got.rejected_by = step.map(|step| (step.id.clone(), step.plugin_name));
    got
}

/// The status and header fields of an answer.
fn answer(bytes: &[u8]) -> (u16, Vec<(String, String)>) {
    let (first, fields) = head(bytes);
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or(0), fields)
}

/// The path and header fields of a request.
fn request(bytes: &[u8]) -> Option<(String, Vec<(String, String)>)> {
    let (first, fields) = head(bytes);
    let target = first.split(' ').nth(1)?;
    Some((target.split_once('?').map_or(target, |(path, _)| path).to_owned(), fields))
}

/// The first line and the header fields of a head that the gateway itself has written.
fn head(bytes: &[u8]) -> (String, Vec<(String, String)>) {
    let end = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let fields = lines.filter_map(|line| line.split_once(':'));
    (first, fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect())
}
