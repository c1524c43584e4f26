//! The files of a socket that is up were read again: ports whose address is still configured keep their
//! descriptor. What becomes of the others is the policy's: systemd closes what is gone and opens nothing
//! until a restart; porterd opens what is new and lets the options of open ports follow.

use super::{Missing, Port, SocketState};
use crate::engine::effect::{Adjust, Effect, Level};
use crate::engine::limits::{Backoff, Window};
use crate::engine::{Engine, Reason};
use crate::ids::{FdToken, Text, UnitId};
use crate::unit::socket::Listen;
use crate::unit::{Body, LoadState, Unit};

impl Engine {
    pub(in crate::engine) fn socket_reloaded(&mut self, id: UnitId) {
        self.admission_reloaded(id);
        self.socket_retime(id);
        self.socket_rested_enough(id);
        let (Some(settings), Some(opened)) =
            (self.unit(id).cloned(), self.socket(id).and_then(|socket| socket.opened.clone()))
        else {
            return;
        };
        let in_place = self.policy.reload_in_place;
        // A file that cannot be used any more left the settings as they were.
        let usable = settings.load == LoadState::Loaded || in_place && is_broken(settings.load);
        let configured = if usable { listens(&settings) } else { Vec::new() };
        let moved = in_place && usable && network(&opened) != network(&settings);
        let (kept, closed) = self.match_ports(id, &listens(&opened), &configured, moved);
        if moved {
            self.namespace_release(id);
        }
        if let Some(socket) = self.socket_mut(id) {
            socket.opened = Some(settings.clone());
        }
        self.close_ports(id, &closed, &opened, in_place);
        let taken = |index: &u16| !kept.iter().any(|(_, now, _)| now == index);
        let free: Vec<u16> = (0..configured.len() as u16).filter(taken).collect();
        if in_place {
            let closed = closed.iter().map(|port| port.index).collect();
            self.adjust(id, &opened, kept, closed, free);
        } else {
            self.tell_mismatch(id, !kept.is_empty(), free.len());
            self.adjust(id, &opened, kept, Vec::new(), Vec::new());
        }
        match self.socket(id).map(|socket| socket.state) {
            Some(SocketState::Listening) => self.socket_watch(id),
            // What it waited for may be different now: it decides anew.
            Some(SocketState::Deferred) => self.socket_listen(id),
            Some(_) | None => {}
        }
    }

    /// What it rested for may be mended.
    fn socket_rested_enough(&mut self, id: UnitId) {
        if let Some(socket) = self.socket_mut(id) {
            socket.missing = None;
            if socket.pause.take().is_some() {
                socket.backoff = Backoff::default();
            }
        }
        self.deadlines.set(id, Reason::Pause, None);
        self.deadlines.set(id, Reason::Reopen, None);
    }

    /// A step that goes on may take as long as the files say now.
    fn socket_retime(&mut self, id: UnitId) {
        if self.deadlines.get(id, Reason::State).is_none() && self.socket(id).is_none_or(|s| s.control.is_none()) {
            return;
        }
        let Some(unit) = self.socket_unit(id) else {
            return;
        };
        if self.socket(id).is_some_and(|socket| socket.state == SocketState::Deferred) {
            return;
        }
        let begun = self.units.get(&id).and_then(|slot| slot.moments.state_change.get()).unwrap_or(self.now);
        self.deadlines.set(id, Reason::State, begun.after(unit.timeout_usec));
    }

    /// Which ports stay, with their old and new index, and which go.
    fn match_ports(
        &mut self,
        id: UnitId,
        old: &[Listen],
        new: &[Listen],
        moved: bool,
    ) -> (Vec<(u16, u16, FdToken)>, Vec<Port>) {
        let mut free = vec![!moved; new.len()];
        let (mut kept, mut closed) = (Vec::new(), Vec::new());
        let Some(socket) = self.socket_mut(id) else {
            return (kept, closed);
        };
        for mut port in std::mem::take(&mut socket.ports) {
            let was = old.get(usize::from(port.index));
            let fits = |i: &usize| free[*i] && was.is_some_and(|was| was.is_same_port(&new[*i]));
            match (0..new.len()).find(fits) {
                Some(i) => {
                    free[i] = false;
                    let now = i as u16;
                    kept.push((port.index, now, port.fd));
                    port.index = now;
                    socket.ports.push(port);
                }
                None => closed.push(port),
            }
        }
        socket.ports.sort_by_key(|port| port.index);
        (kept, closed)
    }

    fn close_ports(&mut self, id: UnitId, closed: &[Port], opened: &std::sync::Arc<Unit>, in_place: bool) {
        for port in closed {
            self.fds.remove(&port.fd);
            self.deadlines.set(id, Reason::Poll(port.fd), None);
            self.deadlines.set(id, Reason::Heal(port.fd), None);
            self.out.push(Effect::Close { fd: port.fd });
        }
        // systemd leaves the nodes behind.
        if in_place && !closed.is_empty() && super::stopping::removes(opened) {
            let ports = closed.iter().map(|port| port.index).collect();
            self.out.push(Effect::RemoveNodes { settings: opened.clone(), ports });
        }
    }

