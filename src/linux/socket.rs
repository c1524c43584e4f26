//! Carries out a recipe: one descriptor (or several) per port, options, links, owners, removal.
//! Knows no unit; every message names the call and its object.

use super::files::{self, Owner};
use super::raw::{self, RawAddress};
use super::{address, holder, multicast, namespaces};
use crate::plan::bind::{OnError, Port, Remove, SocketCall, Symlink};
use crate::plan::live::Follow;
use crate::unit::socket::{Address, OptionValue};
use nix::errno::Errno;
use nix::sys::stat::lstat;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What came of a port.
#[derive(Debug, Default)]
pub struct Opened {
    /// One descriptor, or several for a USB function; close-on-exec and non-blocking.
    pub fds: Vec<OwnedFd>,
    /// Calls that failed without consequence.
    pub warnings: Vec<CallWarning>,
}

/// A call that failed, and nothing depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallWarning {
    /// Directive that asked for it; empty if the recipe does not say.
    pub directive: &'static str,
    /// The option, or the call and its object.
    pub symbol: String,
    /// Why.
    pub errno: Errno,
}

impl fmt::Display for CallWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.directive.is_empty() {
            write!(f, "{}= has no effect: ", self.directive)?;
        }
        write!(f, "{} failed: {}", self.symbol, self.errno.desc())?;
        if self.directive == "SmackLabel" && self.errno == Errno::EINVAL {
            write!(f, "; this kernel lets sockets have no label (SmackLabelIPIn= works), or the label is no good")?;
        }
        Ok(())
    }
}

impl CallWarning {
    /// The kernel cannot do it or does not let us: newer versions of systemd tell this quietly.
    pub fn is_quiet(&self) -> bool {
        // What systemd does not know follows no example: who asks for exactly this wants to hear it.
        if self.directive.starts_with("X-") {
            return false;
        }
        const QUIET: [Errno; 10] = [
            Errno::EOPNOTSUPP,
            Errno::ENOTTY,
            Errno::ENOSYS,
            Errno::EAFNOSUPPORT,
            Errno::EPFNOSUPPORT,
            Errno::EPROTONOSUPPORT,
            Errno::ESOCKTNOSUPPORT,
            Errno::ENOPROTOOPT,
            Errno::EPERM,
            Errno::EACCES,
        ];
        QUIET.contains(&self.errno)
    }
}

/// A call without which there is no port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The call and its object, e.g. `bind(2) to [::]:80`.
    pub call: String,
    /// Why.
    pub errno: Errno,
    /// Who has the address, if it is in use and we could find out.
    pub holder: Option<String>,
    /// What to do about it, where the call itself tells; otherwise empty.
    pub advice: &'static str,
}

impl std::error::Error for CallError {}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.call, self.errno.desc())?;
        match &self.holder {
            Some(holder) => write!(f, "; it is held by {holder}"),
            None => Ok(()),
        }
    }
}

/// Opens a port. On failure everything it opened is closed; nodes stay, as with systemd.
pub fn carry_out(port: &Port) -> Result<Opened, CallError> {
    carry_out_for(port, Owner::default(), None)
}

/// As [`carry_out`], but a FIFO or message queue that a former run gave to `owner` is accepted too, and
/// sockets are made in a network namespace.
pub fn carry_out_for(port: &Port, owner: Owner, namespace: Option<BorrowedFd<'_>>) -> Result<Opened, CallError> {
    let mut work = Work { opened: Opened::default(), protocol: 0, owner, namespace };
    for call in &port.calls {
        if let Err(errno) = work.perform(call) {
            return Err(work.error(call, port, errno));
        }
    }
    Ok(work.opened)
}

/// Applies the options of a recipe to an accepted connection. No failure has a consequence.
pub fn apply_connection_options(fd: impl AsFd, calls: &[SocketCall]) -> Vec<CallWarning> {
    let mut warnings = Vec::new();
    for call in calls {
        let Some((directive, symbol, on_error)) = option_of(call) else {
            continue;
        };
        if let Err(errno) = set(fd.as_fd(), call)
            && on_error != OnError::Ignore
        {
            warnings.push(CallWarning { directive, symbol: symbol.to_owned(), errno });
        }
    }
    warnings
}

/// Lets an open port follow a change of its settings.
pub fn follow(fd: BorrowedFd<'_>, step: &Follow) -> nix::Result<()> {
    match step {
        Follow::Call(SocketCall::Listen { backlog }) => raw::listen(fd, *backlog),
        Follow::Call(SocketCall::PipeSize { bytes }) => files::pipe_size(fd, *bytes),
        Follow::Call(call) => set(fd, call),
        Follow::Reset { level, name } => reset(fd, *level, *name),
        Follow::Mode { path: Some(path), mode } => files::chmod(path, *mode),
        Follow::Mode { path: None, mode } => files::chmod_fd(fd, *mode),
    }
}

