//! Who may come in, and how many at the same time: rules about the peers of sockets with `Accept=yes`,
//! applied to a connection before anything is started for it.
//!
//! * `rules` why somebody was let in or refused, counted · `rates` how often a source may come
//! * `room` what happens when there is no room, or when what serves cannot be started
//!
//! A socket without such rules has no [`Door`], and pays nothing for them.

mod rates;
mod room;
mod rules;

use super::Engine;
use super::accept::{Source, peer_text};
use super::effect::{Effect, Level};
use super::limits::Window;
use super::service::Service;
use super::slot::Machine;
use crate::bounds::{REFUSALS_TOLD, REFUSALS_WINDOW_USEC};
use crate::ids::{FdToken, Mono, UnitId};
use crate::outside::Peer;
use crate::unit::admission::{Admission, PrefixLimit};
use crate::unit::prefixes::{Prefix, Verdict};
use crate::unit::{RateLimit, SocketUnit};
use rates::Rates;
use rules::RuleCounts;
use std::collections::BTreeMap;

pub use rules::Rule;

/// Why a connection is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The socket is on its way down.
    Stopping,
    /// A rule forbids it.
    Rule(Rule),
    /// Everything was said, or there is nothing to say (the peer is gone).
    Silent,
}

/// By what connections are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counting {
    per_source: bool,
    per_prefix: Option<PrefixLimit>,
}

impl Counting {
    fn of(unit: &SocketUnit) -> Counting {
        let per_prefix = unit.admission.as_ref().and_then(|admission| admission.max_connections_per_prefix);
        Counting { per_source: unit.max_connections_per_source > 0, per_prefix }
    }
}

/// What is remembered of the peers of one socket.
#[derive(Clone, Debug, Default)]
pub(super) struct Door {
    counting: Counting,
    /// Connections that are served, by source and by network; never 0.
    sources: BTreeMap<Source, u32>,
    networks: BTreeMap<Prefix, u32>,
    rate: Option<RateLimit>,
    rates: Rates,
    rules: RuleCounts,
    /// Ids of `X-AllowPeerUser=` and `X-AllowPeerGroup=`, sorted; `None` until they are known.
    peers: Option<(Vec<u32>, Vec<u32>)>,
    told: Window,
    untold: u64,
}

/// By what a connection is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// The peer.
    Source(Source),
    /// Its network.
    Network(Prefix),
}

impl Door {
    fn new(unit: &SocketUnit) -> Door {
        let rate = unit.admission.as_ref().and_then(|admission| admission.connection_rate_per_source);
        Door { counting: Counting::of(unit), rate, ..Door::default() }
    }

    /// A connection of this source is served.
    pub(super) fn enter(&mut self, source: Option<&Source>) {
        let Some(source) = source else {
            return;
        };
        if self.counting.per_source {
            *self.sources.entry(source.clone()).or_default() += 1;
        }
        if let Some(network) = self.network(source) {
            *self.networks.entry(network).or_default() += 1;
        }
    }

    /// It is not any more.
    pub(super) fn leave(&mut self, source: Option<&Source>) {
        let Some(source) = source else {
            return;
        };
        if self.counting.per_source {
            take_one(&mut self.sources, source);
        }
        if let Some(network) = self.network(source) {
            take_one(&mut self.networks, &network);
        }
    }

    fn network(&self, source: &Source) -> Option<Prefix> {
        match source {
            Source::Ip(ip) => self.counting.per_prefix?.network(*ip),
            Source::Uid(_) | Source::Cid(_) => None,
        }
    }

    fn judge(&mut self, now: Mono, unit: &SocketUnit, peer: &Peer, source: Option<&Source>) -> Result<(), Rule> {
        if let Some(admission) = &unit.admission {
            self.judge_identity(admission, peer)?;
        }
        let Some(source) = source else {
            return Ok(());
        };
        self.judge_count(unit, source)?;
        if let (Some(limit), Some(network)) = (self.counting.per_prefix, self.network(source))
            && self.networks.get(&network).is_some_and(|count| *count >= limit.connections)
        {
            return Err(Rule::PerPrefix);
        }
        match self.rate {
            Some(rate) if !self.rates.admit(now, &rated(source), rate) => Err(Rule::Rate),
            Some(_) | None => Ok(()),
        }
    }

    fn judge_count(&self, unit: &SocketUnit, source: &Source) -> Result<(), Rule> {
        let limit = unit.max_connections_per_source;
        match self.sources.get(source) {
            Some(count) if limit > 0 && *count >= limit => Err(Rule::PerSource),
            Some(_) | None => Ok(()),
        }
    }

