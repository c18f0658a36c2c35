//! Sockets that clients connect to: bound before a table is put in force, one for each worker, and let go after it.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use socket2::{Domain, Protocol, SockAddr, SockFilter, SockRef, Type};
use tokio::sync::Notify;

use crate::proxy::stream::Plain;
use crate::value::address::ListenAddress;

/// How many connections may wait in the kernel's queue of one worker's socket.
const BACKLOG: i32 = 4096;

/// Who connects over a socket of this machine.
const THIS_MACHINE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A listener as a worker sees it.
pub struct ListenerState {
    /// Its number: another one for each time an address is bound.
    pub id: u64,
    /// Whether it was removed, so that its connections end after their request.
    pub closing: Cell<bool>,
    /// Whether its sockets outlive this program's hold of them: whoever keeps them open finds what waits in their queues.
    pub lasts: Cell<bool>,
    /// Told when it is removed, for each socket that is accepted on.
    pub removed: Notify,
}

impl ListenerState {
    /// A listener that is open.
    pub fn new(id: u64, lasts: bool) -> Self {
        Self { id, closing: Cell::new(false), lasts: Cell::new(lasts), removed: Notify::new() }
    }
}

/// A socket that listens, without waiting.
#[derive(Debug)]
pub enum Socket {
    /// On the network.
    Tcp(TcpListener),
    /// On this machine.
    Unix(UnixListener),
}

