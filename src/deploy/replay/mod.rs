//! Decides the requests of an access log by two tables, and says which of them get something else.
//!
//! A log holds no header fields, and the gateway's own no query: where a route asks for them, the outcome is said to be a guess.

mod decide;
mod line;
mod report;
mod tally;

pub use report::{Changed, Report};

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use memchr::{memchr_iter, memrchr};

use crate::compiler::Compiled;
use crate::deploy::replay::decide::{Decision, Names, Side, blank, receive};
use crate::deploy::replay::line::Line;
use crate::deploy::replay::tally::{Class, Tally};
use crate::table::space::Request;

/// How much of a log is handed to a thread at once.
const BLOCK: usize = 1 << 20;

/// Two tables.
pub struct Replay {
    old: Side,
    new: Side,
    names: Names,
    /// The host of lines that say none.
    default_host: String,
}

/// A part of a log: where it begins, and its bytes, which end with a line.
type Block = (u64, Vec<u8>);

impl Replay {
    /// Two tables, taken out of what was compiled; `None` if one of them has none. `default_host` is that of lines that say none.
    pub fn new(old: &mut Compiled, new: &mut Compiled, default_host: &str) -> Option<Self> {
        let mut names = Names::default();
        let old = Side::of(old, &mut names)?;
        let new = Side::of(new, &mut names)?;
        Some(Self { old, new, names, default_host: default_host.to_owned() })
    }

    /// Decides all requests of a log, on so many threads.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn run(&self, log: impl Read, threads: usize) -> io::Result<Report> {
        let (sender, receiver) = sync_channel::<Block>(threads * 2);
        let receiver = Mutex::new(receiver);
        let tally = thread::scope(|scope| {
            let running: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(|| self.work(&receiver))).collect();
            let read = read_blocks(log, |block| sender.send(block).is_ok());
            drop(sender);
            let mut all = Tally::default();
            for thread in running {
                all.add(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            read.map(|()| all)
        })?;
        Ok(Report::new(tally, &self.names))
    }

    fn work(&self, blocks: &Mutex<Receiver<Block>>) -> Tally {
        let (mut tally, mut request) = (Tally::default(), blank());
        loop {
            let next = blocks.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((start, bytes)) = next else { return tally };
            self.decide_block(start, &bytes, &mut request, &mut tally);
        }
    }

    fn decide_block(&self, start: u64, bytes: &[u8], request: &mut Request, tally: &mut Tally) {
        let mut begin = 0;
        for end in memchr_iter(b'\n', bytes).chain([bytes.len()]) {
            self.decide_line(start + begin as u64, bytes[begin..end].trim_ascii_end(), request, tally);
            begin = (end + 1).min(bytes.len());
        }
    }

    fn decide_line(&self, at: u64, text: &[u8], request: &mut Request, tally: &mut Tally) {
        if text.is_empty() {
            return;
        }
        let Some(line) = Line::read(text) else {
            tally.unknown += 1;
            return;
        };
        tally.requests += 1;
        if !receive(&line, &self.default_host, request) {
            return;
        }
        let ((old, guess), (new, new_guess)) = (self.old.decide(request), self.new.decide(request));
        if old == new {
            return;
        }
        let mut class = Class { old, new, maybe: guess || new_guess, differences: BTreeSet::new() };
        if let (Decision::Route(before, _), Decision::Route(after, _)) = (old, new)
            && before == after
        {
            request.ip = client(&line.client);
            class.differences = self.old.differences(&self.new, request);
            if class.differences.is_empty() {
                return;
            }
        }
        tally.note(class, &line, at);
    }
}

/// The address of a client, if it is one, perhaps with a port.
fn client(text: &str) -> IpAddr {
    let address = text.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Reads a log in blocks of whole lines, as long as they are taken.
fn read_blocks(mut log: impl Read, mut take: impl FnMut(Block) -> bool) -> io::Result<()> {
    let mut start = 0;
    let mut rest: Vec<u8> = Vec::new();
    loop {
        let mut block = std::mem::take(&mut rest);
        let had = block.len();
        let read = log.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        if read == 0 {
            if had > 0 {
                take((start, block));
            }
            return Ok(());
        }
        let end = memrchr(b'\n', &block).map_or(0, |last| last + 1);
        rest = block.split_off(end);
        let length = block.len() as u64;
        if end > 0 && !take((start, block)) {
            return Ok(());
        }
        start += length;
    }
}
