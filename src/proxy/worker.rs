//! A worker: one thread with one single-threaded runtime, its own sockets and its own upstream connections.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};

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
    let mut listeners: HashMap<u64, (Rc<ListenerState>, tokio::task::JoinHandle<()>)> = HashMap::new();
    let mut ticks = tokio::time::interval(TICK);
    let mut draining = false;
    let mut count = 0_u32;
    while !(draining && core.connections.get() == 0) {
        tokio::select! {
            _ = ticks.tick() => {
                core.timers.tick();
                core.tunnels.tick();
                count = count.wrapping_add(1);
                if count.is_multiple_of(20) {
                    core.upstreams.sweep();
                }
            }
            command = commands.recv() => match command {
                Some(Command::Listen { id, socket }) => {
                    let state = Rc::new(ListenerState { id, closing: false.into() });
                    let accepting = spawn_local(accept(socket, Rc::clone(&core), Rc::clone(&state)));
                    listeners.insert(id, (state, accepting));
                }
                Some(Command::Unlisten(id)) => {
                    if let Some((state, accepting)) = listeners.remove(&id) {
                        close(&core, &state, &accepting);
                    }
                }
                Some(Command::Swapped) => {
                    // An idle worker lets go of the old table here, not at its next request.
                    core.generation();
                    core.tunnels.wake_all();
                }
                Some(Command::Drain) | None => {
                    for (_, (state, accepting)) in listeners.drain() {
                        close(&core, &state, &accepting);
                    }
                    draining = true;
                }
            },
        }
    }
}

fn close(core: &Core, state: &ListenerState, accepting: &tokio::task::JoinHandle<()>) {
    state.closing.set(true);
    accepting.abort();
    core.timers.wake_all();
    core.tunnels.wake_all();
}

/// Accepts connections, as many at once as this worker's share of the limit.
async fn accept(socket: TcpListener, core: Rc<Core>, state: Rc<ListenerState>) {
    let listener = match tokio::net::TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "a listener failed"),
    };
    loop {
        let limit = core.generation().table.settings.limits.connections as usize;
        while core.connections.get() >= limit.div_ceil(core.workers).max(1) {
            core.freed.notified().await;
        }
        match listener.accept().await {
            Ok((stream, peer)) => {
                spawn_local(connection::serve(stream, peer.ip().to_canonical(), &core, &state));
            }
            Err(error) => {
                // Out of descriptors or memory: it passes when connections end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
