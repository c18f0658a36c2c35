//! Bytes of a client go through a running gateway. Oracle: whatever they are, the server behind it sees whole requests in the
//! one form that nobody can read in two ways, and as many of them as the client gets answers from it.
#![no_main]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use gw::compiler::{SourceFile, compile, parse};
use gw::pipeline::secrets::Secrets;
use gw::proxy::access_log::{AccessLog, Format};
use gw::proxy::metrics::Metrics;
use gw::proxy::{Proxy, Start};
use libfuzzer_sys::fuzz_target;

/// What the server says: it is told apart from the gateway's own answers by its body.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nby-origin";

struct World {
    gateway: SocketAddr,
    /// A request that the server has read to its end, or why it cannot be one.
    seen: Mutex<Receiver<Result<(), String>>>,
    _proxy: Mutex<Proxy>,
}

fuzz_target!(|bytes: &[u8]| {
    static WORLD: OnceLock<World> = OnceLock::new();
    let world = WORLD.get_or_init(start);
    let seen = world.seen.lock().unwrap();
    let mut client = TcpStream::connect(world.gateway).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let _ = client.write_all(bytes);
    let _ = client.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    let _ = client.read_to_end(&mut answers);
    let answered = answers.windows(9).filter(|window| window == b"by-origin").count();
    let requests: Vec<Result<(), String>> = seen.try_iter().collect();
    for request in &requests {
        assert!(request.is_ok(), "{request:?} of {}", bytes.escape_ascii());
    }
    // an answer to HEAD has no body, and one that comes after a reset is not read
    assert!(answered <= requests.len(), "{answered} answers, {} requests: {}", requests.len(), bytes.escape_ascii());
});

fn start() -> World {
    let origin = TcpListener::bind("127.0.0.1:0").unwrap();
    let (sender, seen) = channel();
    let manifest = format!(
        "apiVersion: gw/v1\nkind: Gateway\nmetadata: {{ name: edge }}\nspec:\n  \
         listeners: [{{ name: http, address: \"127.0.0.1:0\" }}]\n  accessLog: {{ enabled: false }}\n  \
         timeouts: {{ header: 200ms, idle: 200ms, message: 200ms, request: 2s }}\n---\n\
         apiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: up }}\n\
         spec: {{ http: {{ targets: [{{ url: \"http://{}\" }}] }} }}\n---\n\
         apiVersion: gw/v1\nkind: Route\nmetadata: {{ name: all }}\nspec: {{ public: true, backend: up }}\n",
        origin.local_addr().unwrap()
    );
    thread::spawn(move || {
        for stream in origin.incoming().flatten() {
            let sender = sender.clone();
            thread::spawn(move || serve(stream, &sender));
        }
    });
    let file = SourceFile { path: "g.yaml".into(), shown: "g.yaml".into(), bytes: manifest.into_bytes() };
    let table = compile(parse(vec![file]), &std::iter::empty().collect()).table.unwrap();
    let metrics = Arc::<Metrics>::default();
    let (log, _) = AccessLog::start(std::io::sink(), Format::Json, Arc::clone(&metrics)).unwrap();
    let start = Start { workers: 1, metrics, log, sockets: Arc::default(), issued: Arc::default() };
    let proxy = Proxy::start(table, Secrets::default(), start).unwrap();
    World { gateway: proxy.addresses()[0].1.ip().unwrap(), seen: Mutex::new(seen), _proxy: Mutex::new(proxy) }
}

/// A server that reads nothing but the one form, and says so of anything else.
fn serve(mut stream: TcpStream, seen: &Sender<Result<(), String>>) {
    let mut input = Vec::new();
    loop {
        let Some(end) = until(&mut stream, &mut input, b"\r\n\r\n") else { return };
        let head: Vec<u8> = input.drain(..end).collect();
        let length = match check(&head) {
            Ok(length) => length,
            Err(why) => {
                let _ = seen.send(Err(format!("{why}: {}", head.escape_ascii())));
                return;
            }
        };
        let whole = match length {
            Some(length) => exactly(&mut stream, &mut input, length),
            None => chunks(&mut stream, &mut input, seen),
        };
        // a request that is cut short is none
        if whole.is_none() {
            return;
        }
        let _ = seen.send(Ok(()));
        let head_only = head.starts_with(b"HEAD ");
        if stream.write_all(if head_only { &ANSWER[..ANSWER.len() - 9] } else { ANSWER }).is_err() {
            return;
        }
    }
}

