//! `gw run`: serves traffic by a folder of manifests, and follows its changes.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;
use std::{env, thread};

use clap::builder::BoolishValueParser;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::deploy::follow::{Candidate, Follower, Look, Report, follow};
use crate::deploy::watch::{Wake, Watch};
use crate::diagnostic::render;
use crate::proxy::access_log::{AccessLog, Format};
use crate::proxy::handover::{self, Giver, TakenOver};
use crate::proxy::listener::Socket;
use crate::proxy::metrics::Metrics;
use crate::proxy::sockets::Sockets;
use crate::proxy::status::{Rejected, StatusServer, StatusSocket, View};
use crate::proxy::{Proxy, Start, activation};
use crate::table::RouteTable;
use crate::value::address::ListenAddress;

/// How much sooner than what compiles a worker gets a core: a step of 10 is about a tenth of one that both want.
const COMPILING: i32 = 10;

/// Arguments of `gw run`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of manifests.
    #[arg(default_value = "gateway.d", value_name = "DIR")]
    folder: PathBuf,
    /// The environment to run in, by the name of its `Environment`.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
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
    if let Err(message) = start_log(&arguments.log_level, output.log_style.color) {
        output.note(&format!("error: {message}\n"));
        return Exit::Error;
    }
    let mut watch = Watch::new(&arguments.folder);
    // before anything listens: whoever can send a request can also send a signal
    on_signals(&watch);
    let mut follower = Follower::new(&arguments.folder, arguments.env.clone());
    let began = Instant::now();
    let Some(mut first) = first_table(&mut follower, output) else { return Exit::Error };
    let node = match Node::of(&arguments).and_then(|node| node.adapt(&mut first.table).map(|()| node)) {
        Ok(node) => node,
        Err(message) => {
            output.note(&format!("error: {message}\n"));
            return Exit::Error;
        }
    };
    let (sockets, before) = match given(arguments.handover.as_deref()) {
        Ok(given) => given,
        Err(error) => {
            output.note(&format!("error: {error}\n"));
            return Exit::Error;
        }
    };
    let print = first.print;
    let natural = if output.terminal { Format::Text } else { Format::Json };
    let workers = arguments.workers.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    let mut running = match Running::start(first, workers, natural, Arc::clone(&sockets)) {
        Ok(running) => running,
        Err(error) => {
            output.note(&format!("error: {error}\n"));
            return Exit::Error;
        }
    };
    follower.accepted(print);
    running.metrics.reloads.success(began.elapsed());
    let giver = replace(before, arguments.handover.as_deref(), sockets, &watch);
    let style = output.log_style;
    // this thread compiles while the workers, which have begun, answer: they go first
    let _ = rustix::process::nice(COMPILING);
    let why = follow(
        &mut follower,
        &mut watch,
        &mut running.proxy,
        &running.rejected,
        &running.metrics,
        |table| node.adapt(table),
        |report| {
            output.note(&describe(report, style));
        },
    );
    tracing::info!("draining");
    // whoever ends this one may be quicker than the news that it was replaced
    let replaced = matches!(why, Wake::Replaced) || giver.as_ref().is_some_and(Giver::has_given);
    drop(giver);
    running.end(replaced);
    Exit::Ok
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
    status: StatusServer,
    log: thread::JoinHandle<()>,
    metrics: Arc<Metrics>,
    rejected: Rejected,
    ready: Arc<AtomicBool>,
}

impl Running {
    fn start(first: Candidate, workers: usize, natural: Format, sockets: Arc<Sockets>) -> Result<Self, Box<dyn Error>> {
        let (metrics, rejected, ready) = (Arc::<Metrics>::default(), Rejected::default(), Arc::<AtomicBool>::default());
        // Bound before any request is accepted: a gateway that nobody can observe doesn't start.
        let socket = StatusSocket::first(first.table.settings.status.address.0, &sockets)?;
        let (access_log, log) = AccessLog::start(io::stdout(), natural, Arc::clone(&metrics))?;
        let proxy = Proxy::start(
            first.table,
            first.secrets,
            Start { workers, metrics: Arc::clone(&metrics), log: access_log, sockets: Arc::clone(&sockets) },
        )?;
        let view = View {
            live: proxy.live(),
            metrics: Arc::clone(&metrics),
            rejected: Arc::clone(&rejected),
            ready: Arc::clone(&ready),
            sockets,
        };
        // Requests are accepted by now; whoever reads where the status listener is may ask it at once.
        ready.store(true, Ordering::Release);
        let status = StatusServer::start(socket, view)?;
        Ok(Self { proxy, status, log, metrics, rejected, ready })
    }

