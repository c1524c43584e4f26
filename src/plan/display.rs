//! Display form of addresses.

use crate::unit::socket::{Address, Listen, SocketKind};

/// As `list-sockets` shows it.
pub(super) fn display(listen: &Listen) -> String {
    match listen {
        Listen::Socket { address, .. } => match address {
            Address::V4(ip, port) => format!("{ip}:{port}"),
            Address::V6(ip, port, 0) => format!("[{ip}]:{port}"),
            Address::V6(ip, port, scope) => format!("[{ip}]:{port}%{scope}"),
            Address::Path(path) => path.to_string(),
            Address::Abstract(name) => format!("@{name}"),
            Address::Vsock(u32::MAX, port) => format!("vsock::{port}"),
            Address::Vsock(cid, port) => format!("vsock:{cid}:{port}"),
        },
        Listen::Netlink { family, groups } => format!("{family} {groups}"),
        Listen::Fifo(path) | Listen::Special(path) | Listen::MessageQueue(path) | Listen::UsbFunction(path) => {
            path.to_string()
        }
    }
}

/// Its type word.
pub(super) fn type_word(listen: &Listen) -> &'static str {
    match listen {
        Listen::Socket { kind: SocketKind::Stream, .. } => "Stream",
        Listen::Socket { kind: SocketKind::Datagram, .. } => "Datagram",
        Listen::Socket { kind: SocketKind::SequentialPacket, .. } => "SequentialPacket",
        Listen::Netlink { .. } => "Netlink",
        Listen::Special(_) => "Special",
        Listen::MessageQueue(_) => "MessageQueue",
        Listen::Fifo(_) => "FIFO",
        Listen::UsbFunction(_) => "USBFunction",
    }
}
