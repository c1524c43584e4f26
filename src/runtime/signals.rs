//! Signals to porterd itself: stop, reload, children. The same as PID 1 and below an init.

use crate::engine::event::Event;
use crate::linux::poll::Signals;
use crate::runtime::turn::Daemon;
use nix::errno::Errno;
use nix::sys::signal::Signal;

/// Signals that are read instead of obeyed. For PID 1 the kernel ignores what has no handler, so all
/// that mean something are here; those that would end us for nothing are, too.
const SIGNALS: [Signal; 7] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGQUIT,
    Signal::SIGPWR,
];

/// Takes the signals over: those that mean something to porterd, and SIGCHLD by itself.
pub(super) fn take() -> Result<(Signals, Signals), Errno> {
    Ok((Signals::new(&SIGNALS)?, Signals::new(&[Signal::SIGCHLD])?))
}

impl Daemon {
    pub(super) fn hear_signals(&mut self) {
        // One per turn: the next one is readable still.
        if let Ok(Some(caught)) = self.world.signals.read() {
            match caught.signal {
                libc::SIGHUP => self.reload("SIGHUP"),
                libc::SIGTERM | libc::SIGINT | libc::SIGQUIT | libc::SIGPWR => {
                    tracing::info!("signal {} from process {}: stopping", caught.signal, caught.pid);
                    // What Ctrl-Alt-Delete sends to the first process of a machine.
                    self.world.restart_machine = caught.signal == libc::SIGINT;
                    self.world.events.push_back(Event::ToldToStop);
                }
                other => tracing::debug!("signal {other} means nothing to porterd"),
            }
        }
    }
}