    /// Lists of prefixes are about IP, lists of users about AF_UNIX.
    fn judge_identity(&mut self, admission: &Admission, peer: &Peer) -> Result<(), Rule> {
        let rule = match peer {
            Peer::Ip { remote, .. } if admission.guards_addresses() => {
                match (&admission.unreadable, admission.prefixes.judge(remote.0)) {
                    (Some(_), _) => Rule::Unreadable,
                    (None, Verdict::Matched(prefix, admits)) => Rule::Prefix(prefix, admits),
                    (None, Verdict::Unmatched) if admission.allow_from.is_some() => Rule::NotAllowed,
                    (None, Verdict::Unmatched) => return Ok(()),
                }
            }
            Peer::Unix { uid, groups, .. } if admission.guards_users() => {
                let known = self.peers.as_ref().is_some_and(|(users, allowed)| {
                    users.binary_search(uid).is_ok() || groups.iter().any(|gid| allowed.binary_search(gid).is_ok())
                });
                if known { Rule::PeerAllowed } else { Rule::PeerNotAllowed }
            }
            Peer::Ip { .. } | Peer::Unix { .. } | Peer::Vsock { .. } => return Ok(()),
        };
        if !rule.admits() {
            return Err(rule);
        }
        self.rules.count(rule);
        Ok(())
    }

    /// Whether this one is to be told; and if so, how many before it were not.
    fn tells(&mut self, now: Mono) -> Option<u64> {
        let limit = RateLimit { interval_usec: REFUSALS_WINDOW_USEC, burst: REFUSALS_TOLD };
        if self.told.admit(now, limit) {
            return Some(std::mem::take(&mut self.untold));
        }
        self.untold += 1;
        None
    }

    /// What is counted, for the simulator.
    pub(super) fn counts(&self) -> impl Iterator<Item = (Counted, u32)> + '_ {
        let sources = self.sources.iter().map(|(source, count)| (Counted::Source(source.clone()), *count));
        sources.chain(self.networks.iter().map(|(network, count)| (Counted::Network(*network), *count)))
    }

    /// Rules by how often they were applied.
    pub(super) fn ranked(&self) -> Vec<(Rule, u64)> {
        self.rules.ranked()
    }
}

fn take_one<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// Whose rate counts: of an IPv6 address that of its /64 network, because whoever has one address of
/// it has all of them.
fn rated(source: &Source) -> Source {
    const V6_BITS: u8 = 64;
    match source {
        Source::Ip(ip) => {
            let ip = ip.to_canonical();
            let network = Prefix::new(ip, V6_BITS).filter(|_| ip.is_ipv6());
            Source::Ip(network.map_or(ip, Prefix::first))
        }
        Source::Uid(_) | Source::Cid(_) => source.clone(),
    }
}

impl Engine {
    /// Applies the rules about this peer. Refusals cost the socket nothing, so that whoever is
    /// refused takes nothing away from the others.
    pub(super) fn check_peer(&mut self, id: UnitId, unit: &SocketUnit, peer: &Peer) -> Result<(), Refusal> {
        let counted = unit.max_connections_per_source > 0 && self.policy.peers_before_trigger;
        if unit.admission.is_none() && !counted {
            return Ok(());
        }
        let source = self.source_of(peer);
        let now = self.now;
        let Some(door) = self.door(id, unit) else {
            return Ok(());
        };
        door.judge(now, unit, peer, source.as_ref()).map_err(Refusal::Rule)
    }

    /// `MaxConnectionsPerSource=` where systemd looks at it: when everything else is in order.
    pub(super) fn check_source(&mut self, id: UnitId, unit: &SocketUnit, peer: &Peer) -> Result<(), Refusal> {
        if unit.max_connections_per_source == 0 || self.policy.peers_before_trigger {
            return Ok(());
        }
        let Some(source) = self.source_of(peer) else {
            return Ok(());
        };
        self.door(id, unit).map_or(Ok(()), |door| door.judge_count(unit, &source).map_err(Refusal::Rule))
    }

    /// What a connection is counted by.
    pub(super) fn source_of(&self, peer: &Peer) -> Option<Source> {
        match peer {
            Peer::Ip { remote, .. } => Some(Source::Ip(remote.0)),
            Peer::Unix { uid, .. } => self.policy.limit_unix_sources.then_some(Source::Uid(*uid)),
            Peer::Vsock { remote, .. } => Some(Source::Cid(remote.0)),
        }
    }

    fn door(&mut self, id: UnitId, unit: &SocketUnit) -> Option<&mut Door> {
        Some(self.socket_mut(id)?.door.get_or_insert_with(|| Box::new(Door::new(unit))))
    }

