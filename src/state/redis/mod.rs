//! Counts that nodes share, in a Redis or Valkey: one script call decides, for all windows of a subject at once.
//!
//! A key is `PREFIX:1:OWNER:SUBJECT`, with the version of its format, and holds a hash with one mark for each window. All that a
//! call touches is that one key, so that a cluster needs nothing more.

mod connection;
mod health;

#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::LazyLock;
use std::time::Duration;

use redis::{RedisResult, Script};
use tokio::sync::{mpsc, oneshot};

use crate::pipeline::background::{Background, Task};
use crate::pipeline::limits::store::{Call, Care, Deciding, Decision, LimitStore, StoreFailure, Used};
use crate::pipeline::limits::window::{Mark, Measure, Window};
use crate::state::batches::{Batches, Granted};
use crate::state::memory::Memory;
use crate::state::redis::connection::Connection;
pub use crate::state::redis::connection::Endpoint;
use crate::state::redis::health::Health;

/// The version of the format of keys and marks.
const FORMAT: u32 = 1;

/// The script. Redis knows it by its digest, and is sent it again where it doesn't.
static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));

/// The most calls that wait for an answer; more are failures at once.
const WAITING: usize = 10_000;

/// What is counted in a Redis.
pub struct Redis {
    asks: mpsc::Sender<Ask>,
    prefix: Box<str>,
    timeout: Duration,
    health: Arc<Health>,
    /// Whether its own clock decides, as it does unless a test says otherwise.
    own_clock: bool,
    batches: Batches,
    /// The counts as this node heard of them last.
    heard: Arc<Memory>,
    _task: Task,
}

/// A call of the script, and who waits for its answer.
struct Ask {
    key: String,
    arguments: Vec<String>,
    answer: oneshot::Sender<RedisResult<Vec<u64>>>,
}

/// The outcome of a call of the script.
type Taking = Pin<Box<dyn Future<Output = Result<Granted, StoreFailure>> + Send>>;

impl Redis {
    /// Counts that are kept there. It is connected to when the first call comes, on the thread that is given.
    ///
    /// # Errors
    /// If its URL or certificates are unusable, or the thread cannot be started.
    pub fn new(endpoint: Endpoint, prefix: &str, background: &Background) -> Result<Self, StoreFailure> {
        endpoint.check().map_err(|error| StoreFailure(error.to_string()))?;
        let (asks, asked) = mpsc::channel(WAITING);
        let timeout = endpoint.timeout;
        let task = background.spawn(serve(endpoint, asked)).map_err(|error| StoreFailure(error.to_string()))?;
        let (health, batches, heard) = (Arc::new(Health::new()), Batches::default(), Arc::default());
        Ok(Self { asks, prefix: prefix.into(), timeout, health, own_clock: true, batches, heard, _task: task })
    }

    /// Takes up to so many at once.
    fn ask(&self, call: Call<'_>, wanted: u32) -> Taking {
        let failed = |why: &str| -> Taking { Box::pin(std::future::ready(Err(StoreFailure(why.to_owned())))) };
        if self.health.rests() {
            return failed("it did not answer lately");
        }
        let (answer, answered) = oneshot::channel();
        let key = format!("{}:{FORMAT}:{}:{}", self.prefix, call.owner, call.subject);
        let ask = Ask { key, arguments: self.arguments(call, wanted), answer };
        if self.asks.try_send(ask).is_err() {
            return failed("too many calls wait for it");
        }
        let (timeout, count, health) = (self.timeout, call.windows.len(), Arc::clone(&self.health));
        Box::pin(async move {
            let answer = match tokio::time::timeout(timeout, answered).await {
                Ok(Ok(answer)) => answer.map_err(|error| error.to_string()),
                Ok(Err(_)) => Err("the connection was given up".to_owned()),
                Err(_) => Err("it took too long".to_owned()),
            };
            let granted =
                answer.and_then(|answer| read(&answer, count).ok_or("an answer is not understood".to_owned()));
            match granted {
                Ok(granted) => {
                    health.answered();
                    Ok(granted)
                }
                Err(why) => {
                    health.failed(&why);
                    Err(StoreFailure(why))
                }
            }
        })
    }