/// Puts an option back to what a new socket of the same kind has.
fn reset(fd: BorrowedFd<'_>, level: i32, name: i32) -> nix::Result<()> {
    let about = |name| raw::get_option_int(fd, libc::SOL_SOCKET, name);
    let fresh = raw::socket(about(libc::SO_DOMAIN)?, about(libc::SO_TYPE)?, about(libc::SO_PROTOCOL)?)?;
    let mut value = [0u8; 64];
    let length = raw::get_option(fresh.as_fd(), level, name, &mut value)?;
    raw::set_option(fd, level, name, &value[..length])
}

/// `Symlink`s of a recipe; what fails is told and has no consequence.
pub fn symlinks(links: &[Symlink]) -> Vec<CallWarning> {
    let failed = links.iter().filter_map(|link| files::symlink(link).err().map(|errno| (link, errno)));
    failed
        .map(|(link, errno)| CallWarning {
            directive: "",
            symbol: format!("symlink(2) {} to {}", link.link, link.target),
            errno,
        })
        .collect()
}

/// Takes nodes, queues and links away; what fails is told and has no consequence.
pub fn remove(what: &[Remove]) -> Vec<CallWarning> {
    let failed = what.iter().filter_map(|one| files::remove(one).err().map(|errno| (one, errno)));
    failed
        .map(|(one, errno)| {
            let symbol = match one {
                Remove::Node(path) => format!("unlink(2) {path}"),
                Remove::MessageQueue(name) => format!("mq_unlink(3) {name}"),
            };
            CallWarning { directive: "", symbol, errno }
        })
        .collect()
}

/// Gives the nodes to their owner. Stops at the first failure.
pub fn chown<T: AsRef<str>>(paths: &[T], uid: Option<u32>, gid: Option<u32>) -> Result<(), CallError> {
    change_owners("chown(2)", paths, |path| files::chown(path, Owner { uid, gid }))
}

/// Changes the owner of message queues. The first failure ends it.
pub fn chown_queues<T: AsRef<str>>(names: &[T], uid: Option<u32>, gid: Option<u32>) -> Result<(), CallError> {
    change_owners("fchown(2)", names, |name| files::chown_queue(name, Owner { uid, gid }))
}

fn change_owners<T: AsRef<str>>(
    call: &str,
    of: &[T],
    change: impl Fn(&str) -> nix::Result<()>,
) -> Result<(), CallError> {
    of.iter().map(T::as_ref).try_for_each(|node| {
        change(node).map_err(|errno| CallError { call: format!("{call} of {node}"), errno, holder: None, advice: "" })
    })
}

/// Directive, option name and consequence of a call that sets an option.
fn option_of(call: &SocketCall) -> Option<(&'static str, &str, OnError)> {
    match call {
        SocketCall::SetRaw { option, on_error } => Some(("X-SockOpt", &option.symbol, *on_error)),
        SocketCall::Join(_) => Some(("X-MulticastGroup", "MCAST_JOIN_GROUP", OnError::Fail)),
        SocketCall::MulticastInterface { .. } => Some(("X-MulticastInterface", "IP_MULTICAST_IF", OnError::Fail)),
        SocketCall::SetInt { directive, symbol, on_error, .. }
        | SocketCall::SetText { directive, symbol, on_error, .. } => Some((directive, symbol, *on_error)),
        SocketCall::SetBuffer { directive, receive, .. } => {
            Some((directive, if *receive { "SO_RCVBUF" } else { "SO_SNDBUF" }, OnError::Warn))
        }
        SocketCall::Unsupported { directive } => Some((directive, "setsockopt(2)", OnError::Warn)),
        SocketCall::SetXattr { directive, name, .. } => Some((directive, name, OnError::Warn)),
        SocketCall::Touch { .. } => Some(("", "utimensat(2)", OnError::Ignore)),
        SocketCall::PipeSize { .. } => Some(("", "F_SETPIPE_SZ", OnError::Warn)),
        _ => None,
    }
}