impl Socket {
    /// The same socket once more.
    ///
    /// # Errors
    /// If there are too many open files.
    pub fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(tcp) => tcp.try_clone().map(Self::Tcp),
            Self::Unix(unix) => unix.try_clone().map(Self::Unix),
        }
    }

    /// Hears clients again that whoever had it before turned away: that is the socket's own, and outlives who did it.
    pub fn hear(&self) {
        let _ = SockRef::from(self).detach_filter();
    }

    /// Has nobody wait in a call on it.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn set_nonblocking(&self) -> io::Result<()> {
        SockRef::from(self).set_nonblocking(true)
    }

    /// Takes over a socket that another program made.
    ///
    /// # Errors
    /// If it is none that listens on an IP address or a path.
    pub fn adopt(fd: OwnedFd) -> io::Result<Self> {
        let socket = SockRef::from(&fd);
        socket.set_nonblocking(true)?;
        let _ = socket.detach_filter();
        match socket.local_addr()? {
            address if address.as_socket().is_some() => Ok(Self::Tcp(fd.into())),
            address if address.is_unix() => Ok(Self::Unix(fd.into())),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Where it listens, with the port that was taken for port 0.
    ///
    /// # Errors
    /// If it listens nowhere.
    pub fn address(&self) -> io::Result<ListenAddress> {
        match self {
            Self::Tcp(tcp) => tcp.local_addr().map(ListenAddress::Ip),
            Self::Unix(unix) => {
                let address = unix.local_addr()?;
                let path = address.as_pathname().ok_or(io::ErrorKind::AddrNotAvailable)?;
                Ok(ListenAddress::Unix(path.to_owned()))
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(tcp) => tcp.as_fd(),
            Self::Unix(unix) => unix.as_fd(),
        }
    }
}

/// A socket that a worker accepts on.
pub enum Acceptor {
    /// On the network.
    Tcp(tokio::net::TcpListener),
    /// On this machine.
    Unix(tokio::net::UnixListener),
}

impl Acceptor {
    /// Makes a socket one of the running worker.
    ///
    /// # Errors
    /// If the worker cannot wait for it.
    pub fn new(socket: Socket) -> io::Result<Self> {
        match socket {
            Socket::Tcp(tcp) => tokio::net::TcpListener::from_std(tcp).map(Self::Tcp),
            Socket::Unix(unix) => tokio::net::UnixListener::from_std(unix).map(Self::Unix),
        }
    }

    /// The next connection, and who made it.
    ///
    /// # Errors
    /// If there are too many open files, or the client has gone.
    pub async fn accept(&self) -> io::Result<(Plain, SocketAddr)> {
        match self {
            Self::Tcp(tcp) => tcp.accept().await.map(|(stream, peer)| (Plain::Tcp(stream), canonical(peer))),
            Self::Unix(unix) => unix.accept().await.map(|(stream, _)| (Plain::Unix(stream), THIS_MACHINE)),
        }
    }

    /// Lets no further client begin to connect: what a client begins now, it begins again in a moment, with whoever listens then.
    pub fn turn_away(&self) {
        /// A byte of the TCP header with its flags; of these SYN and ACK; only SYN: drop it, else take all of it.
        const DROP_SYN: [SockFilter; 5] = [
            SockFilter::new(0x30, 0, 0, 13),
            SockFilter::new(0x54, 0, 0, 0x12),
            SockFilter::new(0x15, 0, 1, 0x02),
            SockFilter::new(0x06, 0, 0, 0),
            SockFilter::new(0x06, 0, 0, u32::MAX),
        ];
        if let Self::Tcp(tcp) = self
            && let Err(error) = SockRef::from(tcp).attach_filter(&DROP_SYN)
        {
            tracing::debug!(%error, "connections that are made while a listener closes may be reset");
        }
    }

    /// The connections that wait in its queue, asked of the kernel: what the runtime was not told of yet is among them.
    pub fn queued(self) -> impl Iterator<Item = (Plain, SocketAddr)> {
        let socket = match self {
            Self::Tcp(tcp) => tcp.into_std().map(Socket::Tcp),
            Self::Unix(unix) => unix.into_std().map(Socket::Unix),
        };
        std::iter::from_fn(move || match socket.as_ref().ok()? {
            Socket::Tcp(tcp) => {
                let (stream, peer) = tcp.accept().ok()?;
                stream.set_nonblocking(true).ok()?;
                let stream = tokio::net::TcpStream::from_std(stream).ok()?;
                Some((Plain::Tcp(stream), canonical(peer)))
            }
            Socket::Unix(unix) => {
                let (stream, _) = unix.accept().ok()?;
                stream.set_nonblocking(true).ok()?;
                Some((Plain::Unix(tokio::net::UnixStream::from_std(stream).ok()?), THIS_MACHINE))
            }
        })
    }
}

/// An IPv4 address that came over IPv6 is one all the same.
fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

/// Binds an address once for each worker.
///
/// # Errors
/// If the address cannot be bound, another program's listening on it included.
pub fn bind(address: &ListenAddress, workers: usize) -> io::Result<Vec<Socket>> {
    match address {
        ListenAddress::Ip(ip) => bind_ip(*ip, workers).map(|sockets| sockets.into_iter().map(Socket::Tcp).collect()),
        ListenAddress::Unix(path) => bind_unix(path).and_then(|socket| spread(vec![Socket::Unix(socket)], workers)),
    }
}

/// Binds an IP address once for each worker.
///
/// # Errors
/// If the address cannot be bound, another program's listening on it included.
pub fn bind_ip(address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
    // With SO_REUSEPORT alone a second gateway would silently share the port: so first ask for it alone.
    let address = socket(address, Share::Alone)?.local_addr()?.as_socket().unwrap_or(address);
    bind_beside(address, workers)
}

/// The same where this program itself may hold the port already, by an address that overlaps with the wanted one.
///
/// # Errors
/// If the address cannot be bound.
pub fn bind_beside(address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
    let listen = |_| {
        let socket = socket(address, Share::Workers)?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    (0..workers.max(1)).map(listen).collect()
}

/// At least one socket for each worker: where there are fewer, several workers accept on one.
///
/// # Errors
/// If there are too many open files.
pub fn spread(mut sockets: Vec<Socket>, workers: usize) -> io::Result<Vec<Socket>> {
    let own = sockets.len();
    for i in own..workers.max(1) {
        sockets.push(sockets[i % own].try_clone()?);
    }
    Ok(sockets)
}

/// A socket of this machine. A path that a program left behind is taken; one that a program listens on is not.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    if is_left_behind(path) {
        std::fs::remove_file(path)?;
    }
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Whether a path is a socket that nobody listens on any more. A file that is no socket refuses connections, too, and stays.
pub fn is_left_behind(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    is_socket && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    Alone,
    Workers,
}

fn socket(address: SocketAddr, share: Share) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if share == Share::Workers {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::time::Duration;

    use super::{Acceptor, bind};
    use crate::value::Scalar as _;
    use crate::value::address::ListenAddress;

    #[test]
    fn workers_share_a_port_and_strangers_do_not() {
        let sockets = bind(&ListenAddress::parse("127.0.0.1:0").unwrap(), 2).unwrap();
        assert_eq!(sockets.len(), 2);
        let address = sockets[0].address().unwrap();
        assert_eq!(sockets[1].address().unwrap(), address);
        assert!(bind(&address, 1).is_err());
    }

    #[test]
    fn a_socket_that_was_turned_from_is_heard_by_whoever_gets_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _entered = runtime.enter();
        let socket = bind(&ListenAddress::parse("127.0.0.1:0").unwrap(), 1).unwrap().remove(0);
        let (address, again) = (socket.address().unwrap().ip().unwrap(), socket.try_clone().unwrap());
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200));
        Acceptor::new(socket).unwrap().turn_away();
        assert!(connect().is_err());
        again.hear();
        assert!(connect().is_ok());
    }

    #[test]
    fn a_path_is_taken_from_the_dead_only() {
        let path = std::env::temp_dir().join(format!("gw-listener-{}.sock", std::process::id()));
        let address = ListenAddress::Unix(path.clone());
        let sockets = bind(&address, 2).unwrap();
        assert_eq!((sockets.len(), sockets[1].address().unwrap()), (2, address.clone()));
        assert!(bind(&address, 1).is_err());
        drop(sockets);
        assert!(bind(&address, 1).is_ok());
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "kept").unwrap();
        assert!(bind(&address, 1).is_err(), "a file is no socket that was left behind");
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
        std::fs::remove_file(path).unwrap();
    }
}
