//! Accepting connections on a listener's socket, until the listener is removed.

use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use tokio::task::spawn_local;

use crate::proxy::connection;
use crate::proxy::core::Core;
use crate::proxy::listener::{Acceptor, ListenerState, Socket};

/// How long nothing is accepted after an error: it passes when connections end.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a handshake that has begun has to end once a listener is removed.
const HANDSHAKE: Duration = Duration::from_millis(200);

/// Accepts connections until the listener is removed.
pub async fn accept(socket: Socket, core: Rc<Core>, state: Rc<ListenerState>) {
    let acceptor = match Acceptor::new(socket) {
        Ok(acceptor) => acceptor,
        Err(error) => return tracing::error!(%error, "a listener failed"),
    };
    let mut removed = pin!(state.removed.notified());
    // from here on it is not missed
    removed.as_mut().enable();
    if !state.closing.get() {
        accept_until(removed, &acceptor, &core, &state).await;
    }
    if state.lasts.get() {
        return;
    }
    // who is connecting, or in the kernel's queue, would be reset if the socket were closed
    acceptor.turn_away();
    accept_until(pin!(tokio::time::sleep(HANDSHAKE)), &acceptor, &core, &state).await;
    for (stream, peer) in acceptor.queued() {
        core.metrics.places.take(|| u64::MAX).await;
        spawn_local(connection::serve(stream, peer, &core, &state));
    }
}

/// Accepts connections; one beyond the limit waits here until another ends.
async fn accept_until(
    mut end: Pin<&mut impl Future<Output = ()>>,
    acceptor: &Acceptor,
    core: &Rc<Core>,
    state: &Rc<ListenerState>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = acceptor.accept() => accepted,
            () = &mut end => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                core.metrics.places.take(|| core.generation().table.settings.limits.connections.into()).await;
                spawn_local(connection::serve(stream, peer, core, state));
            }
            Err(error) => {
                // out of descriptors or memory
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