/// The part of [`option_of`]'s calls that a connection can have as well.
fn set(fd: BorrowedFd<'_>, call: &SocketCall) -> nix::Result<()> {
    match call {
        SocketCall::SetInt { level, name, value, .. } => raw::set_option_int(fd, *level, *name, *value),
        SocketCall::SetText { level, name, value, .. } => {
            let mut bytes = value.as_bytes().to_vec();
            bytes.push(0);
            raw::set_option(fd, *level, *name, &bytes)
        }
        SocketCall::SetRaw { option, .. } => match &option.value {
            OptionValue::Int(value) => raw::set_option_int(fd, option.level, option.name, *value),
            OptionValue::Bytes(bytes) => raw::set_option(fd, option.level, option.name, bytes),
        },
        SocketCall::Join(membership) => multicast::join(fd, membership),
        SocketCall::MulticastInterface { level, interface } => multicast::send_through(fd, *level, interface),
        SocketCall::SetBuffer { receive, bytes, .. } => set_buffer(fd, *receive, *bytes),
        SocketCall::SetXattr { path, name, value, .. } => {
            let c_string = |text: &str| std::ffi::CString::new(text).map_err(|_| Errno::EINVAL);
            match path {
                None => raw::set_xattr(fd, &c_string(name)?, value.as_bytes()),
                Some(path) => raw::lsetxattr(&c_string(path)?, &c_string(name)?, value.as_bytes()),
            }
        }
        SocketCall::Unsupported { .. } => Err(Errno::EAFNOSUPPORT),
        _ => Ok(()),
    }
}

/// The kernel doubles what is asked for, and gives less than asked above its limit; the FORCE
/// variant, for the privileged, knows no limit.
fn set_buffer(fd: BorrowedFd<'_>, receive: bool, bytes: u64) -> nix::Result<()> {
    let bytes = i32::try_from(bytes).map_err(|_| Errno::ERANGE)?;
    let (name, force) = match receive {
        true => (libc::SO_RCVBUF, libc::SO_RCVBUFFORCE),
        false => (libc::SO_SNDBUF, libc::SO_SNDBUFFORCE),
    };
    let level = libc::SOL_SOCKET;
    let enough = || raw::get_option_int(fd, level, name).is_ok_and(|now| i64::from(now) == 2 * i64::from(bytes));
    if enough() || raw::set_option_int(fd, level, name, bytes).is_ok() && enough() {
        return Ok(());
    }
    raw::set_option_int(fd, level, force, bytes)
}

/// A port being opened.
struct Work<'a> {
    opened: Opened,
    /// Protocol of the socket, for finding out who has the address.
    protocol: i32,
    owner: Owner,
    /// Where sockets are made, if not here.
    namespace: Option<BorrowedFd<'a>>,
}

impl Work<'_> {
    /// The descriptor the calls are about.
    fn fd(&self) -> nix::Result<BorrowedFd<'_>> {
        self.opened.fds.first().map(AsFd::as_fd).ok_or(Errno::EBADF)
    }

    fn perform(&mut self, call: &SocketCall) -> nix::Result<()> {
        let owner = self.owner;
        let fd = match call {
            SocketCall::Socket { domain, kind, protocol } => {
                self.protocol = *protocol;
                match self.namespace {
                    Some(namespace) => namespaces::socket_in(namespace, *domain, *kind, *protocol)?,
                    None => raw::socket(*domain, *kind, *protocol)?,
                }
            }
            SocketCall::Fifo { path, mode } => files::fifo(path, *mode, owner)?,
            SocketCall::Special { path, writable } => files::special(path, *writable)?,
            SocketCall::MessageQueue { name, mode, attributes } => {
                files::message_queue(name, *mode, *attributes, owner)?
            }
            SocketCall::UsbFunction { path, descriptors, strings } => {
                self.opened.fds = files::usb_function(path, descriptors, strings)?;
                return Ok(());
            }
            SocketCall::MakeParents { path, mode } => {
                files::make_parents(path, *mode);
                return Ok(());
            }
            SocketCall::Bind { address: Address::V6(ip, port, _), scope: Some(name), .. } => {
                let fd = self.fd()?;
                let scoped = Address::V6(*ip, *port, multicast::index_of(fd, name)?);
                return raw::bind(fd, &address::encode(&scoped)?);
            }
            SocketCall::Bind { address, mode, take_over, .. } => {
                return bind(self.fd()?, address, *mode, *take_over);
            }
            SocketCall::BindNetlink { groups } => {
                return raw::bind(self.fd()?, &address::encode_netlink(*groups));
            }
            SocketCall::Listen { backlog } => return raw::listen(self.fd()?, *backlog),
            SocketCall::SetInt { .. }
            | SocketCall::SetText { .. }
            | SocketCall::SetRaw { .. }
            | SocketCall::Join(_)
            | SocketCall::MulticastInterface { .. }
            | SocketCall::SetBuffer { .. }
            | SocketCall::Unsupported { .. }
            | SocketCall::SetXattr { .. }
            | SocketCall::Touch { .. }
            | SocketCall::PipeSize { .. } => return self.optional(call),
        };
        self.opened.fds.push(fd);
        Ok(())
    }

    /// A call whose failure may have no consequence.
    fn optional(&mut self, call: &SocketCall) -> nix::Result<()> {
        let result = match call {
            SocketCall::Touch { path } => files::touch(path),
            SocketCall::PipeSize { bytes } => files::pipe_size(self.fd()?, *bytes),
            _ => set(self.fd()?, call),
        };
        let (Err(errno), Some((directive, symbol, on_error))) = (result, option_of(call)) else {
            return Ok(());
        };
        match on_error {
            OnError::Fail => return Err(errno),
            OnError::Warn => {
                let symbol = symbol.to_owned();
                self.opened.warnings.push(CallWarning { directive, symbol, errno });
            }
            OnError::Ignore => {}
        }
        Ok(())
    }

    fn error(&self, call: &SocketCall, port: &Port, errno: Errno) -> CallError {
        let holder = match call {
            // The tables that name the holder are those of our own network.
            SocketCall::Bind { .. } | SocketCall::Listen { .. }
                if errno == Errno::EADDRINUSE && self.namespace.is_none() =>
            {
                holder::of_port(port, self.protocol)
            }
            _ => None,
        };
        let advice = match call {
            SocketCall::Join(membership) => multicast::advice(errno, membership.interface.is_some()),
            SocketCall::MulticastInterface { .. } => multicast::advice(errno, true),
            SocketCall::UsbFunction { descriptors, strings, .. } if descriptors.is_empty() || strings.is_empty() => {
                "; set USBFunctionDescriptors= and USBFunctionStrings= of its service"
            }
            SocketCall::UsbFunction { .. } if errno == Errno::EINVAL => {
                "; the files that USBFunctionDescriptors= and USBFunctionStrings= name are not what FunctionFS takes"
            }
            _ => "",
        };
        CallError { call: words(call, &port.display), errno, holder, advice }
    }
}