    /// A connection was refused: counted by rule, told, and at nobody else's expense.
    pub(super) fn refused(&mut self, id: UnitId, listener: FdToken, refusal: Refusal, peer: Option<&Peer>) {
        let rule = match refusal {
            Refusal::Silent => return self.poll_given_back(id, listener),
            Refusal::Stopping => {
                self.count_refused(id);
                let why = "connection refused: the socket is being stopped";
                return self.tell("connection-refused", Level::Warning, id, why);
            }
            Refusal::Rule(rule) => rule,
        };
        self.count_refused(id);
        if rule != Rule::Full {
            self.poll_given_back(id, listener);
        }
        let now = self.now;
        let Some(unit) = self.socket_unit(id) else {
            return;
        };
        let Some(door) = self.door(id, &unit) else {
            return;
        };
        door.rules.count(rule);
        let Some(untold) = door.tells(now) else {
            return;
        };
        let from = peer.map(|peer| format!(" from {}", peer_text(peer))).unwrap_or_default();
        let more =
            if untold > 0 { format!("; {untold} others were refused since the last such line") } else { String::new() };
        let why = self.rule_in_words(&unit, rule);
        self.tell("connection-refused", Level::Warning, id, format!("connection{from} refused: {why}{more}"));
    }

    fn rule_in_words(&self, unit: &SocketUnit, rule: Rule) -> String {
        match rule {
            Rule::Full => {
                format!("{} are served already (MaxConnections={})", unit.max_connections, unit.max_connections)
            }
            Rule::PerSource => {
                let limit = unit.max_connections_per_source;
                format!("{limit} from there already (MaxConnectionsPerSource={limit})")
            }
            Rule::PerPrefix
            | Rule::Rate
            | Rule::Prefix(..)
            | Rule::NotAllowed
            | Rule::Unreadable
            | Rule::PeerAllowed
            | Rule::PeerNotAllowed
            | Rule::OtherPrefix(_) => rule.to_string(),
        }
    }

    /// Asks who the users and groups are that may connect.
    pub(super) fn resolve_peers(&mut self, id: UnitId) {
        let Some(settings) = self.unit(id).cloned() else {
            return;
        };
        let guarded =
            self.socket_unit(id).is_some_and(|unit| unit.admission.as_ref().is_some_and(|a| a.guards_users()));
        if guarded {
            self.out.push(Effect::ResolvePeers { unit: id, settings });
        }
    }

    /// They are these.
    pub(super) fn peers_resolved(&mut self, id: UnitId, mut users: Vec<u32>, mut groups: Vec<u32>) {
        users.sort_unstable();
        groups.sort_unstable();
        let Some(unit) = self.socket_unit(id) else {
            return;
        };
        if let Some(door) = self.door(id, &unit) {
            door.peers = Some((users, groups));
        }
    }

    /// Settings were read anew: what is served is counted as they say, and who has come is looked at
    /// with their eyes.
    pub(super) fn admission_reloaded(&mut self, id: UnitId) {
        let Some(unit) = self.socket_unit(id) else {
            return;
        };
        self.room_changed(id, &unit);
        let fresh = Door::new(&unit);
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        if socket.door.is_none() && fresh.counting == Counting::default() && unit.admission.is_none() {
            return;
        }
        let door = socket.door.get_or_insert_default();
        door.peers = None;
        if door.rate != fresh.rate {
            door.rate = fresh.rate;
            door.rates = Rates::default();
        }
        if door.counting != fresh.counting {
            door.counting = fresh.counting;
            door.sources.clear();
            door.networks.clear();
            let served = self.sources_served(id);
            if let Some(door) = self.socket_mut(id).and_then(|socket| socket.door.as_mut()) {
                served.iter().for_each(|source| door.enter(Some(source)));
            }
        }
        self.resolve_peers(id);
    }

    /// The sources of all connections that have a place at a socket.
    fn sources_served(&self, id: UnitId) -> Vec<Source> {
        self.instances().filter(|(socket, _)| *socket == id).filter_map(|(_, source)| source.cloned()).collect()
    }

    /// Services that have a place at a socket: which socket, and for whom.
    fn instances(&self) -> impl Iterator<Item = (UnitId, Option<&Source>)> + '_ {
        let services = self.units.values().filter_map(|slot| match &slot.machine {
            Machine::Service(service) => Some(service),
            Machine::Socket(_) | Machine::Target(_) | Machine::Inert => None,
        });
        services.filter_map(|service| Some((Service::socket(service)?, Service::source(service))))
    }

    /// What is counted, and what would be counted by looking at every instance; for the simulator.
    pub(super) fn counted(&self) -> [BTreeMap<(UnitId, Counted), u32>; 2] {
        let (mut kept, mut seen) = (BTreeMap::new(), BTreeMap::new());
        let mut empty: BTreeMap<UnitId, Door> = BTreeMap::new();
        for (id, slot) in self.units.iter() {
            if let Machine::Socket(socket) = &slot.machine
                && let Some(door) = &socket.door
            {
                kept.extend(door.counts().map(|(by, count)| ((id, by), count)));
                empty.insert(id, Door { counting: door.counting, ..Door::default() });
            }
        }
        if !empty.is_empty() {
            for (id, source) in self.instances() {
                if let Some(door) = empty.get_mut(&id) {
                    door.enter(source);
                }
            }
        }
        for (id, door) in &empty {
            seen.extend(door.counts().map(|(by, count)| ((*id, by), count)));
        }
        [kept, seen]
    }
}
