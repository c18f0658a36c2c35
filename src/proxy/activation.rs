//! Listening sockets from a service manager: `LISTEN_FDS` and `LISTEN_FDNAMES` (`sd_listen_fds(3)`).

use std::env;
use std::io;

use listenfd::ListenFd;

use crate::proxy::listener::Socket;
use crate::proxy::sockets::Given;

/// The sockets that this program was started with, by the names that the manager gives them. The manager keeps them open.
///
/// # Errors
/// If one of them is no socket that listens on an address or a path.
pub fn sockets() -> io::Result<Vec<Given>> {
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let names: Vec<&str> = names.split(':').collect();
    let mut given = ListenFd::from_env();
    let count = given.len();
    let one = |index| {
        let socket = match given.take_tcp_listener(index) {
            Ok(tcp) => tcp.map(Socket::Tcp),
            Err(_) => given.take_unix_listener(index)?.map(Socket::Unix),
        };
        let socket = socket.ok_or(io::ErrorKind::NotFound)?;
        socket.set_nonblocking()?;
        socket.hear();
        Ok(Given { name: names.get(index).copied().unwrap_or_default().to_owned(), socket, lasting: true })
    };
    (0..count).map(one).collect()
}
