//! What concerns the process: its log and its signals.

use std::sync::mpsc;
use std::{io, thread};

use crate::deploy::watch::{Wake, Watch};

/// Starts the log.
pub(super) fn start_log(level: &str, color: bool) -> Result<(), String> {
    let filter =
        tracing_subscriber::EnvFilter::try_new(level).map_err(|error| format!("`{level}` is no log level: {error}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(color)
        .with_target(false)
        .try_init()
        .map_err(|error| error.to_string())
}

/// SIGTERM and SIGINT end the program, SIGHUP has it look at the folder.
pub(super) fn on_signals(watch: &Watch) {
    let waker = watch.waker();
    let (ready, wait) = mpsc::channel();
    let listen = move || {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let signals =
                (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()));
            let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = signals else { return };
            let _ = ready.send(());
            loop {
                tokio::select! {
                    _ = terminate.recv() => return waker.wake(Wake::Stop),
                    _ = interrupt.recv() => return waker.wake(Wake::Stop),
                    _ = hangup.recv() => waker.wake(Wake::Asked),
                }
            }
        });
    };
    if thread::Builder::new().name("signals".into()).spawn(listen).is_ok() {
        let _ = wait.recv();
    }
}
