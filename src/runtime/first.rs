//! porterd as the first process of a machine. When that ends the kernel panics, so porterd switches
//! the machine off instead, or restarts it; in a container its end is the container's, and it just
//! leaves.
#![allow(clippy::disallowed_methods, reason = "looks at its own namespace")]

use crate::bounds::LAST_PROCESSES_MSEC;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot, set_cad_enabled};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// `PROC_PID_INIT_INO`: the namespace that the kernel itself makes.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;
const STEP_MSEC: u64 = 20;

/// Whether the machine ends with this process. Without /proc nobody can tell, and it is taken for a
/// container.
pub(super) fn is_first_process() -> bool {
    std::process::id() == 1 && std::fs::metadata("/proc/self/ns/pid").is_ok_and(|ns| ns.ino() == FIRST_PID_NAMESPACE)
}

/// From now on Ctrl-Alt-Delete is a SIGINT to porterd, and not the end at once.
pub(super) fn take_over_machine() {
    if is_first_process()
        && let Err(errno) = set_cad_enabled(false)
    {
        tracing::warn!("Ctrl-Alt-Delete restarts the machine at once: {}", errno.desc());
    }
}

/// All units have ended. Ends what is left, writes everything to disk, and switches the machine off
/// or restarts it. Comes back only if the kernel will not.
pub(super) fn end_machine(restart: bool) {
    tracing::info!("{} the machine", if restart { "restarting" } else { "switching off" });
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        // To everybody but the sender. ESRCH: there is nobody.
        if kill(Pid::from_raw(-1), signal).is_err() {
            break;
        }
        if all_ended() {
            break;
        }
    }
    nix::unistd::sync();
    // What is mounted for writing would be checked at the next boot. A RAM disk refuses; never mind.
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, none).ok();
    let mode = if restart { RebootMode::RB_AUTOBOOT } else { RebootMode::RB_POWER_OFF };
    let Err(errno) = reboot(mode);
    tracing::error!("reboot(2): {}", errno.desc());
}

/// Reaps until there are no children any more, for a bounded time. Whoever loses their parent
/// becomes our child.
fn all_ended() -> bool {
    for _ in 0..LAST_PROCESSES_MSEC / STEP_MSEC {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => break,
                Ok(_) => {}
                Err(_) => return true,
            }
        }
        std::thread::sleep(Duration::from_millis(STEP_MSEC));
    }
    false
}
