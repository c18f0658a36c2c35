//! A worker: one thread with one single-threaded runtime, its own sockets and its own upstream connections.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use crate::proxy::accept::accept;
use crate::proxy::core::Core;
use crate::proxy::listener::{ListenerState, Socket};
use crate::proxy::timer::TICK;

/// What a worker is told.
#[derive(Debug)]
pub enum Command {
    /// Accept connections on sockets.
    Listen {
        /// The listener's number.
        id: u64,
        /// The worker's own sockets.
        sockets: Vec<Socket>,
        /// Whether a service manager keeps them open, too.
        lasts: bool,
    },
    /// Stop accepting on a listener, and end its connections after their request.
    Unlisten(u64),
    /// A table was put in force: tunnels look whether they still have a route.
    Swapped,
    /// Stop accepting, end all connections after their request, then end.
    Drain,
    /// The same where another program accepts on the sockets.
    HandOver,
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
                Some(Command::Listen { id, sockets, lasts }) => {
                    let state = Rc::new(ListenerState::new(id, lasts));
                    accepting.retain(|task| !task.is_finished());
                    let accept = |socket| spawn_local(accept(socket, Rc::clone(&core), Rc::clone(&state)));
                    accepting.extend(sockets.into_iter().map(accept));
                    listeners.insert(id, state);
                }
                Some(Command::Unlisten(id)) => {
                    if let Some(state) = listeners.remove(&id) {
                        close(&core, &state);
                    }
                }
                Some(Command::Swapped) => {
                    // An idle worker lets go of the old table here, not at its next request.
                    if core.generation().tls.asks_for_certificates() {
                        // a client that others would check now is not kept
                        core.timers.wake_all();
                    }
                    core.tunnels.wake_all();
                    core.metrics.places.look_again();
                }
                end @ (Some(Command::Drain | Command::HandOver) | None) => {
                    for (_, state) in listeners.drain() {
                        if matches!(end, Some(Command::HandOver)) {
                            state.lasts.set(true);
                        }
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
    state.removed.notify_waiters();
    core.timers.wake_all();
    core.tunnels.wake_all();
}