    fn end(self, replaced: bool) {
        if replaced { self.hand_over() } else { self.drain() }
    }

    /// Lets requests in flight end; until then the status listener says that no new ones are wanted.
    fn drain(self) {
        self.ready.store(false, Ordering::Release);
        self.proxy.drain();
        self.status.stop();
        let _ = self.log.join();
    }

    /// The same once another gateway has its sockets: operators then ask that one.
    fn hand_over(self) {
        self.status.stop();
        self.proxy.hand_over();
        let _ = self.log.join();
    }
}

/// What the node itself says, over what the manifests say.
struct Node {
    port: Option<u16>,
    status: Option<SocketAddr>,
    dev_certificates: bool,
}

impl Node {
    fn of(arguments: &Arguments) -> Result<Self, String> {
        let (status, dev_certificates) = (arguments.status_address, arguments.dev_certificates);
        port().map(|port| Self { port, status, dev_certificates })
    }

    /// `PORT` replaces the port of the listener `http`, or of the only one, and binds all interfaces.
    ///
    /// # Errors
    /// If there are several listeners and none is called `http`, or a certificate is for development only and this node isn't.
    fn adapt(&self, table: &mut RouteTable) -> Result<(), String> {
        if let Some(status) = self.status {
            table.settings.status.address.0 = status;
        }
        let mut made = table.certificates.iter().filter(|(_, certificate)| certificate.is_self_signed());
        if let Some((name, _)) = made.next().filter(|_| !self.dev_certificates) {
            return Err(format!(
                "the certificate `{name}` is self-signed, for development only: give it `files`, or start with `--dev-certificates`"
            ));
        }
        let Some(port) = self.port else { return Ok(()) };
        let listeners = &mut table.settings.listeners;
        let only = listeners.len() == 1;
        let Some(listener) = listeners.iter_mut().find(|listener| only || listener.name.as_str() == "http") else {
            return Err("`PORT` is set, and no listener is called `http`: name one so, or unset `PORT`".to_owned());
        };
        listener.address = ListenAddress::Ip(([0, 0, 0, 0], port).into());
        Ok(())
    }
}

fn port() -> Result<Option<u16>, String> {
    let Ok(text) = env::var("PORT") else { return Ok(None) };
    text.parse()
        .map(Some)
        .map_err(|_| format!("`PORT` is `{}`, which is no port: write a number such as 8080", text.escape_debug()))
}

/// The table to start with. A folder that doesn't compile is no start: there is nothing to go on with.
fn first_table(follower: &mut Follower, output: &mut Output) -> Option<Candidate> {
    loop {
        match follower.look(Wake::Asked) {
            Look::Unsettled => {}
            Look::Same => return None,
            Look::Refused(report) => {
                output.note(&describe(&report, output.log_style));
                return None;
            }
            Look::Table(table, report) => {
                output.note(&describe(&report, output.log_style));
                return Some(*table);
            }
        }
    }
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
    if let Some(trouble) = &report.trouble {
        text.push_str("error: ");
        text.push_str(trouble);
        text.push('\n');
    }
    text
}

fn start_log(level: &str, color: bool) -> Result<(), String> {
    let filter =
        tracing_subscriber::EnvFilter::try_new(level).map_err(|error| format!("`{level}` is no log level: {error}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(color)
        .with_target(false)
        .try_init()
        .map_err(|error| error.to_string())
}

/// SIGTERM and SIGINT end the program, SIGHUP has it look at the folder.
fn on_signals(watch: &Watch) {
    let waker = watch.waker();
    let (ready, wait) = mpsc::channel();
    let listen = move || {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let signals =
                (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()));
            let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = signals else { return };
            let _ = ready.send(());
            loop {
                tokio::select! {
                    _ = terminate.recv() => return waker.wake(Wake::Stop),
                    _ = interrupt.recv() => return waker.wake(Wake::Stop),
                    _ = hangup.recv() => waker.wake(Wake::Asked),
                }
            }
        });
    };
    if thread::Builder::new().name("signals".into()).spawn(listen).is_ok() {
        let _ = wait.recv();
    }
}
