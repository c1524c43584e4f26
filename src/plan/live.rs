//! A port stays open and its settings change (a reload): what follows them on the open descriptor, and
//! what only a new one can have.

use super::bind::{Port, SocketCall};
use crate::ids::Text;
use crate::unit::socket::Address;

/// One thing to be done to an open port.
#[derive(Clone, Debug, PartialEq)]
pub enum Follow {
    /// The call again, with its new value.
    Call(SocketCall),
    /// An option that was set and is not any more: back to what a new socket has.
    Reset {
        /// `SOL_*`, `IPPROTO_*`
        level: i32,
        /// Option number.
        name: i32,
    },
    /// chmod(2) of the node at a path, or fchmod(2) of the descriptor.
    Mode {
        /// The node; `None` is what the descriptor leads to.
        path: Option<Text>,
        /// `SocketMode=`
        mode: u32,
    },
}

/// What follows from a change of settings for one port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// In order, with the directive that changed.
    pub live: Vec<(&'static str, Follow)>,
    /// Directives that wait for a new port.
    pub restart: Vec<&'static str>,
}

/// Options that count when a socket is bound, and never again.
const AT_BIND: [&str; 4] = ["BindIPv6Only", "ReusePort", "FreeBind", "Transparent"];

/// Compares the calls of a port before and now. Its address is the same.
pub fn changes(before: &Port, now: &Port) -> Changes {
    let mut changes = Changes::default();
    for call in now.calls.iter().filter(|call| !before.calls.contains(call)) {
        let old = before.calls.iter().find(|old| same_object(old, call));
        match follow(old, call) {
            Some((directive, Some(step))) => changes.live.push((directive, step)),
            Some((directive, None)) => changes.waits(directive),
            None => {}
        }
    }
    let gone = |call: &&SocketCall| !now.calls.iter().any(|other| same_object(call, other));
    for call in before.calls.iter().filter(gone) {
        match call {
            SocketCall::SetInt { directive, level, name, .. } | SocketCall::SetText { directive, level, name, .. }
                if !AT_BIND.contains(directive) =>
            {
                changes.live.push((directive, Follow::Reset { level: *level, name: *name }));
            }
            _ => {
                if let Some(directive) = directive(call) {
                    changes.waits(directive);
                }
            }
        }
    }
    changes
}

impl Changes {
    fn waits(&mut self, directive: &'static str) {
        if !self.restart.contains(&directive) {
            self.restart.push(directive);
        }
    }
}

/// The directive behind a changed call, and the step that follows it, if one can. `None`: nothing to do.
fn follow(old: Option<&SocketCall>, call: &SocketCall) -> Option<(&'static str, Option<Follow>)> {
    let again = || Some(Follow::Call(call.clone()));
    let step = match call {
        SocketCall::SetInt { directive, .. } | SocketCall::SetText { directive, .. } if AT_BIND.contains(directive) => {
            None
        }
        SocketCall::SetInt { .. }
        | SocketCall::SetText { .. }
        | SocketCall::SetRaw { .. }
        | SocketCall::Join(_)
        | SocketCall::MulticastInterface { .. }
        | SocketCall::SetBuffer { .. }
        | SocketCall::SetXattr { .. }
        | SocketCall::Listen { .. }
        | SocketCall::PipeSize { .. } => again(),
        SocketCall::Bind { address: Address::Path(path), mode, .. } => {
            Some(Follow::Mode { path: Some(path.clone()), mode: *mode & 0o777 })
        }
        // The mode is that of nodes only.
        SocketCall::Bind { .. } => return None,
        SocketCall::Fifo { mode, .. } => Some(Follow::Mode { path: None, mode: *mode }),
        SocketCall::MessageQueue { mode, attributes, .. } => match old {
            Some(SocketCall::MessageQueue { attributes: before, .. }) if before == attributes => {
                Some(Follow::Mode { path: None, mode: *mode })
            }
            Some(_) | None => return Some(("MessageQueueMaxMessages", None)),
        },
        SocketCall::Socket { .. }
        | SocketCall::BindNetlink { .. }
        | SocketCall::Special { .. }
        | SocketCall::UsbFunction { .. } => None,
        _ => return None,
    };
    Some((directive(call)?, step))
}

/// Whether two calls are about the same thing, with whatever value.
fn same_object(a: &SocketCall, b: &SocketCall) -> bool {
    use SocketCall::{Join, SetBuffer, SetInt, SetRaw, SetText, SetXattr};
    match (a, b) {
        (SetInt { level, name, .. }, SetInt { level: l, name: n, .. })
        | (SetText { level, name, .. }, SetText { level: l, name: n, .. }) => (level, name) == (l, n),
        (SetBuffer { receive, .. }, SetBuffer { receive: r, .. }) => receive == r,
        (SetXattr { name, .. }, SetXattr { name: n, .. }) => name == n,
        // Each is a thing of its own.
        (Join(_), Join(_)) | (SetRaw { .. }, SetRaw { .. }) => a == b,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

/// The directive that a call stands for; `None` for what is always done.
fn directive(call: &SocketCall) -> Option<&'static str> {
    let name = match call {
        SocketCall::SetInt { directive, .. }
        | SocketCall::SetText { directive, .. }
        | SocketCall::SetBuffer { directive, .. }
        | SocketCall::SetXattr { directive, .. } => directive,
        SocketCall::SetRaw { .. } => "X-SockOpt",
        SocketCall::Join(_) => "X-MulticastGroup",
        SocketCall::MulticastInterface { .. } => "X-MulticastInterface",
        SocketCall::Socket { .. } => "SocketProtocol",
        SocketCall::Listen { .. } => "Backlog",
        SocketCall::PipeSize { .. } => "PipeSize",
        SocketCall::Bind { .. } | SocketCall::Fifo { .. } | SocketCall::MessageQueue { .. } => "SocketMode",
        SocketCall::Special { .. } => "Writable",
        SocketCall::UsbFunction { .. } => "USBFunctionDescriptors",
        _ => return None,
    };
    (!name.is_empty()).then_some(name)
}
