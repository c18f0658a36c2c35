//! The account of a request: what is counted and logged of it when its answer has ended, however it ends.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::pipeline::caller::Caller;
use crate::pipeline::exchange::{Client, Kept};
use crate::pipeline::trace::TraceId;
use crate::proxy::access_log::{Format, Record, Way};
use crate::proxy::balance::LiveTarget;
use crate::proxy::connection::Connection;
use crate::proxy::core::{Heads, Pinned};
use crate::table::settings::LogFormat;

/// What stands for the status of a request whose client went away before its answer, as nginx has it.
const CLIENT_GONE: u16 = 499;

/// What is noted of a request when its answer has ended, however it ends.
pub struct Account {
    /// The connection it came by.
    pub connection: Rc<Connection>,
    /// The generation that decided.
    pub generation: Pinned,
    /// The index of its route, if one was found.
    pub route: Option<u32>,
    /// When it began.
    pub started: Instant,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the answer's body so far.
    pub bytes: u64,
    /// The server that it is at, as indices of its backend in the generation and of the target in the backend.
    at: Option<(u32, u32)>,
    /// The backend that let it through, as an index into the generation's.
    admitted: Option<u32>,
    /// What the log will say, if it is on.
    pub record: Option<(Format, Box<Record>)>,
    /// Whether the whole answer was handed over.
    pub complete: bool,
    /// What plugins keep until then.
    pub kept: Kept,
    /// Whether nobody has asked: it is neither counted nor logged then.
    beside: bool,
}

impl Account {
    pub fn open(connection: &Rc<Connection>, generation: &Pinned) -> Self {
        Self {
            connection: Rc::clone(connection),
            generation: Rc::clone(generation),
            route: None,
            started: Instant::now(),
            status: 0,
            bytes: 0,
            at: None,
            admitted: None,
            record: None,
            complete: false,
            kept: Kept::default(),
            beside: false,
        }
    }

    /// The account of a request that nobody waits for.
    pub fn beside(connection: &Rc<Connection>, generation: &Pinned) -> Self {
        let mut account = Self::open(connection, generation);
        account.beside = true;
        account
    }

    pub fn note_request(&mut self, connection: &Connection, heads: &Heads, from: Client, id: &[u8]) {
        let settings = self.generation.table.settings.access_log;
        if !settings.enabled {
            return;
        }
        let format = match settings.format {
            LogFormat::Json => Format::Json,
            LogFormat::Text => Format::Text,
            LogFormat::Auto => connection.core.log.natural_format(),
        };
        let request = &heads.request;
        let record = Record {
            time: SystemTime::now(),
            client: from.ip,
            tls: connection.tls.as_ref().map(|tls| Arc::clone(&tls.logged)),
            method: request.method.to_string(),
            host: request.host.clone(),
            path: request.path.clone(),
            route: None,
            consumer: None,
            subject: None,
            upstream: None,
            retries: 0,
            status: 0,
            error: None,
            bytes: 0,
            duration_ms: 0.0,
            trace_id: None,
            request_id: String::from_utf8_lossy(id).into_owned(),
            generation: self.generation.number,
            complete: false,
            way: Way::default(),
        };
        self.record = Some((format, Box::new(record)));
    }

    /// Notes its route, and the rule that led to it.
    pub fn note_route(&mut self, name: &str, rule: u32) {
        if let Some((_, record)) = &mut self.record {
            record.route = Some(name.to_owned());
            record.way.rule = Some(rule);
        }
    }

    /// Notes who proved to be whom.
    pub fn note_caller(&mut self, caller: &Caller) {
        if let Some((_, record)) = &mut self.record {
            record.consumer = caller.consumer.as_ref().map(|consumer| consumer.name.to_string());
            record.subject = caller.identity.as_ref().map(|identity| identity.subject.to_string());
        }
    }

    /// Notes the end of its route that it gets to.
    pub fn note_end(&mut self, index: usize) {
        if let Some((_, record)) = &mut self.record {
            record.way.end = Some(index);
        }
    }

    /// Notes the backend that let it through, until it ends.
    pub fn note_admission(&mut self, backend: u32) {
        self.admitted = Some(backend);
    }

    /// Notes the trace that it is part of.
    pub fn note_trace(&mut self, trace: Option<TraceId>) {
        if let (Some((_, record)), Some(trace)) = (&mut self.record, trace) {
            record.trace_id = Some(trace.to_string());
        }
    }

    /// Notes how often it was sent again.
    pub fn note_retries(&mut self, count: u32) {
        if let Some((_, record)) = &mut self.record {
            record.retries = count;
        }
    }

    /// Notes the server that is asked: the request is at it until it is at another one, or ends.
    pub fn note_upstream(&mut self, backend: u32, target: u32) {
        self.leave_upstream();
        self.at = Some((backend, target));
        let Some(target) = self.upstream() else { return };
        target.state.begin();
        let url = self.record.is_some().then(|| target.url.to_string());
        if let Some((_, record)) = &mut self.record {
            record.upstream = url;
        }
    }

    /// The server that it is at.
    fn upstream(&self) -> Option<&LiveTarget> {
        let (backend, target) = self.at?;
        self.generation.backends.get(backend as usize)?.targets.get(target as usize)
    }

    fn leave_upstream(&mut self) {
        if let Some(target) = self.upstream() {
            target.state.end();
        }
        self.at = None;
    }

    pub fn note_error(&mut self, cause: Option<&'static str>) {
        if let Some((_, record)) = &mut self.record {
            record.error = cause;
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.leave_upstream();
        if let Some(backend) = self.admitted.and_then(|backend| self.generation.backends.get(backend as usize)) {
            backend.leave();
        }
        if self.beside {
            return;
        }
        let duration = self.started.elapsed();
        if self.status == 0 {
            self.status = CLIENT_GONE;
            if let Some((_, record)) = &mut self.record {
                record.error = Some("client-gone");
            }
        }
        let core = &self.connection.core;
        match self.route.and_then(|route| self.generation.routes.get(route as usize)) {
            Some(route) => route.metrics.count(self.status, duration),
            None => core.metrics.unrouted.count(self.status, duration),
        }
        if let Some((format, mut record)) = self.record.take() {
            record.status = self.status;
            record.bytes = self.bytes;
            record.duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3;
            record.complete = self.complete;
            core.log.write(format, record);
        }
    }
}
