//! A connection becomes an instance: admission, naming, hand-over (`Accept=yes`).
//!
//! Every accepted connection ends exactly once: handed over, or refused with a told reason (R11).

use super::Engine;
use super::admission::{Refusal, Rule};
use super::effect::{Effect, Level};
use super::jobs::JobKind;
use super::limits::Backoff;
use super::policy::OnLimit;
use super::slot::{Machine, Relation};
use super::socket::{SocketResult, SocketState};
use crate::bounds::FAILED_INSTANCES_MAX;
use crate::ids::{FdToken, Text, UnitId};
use crate::outside::Peer;
use crate::unit::{LoadState, SocketUnit, Unit, UnitName};
use std::net::IpAddr;
use std::sync::Arc;

/// What connections are counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Address without port. IPv4-mapped addresses are IPv6.
    Ip(IpAddr),
    /// Peer uid.
    Uid(u32),
    /// Peer CID.
    Cid(u32),
}

impl Engine {
    pub(super) fn connected(&mut self, listener: FdToken, conn: FdToken, peer: Option<Peer>) {
        let found = self.fds.get(&listener).copied();
        let Some((id, unit)) = found.and_then(|id| Some((id, self.socket_unit(id)?))) else {
            return self.out.push(Effect::Close { fd: conn });
        };
        match self.admit(id, &unit, peer.as_ref()) {
            Ok(peer) => match self.start_instance(id, conn, peer, self.source_of(peer)) {
                Ok(()) => self.room_changed(id, &unit),
                Err(why) => {
                    self.out.push(Effect::Close { fd: conn });
                    self.instance_refused(id, &why);
                }
            },
            Err(refusal) => {
                self.out.push(Effect::Close { fd: conn });
                self.refused(id, listener, refusal, peer.as_ref());
            }
        }
    }

