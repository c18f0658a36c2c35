//! Sockets that clients connect to: bound before a table is put in force, one for each worker, and let go after it.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::Notify;

/// How many connections may wait in the kernel's queue of one worker's socket.
const BACKLOG: i32 = 4096;

/// A listener as a worker sees it.
pub struct ListenerState {
    /// Its number: another one for each time an address is bound.
    pub id: u64,
    /// Whether it was removed, so that its connections end after their request.
    pub closing: Cell<bool>,
    /// Told when it is removed.
    pub removed: Notify,
}

/// The sockets of one listener.
#[derive(Debug)]
pub struct Bound {
    /// The address, with the port that was taken for port 0.
    pub address: SocketAddr,
    /// One socket for each worker; the kernel spreads connections over them.
    pub sockets: Vec<TcpListener>,
}

/// Binds an address once for each worker.
///
/// # Errors
/// If the address cannot be bound, another program's listening on it included.
pub fn bind(address: SocketAddr, workers: usize) -> io::Result<Bound> {
    // With SO_REUSEPORT alone a second gateway would silently share the port: so first ask for it alone.
    let address = match socket(address, Share::Alone)?.local_addr()?.as_socket() {
        Some(taken) => taken,
        None => address,
    };
    bind_beside(address, workers)
}

/// The same where this program itself may hold the port already, by an address that overlaps with the wanted one.
///
/// # Errors
/// If the address cannot be bound.
pub fn bind_beside(address: SocketAddr, workers: usize) -> io::Result<Bound> {
    let sockets: Vec<TcpListener> = (0..workers.max(1))
        .map(|_| {
            let socket = socket(address, Share::Workers)?;
            socket.listen(BACKLOG)?;
            Ok(socket.into())
        })
        .collect::<io::Result<_>>()?;
    Ok(Bound { address, sockets })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    Alone,
    Workers,
}

fn socket(address: SocketAddr, share: Share) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
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
    use super::bind;

    #[test]
    fn workers_share_a_port_and_strangers_do_not() {
        let bound = bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        assert_eq!(bound.sockets.len(), 2);
        assert!(bound.sockets.iter().all(|socket| socket.local_addr().unwrap() == bound.address));
        assert!(bind(bound.address, 1).is_err());
    }
}
