//! The life of a connection: it is driven until it ends, or its server falls silent and does not answer when asked.
//!
//! A server may be gone without a word, its machine or the way to it: nothing ever comes then, and no write fails for minutes. So
//! one that owes something and is silent is asked by a `PING` (RFC 9113, 6.7). It is asked rarely while it has nothing else to say:
//! servers of gRPC end connections on which they are asked often.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::client::Connection;
use h2::{Ping, PingPong};
use tokio::sync::Notify;

use crate::proxy::stream::Stream;
use crate::proxy::timer::Deadline;

/// After how much silence a server is asked for the first time.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many times longer each next one is, as long as nothing else is heard.
const LONGER: u32 = 5;

/// The longest: servers of gRPC take it amiss, after some times, to be asked twice within five minutes.
const LONGEST: Duration = Duration::from_secs(320);

/// How long the answer to a `PING` may take: a busy server answers late.
const ANSWER: Duration = Duration::from_secs(10);

/// What a connection and those who use it know of each other.
pub(super) struct Life {
    /// The streams in use.
    pub(super) streams: Cell<usize>,
    /// Whether it takes no more requests.
    pub(super) retired: Cell<bool>,
    /// How often a part of an answer came.
    answers: Cell<u64>,
    /// How often the server answered when it was asked.
    pongs: Cell<u64>,
    /// Told when it does, and when the connection has ended.
    pub(super) told: Notify,
    pings: RefCell<Option<PingPong>>,
}

impl Life {
    /// A connection on which nothing was heard; it can be asked by `pings`.
    pub(super) fn new(pings: Option<PingPong>) -> Self {
        let (streams, retired, told) = (Cell::default(), Cell::default(), Notify::new());
        Self { streams, retired, answers: Cell::default(), pongs: Cell::default(), told, pings: RefCell::new(pings) }
    }

    /// Asks the server whether it lives.
    pub(super) fn ask(&self) {
        if let Some(pings) = &mut *self.pings.borrow_mut() {
            // it fails if the last one was not answered yet, which is the answer that is waited for
            let _ = pings.send_ping(Ping::opaque());
        }
    }

    /// Notes that the server has answered, if it has.
    fn poll_pong(&self, cx: &mut Context<'_>) {
        if let Some(pings) = &mut *self.pings.borrow_mut()
            && let Poll::Ready(Ok(_)) = pings.poll_pong(cx)
        {
            self.pongs.set(self.pongs.get() + 1);
            self.told.notify_waiters();
        }
    }

    /// A part of an answer has come.
    pub(super) fn answered(&self) {
        self.answers.set(self.answers.get() + 1);
    }

    /// How often something was heard.
    pub(super) fn heard(&self) -> u64 {
        self.answers.get() + self.pongs.get()
    }

    /// Whether the server owes something: answers, or the end of a connection that nobody uses any more.
    fn is_owed(self: &Rc<Self>) -> bool {
        self.streams.get() > 0 || Rc::strong_count(self) == 1
    }
}

/// Drives a connection to its end. When it returns early, its streams are told that it is gone.
pub(super) async fn drive(connection: Connection<Stream, Bytes>, life: &Rc<Life>, deadline: Deadline) {
    let mut vigil = Vigil::default();
    deadline.set(PATIENCE);
    let mut connection = pin!(connection);
    poll_fn(|cx| {
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        life.poll_pong(cx);
        poll_watch(&mut vigil, life, &deadline, cx)
    })
    .await;
}

/// Ready once the server is given up.
fn poll_watch(vigil: &mut Vigil, life: &Rc<Life>, deadline: &Deadline, cx: &mut Context<'_>) -> Poll<()> {
    while deadline.poll_expired(cx).is_ready() {
        match vigil.look(life.is_owed(), life.answers.get(), life.pongs.get()) {
            Next::Wait(time) => deadline.set(time),
            Next::Ask => {
                deadline.set(ANSWER);
                life.ask();
            }
            Next::GiveUp => return Poll::Ready(()),
        }
    }
    Poll::Pending
}

/// Looks from time to time whether something was heard.
struct Vigil {
    /// What had been heard at the last look.
    heard: (u64, u64),
    /// Whether the server was asked then.
    asked: bool,
    patience: Duration,
}

/// What is to be done after a look.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Look again after this time.
    Wait(Duration),
    /// Ask the server, and look again when it should have answered.
    Ask,
    /// It is gone.
    GiveUp,
}

impl Default for Vigil {
    fn default() -> Self {
        Self { heard: (0, 0), asked: false, patience: PATIENCE }
    }
}

impl Vigil {
    fn look(&mut self, owed: bool, answers: u64, pongs: u64) -> Next {
        let before = std::mem::replace(&mut self.heard, (answers, pongs));
        let silent = owed && before == self.heard;
        let asked = std::mem::replace(&mut self.asked, silent);
        if silent {
            return if asked { Next::GiveUp } else { Next::Ask };
        }
        if before.0 != answers {
            self.patience = PATIENCE;
        } else if asked {
            self.patience = (self.patience * LONGER).min(LONGEST);
        }
        Next::Wait(self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, Vigil};
    use std::time::Duration;

    /// What is done after each look, by whether the server owes something and how many answers and pongs have come.
    #[track_caller]
    fn check(looks: &[(bool, u64, u64)], expected: &str) {
        let mut vigil = Vigil::default();
        let done = looks.iter().map(|(owed, answers, pongs)| match vigil.look(*owed, *answers, *pongs) {
            Next::Wait(time) => time.as_secs().to_string(),
            Next::Ask => "ask".into(),
            Next::GiveUp => "give up".into(),
        });
        assert_eq!(done.collect::<Vec<_>>().join(", "), expected);
    }

    #[test]
    fn a_server_that_does_not_answer_is_given_up() {
        check(&[(true, 1, 0), (true, 1, 0), (true, 1, 0)], "3, ask, give up");
        check(&[(true, 0, 0), (true, 0, 0)], "ask, give up");
        check(&[(true, 0, 0), (true, 1, 0), (true, 1, 0), (true, 1, 0)], "ask, 3, ask, give up");
    }

    #[test]
    fn one_that_owes_nothing_is_left_alone() {
        check(&[(false, 0, 0), (false, 0, 0), (true, 0, 0), (false, 0, 0)], "3, 3, ask, 15");
    }

    #[test]
    fn one_that_has_nothing_else_to_say_is_asked_ever_more_rarely() {
        let looks: Vec<_> = (0..5).flat_map(|pongs| [(true, 1, pongs), (true, 1, pongs)]).collect();
        check(&looks, "3, ask, 15, ask, 75, ask, 320, ask, 320, ask");
        check(&[(true, 0, 0), (true, 0, 1), (true, 0, 1), (true, 1, 2)], "ask, 15, ask, 3");
        assert!(super::LONGEST >= Duration::from_mins(5));
    }
}