    /// Whether a connection may be served.
    fn admit<'a>(&mut self, id: UnitId, unit: &SocketUnit, peer: Option<&'a Peer>) -> Result<&'a Peer, Refusal> {
        let stopping =
            self.units.get(&id).and_then(|slot| slot.job.as_ref()).is_some_and(|job| job.kind == JobKind::Stop);
        let listening = self.socket(id).is_some_and(|socket| socket.state == SocketState::Listening);
        if stopping || !listening {
            return Err(Refusal::Stopping);
        }
        match peer {
            Some(peer) => self.check_peer(id, unit, peer)?,
            None if self.policy.peers_before_trigger => return Err(Refusal::Silent),
            None => {}
        }
        // A connection that trips the limit was accepted already. Where the limit only pauses it is
        // the last one to be served; where it fails the socket it goes down with it.
        if !self.trigger_admitted(id, unit) && self.on_limit(id, self.policy.on_trigger_limit) == OnLimit::Fail {
            return Err(Refusal::Silent);
        }
        if self.socket(id).is_some_and(|socket| socket.connections >= unit.max_connections) {
            return Err(Refusal::Rule(Rule::Full));
        }
        let peer = peer.ok_or(Refusal::Silent)?;
        self.check_source(id, unit, peer)?;
        Ok(peer)
    }

    pub(super) fn count_refused(&mut self, id: UnitId) {
        if let Some(socket) = self.socket_mut(id) {
            socket.refused += 1;
        }
    }

    fn start_instance(&mut self, id: UnitId, conn: FdToken, peer: &Peer, source: Option<Source>) -> Result<(), String> {
        let (template, number) = self.template_of(id)?;
        let instance = instance_text(number, peer);
        let name =
            template.instantiate(&instance).ok_or_else(|| format!("{instance} makes no unit name with {template}"))?;
        let unit = match self.instance_unit(&template, &name) {
            Ok(unit) => unit,
            Err(why) => {
                // It was accepted, and its number is used up.
                if let Some(socket) = self.socket_mut(id) {
                    socket.accepted += 1;
                }
                return Err(why);
            }
        };
        self.adopt_companions(&unit);
        let service = self.adopt_unit(unit).ok_or("too many units are known")?;
        self.connect(id, Relation::Triggers, service);
        self.connect(service, Relation::After, id);
        let Some(slot) = self.units.get_mut(&service) else {
            return Err("the instance vanished".to_owned());
        };
        let Machine::Service(machine) = &mut slot.machine else {
            return Err(format!("{name} is no service"));
        };
        if !slot.active.is_down() || machine.has_connection() {
            return Err(format!("{name} is in use"));
        }
        machine.take_connection(id, conn, peer.clone(), source.clone());
        if let Some(socket) = self.socket_mut(id) {
            socket.accepted += 1;
            socket.connections += 1;
            if !socket.starts_fail {
                socket.backoff = Backoff::default();
            }
            if let Some(door) = &mut socket.door {
                door.enter(source.as_ref());
            }
        }
        if let Err(failure) = self.submit(service, JobKind::Start, None) {
            // The caller still has the connection and closes it; the place is given back here.
            self.service_mut(service).and_then(|service| service.connection_fd());
            self.service_drop_connection(service, false);
            self.forget(service);
            return Err(failure.detail);
        }
        Ok(())
    }

    fn template_of(&self, id: UnitId) -> Result<(UnitName, u64), String> {
        let unit = self.socket_unit(id).ok_or("the socket vanished")?;
        let template = unit.service.clone().ok_or("the socket has no service")?;
        Ok((template, self.socket(id).map_or(0, |socket| socket.accepted)))
    }

    fn instance_unit(&self, template: &UnitName, name: &UnitName) -> Result<Arc<Unit>, String> {
        let unit = match self.templates.get(template) {
            Some(template) => template.instantiate(name),
            None => {
                return Err(format!("{template} is not there; install it beside the socket"));
            }
        };
        match unit.load {
            LoadState::Loaded => Ok(unit),
            LoadState::NotFound | LoadState::Masked | LoadState::BadSetting | LoadState::Error => Err(format!(
                "{template} is {}: {}",
                unit.load.as_str(),
                unit.load_error.as_deref().unwrap_or("see verify")
            )),
        }
    }

    /// Instances of other templates that this one needs.
    fn adopt_companions(&mut self, unit: &Unit) {
        for (_, name) in &unit.common.dependencies {
            if self.lookup(name.as_str()).is_none()
                && let Some(template) = name.template().and_then(|template| self.templates.get(&template)).cloned()
            {
                self.adopt_unit(template.instantiate(name));
            }
        }
    }

    fn instance_refused(&mut self, id: UnitId, why: &str) {
        match self.on_limit(id, self.policy.on_bad_template) {
            OnLimit::Fail => {
                self.tell("instance-refused", Level::Warning, id, format!("cannot start an instance: {why}"));
                self.socket_stop_pre(id, SocketResult::Resources);
            }
            OnLimit::Pause => {
                self.count_refused(id);
                self.socket_rest(id, None, &format!("cannot start an instance: {why}"));
            }
        }
    }

    /// The connection of an instance is over for porterd: close our copy, and free its place if the
    /// instance is dead.
    pub(super) fn service_drop_connection(&mut self, id: UnitId, keep_place: bool) {
        let Some(service) = self.service_mut(id) else {
            return;
        };
        if let Some(fd) = service.connection_fd() {
            self.out.push(Effect::Close { fd });
        }
        if keep_place {
            return;
        }
        let Some((socket_id, source)) = self.service_mut(id).and_then(|service| service.leave_socket()) else {
            return;
        };
        let Some(socket) = self.socket_mut(socket_id) else {
            return;
        };
        socket.connections = socket.connections.saturating_sub(1);
        if let Some(door) = &mut socket.door {
            door.leave(source.as_ref());
        }
        let was_full = std::mem::take(&mut socket.full);
        let short = socket.pause.as_ref().is_some_and(|pause| pause.exhausted);
        self.out.push(Effect::Save { unit: socket_id });
        if short {
            // What was short may be there again.
            self.deadlines.set(socket_id, super::Reason::Pause, None);
            self.socket_pause_over(socket_id);
        } else if was_full {
            self.socket_watch(socket_id);
        }
    }

    /// A failed instance stays listed, but not without bound.
    pub(super) fn note_failed_instance(&mut self, socket_id: UnitId, instance: UnitId) {
        let Some(socket) = self.socket_mut(socket_id) else {
            return;
        };
        socket.failed_instances.push_back(instance);
        if socket.failed_instances.len() <= FAILED_INSTANCES_MAX {
            return;
        }
        if let Some(oldest) = socket.failed_instances.pop_front()
            && self.units.get(&oldest).is_some_and(|slot| {
                let ours = slot.edges.contains((Relation::TriggeredBy, socket_id));
                ours && slot.active.is_down() && slot.job.is_none()
            })
        {
            self.forget(oldest);
        }
    }

    /// After a reload an instance is connected to its socket again; systemd forgets that it was.
    pub(super) fn relink_instance(&mut self, id: UnitId) {
        if !self.policy.reload_in_place {
            return;
        }
        if let Some(socket) = self.service(id).and_then(|service| service.socket()) {
            self.connect(socket, Relation::Triggers, id);
            self.connect(id, Relation::After, socket);
        }
    }
}

