//! `explain`: who is let in, in the order in which it is decided, and what happens at a limit.

use crate::unit::SocketUnit;
use crate::unit::admission::{Admission, OnLimit, OnMaxConnections};
use crate::unit::values::time::format_span;

/// What is asked of each connection before anything is started for it.
pub(super) fn rules(socket: &SocketUnit) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(admission) = &socket.admission {
        addresses(admission, &mut lines);
        users(admission, &mut lines);
    }
    let per_source = socket.max_connections_per_source;
    if per_source > 0 {
        lines.push(format!("refuse whose address or user has {per_source} connections"));
    }
    if let Some(admission) = &socket.admission {
        if let Some(limit) = admission.max_connections_per_prefix {
            let (v4, v6) = (limit.v4_bits, limit.v6_bits);
            lines.push(format!("refuse whose /{v4} (IPv6: /{v6}) has {} connections", limit.connections));
        }
        if let Some(rate) = admission.connection_rate_per_source {
            let span = format_span(rate.interval_usec);
            lines.push(format!("refuse whose address (IPv6: /64) or user came {} times in {span}", rate.burst));
        }
    }
    let most = socket.max_connections;
    lines.push(match socket.on_max_connections {
        Some(OnMaxConnections::Wait) => format!("with {most} connections: leave further ones in the kernel's queue"),
        Some(OnMaxConnections::Refuse) => format!("with {most} connections: refuse further ones"),
        None => format!("with {most} connections: leave further ones in the kernel's queue (--strict-systemd: refuse)"),
    });
    lines
}

/// What the socket does at a limit.
pub(super) fn limits(socket: &SocketUnit) -> &'static str {
    match socket.on_limit {
        Some(OnLimit::Pause) => "rest, and come back by itself",
        Some(OnLimit::Fail) => "fail and close",
        None => "rest, and come back by itself (--strict-systemd: fail and close)",
    }
}

fn addresses(admission: &Admission, lines: &mut Vec<String>) {
    if !admission.guards_addresses() {
        return;
    }
    if let Some(file) = &admission.unreadable {
        return lines.push(format!("refuse everybody with an IP address: {file} cannot be read"));
    }
    let count = admission.prefixes.len();
    let others = if admission.allow_from.is_some() { "refuse" } else { "admit" };
    lines.push(format!("admit or refuse by the longest of {count} prefixes around an IP address; {others} all others"));
}

fn users(admission: &Admission, lines: &mut Vec<String>) {
    if !admission.guards_users() {
        return;
    }
    let names = |list: &Option<Vec<crate::ids::Text>>| {
        let names: Vec<&str> = list.iter().flatten().map(|name| &**name).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
    };
    let (users, groups) = (names(&admission.allow_peer_user), names(&admission.allow_peer_group));
    lines.push(format!("admit by SO_PEERCRED and SO_PEERGROUPS: users {users}; groups {groups}; refuse other users"));
}
