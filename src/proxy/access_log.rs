//! The log of requests: one line for each, written by a thread of its own.
//!
//! A worker hands a record over and goes on. If the reader of the log is too slow, lines are dropped and counted: the
//! log never slows a request down.

use std::io::{BufWriter, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::proxy::metrics::Metrics;

/// How many records may wait.
const WAITING: usize = 16_384;

/// One request, as the log tells it. Queries are left out: they may hold credentials.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// When it began (RFC 3339, UTC).
    #[serde(serialize_with = "timestamp")]
    pub time: SystemTime,
    /// The address of the client.
    pub client: IpAddr,
    /// The TLS that it came over.
    #[serde(flatten, serialize_with = "shared")]
    pub tls: Option<Arc<TlsRecord>>,
    /// The method.
    pub method: String,
    /// The host it was sent to.
    pub host: String,
    /// The normalised path.
    pub path: String,
    /// The route, if one was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The `ApiKey` that it was called with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
    /// Who called, as an `Auth` knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The server that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// How often it was sent again, the last time to that server.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u32,
    /// The status of the answer.
    pub status: u16,
    /// Why the gateway answered with an error of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// From the request's head to the end of the answer, in milliseconds.
    pub duration_ms: f64,
    /// The trace that it is part of, where the plugin `tracing` runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The id that the upstream got.
    pub request_id: String,
    /// The generation of the table that decided.
    pub generation: u64,
    /// Whether the whole answer was sent.
    pub complete: bool,
    /// What decided, for whoever reads records within the program.
    #[serde(skip)]
    pub way: Way,
}

/// What of the table decided on a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Way {
    /// The rule of the router that it met, by its index.
    pub rule: Option<u32>,
    /// The end that it got to, by its index in the route.
    pub end: Option<usize>,
}

/// Records that are read within the program.
pub struct Records(Receiver<(Format, Box<Record>)>);

impl Records {
    /// The next one, if one is there.
    pub fn next(&self) -> Option<Box<Record>> {
        self.0.try_recv().ok().map(|(_, record)| record)
    }
}

/// What the log tells of TLS.
#[derive(Debug, Serialize)]
pub struct TlsRecord {
    /// Its version.
    #[serde(rename = "tls")]
    pub version: &'static str,
    /// The name that the client asked for in the handshake, in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<Box<str>>,
}

/// Where workers hand their records.
#[derive(Clone)]
pub struct AccessLog {
    sender: SyncSender<(Format, Box<Record>)>,
    natural: Format,
    metrics: Arc<Metrics>,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// One line of text for people.
    Text,
}

impl AccessLog {
    /// Starts the thread that writes to `out`; it ends with the last clone of the log. `natural` is the format for that
    /// output where the manifest leaves the choice.
    pub fn start(
        out: impl Write + Send + 'static,
        natural: Format,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<(Self, thread::JoinHandle<()>)> {
        let (sender, receiver) = sync_channel(WAITING);
        let thread = thread::Builder::new().name("access-log".into()).spawn({
            let metrics = Arc::clone(&metrics);
            move || write(&receiver, BufWriter::with_capacity(64 << 10, out), &metrics)
        })?;
        Ok((Self { sender, natural, metrics }, thread))
    }

    /// A log that the program itself reads.
    pub fn within(metrics: Arc<Metrics>) -> (Self, Records) {
        let (sender, receiver) = sync_channel(WAITING);
        (Self { sender, natural: Format::Json, metrics }, Records(receiver))
    }

    /// The format where the manifest leaves the choice.
    pub fn natural_format(&self) -> Format {
        self.natural
    }

    /// Hands a record over, or drops it.
    pub fn write(&self, format: Format, record: Box<Record>) {
        if let Err(TrySendError::Full(_)) = self.sender.try_send((format, record)) {
            self.metrics.log_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes records until the last log is gone. What cannot be written is lost and counted, and said once: a reader that has gone
/// must not end the gateway.
fn write(records: &Receiver<(Format, Box<Record>)>, mut out: BufWriter<impl Write>, metrics: &Metrics) {
    let mut told = false;
    let mut unflushed = false;
    loop {
        let next = if unflushed {
            records.recv_timeout(Duration::from_millis(100))
        } else {
            records.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        let written = match &next {
            Ok((format, record)) => line(&mut out, *format, record),
            Err(_) => out.flush(),
        };
        unflushed = next.is_ok();
        if let Err(error) = written {
            metrics.log_dropped.fetch_add(1, Ordering::Relaxed);
            if !std::mem::replace(&mut told, true) {
                tracing::error!(%error, "the access log cannot be written, lines are lost");
            }
        }
        if matches!(next, Err(RecvTimeoutError::Disconnected)) {
            return;
        }
    }
}

fn line(out: &mut impl Write, format: Format, record: &Record) -> std::io::Result<()> {
    match format {
        Format::Json => {
            serde_json::to_writer(&mut *out, record)?;
            out.write_all(b"\n")
        }
        Format::Text => write!(
            out,
            "{} {} {} {}{} -> {} {} {}B {:.1}ms",
            clock(record.time),
            record.client,
            record.method,
            record.host.escape_debug(),
            record.path.escape_debug(),
            record.status,
            record.route.as_deref().unwrap_or("-"),
            record.bytes,
            record.duration_ms,
        )
        .and_then(|()| match record.tls.as_ref().and_then(|tls| tls.sni.as_deref()) {
            Some(sni) => writeln!(out, " sni={}", sni.escape_debug()),
            None => out.write_all(b"\n"),
        }),
    }
}

/// The time of day in UTC.
fn clock(time: SystemTime) -> String {
    rfc3339(time).get(11..19).unwrap_or_default().to_owned()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::ref_option, reason = "the shape that serde wants")]
fn shared<S: serde::Serializer>(tls: &Option<Arc<TlsRecord>>, serializer: S) -> Result<S::Ok, S::Error> {
    tls.as_deref().serialize(serializer)
}

fn timestamp<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*time))
}

/// A time as RFC 3339 says it, in UTC with milliseconds.
pub fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

/// Days since 1970 as year, month and day of the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::rfc3339;
    use std::time::{Duration, SystemTime};

    #[test]
    fn times_are_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_826_154, "2000-02-29T12:09:14.000Z"),
            (1_795_392_000, "2026-11-23T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}
