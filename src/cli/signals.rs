//! Ctrl-C and SIGTERM: the first one stops the load and writes what was measured, a second one skips waiting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::signal::unix::{SignalKind, signal};

use crate::host::Host;

/// A second signal within this time ends the process at once.
const IMPATIENCE: Duration = Duration::from_secs(5);

/// The first signal that came; 0 if none did.
#[derive(Clone, Default)]
pub struct Signals(Arc<AtomicI32>);

impl Signals {
    /// Listens from now on, on a thread of its own, and interrupts `host`.
    pub fn listen(host: &Arc<Host>) -> Self {
        let signals = Self::default();
        let (seen, host) = (signals.clone(), host.clone());
        on_each(move |number, again| {
            if again {
                // The person does not want to wait: what was started ends with this process, the seconds that
                // were measured are on disk.
                std::process::exit(128 + number);
            }
            seen.0.compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed).ok();
            // Not straight to stderr: a live line may stand there.
            host.progress
                .note("stopping, what was measured is being written (again within 5 s: stop at once)");
            host.interrupt();
        });
        signals
    }

    /// The signal that ended the run.
    pub fn first(&self) -> Option<i32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
    }
}

/// Listens for the REPL: Ctrl-C stops what runs, as often as it comes; SIGTERM ends the session by `end`.
pub fn listen_in_session(host: &Arc<Host>, end: impl Fn() + Send + Sync + 'static) {
    let (host, end) = (host.clone(), Arc::new(end));
    let mut ending = false;
    on_each(move |number, _| {
        host.interrupt();
        if number != libc::SIGTERM {
            return;
        }
        if std::mem::replace(&mut ending, true) {
            std::process::exit(128 + number);
        }
        // On another thread: a second signal has to be heard while this goes on.
        let end = end.clone();
        std::thread::spawn(move || {
            end();
            std::process::exit(128 + number);
        });
    });
}

/// Calls `handle` with the number of each signal, and whether it came soon after another one.
fn on_each(mut handle: impl FnMut(i32, bool) + Send + 'static) {
    let listen = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            let mut last: Option<Instant> = None;
            loop {
                let number = tokio::select! {
                    _ = interrupt.recv() => libc::SIGINT,
                    _ = terminate.recv() => libc::SIGTERM,
                };
                let again = last.is_some_and(|last| last.elapsed() < IMPATIENCE);
                last = Some(Instant::now());
                handle(number, again);
            }
        });
    };
    // Without the thread Ctrl-C still ends the process, only less politely.
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).ok();
}
