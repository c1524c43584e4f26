//! Who the users and groups are that may connect (`X-AllowPeerUser=`, `X-AllowPeerGroup=`).

use super::ports::socket_of;
use crate::engine::event::Event;
use crate::ids::UnitId;
use crate::runtime::world::World;
use crate::unit::Unit;
use std::sync::Arc;

impl World {
    /// Numbers are taken as they are; a name that nobody knows admits nobody.
    pub(super) fn resolve_peers(&mut self, unit: UnitId, settings: &Arc<Unit>) {
        let Some(admission) = socket_of(settings).and_then(|socket| socket.admission.clone()) else {
            return;
        };
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        for name in admission.allow_peer_user.iter().flatten() {
            match name.parse().ok().or_else(|| self.user(name).map(|user| user.uid)) {
                Some(uid) => users.push(uid),
                None => self.unknown_peer(settings, "user", name),
            }
        }
        for name in admission.allow_peer_group.iter().flatten() {
            match name.parse().ok().or_else(|| self.group(name)) {
                Some(gid) => groups.push(gid),
                None => self.unknown_peer(settings, "group", name),
            }
        }
        self.events.push_back(Event::PeersResolved { unit, users, groups });
    }

    fn unknown_peer(&mut self, settings: &Unit, what: &str, name: &str) {
        let text = format!("there is no {what} {name}, so nobody is admitted as such; create it and reload");
        self.warn_unit(settings, "peer-unknown", &text);
    }
}
