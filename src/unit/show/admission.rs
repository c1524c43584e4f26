//! Properties of the section [Socket] that only porterd knows.

use super::Properties;
use crate::ids::Text;
use crate::unit::admission::{Admission, OnLimit, OnMaxConnections};
use crate::unit::socket::SocketUnit;
use crate::unit::values::time;

pub(super) fn add(socket: &SocketUnit, out: &mut Properties) {
    let default = Admission::default();
    let admission = socket.admission.as_deref().unwrap_or(&default);
    let list = |given: &Option<Vec<Text>>| given.clone().unwrap_or_default();
    out.list("X-AllowFrom", list(&admission.allow_from));
    out.list("X-DenyFrom", &admission.deny_from);
    out.list("X-AllowPeerUser", list(&admission.allow_peer_user));
    out.list("X-AllowPeerGroup", list(&admission.allow_peer_group));
    out.text(
        "X-MaxConnectionsPerPrefix",
        admission
            .max_connections_per_prefix
            .map_or("0".to_owned(), |limit| format!("{}/{}/{}", limit.connections, limit.v4_bits, limit.v6_bits)),
    );
    out.text(
        "X-ConnectionRatePerSource",
        admission
            .connection_rate_per_source
            .map_or("0".to_owned(), |rate| format!("{}/{}", rate.burst, time::format_span(rate.interval_usec))),
    );
    out.text(
        "X-OnMaxConnections",
        match socket.on_max_connections {
            Some(OnMaxConnections::Wait) => "wait",
            Some(OnMaxConnections::Refuse) => "refuse",
            None => "",
        },
    );
    out.text(
        "X-OnLimit",
        match socket.on_limit {
            Some(OnLimit::Pause) => "pause",
            Some(OnLimit::Fail) => "fail",
            None => "",
        },
    );
}
