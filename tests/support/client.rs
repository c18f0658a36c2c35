//! A client that sends any bytes, and reads answers as RFC 9112 says.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::PATIENCE;

/// A connection to the gateway.
pub struct Client {
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The status line and the fields, names in lower case.
    pub head: Vec<String>,
    pub body: Vec<u8>,
    pub trailers: Vec<String>,
    /// Whether its framing says that nothing is missing.
    pub complete: bool,
}

impl Answer {
    /// The values of a field.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let prefix = format!("{name}:");
        self.head.iter().skip(1).filter_map(|line| line.strip_prefix(&prefix)).map(str::trim_start).collect()
    }

    /// The only value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "several `{name}` in {:?}", self.head);
        values.first().copied()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    /// Sends bytes; that the other end takes no more is for the answers to show.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.stream.write_all(bytes.as_ref());
        self
    }

    /// Says that nothing more comes.
    pub fn finish(&mut self) -> &mut Self {
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// Reads one answer to a request other than `HEAD`.
    pub fn answer(&mut self) -> Answer {
        self.try_answer(false).expect("an answer")
    }

    /// Reads the answer to a `HEAD` request.
    pub fn head_answer(&mut self) -> Answer {
        self.try_answer(true).expect("an answer")
    }

    /// Reads the next answer; `None` if the connection ends without one.
    pub fn try_answer(&mut self, head_only: bool) -> Option<Answer> {
        let head = self.take_until(b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(&head).into_owned();
        let mut lines = text.trim_end().split("\r\n").map(lower_name);
        let mut answer = Answer { head: lines.by_ref().collect(), complete: true, ..Answer::default() };
        answer.status = answer.head[0].split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        if head_only || matches!(answer.status, 100..=199 | 204 | 304) {
            return Some(answer);
        }
        if answer.get("transfer-encoding") == Some("chunked") {
            answer.complete = self.read_chunks(&mut answer).is_some();
        } else if let Some(length) = answer.get("content-length").map(|length| length.parse::<usize>().unwrap()) {
            answer.complete = self.fill(length);
            let end = length.min(self.buffer.len());
            answer.body = self.buffer.drain(..end).collect();
        } else {
            answer.body = self.rest();
        }
        Some(answer)
    }

    fn read_chunks(&mut self, answer: &mut Answer) -> Option<()> {
        loop {
            let line = self.take_until(b"\r\n")?;
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).ok()?;
            if size == 0 {
                break;
            }
            let whole = self.fill(size + 2);
            let end = size.min(self.buffer.len());
            answer.body.extend(self.buffer.drain(..end));
            if !whole {
                return None;
            }
            self.buffer.drain(..2);
        }
        loop {
            let line = self.take_until(b"\r\n")?;
            if line == b"\r\n" {
                return Some(());
            }
            answer.trailers.push(lower_name(String::from_utf8_lossy(&line).trim_end()));
        }
    }

    /// Reads all answers until the gateway closes the connection.
    pub fn answers(&mut self) -> Vec<Answer> {
        std::iter::from_fn(|| self.try_answer(false)).collect()
    }

    /// What comes until the connection ends.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.read_more() {}
        std::mem::take(&mut self.buffer)
    }

    /// Reads so many bytes.
    pub fn exactly(&mut self, length: usize) -> Vec<u8> {
        assert!(self.fill(length), "the connection ended after {:?}", String::from_utf8_lossy(&self.buffer));
        self.buffer.drain(..length).collect()
    }

    /// Whether the connection ends without further bytes.
    pub fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.read_more()
    }

    fn fill(&mut self, length: usize) -> bool {
        while self.buffer.len() < length {
            if !self.read_more() {
                return false;
            }
        }
        true
    }

    fn take_until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                return Some(self.buffer.drain(..at + end.len()).collect());
            }
            if !self.read_more() {
                return None;
            }
        }
    }

    /// Whether more came; panics if the gateway is silent for too long.
    fn read_more(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => false,
            Ok(length) => {
                self.buffer.extend_from_slice(&piece[..length]);
                true
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let start = &self.buffer[..self.buffer.len().min(200)];
                panic!("the gateway is silent after {} bytes: {}", self.buffer.len(), start.escape_ascii())
            }
            Err(_) => false,
        }
    }
}

fn lower_name(line: &str) -> String {
    match line.split_once(':') {
        Some((name, value)) if !name.contains(' ') => format!("{}:{value}", name.to_ascii_lowercase()),
        _ => line.to_owned(),
    }
}

/// Sends one request on a connection of its own, and reads the answer.
pub fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    Client::connect(address).send(request).answer()
}

/// A `GET` with more field lines.
pub fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n")
}

/// A `POST` with a `Content-Length`.
pub fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