/// The length of the body that a head announces; `None` for chunks.
fn check(head: &[u8]) -> Result<Option<usize>, &'static str> {
    let text = &head[..head.len() - 4];
    let mut lines = text.split(|byte| *byte == b'\n');
    let mut line = || lines.next().map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let request = line().unwrap_or_default();
    let words: Vec<&[u8]> = request.split(|byte| *byte == b' ').collect();
    let [method, target, b"HTTP/1.1"] = words[..] else { return Err("request line") };
    let is_target = target == b"*" || target.starts_with(b"/");
    if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) || !is_target || target.contains(&b'#') {
        return Err("method or target");
    }
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    if path.windows(2).any(|pair| pair == b"//") || path.split(|byte| *byte == b'/').any(|segment| segment == b"..") {
        return Err("path is not normalised");
    }
    let (mut hosts, mut lengths, mut chunked) = (0, Vec::new(), 0);
    while let Some(line) = line() {
        let colon = line.iter().position(|byte| *byte == b':').ok_or("field without colon")?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) || name.iter().any(u8::is_ascii_uppercase) {
            return Err("field name");
        }
        if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err("field value");
        }
        match name {
            b"host" => hosts += 1,
            b"content-length" => {
                lengths.push(std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or("length")?);
            }
            b"transfer-encoding" if value == b"chunked" => chunked += 1,
            b"connection" if value == b"upgrade" => {}
            b"transfer-encoding" | b"connection" | b"keep-alive" | b"te" | b"trailer" | b"proxy-connection" => {
                return Err("field of the client's connection");
            }
            _ => {}
        }
    }
    match (hosts, &lengths[..], chunked) {
        (1, [], 0) => Ok(Some(0)),
        (1, [length], 0) => Ok(Some(*length)),
        (1, [], 1) => Ok(None),
        _ => Err("host or framing"),
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn more(stream: &mut TcpStream, input: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 4096];
    let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
    input.extend_from_slice(&buffer[..length]);
    Some(())
}

fn until(stream: &mut TcpStream, input: &mut Vec<u8>, end: &[u8]) -> Option<usize> {
    loop {
        if let Some(at) = input.windows(end.len()).position(|window| window == end) {
            return Some(at + end.len());
        }
        more(stream, input)?;
    }
}

fn exactly(stream: &mut TcpStream, input: &mut Vec<u8>, length: usize) -> Option<()> {
    while input.len() < length {
        more(stream, input)?;
    }
    input.drain(..length);
    Some(())
}

fn chunks(stream: &mut TcpStream, input: &mut Vec<u8>, seen: &Sender<Result<(), String>>) -> Option<()> {
    loop {
        let end = until(stream, input, b"\r\n")?;
        let line: Vec<u8> = input.drain(..end).collect();
        let digits = &line[..line.len() - 2];
        let Some(size) = std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok()) else {
            let _ = seen.send(Err(format!("chunk size {}", line.escape_ascii())));
            return None;
        };
        if size == 0 {
            let trailers = until(stream, input, b"\r\n")?;
            if trailers > 2 {
                until(stream, input, b"\r\n\r\n").map(|end| input.drain(..end))?;
            } else {
                input.drain(..2);
            }
            return Some(());
        }
        exactly(stream, input, size)?;
        let end = until(stream, input, b"\r\n")?;
        if end != 2 {
            let _ = seen.send(Err("chunk is longer than its size".into()));
            return None;
        }
        input.drain(..2);
    }
}