/// systemd's instance name of a connection: number, then addresses or credentials.
fn instance_text(number: u64, peer: &Peer) -> String {
    let mut text = String::with_capacity(64);
    push_number(&mut text, number);
    text.push('-');
    match peer {
        Peer::Ip { local, remote, .. } => {
            let both_mapped = [local.0, remote.0].iter().all(|ip| match ip {
                IpAddr::V4(_) => true,
                IpAddr::V6(ip) => ip.to_ipv4_mapped().is_some(),
            });
            let plain = |ip: IpAddr| if both_mapped { ip.to_canonical() } else { ip };
            push_address(&mut text, plain(local.0), local.1);
            text.push('-');
            push_address(&mut text, plain(remote.0), remote.1);
        }
        Peer::Unix { pid: Some(pid), uid, .. } => push_pair(&mut text, u64::from(pid.unsigned_abs()), *uid, '-'),
        Peer::Unix { pid: None, .. } => text.push_str("unknown"),
        Peer::Vsock { local, remote } => {
            push_pair(&mut text, u64::from(local.0), local.1, ':');
            text.push('-');
            push_pair(&mut text, u64::from(remote.0), remote.1, ':');
        }
    }
    text
}

fn push_pair(text: &mut String, first: u64, second: u32, between: char) {
    push_number(text, first);
    text.push(between);
    push_number(text, u64::from(second));
}

fn push_address(text: &mut String, ip: IpAddr, port: u16) {
    push_ip(text, ip);
    text.push(':');
    push_number(text, u64::from(port));
}

/// As `Display` has it, but three times as fast for IPv4: every connection has two addresses in its name.
fn push_ip(text: &mut String, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => {
            for (n, octet) in ip.octets().into_iter().enumerate() {
                if n > 0 {
                    text.push('.');
                }
                push_number(text, u64::from(octet));
            }
        }
        IpAddr::V6(ip) => text.push_str(&ip.to_string()),
    }
}

fn push_number(text: &mut String, number: u64) {
    let mut digits = [b'0'; 20];
    let (mut rest, mut first) = (number, digits.len());
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    text.push_str(std::str::from_utf8(&digits[first..]).unwrap_or_default());
}

/// The peer as it is appended to the description.
pub(super) fn peer_text(peer: &Peer) -> String {
    match peer {
        Peer::Ip { remote, .. } => match remote.0.to_canonical() {
            IpAddr::V4(ip) => format!("{ip}:{}", remote.1),
            IpAddr::V6(ip) => format!("[{ip}]:{}", remote.1),
        },
        Peer::Unix { pid, uid, .. } => format!("PID {}/UID {uid}", pid.unwrap_or(0)),
        Peer::Vsock { remote, .. } => format!("vsock:{}:{}", remote.0, remote.1),
    }
}

/// `REMOTE_ADDR` and `REMOTE_PORT`.
pub(super) fn remote_variables(peer: &Peer, unix: bool) -> Vec<(&'static str, Text)> {
    match peer {
        Peer::Ip { remote, scope, .. } => {
            let mut address = String::with_capacity(40);
            push_ip(&mut address, remote.0.to_canonical());
            if let Some(scope) = scope {
                address.push('%');
                address.push_str(scope);
            }
            let mut port = String::with_capacity(5);
            push_number(&mut port, u64::from(remote.1));
            vec![("REMOTE_ADDR", address.into()), ("REMOTE_PORT", port.into())]
        }
        Peer::Unix { address: Some(address), .. } if unix => vec![("REMOTE_ADDR", address.clone())],
        Peer::Unix { .. } => Vec::new(),
        Peer::Vsock { remote, .. } => {
            vec![("REMOTE_ADDR", format!("vsock:{}", remote.0).into()), ("REMOTE_PORT", remote.1.to_string().into())]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(local: &str, remote: &str) -> Peer {
        Peer::Ip { local: (local.parse().unwrap(), 7), remote: (remote.parse().unwrap(), 9), scope: None }
    }

    #[test]
    fn names_are_systemds() {
        assert_eq!(instance_text(3, &ip("192.0.2.1", "198.51.100.9")), "3-192.0.2.1:7-198.51.100.9:9");
        assert_eq!(instance_text(0, &ip("::1", "::1")), "0-::1:7-::1:9");
        assert_eq!(instance_text(0, &ip("::ffff:127.0.0.1", "::ffff:10.0.0.1")), "0-127.0.0.1:7-10.0.0.1:9");
        let unix = |pid| Peer::Unix { pid, uid: 5, groups: Vec::new(), address: None };
        assert_eq!(instance_text(1, &unix(Some(77))), "1-77-5");
        assert_eq!(instance_text(1, &unix(None)), "1-unknown");
        assert_eq!(instance_text(2, &Peer::Vsock { local: (1, 2), remote: (3, 4) }), "2-1:2-3:4");
    }

    #[test]
    fn peers_are_shown_without_the_mapping() {
        assert_eq!(peer_text(&ip("::1", "::ffff:10.0.0.1")), "10.0.0.1:9");
        assert_eq!(peer_text(&ip("::1", "::1")), "[::1]:9");
        assert_eq!(remote_variables(&ip("::1", "::ffff:10.0.0.1"), false)[0].1.as_ref(), "10.0.0.1");
    }
}
