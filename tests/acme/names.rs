//! A name server for pebble: each name is this machine, by one of its addresses. It ends with its value.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A running name server.
pub struct NameServer {
    pub address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl NameServer {
    /// Names that begin with `b.` are 127.0.0.2, those that begin with `gone.` are nowhere, all others are 127.0.0.1.
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (address, ended) = (socket.local_addr().unwrap(), Arc::<AtomicBool>::default());
        let over = Arc::clone(&ended);
        thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                if let Some(answer) = answer(&question[..length]) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self { address, ended }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"end", self.address));
    }
}

/// The answer to one question (RFC 1035, 4); of any type but `A` there is nothing.
fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let name = question.get(12..)?;
    let length = name.iter().position(|byte| *byte == 0)? + 1;
    let kind = name.get(length..length + 4)?;
    let (first, is_a) = (name.get(1..=usize::from(name[0]))?, kind == [0, 1, 0, 1]);
    let found = is_a && first != b"gone";
    let no_such_name = u8::from(first == b"gone") * 3;
    let mut answer = [&question[..2], &[0x84, no_such_name, 0, 1, 0, u8::from(found), 0, 0, 0, 0]].concat();
    answer.extend_from_slice(&name[..length + 4]);
    if found {
        let last = if first == b"b" { 2 } else { 1 };
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, last]);
    }
    Some(answer)
}
