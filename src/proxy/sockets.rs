//! The listening sockets of this program: those that it was given at its start, and those that are open, to be given on.
//!
//! A program that takes them over from another one, or from a service manager, refuses and resets no connection: the queue in
//! the kernel belongs to the socket and not to who accepts on it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::proxy::listener::Socket;
use crate::value::address::ListenAddress;

/// The sockets of this program.
#[derive(Default)]
pub struct Sockets {
    given: Mutex<Vec<Given>>,
    open: Mutex<BTreeMap<Owner, Vec<Open>>>,
}

/// A socket that the program was given at its start.
#[derive(Debug)]
pub struct Given {
    /// The name it goes by.
    pub name: String,
    /// The socket.
    pub socket: Socket,
    /// Whether whoever gave it keeps it open, as a service manager does: its queue and its path outlive this program.
    pub lasting: bool,
}

/// Who accepts on open sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// The data plane.
    Proxy,
    /// The status listener.
    Status,
}

/// The name of a listener, and its sockets.
pub type Open = (String, Arc<[Socket]>);

impl Sockets {
    /// Sockets that were given at the start.
    pub fn given(sockets: Vec<Given>) -> Self {
        Self { given: Mutex::new(sockets), open: Mutex::default() }
    }

    /// Takes the given sockets of a listener: those of its name, else those at its address.
    pub fn take(&self, name: &str, address: &ListenAddress) -> Vec<Given> {
        let mut given = lock(&self.given);
        let mut of =
            |matches: &dyn Fn(&Given) -> bool| -> Vec<Given> { given.extract_if(.., |one| matches(one)).collect() };
        let named = of(&|one| one.name == name);
        if named.is_empty() { of(&|one| one.socket.address().is_ok_and(|own| own == *address)) } else { named }
    }

    /// Closes the given sockets that nothing took, and says what they were called.
    pub fn close_untaken(&self) -> Vec<String> {
        let untaken = std::mem::take(&mut *lock(&self.given));
        untaken.into_iter().map(|one| one.name).collect()
    }

    /// Notes which sockets somebody has open.
    pub fn set_open(&self, owner: Owner, open: Vec<Open>) {
        lock(&self.open).insert(owner, open);
    }

    /// All that are open.
    pub fn all_open(&self) -> Vec<Open> {
        lock(&self.open).values().flatten().cloned().collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Given, Sockets};
    use crate::proxy::listener::bind;
    use crate::value::Scalar as _;
    use crate::value::address::ListenAddress;

    #[test]
    fn given_sockets_are_found_by_name_or_address() {
        let bound = || bind(&ListenAddress::parse("127.0.0.1:0").unwrap(), 1).unwrap().remove(0);
        let (a, b, c) = (bound(), bound(), bound());
        let at = b.address().unwrap();
        let given = [("a", a), ("x", b), ("y", c)];
        let given = given.map(|(name, socket)| Given { name: name.to_owned(), socket, lasting: false });
        let sockets = Sockets::given(given.into());
        assert_eq!(sockets.take("a", &at).len(), 1);
        assert_eq!(sockets.take("b", &at).len(), 1);
        assert!(sockets.take("b", &at).is_empty());
        assert_eq!(sockets.close_untaken(), ["y"]);
    }
}