    fn tell_mismatch(&mut self, id: UnitId, some_open: bool, missing: usize) {
        if missing > 0 {
            let how = if some_open { "not fully functional" } else { "not functional" };
            let text = format!("its addresses changed while it is up; {how} until restarted");
            self.tell("socket-changed", Level::Warning, id, text);
        }
    }

    fn adjust(
        &mut self,
        id: UnitId,
        before: &std::sync::Arc<Unit>,
        kept: Vec<(u16, u16, FdToken)>,
        closed: Vec<u16>,
        open: Vec<u16>,
    ) {
        let Some(settings) = self.unit(id).cloned() else {
            return;
        };
        // On its way down nothing is opened any more.
        let up = self.socket_may_open(id);
        let open = if up { open } else { Vec::new() };
        let namespace = if open.is_empty() { None } else { self.namespace(id) };
        let service = self.socket_service(id).and_then(|service| self.unit(service)).cloned();
        let (before, live) = (before.clone(), self.policy.reload_in_place);
        self.out.push(Effect::Adjust(Box::new(Adjust {
            unit: id,
            before,
            settings,
            service,
            namespace,
            kept,
            closed,
            open,
            live,
        })));
    }

    /// It is up, and holds its ports for a while.
    fn socket_may_open(&self, id: UnitId) -> bool {
        self.socket(id).is_some_and(|socket| match socket.state {
            SocketState::StartChown
            | SocketState::StartPost
            | SocketState::Listening
            | SocketState::Deferred
            | SocketState::Running => true,
            SocketState::Dead
            | SocketState::StartPre
            | SocketState::StartOpen
            | SocketState::StopPre
            | SocketState::StopPreSigterm
            | SocketState::StopPreSigkill
            | SocketState::StopPost
            | SocketState::FinalSigterm
            | SocketState::FinalSigkill
            | SocketState::Failed => false,
        })
    }

    /// What a reload asked for is done; ports that could not be opened are tried again.
    pub(in crate::engine) fn socket_adjusted(&mut self, id: UnitId, fds: Vec<(u16, FdToken)>, missing: Text) {
        let holds = self.socket(id).is_some_and(|socket| socket.opened.is_some() && socket.state.holds_fds());
        for (index, fd) in fds {
            let Some(socket) = self.socket_mut(id).filter(|_| holds) else {
                // Stopped meanwhile.
                self.out.push(Effect::Close { fd });
                continue;
            };
            socket.ports.push(Port { index, fd, window: Window::default(), watched: false, counted: false });
            socket.ports.sort_by_key(|port| port.index);
            self.fds.insert(fd, id);
        }
        self.socket_note_missing(id, missing);
        self.socket_watch(id);
    }

    fn socket_note_missing(&mut self, id: UnitId, missing: Text) {
        let (now, up) = (self.now, self.socket_may_open(id));
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        let before = socket.missing.take();
        if missing.is_empty() || !up {
            return self.deadlines.set(id, Reason::Reopen, None);
        }
        let (fresh, mut backoff) = before.map_or((true, Backoff::default()), |missing| (false, missing.backoff));
        let until = backoff.next(now);
        socket.missing = Some(Box::new(Missing { why: missing.clone(), backoff }));
        self.deadlines.set(id, Reason::Reopen, Some(until));
        if fresh {
            let text = format!("cannot listen on all that its file says now: {missing}; trying again and again");
            self.tell("socket-bind-failed", Level::Warning, id, text);
        }
    }

    /// Another try for ports that are missing since a reload.
    pub(in crate::engine) fn socket_reopen(&mut self, id: UnitId) {
        let up = self.socket_may_open(id);
        let (Some(settings), Some(socket)) = (self.unit(id).cloned(), self.socket(id)) else {
            return;
        };
        if socket.missing.is_none() || !up {
            return;
        }
        let kept: Vec<_> = socket.ports.iter().map(|port| (port.index, port.index, port.fd)).collect();
        let closed = |index: &u16| !kept.iter().any(|(_, now, _)| now == index);
        let open = (0..listens(&settings).len() as u16).filter(closed).collect();
        self.adjust(id, &settings, kept, Vec::new(), open);
    }
}

fn is_broken(load: LoadState) -> bool {
    matches!(load, LoadState::BadSetting | LoadState::Error)
}

fn listens(unit: &Unit) -> Vec<Listen> {
    match &unit.body {
        Body::Socket(unit) => unit.listen.clone(),
        Body::Service(_) | Body::Target | Body::Slice | Body::Foreign => Vec::new(),
    }
}

/// Where its ports are: whether in a network of their own, and which one by name.
fn network(unit: &Unit) -> Option<(bool, Option<&str>)> {
    match &unit.body {
        Body::Socket(unit) => Some((unit.exec.has_own_network(), unit.exec.network_namespace_path())),
        Body::Service(_) | Body::Target | Body::Slice | Body::Foreign => None,
    }
}
