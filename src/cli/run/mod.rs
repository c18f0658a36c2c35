//! `gw run`: serves traffic by a folder of manifests or the releases of a store, and follows their changes.

mod node;
mod process;
mod source;

use std::io;
use std::net::SocketAddr;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use clap::builder::BoolishValueParser;

use crate::acme::AcmeThread;
use crate::cli::Exit;
use crate::cli::output::Output;
use crate::cli::run::node::Node;
use crate::cli::run::process::{on_signals, start_log};
use crate::cli::run::source::{Followed, StoreArguments};
use crate::deploy::follow::{Candidate, First, Look, Report, Source, first, follow, note_accepted, note_refused};
use crate::deploy::release::receipt::Reporter;
use crate::deploy::watch::{Wake, Watch};
use crate::diagnostic::render;
use crate::proxy::access_log::{AccessLog, Format};
use crate::proxy::handover::{self, Giver, TakenOver};
use crate::proxy::listener::Socket;
use crate::proxy::metrics::Metrics;
use crate::proxy::sockets::Sockets;
use crate::proxy::status::{Notices, StatusServer, StatusSocket, View};
use crate::proxy::{Proxy, Start, activation};

/// How much sooner than what compiles a worker gets a core: a step of 10 is about a tenth of one that both want.
const COMPILING: i32 = 10;

/// Arguments of `gw run`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of manifests.
    #[arg(default_value = "gateway.d", value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    releases: StoreArguments,
    /// How many threads serve requests. The default is one for each core.
    #[arg(long, env = "GW_WORKERS", value_name = "N")]
    workers: Option<NonZero<usize>>,
    /// The address for health, metrics and status, in place of the one that `Gateway` says.
    #[arg(long, env = "GW_STATUS_ADDRESS", value_name = "ADDRESS")]
    status_address: Option<SocketAddr>,
    /// The path of a socket by which a gateway that is started with the same path takes this one's place: it takes the
    /// listening sockets over, and once it accepts on them this one drains and ends. No connection is refused or reset.
    #[arg(long, env = "GW_HANDOVER", value_name = "PATH")]
    handover: Option<PathBuf>,
    /// Accept certificates that the gateway makes itself (`selfSigned`), for development.
    #[arg(long, env = "GW_DEV_CERTIFICATES", value_parser = BoolishValueParser::new())]
    dev_certificates: bool,
    /// What the program logs of itself: `error`, `warn`, `info`, `debug`, or a filter such as `gw::deploy=debug`.
    #[arg(long, env = "GW_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    log_level: String,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let done = start_log(&arguments.log_level, output.log_style.color).and_then(|()| serve(&arguments, output));
    match done {
        Ok(exit) => exit,
        Err(message) => output.verdict(Err(message)),
    }
}

/// Serves until it is told to stop, or says why it cannot.
fn serve(arguments: &Arguments, output: &mut Output) -> Result<Exit, String> {
    let metrics = Arc::<Metrics>::default();
    let Followed { mut source, mut watch } = Followed::open(arguments, &metrics)?;
    let report_to = arguments.releases.report_to()?;
    // before anything listens: whoever can send a request can also send a signal
    on_signals(&watch);
    let began = Instant::now();
    let (style, natural) = (output.log_style, if output.terminal { Format::Text } else { Format::Json });
    let mut tell = |report: &Report| output.note(&describe(report, style));
    let Some(first) = first(&mut *source, &mut tell) else { return Ok(Exit::Error) };
    let (sockets, before) = given(arguments.handover.as_deref()).map_err(|error| error.to_string())?;
    let node = Node::of(arguments, before.is_some())?;
    let start = |mut table: Candidate| {
        node.adapt(&mut table.table)?;
        Running::start(table, arguments.workers(), natural, &metrics, &sockets, &node)
    };
    let (mut running, refused) = begin(&mut *source, first, start, &mut tell)?;
    note_accepted(&*source, began.elapsed(), &running.notices, &metrics);
    if let Some(refused) = refused {
        note_refused(&refused, &running.notices, &metrics);
    }
    let giver = replace(before, arguments.handover.as_deref(), sockets, &watch);
    let notices = Arc::clone(&running.notices);
    let report = |to| Reporter::start(to, running.proxy.live(), Arc::clone(&notices), Arc::clone(&metrics));
    let reporter = report_to.map(report).transpose().map_err(text)?;
    let adapt = |table: &mut _| node.adapt(table);
    let tell = |report: &Report| {
        tell(report);
        reporter.iter().for_each(Reporter::poke);
    };
    // this thread compiles while the workers, which have begun, answer: they go first
    let _ = rustix::process::nice(COMPILING);
    let why = follow(&mut *source, &mut watch, &mut running.proxy, &notices, &metrics, adapt, tell);
    tracing::info!("draining");
    // whoever ends this one may be quicker than the news that it was replaced
    let replaced = matches!(why, Wake::Replaced) || giver.as_ref().is_some_and(Giver::has_given);
    drop(giver);
    running.end(replaced);
    Ok(Exit::Ok)
}

