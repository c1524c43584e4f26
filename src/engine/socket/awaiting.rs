//! `X-BindRetry=address-up`: a socket whose address or interface is not there yet stays in
//! `start-open`, with its job, and is opened when the addresses of the machine change.
//!
//! systemd's all or nothing stays: no port of a unit is open while one of them waits. Tries are
//! caused by changes and never by the clock alone, and however many changes there are, they come at
//! most once in [`BIND_RETRY_USEC`].

use super::{SocketResult, SocketState};
use crate::bounds::{BIND_RETRY_USEC, BOOT_PATIENCE_USEC, PAUSE_USEC_MAX};
use crate::engine::effect::{Effect, Level};
use crate::engine::jobs::Begun;
use crate::engine::{Engine, Reason};
use crate::ids::{Mono, Text, UnitId};
use crate::outside::Trouble;
use std::collections::BTreeSet;

/// What a socket that cannot be bound yet waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Awaiting {
    /// What is missing, in words.
    pub(super) why: Text,
    /// When it was tried last.
    tried: Mono,
    /// A try is on its way, so the next change is for the time after it.
    trying: bool,
    /// Something has changed since that try was asked for.
    changed: bool,
}

impl Engine {
    /// Whether a failed bind is one to wait after; if so, it waits.
    pub(super) fn socket_awaits(&mut self, id: UnitId, trouble: Trouble, detail: &str) -> bool {
        let asks = self.socket_unit(id).is_some_and(|unit| unit.options.beyond.bind_retry);
        if !asks || trouble != Trouble::NoAddress {
            return false;
        }
        let now = self.now;
        let Some(socket) = self.socket_mut(id) else {
            return false;
        };
        let before = socket.awaiting.take();
        let (fresh, missed) = before.as_ref().map_or((true, false), |old| (false, old.changed));
        socket.awaiting = Some(Box::new(Awaiting { why: detail.into(), tried: now, trying: false, changed: false }));
        self.awaiting.insert(id);
        if fresh {
            self.tell("socket-awaits-address", Level::Notice, id, format!("waiting for its address: {detail}"));
            if self.boot.is_some() {
                self.deadlines.set(id, Reason::Boot, now.after(BOOT_PATIENCE_USEC));
            }
        }
        if missed {
            self.deadlines.set(id, Reason::Rebind, now.after(BIND_RETRY_USEC));
        }
        true
    }

    /// It waits no more: bound, stopped or failed.
    pub(super) fn socket_awaits_no_more(&mut self, id: UnitId) {
        if !self.awaiting.remove(&id) {
            return;
        }
        if let Some(socket) = self.socket_mut(id) {
            socket.awaiting = None;
        }
        self.deadlines.set(id, Reason::Rebind, None);
        self.deadlines.set(id, Reason::Boot, None);
    }

    /// Some interface or address came or went: whoever waits may be lucky now.
    pub(in crate::engine) fn addresses_changed(&mut self) {
        let now = self.now;
        for id in self.awaiting.clone() {
            let Some(awaiting) = self.socket_mut(id).and_then(|socket| socket.awaiting.as_mut()) else {
                continue;
            };
            awaiting.changed = true;
            let (trying, next) = (awaiting.trying, awaiting.tried.after(BIND_RETRY_USEC));
            if trying || self.deadlines.get(id, Reason::Rebind).is_some() {
                continue;
            }
            match next.filter(|at| *at > now) {
                Some(at) => self.deadlines.set(id, Reason::Rebind, Some(at)),
                None => self.socket_rebind(id),
            }
        }
    }

    /// Another try.
    pub(in crate::engine) fn socket_rebind(&mut self, id: UnitId) {
        let Some(unit) = self.socket_unit(id) else {
            return;
        };
        if self.socket(id).is_none_or(|socket| socket.state != SocketState::StartOpen || socket.awaiting.is_none()) {
            return;
        }
        // The service may have been started by hand meanwhile.
        if !unit.accept
            && let Some(Begun::Refused(_, why)) = self.socket_service_refusal(id)
        {
            self.tell("socket-bind-failed", Level::Error, id, format!("cannot listen: {why}"));
            return self.socket_stop_pre(id, SocketResult::Resources);
        }
        if let Some(awaiting) = self.socket_mut(id).and_then(|socket| socket.awaiting.as_mut()) {
            (awaiting.trying, awaiting.changed) = (true, false);
        }
        let service = self.socket_service(id).and_then(|service| self.unit(service)).cloned();
        if let Some(settings) = self.unit(id).cloned() {
            let namespace = self.namespace(id);
            self.out.push(Effect::Bind { unit: id, settings, service, namespace });
        }
    }

    /// Boot is over when everything that is still to be done waits for an address: that may come
    /// tomorrow, and whoever waits for porterd must not.
    pub(in crate::engine) fn boot_out_of_patience(&mut self, id: UnitId) {
        if self.boot.is_none() || !self.awaiting.contains(&id) {
            return;
        }
        if self.boot_is_busy() {
            // Twice as long each time: what takes minutes need not be asked for ten times a second.
            let tried = self.socket(id).and_then(|socket| socket.awaiting.as_ref()).map_or(self.now, |a| a.tried);
            let span = self.now.since(tried).clamp(BOOT_PATIENCE_USEC, PAUSE_USEC_MAX);
            return self.deadlines.set(id, Reason::Boot, self.now.after(span));
        }
        if let Some(request) = self.boot {
            self.request_gives_up(request);
        }
    }

    /// Whether boot waits for anything but addresses. Connections that come meanwhile are no part of it.
    fn boot_is_busy(&self) -> bool {
        let mut seen = BTreeSet::new();
        let mut left: Vec<UnitId> = self.boot.map(|request| self.request_jobs(request)).unwrap_or_default();
        while let Some(id) = left.pop() {
            let Some(job) = self.units.get(&id).and_then(|slot| slot.job.as_ref()) else {
                continue;
            };
            if self.awaiting.contains(&id) || !seen.insert(id) {
                continue;
            }
            if job.running || job.checking {
                return true;
            }
            // It waits for the jobs of others.
            left.extend(self.blocked.iter().filter(|(_, waiting)| waiting.contains(&id)).map(|(other, _)| *other));
        }
        false
    }
}
