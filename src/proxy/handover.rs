//! Giving the listening sockets to a program that takes this one's place, over a socket of this machine (unix(7), `SCM_RIGHTS`).
//!
//! The new program asks for one socket after another, starts, and says when it accepts on them; only then the old one stops
//! accepting and drains. If the new one ends before that, nothing has changed.

use std::fs;
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use socket2::{Domain, SockAddr, Type};

use crate::proxy::listener::{Socket, is_left_behind};
use crate::proxy::sockets::{Given, Sockets};

/// Asks for the next socket.
const NEXT: u8 = b'n';

/// Says that they are accepted on, and that the path is free.
const READY: u8 = b'r';

/// The longest name of a socket, in bytes.
const NAME_AT_MOST: usize = 256;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// How long nothing is accepted after an error, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// How long the new program may take to start.
const START: Duration = Duration::from_mins(5);

/// Sockets that were taken over, and the program that gave them, which still accepts.
pub struct TakenOver {
    /// The sockets, with the names they go by.
    pub sockets: Vec<Given>,
    from: UnixStream,
}

/// Asks the program that listens at a path for its sockets; `None` if none does.
///
/// # Errors
/// If it does not give them.
pub fn take_over(path: &Path) -> io::Result<Option<TakenOver>> {
    let from = match UnixStream::connect(path) {
        Ok(from) => from,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    from.set_read_timeout(Some(ANSWER))?;
    let mut sockets = Vec::new();
    while let Some((name, fd)) = ask_next(&from)? {
        sockets.push(Given { name, socket: Socket::adopt(fd)?, lasting: false });
    }
    Ok(Some(TakenOver { sockets, from }))
}

impl TakenOver {
    /// Says that all of them are accepted on; the other program lets go of the path and drains.
    ///
    /// # Errors
    /// If it doesn't answer.
    pub fn accepted(mut self) -> io::Result<()> {
        self.from.write_all(&[READY])?;
        self.from.read_exact(&mut [0])
    }
}

fn ask_next(mut from: &UnixStream) -> io::Result<Option<(String, OwnedFd)>> {
    from.write_all(&[NEXT])?;
    let mut name = [0; NAME_AT_MOST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(from, &mut [IoSliceMut::new(&mut name)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let fd = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    let name = String::from_utf8_lossy(&name[..received.bytes]).into_owned();
    match (fd, received.bytes) {
        (Some(fd), _) => Ok(Some((name, fd))),
        (None, 0) => Err(io::ErrorKind::UnexpectedEof.into()),
        (None, _) => Ok(None),
    }
}

/// Waits for a program that takes this one's place. Dropping it gives the path up.
pub struct Giver {
    path: PathBuf,
    given: Arc<AtomicBool>,
}

impl Giver {
    /// Listens at a path that only this user can reach; `then` is called once a new program has taken over.
    ///
    /// # Errors
    /// If the path cannot be bound.
    pub fn start(path: &Path, sockets: Arc<Sockets>, then: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let listener = listen(path)?;
        let giver = Self { path: path.to_owned(), given: Arc::default() };
        let (path, done) = (path.to_owned(), Arc::clone(&giver.given));
        thread::Builder::new().name("handover".into()).spawn(move || {
            for stream in listener.incoming() {
                let let_go = || fs::remove_file(&path).inspect(|()| done.store(true, Ordering::Release));
                match stream.and_then(|stream| give(stream, &sockets, let_go)) {
                    Ok(()) => return then(),
                    Err(error) => {
                        tracing::warn!(%error, "another program asked for the sockets, and did not take over");
                        thread::sleep(PAUSE);
                    }
                }
            }
        })?;
        Ok(giver)
    }

    /// Whether another program accepts on the sockets by now.
    pub fn has_given(&self) -> bool {
        self.given.load(Ordering::Acquire)
    }
}

impl Drop for Giver {
    fn drop(&mut self) {
        if !self.has_given() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    // whoever has left it behind does not answer, or has given it up
    if is_left_behind(path) {
        fs::remove_file(path)?;
    }
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // before anybody can connect
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    socket.listen(1)?;
    Ok(socket.into())
}

/// Gives all open sockets to the program at the other end, and lets go of the path once it accepts on them.
fn give(mut to: UnixStream, sockets: &Sockets, let_go: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    to.set_read_timeout(Some(START))?;
    let mut left = sockets.all_open().into_iter().flat_map(|(name, sockets)| {
        // a listener that is removed meanwhile is closed, however long the other program takes
        let sockets: Vec<_> = (0..sockets.len()).map(|index| (name.clone(), Arc::downgrade(&sockets), index)).collect();
        sockets
    });
    let mut asked = [0];
    loop {
        to.read_exact(&mut asked)?;
        if asked[0] != NEXT {
            break;
        }
        let next = left.find_map(|(name, sockets, index)| Some((name, Weak::upgrade(&sockets)?, index)));
        send(&to, next.as_ref().map(|(name, sockets, index)| (name, &sockets[*index])))?;
    }
    let_go()?;
    to.write_all(&[READY])
}

/// Sends a socket with its name, or that there is no more.
fn send(to: &UnixStream, socket: Option<(&String, &Socket)>) -> io::Result<()> {
    let Some((name, socket)) = socket else { return (&mut &*to).write_all(&[READY]) };
    let fds = [socket.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&fds));
    sendmsg(to, &[IoSlice::new(name.as_bytes())], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpStream;
    use std::sync::{Arc, mpsc};

    use super::{Given, Giver, take_over};
    use crate::proxy::listener::{Socket, bind};
    use crate::proxy::sockets::{Owner, Sockets};
    use crate::value::Scalar as _;
    use crate::value::address::ListenAddress;

    #[test]
    fn the_queue_of_a_socket_outlives_who_gave_it() {
        let path = std::env::temp_dir().join(format!("gw-handover-{}.sock", std::process::id()));
        assert!(take_over(&path).unwrap().is_none());
        let bound = bind(&ListenAddress::parse("127.0.0.1:0").unwrap(), 1).unwrap();
        let address = bound[0].address().unwrap();
        let sockets = Arc::new(Sockets::default());
        sockets.set_open(Owner::Proxy, vec![("http".to_owned(), bound.into())]);
        let (given, wait) = mpsc::channel();
        let waiting = Giver::start(&path, Arc::clone(&sockets), move || given.send(()).unwrap()).unwrap();
        let mut client = TcpStream::connect(address.ip().unwrap()).unwrap();

        let mut taken = take_over(&path).unwrap().unwrap();
        let Given { name, socket, .. } = taken.sockets.remove(0);
        assert_eq!((name.as_str(), socket.address().unwrap(), taken.sockets.len()), ("http", address, 0));
        taken.accepted().unwrap();
        wait.recv().unwrap();
        assert!(!path.exists());
        sockets.set_open(Owner::Proxy, Vec::new());
        drop(waiting);
        let Socket::Tcp(listener) = socket else { panic!() };
        drop(listener.accept().unwrap());
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
}