/// Starts with a table, or with the last one that was good if this one cannot be put in force: what was refused then comes second.
fn begin(
    source: &mut dyn Source,
    First { table, report, refused }: First,
    start: impl Fn(Candidate) -> Result<Running, String>,
    tell: &mut impl FnMut(&Report),
) -> Result<(Running, Option<Report>), String> {
    let (print, digest, began) = (table.print, table.table.digest, Instant::now());
    let error = match start(table) {
        Ok(running) => {
            source.accepted(print);
            return Ok((running, refused));
        }
        Err(error) => error,
    };
    match source.last_known_good() {
        Some(Look::Table(good, _)) if good.table.digest != digest => {
            let report = report.not_put_in_force(error);
            tell(&report);
            let print = good.print;
            let running = start(*good)?;
            source.accepted(print);
            source.failed(began.elapsed());
            Ok((running, Some(report)))
        }
        _ => Err(error),
    }
}

impl Arguments {
    fn workers(&self) -> usize {
        self.workers.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get)
    }
}

/// The sockets that the program is given: by a service manager, or by the gateway whose place it takes.
fn given(handover: Option<&Path>) -> io::Result<(Arc<Sockets>, Option<TakenOver>)> {
    let mut sockets = activation::sockets()?;
    let mut before = handover.map(handover::take_over).transpose()?.flatten();
    if let Some(before) = &mut before {
        sockets.append(&mut before.sockets);
    }
    Ok((Arc::new(Sockets::given(sockets)), before))
}

/// Tells the gateway before this one that it is replaced, and waits for one that replaces this one.
fn replace(before: Option<TakenOver>, path: Option<&Path>, sockets: Arc<Sockets>, watch: &Watch) -> Option<Giver> {
    for name in sockets.close_untaken() {
        tracing::warn!(name, "no listener wants a socket that the program was given");
    }
    if let Some(Err(error)) = before.map(TakenOver::accepted) {
        tracing::error!(%error, "the gateway before this one may still be running");
    }
    // it may have been told to end in the midst of it
    for (_, open) in sockets.all_open() {
        open.iter().for_each(Socket::hear);
    }
    let waker = watch.waker();
    match Giver::start(path?, sockets, move || waker.wake(Wake::Replaced)) {
        Ok(giver) => Some(giver),
        Err(error) => {
            tracing::error!(%error, "no other gateway can take this one's place");
            None
        }
    }
}

/// The data plane with all that goes with it.
struct Running {
    proxy: Proxy,
    acme: Option<AcmeThread>,
    status: StatusServer,
    log: thread::JoinHandle<()>,
    notices: Arc<Notices>,
    ready: Arc<AtomicBool>,
}

impl Running {
    fn start(
        first: Candidate,
        workers: usize,
        natural: Format,
        metrics: &Arc<Metrics>,
        sockets: &Arc<Sockets>,
        node: &Node,
    ) -> Result<Self, String> {
        let (notices, ready) = (Arc::<Notices>::default(), Arc::<AtomicBool>::default());
        // Bound before any request is accepted: a gateway that nobody can observe doesn't start.
        let socket = StatusSocket::first(first.table.settings.status.address.0, sockets).map_err(text)?;
        let (access_log, log) = AccessLog::start(io::stdout(), natural, Arc::clone(metrics)).map_err(text)?;
        let start = Start {
            workers,
            metrics: Arc::clone(metrics),
            log: access_log,
            sockets: Arc::clone(sockets),
            issued: node.acme.issued(),
            counts: node.counts.clone(),
        };
        let proxy = Proxy::start(first.table, first.secrets, start).map_err(text)?;
        let acme = node.acme.start(proxy.live()).map_err(text)?;
        let view = View {
            live: proxy.live(),
            metrics: Arc::clone(metrics),
            notices: Arc::clone(&notices),
            ready: Arc::clone(&ready),
            sockets: Arc::clone(sockets),
        };
        // Requests are accepted by now; whoever reads where the status listener is may ask it at once.
        ready.store(true, Ordering::Release);
        let status = StatusServer::start(socket, view).map_err(text)?;
        Ok(Self { proxy, acme, status, log, notices, ready })
    }

    fn end(self, replaced: bool) {
        if replaced { self.hand_over() } else { self.drain() }
    }

    /// Lets requests in flight end; until then the status listener says that no new ones are wanted.
    fn drain(self) {
        self.ready.store(false, Ordering::Release);
        if let Some(acme) = self.acme {
            acme.stop();
        }
        self.proxy.drain();
        self.status.stop();
        let _ = self.log.join();
    }

    /// The same once another gateway has its sockets: operators then ask that one.
    fn hand_over(self) {
        self.status.stop();
        if let Some(acme) = self.acme {
            acme.stop();
        }
        self.proxy.hand_over();
        let _ = self.log.join();
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn describe(report: &Report, style: render::Style) -> String {
    let mut text = String::new();
    if !report.diagnostics.is_empty() {
        text = (render::FORMATS[0].render)(&render::Report {
            sources: &report.sources,
            diagnostics: &report.diagnostics,
            style,
        });
    }
    let trouble = report.trouble.as_deref();
    let line = match (report.reason, report.serial) {
        (None, _) => trouble.map(str::to_owned),
        (Some(reason), None) => trouble.map(|trouble| format!("no new release ({reason}): {trouble}")),
        (Some(reason), Some(serial)) => {
            let trouble = trouble.unwrap_or("its manifests have errors");
            Some(format!("release {serial} is refused ({reason}): {trouble}"))
        }
    };
    line.into_iter().fold(text, |text, line| text + "error: " + &line + "\n")
}
