//! A worker: one thread with one single-threaded runtime, its own sockets and its own upstream connections.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use crate::proxy::connection;
use crate::proxy::core::Core;
use crate::proxy::listener::ListenerState;
use crate::proxy::timer::TICK;

/// What a worker is told.
#[derive(Debug)]
pub enum Command {
    /// Accept connections on a socket.
    Listen {
        /// The listener's number.
        id: u64,
        /// The worker's own socket.
        socket: TcpListener,
    },
    /// Stop accepting on a listener, and end its connections after their request.
    Unlisten(u64),
    /// A table was put in force: tunnels look whether they still have a route.
    Swapped,
    /// Stop accepting, end all connections after their request, then end.
    Drain,
}

/// A running worker.
pub struct Worker {
    commands: UnboundedSender<Command>,
    thread: thread::JoinHandle<()>,
}

impl Worker {
    /// Starts a worker; `core` makes what it has for itself, in its thread.
    ///
    /// # Errors
    /// If the thread or its runtime cannot be made.
    pub fn start(index: usize, core: impl FnOnce() -> Core + Send + 'static) -> io::Result<Self> {
        let (commands, receiver) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
            LocalSet::new().block_on(&runtime, run(Rc::new(core()), receiver));
        })?;
        Ok(Self { commands, thread })
    }

    /// Tells it something; a worker that has ended hears nothing.
    pub fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    /// Waits until it has ended.
    pub fn join(self) {
        drop(self.commands);
        let _ = self.thread.join();
    }
}

async fn run(core: Rc<Core>, mut commands: UnboundedReceiver<Command>) {
    let mut listeners: HashMap<u64, Rc<ListenerState>> = HashMap::new();
    let mut ticks = tokio::time::interval(TICK);
    let mut draining = false;
    let mut accepting: Vec<JoinHandle<()>> = Vec::new();
    let mut count = 0_u32;
    while !(draining && core.connections.get() == 0 && accepting.iter().all(JoinHandle::is_finished)) {
        tokio::select! {
            _ = ticks.tick() => {
                core.timers.tick();
                core.tunnels.tick();
                count = count.wrapping_add(1);
                if count.is_multiple_of(20) {
                    core.upstreams.sweep();
                }
            }
            command = commands.recv(), if !draining => match command {
                Some(Command::Listen { id, socket }) => {
                    let state = Rc::new(ListenerState { id, closing: false.into(), removed: Notify::new() });
                    accepting.retain(|task| !task.is_finished());
                    accepting.push(spawn_local(accept(socket, Rc::clone(&core), Rc::clone(&state))));
                    listeners.insert(id, state);
                }
                Some(Command::Unlisten(id)) => {
                    if let Some(state) = listeners.remove(&id) {
                        close(&core, &state);
                    }
                }
                Some(Command::Swapped) => {
                    // An idle worker lets go of the old table here, not at its next request.
                    core.generation();
                    core.tunnels.wake_all();
                    core.metrics.places.look_again();
                }
                Some(Command::Drain) | None => {
                    for (_, state) in listeners.drain() {
                        close(&core, &state);
                    }
                    draining = true;
                }
            },
        }
    }
}

fn close(core: &Core, state: &ListenerState) {
    state.closing.set(true);
    state.removed.notify_one();
    core.timers.wake_all();
    core.tunnels.wake_all();
}

/// Accepts connections; one beyond the limit waits here until another ends.
async fn accept(socket: TcpListener, core: Rc<Core>, state: Rc<ListenerState>) {
    let listener = match tokio::net::TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "a listener failed"),
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = state.removed.notified() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                core.metrics.places.take(|| core.generation().table.settings.limits.connections.into()).await;
                spawn_local(connection::serve(stream, peer.ip().to_canonical(), &core, &state));
            }
            Err(error) => {
                // Out of descriptors or memory: it passes when connections end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    } // who is in the kernel's queue has connected: closing the socket would reset them
    while let Poll::Ready(Ok((stream, peer))) = poll_fn(|cx| Poll::Ready(listener.poll_accept(cx))).await {
        core.metrics.places.take(|| u64::MAX).await;
        spawn_local(connection::serve(stream, peer.ip().to_canonical(), &core, &state));
    }
}
