//! Ports on the real kernel: what a recipe leaves behind, read back with the kernel's own calls;
//! connections and who made them; messages; every error that an administrator can meet.
//!
//! Written for root. What an unprivileged run, or this kernel, cannot do is said on standard error
//! with a running count, never passed over in silence.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // tests look at the world as it is

mod sockets_accept;
mod sockets_beyond;
mod sockets_live;
mod sockets_messages;
mod sockets_namespaces;
mod sockets_nodes;
mod sockets_open;
mod sockets_options;

use porterd::ids::Text;
use porterd::linux::socket::{CallError, Opened, carry_out};
use porterd::plan::bind::{BindFacts, recipe};
use porterd::unit::socket::{Address, Listen, SocketKind, SocketOptions, SocketUnit};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// The umask, the descriptor limit and the loopback ports belong to the whole process: one test at
/// a time.
static WORLD: Mutex<()> = Mutex::new(());
static SKIPPED: AtomicU32 = AtomicU32::new(0);

/// A directory of its own for one test, and the world for itself. The umask is a bad one, so that
/// a mode that depends on it is noticed.
struct World {
    _alone: MutexGuard<'static, ()>,
    dir: PathBuf,
}

impl World {
    fn new(name: &str) -> World {
        let alone = WORLD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let dir = std::env::temp_dir().join(format!("porterd-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o027));
        World { _alone: alone, dir }
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.dir).unwrap();
    }
}

/// Says that something was not looked at, and how often that has happened so far.
fn skip(why: &str) {
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    eprintln!("SKIPPED ({count} so far): {why}");
}

/// Whether this is root; otherwise says what is left out.
fn is_root(what: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        skip(&format!("needs root: {what}"));
    }
    root
}

fn socket(kind: SocketKind, address: Address) -> Listen {
    Listen::Socket { kind, address }
}

fn stream(address: Address) -> Listen {
    socket(SocketKind::Stream, address)
}

fn at_path(path: &str) -> Address {
    Address::Path(path.into())
}

fn loopback(port: u16) -> Address {
    Address::V4([127, 0, 0, 1].into(), port)
}

/// A port of 127.0.0.1 that nobody listens on at this moment.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn unit(listen: Vec<Listen>) -> SocketUnit {
    SocketUnit { listen, ..SocketUnit::default() }
}

fn with_options(listen: Vec<Listen>, change: impl FnOnce(&mut SocketOptions)) -> SocketUnit {
    let mut options = SocketOptions::default();
    change(&mut options);
    SocketUnit { options: Arc::new(options), ..unit(listen) }
}

/// All ports, up to the first that fails.
fn open_all(unit: &SocketUnit, strict: bool) -> Result<Vec<Opened>, CallError> {
    let facts = BindFacts { strict, ..BindFacts::default() };
    recipe(unit, None, &facts).ports.iter().map(carry_out).collect()
}

/// The only descriptor of the only port, without warnings.
fn open(unit: &SocketUnit) -> OwnedFd {
    let mut ports = open_all(unit, false).unwrap();
    assert_eq!(ports.len(), 1);
    assert_eq!(ports[0].warnings, []);
    ports.remove(0).fds.remove(0)
}

fn fails(unit: &SocketUnit, strict: bool) -> CallError {
    open_all(unit, strict).unwrap_err()
}

fn mode_of(path: &str) -> u32 {
    std::os::unix::fs::MetadataExt::mode(&std::fs::symlink_metadata(path).unwrap()) & 0o7777
}

/// Both flags that every descriptor of ours must have.
fn is_cloexec(fd: impl AsFd) -> bool {
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    fcntl(fd.as_fd(), FcntlArg::F_GETFD).unwrap() & FdFlag::FD_CLOEXEC.bits() != 0
}

fn is_cloexec_and_nonblocking(fd: impl AsFd) -> bool {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let nonblocking = fcntl(fd.as_fd(), FcntlArg::F_GETFL).unwrap() & OFlag::O_NONBLOCK.bits() != 0;
    is_cloexec(&fd) && nonblocking
}

fn text(text: &str) -> Text {
    text.into()
}
