//! The gateway as a program, and both of its neighbours as plain sockets: what is checked is what can be seen from outside.
//!
//! Nothing sleeps: everything waits for a line of the log, bytes of a socket or a change, and gives up after [`PATIENCE`].

#![allow(dead_code, reason = "each test binary uses its part of it")]

pub mod browser;
pub mod bucket;
pub mod client;
pub mod command;
pub mod origin;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// After this long a test has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running `gw run`, which ends with its value.
pub struct Gateway {
    child: Child,
    folder: PathBuf,
    /// What it said on standard error.
    pub log: Lines,
    /// Its access log.
    pub access: Lines,
}

/// How a gateway is started.
#[derive(Default)]
pub struct Options {
    pub environment: Vec<(&'static str, String)>,
    /// A program with arguments that is started in its place, and becomes it.
    pub through: Vec<String>,
    /// Its arguments in place of the folder.
    pub arguments: Vec<String>,
}

impl Gateway {
    /// Starts a gateway with one file of manifests, and waits until it listens.
    pub fn start(manifests: &str) -> Self {
        Self::start_in(folder_with(&[("gateway.yaml", manifests)]), &Options::default())
    }

    /// Starts a gateway in a folder that is there.
    pub fn start_in(folder: PathBuf, options: &Options) -> Self {
        let gateway = Self::spawn(folder, options);
        gateway.log.wait_for("listening listener=");
        gateway
    }

    /// Starts a gateway, which may not come to listen.
    pub fn spawn(folder: PathBuf, options: &Options) -> Self {
        let mut command = match options.through.split_first() {
            Some((through, arguments)) => {
                let mut command = Command::new(through);
                command.args(arguments).arg(program());
                command
            }
            None => Command::new(program()),
        };
        match options.arguments.as_slice() {
            [] => command.arg("run").arg(&folder),
            arguments => command.arg("run").args(arguments),
        };
        command.env_remove("PORT").env("GW_WORKERS", "2");
        command.envs(options.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Lines::read(child.stderr.take().unwrap());
        let access = Lines::read(child.stdout.take().unwrap());
        Self { child, folder, log, access }
    }

    /// The address of a listener, the newest one of that name.
    pub fn address(&self, listener: &str) -> SocketAddr {
        let start = format!("listening listener={listener} address=");
        let line = self.log.wait_for(&start);
        let newest = self.log.all().into_iter().rfind(|line| line.contains(&start)).unwrap_or(line);
        newest.split_once(&start).unwrap().1.split(' ').next().unwrap().parse().unwrap()
    }

    /// The address of the listener `http`.
    pub fn http(&self) -> SocketAddr {
        self.address("http")
    }

    /// The folder that it follows.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file of its folder as a careful program does: beside it, then renamed.
    pub fn write(&self, name: &str, text: &str) {
        let hidden = self.folder.join(format!(".{name}.new"));
        fs::write(&hidden, text).unwrap();
        fs::rename(hidden, self.folder.join(name)).unwrap();
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it has ended.
    pub fn ended(&mut self) -> ExitStatus {
        wait_until("the gateway ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The program: `GW_BINARY` names another build of it, a release for example.
pub fn program() -> PathBuf {
    std::env::var_os("GW_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_gw").into(), PathBuf::from)
}

/// The resident memory of a process in KiB.
pub fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().trim().trim_end_matches(" kB").parse().unwrap()
}

/// A new folder with these files.
pub fn folder_with(files: &[(&str, &str)]) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("gateway-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

/// The `Gateway` manifest with ports that the system chooses, and more lines of its `spec`.
pub fn gateway(spec: &str) -> String {
    format!(
        "apiVersion: gw/v1\nkind: Gateway\nmetadata: {{ name: edge }}\nspec:\n  \
         listeners: [{{ name: http, address: \"127.0.0.1:0\" }}]\n  status: {{ address: \"127.0.0.1:0\" }}\n{}",
        indent(spec)
    )
}

/// A `Backend` of one server.
pub fn backend(name: &str, address: SocketAddr, more: &str) -> String {
    format!(
        "---\napiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: {name} }}\nspec:\n  \
         http: {{ targets: [{{ url: \"http://{address}\" }}]{more} }}\n"
    )
}

/// A public `Route` with more lines of its `spec`.
pub fn route(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: gw/v1\nkind: Route\nmetadata: {{ name: {name} }}\nspec:\n  public: true\n{}",
        indent(spec)
    )
}

fn indent(lines: &str) -> String {
    lines.lines().flat_map(|line| ["  ", line, "\n"]).collect()
}

/// Lines that come from a pipe, as they come.
#[derive(Clone)]
pub struct Lines(Arc<(Mutex<Vec<String>>, Condvar)>);

/// Stands for the end of the lines.
const END: &str = "(the end)";

impl Lines {
    /// The lines of a pipe.
    pub fn read(pipe: impl std::io::Read + Send + 'static) -> Self {
        let lines = Self(Arc::default());
        let shared = lines.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                let Ok(line) = line else { break };
                shared.lock().push(line);
                shared.0.1.notify_all();
            }
            shared.lock().push(END.into());
            shared.0.1.notify_all();
        });
        lines
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.0.lock().unwrap()
    }

    /// All lines so far.
    pub fn all(&self) -> Vec<String> {
        self.lock().clone()
    }

    /// How many lines hold a text so far.
    pub fn count(&self, text: &str) -> usize {
        self.lock().iter().filter(|line| line.contains(text)).count()
    }

    /// Waits for a line that holds a text.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_for_nth(text, 1)
    }

    /// Waits for the nth line that holds a text.
    pub fn wait_for_nth(&self, text: &str, nth: usize) -> String {
        let (deadline, mut lines) = (Instant::now() + PATIENCE, self.lock());
        loop {
            if let Some(line) = lines.iter().filter(|line| line.contains(text)).nth(nth - 1) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && lines.last().is_none_or(|line| line != END),
                "no line {nth} with `{text}` in\n{}",
                lines.join("\n")
            );
            lines = self.0.1.wait_timeout(lines, left).unwrap().0;
        }
    }
}

/// Tries until something is there; for what cannot be waited for in another way.
pub fn wait_until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Does the same with each item of a list, in a few threads, each with surroundings of its own; panics with all that failed.
pub fn in_lanes<W, T: Sync>(
    lanes: usize,
    items: &[T],
    world: impl Fn() -> W + Sync,
    check: impl Fn(&W, &T) -> Result<(), String> + Sync,
) {
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for lane in items.chunks(items.len().div_ceil(lanes)) {
            scope.spawn(|| {
                let world = world();
                let failed = lane.iter().filter_map(|item| check(&world, item).err());
                for failure in failed {
                    failures.lock().unwrap().push(failure);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} cases failed:\n\n{}", failures.len(), items.len(), failures.join("\n\n"));
}
