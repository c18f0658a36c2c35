//! A server that notes every byte it got, and answers as a script says, legal or not.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::{PATIENCE, wait_until};

/// A running server, which ends with its value.
pub struct Origin {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    ended: AtomicBool,
}

/// A request as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The request line and the field lines.
    pub head: Vec<String>,
    /// The body, its chunks put together.
    pub body: Vec<u8>,
    pub trailers: Vec<String>,
    /// Whether it came to its end.
    pub complete: bool,
    /// The number of the connection that it came by, from 1.
    pub connection: usize,
}

impl Seen {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The values of a field, whose name is in lower case.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let prefix = format!("{name}: ");
        self.head.iter().skip(1).filter_map(|line| line.strip_prefix(&prefix)).collect()
    }
}

/// A connection of the server, for scripts.
pub struct Peer {
    pub stream: TcpStream,
    pub number: usize,
    buffer: Vec<u8>,
    shared: Arc<Shared>,
}

impl Origin {
    /// A server that runs a script on each connection, which is closed when it returns.
    pub fn start(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (shared, script) = (Arc::<Shared>::default(), Arc::new(script));
        let mine = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if mine.ended.load(Ordering::Relaxed) {
                    return;
                }
                let number = mine.connections.fetch_add(1, Ordering::SeqCst) + 1;
                mine.open.fetch_add(1, Ordering::SeqCst);
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_nodelay(true).unwrap();
                let mut peer = Peer { stream, number, buffer: Vec::new(), shared: Arc::clone(&mine) };
                let script = Arc::clone(&script);
                thread::spawn(move || script(&mut peer));
            }
        });
        Self { address, shared }
    }

    /// A server that answers every request with 200, its fields and a body.
    pub fn answering(answer: &'static str) -> Self {
        Self::start(move |peer| {
            while peer.request().is_some() {
                peer.send(answer);
            }
        })
    }

    /// A server that answers every request with `ok`.
    pub fn ok() -> Self {
        Self::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    }

    /// The requests so far, whole or not.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Waits for so many whole requests.
    pub fn wait_for(&self, count: usize) -> Vec<Seen> {
        wait_until("the origin has seen enough requests", || Some(self.seen()).filter(|seen| seen.len() >= count))
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.shared.requests.lock().unwrap().clear();
    }

    /// How many connections it has had.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Peer {
    /// Reads a whole request and notes it, whole or not; `None` if there is no more.
    pub fn request(&mut self) -> Option<Seen> {
        let mut seen = self.head()?;
        let whole = self.body(&mut seen).is_some();
        seen.complete = whole;
        self.shared.requests.lock().unwrap().push(seen.clone());
        whole.then_some(seen)
    }

    /// Reads the head of a request, without noting it.
    pub fn head(&mut self) -> Option<Seen> {
        let head = self.take_until(b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(&head[..head.len() - 4]).into_owned();
        let head = text.split("\r\n").map(str::to_owned).collect();
        Some(Seen { head, connection: self.number, ..Seen::default() })
    }

    /// Reads the body of a request.
    pub fn body(&mut self, seen: &mut Seen) -> Option<()> {
        if seen.all("transfer-encoding") == ["chunked"] {
            return self.chunks(seen);
        }
        let length = seen.head.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
        });
        let length = length.unwrap_or(0);
        while seen.body.len() < length {
            let take = (length - seen.body.len()).min(self.buffer.len());
            seen.body.extend(self.buffer.drain(..take));
            if seen.body.len() < length {
                self.read_more().then_some(())?;
            }
        }
        Some(())
    }

    fn chunks(&mut self, seen: &mut Seen) -> Option<()> {
        loop {
            let line = self.take_until(b"\r\n")?;
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim_end(), 16).unwrap();
            if size == 0 {
                break;
            }
            while self.buffer.len() < size + 2 {
                self.read_more().then_some(())?;
            }
            seen.body.extend(self.buffer.drain(..size));
            assert_eq!(self.buffer.drain(..2).collect::<Vec<_>>(), b"\r\n");
        }
        loop {
            let line = self.take_until(b"\r\n")?;
            if line == b"\r\n" {
                return Some(());
            }
            seen.trailers.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
    }

    /// Sends bytes; that the other end takes no more is its affair.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.stream.write_all(bytes.as_ref());
        self
    }

    /// Says that nothing more comes.
    pub fn finish(&mut self) -> &mut Self {
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// Has the connection end with a reset when the script returns.
    pub fn reset(&mut self) {
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(std::time::Duration::ZERO));
    }

    /// Reads until the gateway ends the connection, and gives what came.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.read_more() {}
        std::mem::take(&mut self.buffer)
    }

    /// Reads so many bytes.
    pub fn exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < length {
            self.read_more().then_some(())?;
        }
        Some(self.buffer.drain(..length).collect())
    }

    fn take_until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                return Some(self.buffer.drain(..at + end.len()).collect());
            }
            self.read_more().then_some(())?;
        }
    }

    fn read_more(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        let length = self.stream.read(&mut piece).unwrap_or(0);
        self.buffer.extend_from_slice(&piece[..length]);
        length > 0
    }
}
