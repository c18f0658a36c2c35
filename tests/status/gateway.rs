//! A running `gw` on a folder of its own, and the smallest HTTP client. Nothing here knows what the answers should be.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A folder of manifests that goes away with its value.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(manifests: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("gw-status-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0).unwrap();
        for (name, text) in manifests {
            folder.write(name, text);
        }
        folder
    }

    /// Writes a file in one step, so that nobody reads half of it.
    pub fn write(&self, name: &str, text: &str) {
        let hidden = self.0.join(format!(".{name}"));
        fs::write(&hidden, text).unwrap();
        fs::rename(hidden, self.0.join(name)).unwrap();
    }

    pub fn gw(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gw"));
        command.args(["run", "--workers", "2"]).arg(&self.0).env_remove("PORT").env_remove("GW_STATUS_ADDRESS");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A gateway that runs until its value goes away.
pub struct Gateway {
    pub folder: Folder,
    pub http: SocketAddr,
    pub status: SocketAddr,
    child: Child,
    log: Receiver<String>,
}

impl Gateway {
    pub fn start(manifests: &[(&str, &str)]) -> Self {
        let folder = Folder::new(manifests);
        let mut child = folder.gw().spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let nowhere = SocketAddr::from(([0; 4], 0));
        let mut gateway = Self { folder, http: nowhere, status: nowhere, child, log };
        gateway.http = gateway.listening("http");
        gateway.status = gateway.listening("status");
        gateway
    }

    /// Waits for a line of the log.
    pub fn logged(&self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            match self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("no `{part}` in the log: {error}\n{}", seen.join("\n")),
            }
        }
    }

    /// Waits until a listener listens, and says where.
    pub fn listening(&self, name: &str) -> SocketAddr {
        let line = self.logged(&format!("listening listener={name} address="));
        line.rsplit('=').next().unwrap().trim().parse().unwrap()
    }

    /// Asks the status listener.
    pub fn get(&self, path: &str) -> Reply {
        request(self.status, &format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.status))
    }

    /// Asks the status listener until the answer is as wanted.
    pub fn get_until(&self, path: &str, wanted: impl Fn(&Reply) -> bool) -> Reply {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reply = self.get(path);
            if wanted(&reply) {
                return reply;
            }
            assert!(Instant::now() < deadline, "{path} stays at {reply:#?}");
            thread::yield_now();
        }
    }

    /// Tells it to end.
    pub fn terminate(&self) {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(killed.success());
    }

    /// Waits until it has ended, and says how.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn field(&self, name: &str) -> Option<&str> {
        let named = |line: &'_ str| line.split_once(": ").is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        self.head.lines().find(|line| named(line)).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Sends a request that closes its connection, and reads the answer.
pub fn request(address: SocketAddr, text: &str) -> Reply {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head, body: bytes[end + 4..].to_vec() }
}