    /// Notes a decision, for it says what all nodes have counted.
    fn hearing(&self, call: Call<'_>) -> impl FnOnce(Decision) -> Decision + Send + use<> {
        let has_quota = call.windows.iter().any(Window::is_quota);
        let noted =
            has_quota.then(|| (Arc::clone(&self.heard), Box::<str>::from(call.owner), Box::<str>::from(call.subject)));
        let windows = Arc::clone(call.windows);
        move |decision| {
            if let Some((heard, owner, subject)) = noted {
                let call = Call { windows: &windows, owner: &owner, subject: &subject, now: decision.now };
                heard.note(call, &decision.marks);
            }
            decision
        }
    }

    fn arguments(&self, call: Call<'_>, wanted: u32) -> Vec<String> {
        let clock = |part: u64| if self.own_clock { String::new() } else { part.to_string() };
        let mut arguments = vec![clock(call.now / NANOS), clock(call.now % NANOS), wanted.to_string()];
        for window in call.windows.iter() {
            arguments.push(window.name.to_string());
            arguments.extend(measured(window, call.now));
        }
        arguments
    }
}

const NANOS: u64 = 1_000_000_000;

/// What the script is told of a window.
fn measured(window: &Window, now: u64) -> [String; 4] {
    match &window.measure {
        Measure::Rate(pace) => ["rate".into(), pace.interval().to_string(), pace.span().to_string(), "0".into()],
        Measure::Quota { cycle, limit, zone } => {
            let period = cycle.period(zone.rules(), now);
            // the period after it too, for a count may be one of the next
            let ends = cycle.begin(zone.rules(), period.saturating_add(2)).saturating_sub(now) / 1_000_000;
            ["quota".into(), limit.to_string(), period.to_string(), ends.to_string()]
        }
    }
}

/// What the script answers; the times of rates come as seconds and nanoseconds.
fn read(answer: &[u64], windows: usize) -> Option<Granted> {
    let [taken, seconds, nanos, marks @ ..] = answer else { return None };
    let pairs = marks.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>();
    (pairs.len() == windows).then_some(())?;
    Some(Granted { taken: u32::try_from(*taken).ok()?, now: seconds * NANOS + nanos, pairs })
}

impl Granted {
    fn decision(&self, windows: &[Window]) -> Decision {
        let marks = windows.iter().zip(&self.pairs).map(|(window, (a, b))| match window.measure {
            Measure::Rate(_) => Mark { at: a * NANOS + b, count: 0 },
            Measure::Quota { .. } => Mark { at: *a, count: *b },
        });
        Decision { granted: self.taken > 0, marks: marks.collect(), now: self.now }
    }
}

impl LimitStore for Redis {
    fn take(&self, call: Call<'_>, care: Care) -> Deciding {
        let windows = Arc::clone(call.windows);
        let hear = self.hearing(call);
        let Care::Batches(batch) = care else {
            let asked = self.ask(call, 1);
            return Deciding::Later(Box::pin(async move { Ok(hear(asked.await?.decision(&windows))) }));
        };
        let mut found = self.batches.find(call, batch);
        if let Some(granted) = found.granted.take() {
            return Deciding::Now(Ok(granted.decision(&windows)));
        }
        let asked = self.ask(call, found.wanted());
        Deciding::Later(Box::pin(async move {
            let granted = asked.await?;
            found.keep(&granted);
            Ok(hear(granted.decision(&windows)))
        }))
    }

    /// What all nodes have counted, of the subjects that came by this one.
    fn used(&self, owner: &str, at_most: usize) -> Vec<Used> {
        self.heard.used(owner, at_most)
    }
}

/// Connects, and sends what is asked; after a loss it connects again with the next call.
async fn serve(endpoint: Endpoint, mut asked: mpsc::Receiver<Ask>) {
    let mut connection: Option<Connection> = None;
    while let Some(ask) = asked.recv().await {
        if connection.is_none() {
            match endpoint.connect().await {
                Ok(made) => connection = Some(made),
                Err(error) => {
                    let _ = ask.answer.send(Err(error));
                    continue;
                }
            }
        }
        let Some(connection) = &connection else { continue };
        let mut connection = connection.clone();
        tokio::spawn(async move {
            let mut call = TAKE.key(ask.key);
            ask.arguments.iter().for_each(|argument| {
                call.arg(argument);
            });
            let _ = ask.answer.send(call.invoke_async(&mut connection).await);
        });
    }
}
