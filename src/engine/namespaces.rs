//! Which units share a network namespace, and how long it lives.
//!
//! A unit that asks for one (`PrivateNetwork=`, `NetworkNamespacePath=`) gets a token with its first
//! socket or process: that of a unit it is joined with (`JoinsNamespaceOf=`, in either direction), else
//! a new one. It keeps the token until it is dead; with the last unit the namespace goes. Everything a
//! token means outside (descriptors, the loopback interface) is the runtime's.

use super::Engine;
use super::effect::Effect;
use super::slot::{Relation, Slot};
use crate::ids::{NamespaceToken, UnitId};
use crate::unit::Body;
use std::collections::BTreeMap;

/// The namespaces in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Namespaces {
    users: BTreeMap<UnitId, NamespaceToken>,
    last: u64,
}

impl Namespaces {
    /// All tokens that some unit uses, with repetitions.
    pub(super) fn tokens(&self) -> impl Iterator<Item = NamespaceToken> + '_ {
        self.users.values().copied()
    }
}

impl Engine {
    /// The network namespace in which the unit opens sockets and starts processes; `None` is porterd's.
    pub(super) fn namespace(&mut self, id: UnitId) -> Option<NamespaceToken> {
        let slot = self.units.get(&id).filter(|slot| asks(slot))?;
        let users = &self.namespaces.users;
        if let Some(token) = users.get(&id) {
            return Some(*token);
        }
        let shared = slot.related(Relation::JoinsNamespaceOf).find_map(|other| users.get(&other)).copied();
        let token = shared.unwrap_or_else(|| {
            self.namespaces.last += 1;
            NamespaceToken(self.namespaces.last)
        });
        self.namespaces.users.insert(id, token);
        Some(token)
    }

    /// The unit is dead: without it nobody may be left in the namespace.
    pub(super) fn namespace_release(&mut self, id: UnitId) {
        let Some(namespace) = self.namespaces.users.remove(&id) else {
            return;
        };
        if !self.namespaces.tokens().any(|other| other == namespace) {
            self.out.push(Effect::DropNamespace { namespace });
        }
    }
}

fn asks(slot: &Slot) -> bool {
    match &slot.unit.body {
        Body::Socket(socket) => socket.exec.has_own_network(),
        Body::Service(service) => service.exec.has_own_network(),
        Body::Target | Body::Slice | Body::Foreign => false,
    }
}