/// The call and its object, for a message.
fn words(call: &SocketCall, display: &str) -> String {
    match call {
        SocketCall::Socket { domain, kind, protocol } => {
            format!("socket(2) for {display} (family {domain}, type {kind}, protocol {protocol})")
        }
        SocketCall::Bind { .. } | SocketCall::BindNetlink { .. } => format!("bind(2) to {display}"),
        SocketCall::Listen { .. } => format!("listen(2) on {display}"),
        SocketCall::Fifo { .. } => format!("mkfifo(2) or open(2) of {display}"),
        SocketCall::Special { .. } => format!("open(2) of {display}"),
        SocketCall::MessageQueue { .. } => format!("mq_open(3) of {display}"),
        SocketCall::UsbFunction { .. } => format!("setting up the USB function in {display}"),
        SocketCall::MakeParents { .. } => format!("mkdir(2) above {display}"),
        SocketCall::Join(membership) => format!("joining {membership} on {display}"),
        SocketCall::MulticastInterface { interface, .. } => {
            format!("sending multicast through {interface} from {display}")
        }
        SocketCall::SetInt { .. }
        | SocketCall::SetText { .. }
        | SocketCall::SetRaw { .. }
        | SocketCall::SetBuffer { .. }
        | SocketCall::Unsupported { .. }
        | SocketCall::SetXattr { .. }
        | SocketCall::Touch { .. }
        | SocketCall::PipeSize { .. } => {
            let symbol = option_of(call).map_or("", |(_, symbol, _)| symbol);
            format!("setting {symbol} on {display}")
        }
    }
}

/// bind(2); whatever is in the way at a path is removed once, except (unless `take_over`) a socket
/// on which somebody listens.
fn bind(fd: BorrowedFd<'_>, wanted: &Address, mode: u32, take_over: bool) -> nix::Result<()> {
    let raw_address = address::encode(wanted)?;
    let Address::Path(path) = wanted else {
        return raw::bind(fd, &raw_address);
    };
    match files::creating(mode, || raw::bind(fd, &raw_address)) {
        Err(Errno::EADDRINUSE) => {}
        result => return result,
    }
    if !take_over && is_alive(fd, path, &raw_address) {
        return Err(Errno::EADDRINUSE);
    }
    nix::unistd::unlink(&**path).map_err(|_| Errno::EADDRINUSE)?;
    files::creating(mode, || raw::bind(fd, &raw_address))
}

/// Whether somebody has a socket bound to this path. A listener sees one empty connection.
fn is_alive(fd: BorrowedFd<'_>, path: &str, raw_address: &RawAddress) -> bool {
    if !lstat(path).is_ok_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFSOCK) {
        return false;
    }
    let kind = raw::get_option_int(fd, libc::SOL_SOCKET, libc::SO_TYPE).unwrap_or(libc::SOCK_STREAM);
    let Ok(probe) = raw::socket(libc::AF_UNIX, kind, 0) else {
        return true; // cannot tell: leave it alone
    };
    match raw::connect(probe.as_fd(), raw_address) {
        Ok(()) => true,
        // Nobody has it; or it went away in between.
        Err(Errno::ECONNREFUSED | Errno::ENOENT) => false,
        // EAGAIN: a full queue. EPROTOTYPE: a socket of another type. EACCES, …: cannot tell.
        Err(_) => true,
    }
}
