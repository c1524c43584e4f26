//! The socket machine: from file to open door.
//!
//! ```text
//! dead → start-pre → start-open → start-chown → start-post → listening ⇄ deferred → running → listening
//!                                                               │ stop, limit, trouble
//!   failed/dead ← final-sigkill ← final-sigterm ← stop-post ← stop-pre
//! ```
//!
//! States are systemd's. A pause (a limit was reached, something ran out) is no state of its own: the
//! socket is `listening` with a reason why nobody is watching it. Split by phase: `opening`,
//! `watching`, `deferring`, `stopping`, `reload`; connections are in `accept`.

mod awaiting;
mod deferring;
mod healing;
mod opening;
mod reload;
mod stopping;
mod watching;

use super::event::ExitStatus;
use super::limits::{Backoff, Window};
use super::slot::Machine;
use super::status::ActiveState;
use super::{Engine, Reason};
use crate::ids::{FdToken, Mono, ProcToken, Text, UnitId};
use crate::unit::{Body, Command, SocketUnit, Unit};
use awaiting::Awaiting;
use std::collections::VecDeque;
use std::sync::Arc;

/// systemd's sub-states of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SocketState {
    #[default]
    Dead,
    StartPre,
    StartOpen,
    StartChown,
    StartPost,
    Listening,
    Deferred,
    Running,
    StopPre,
    StopPreSigterm,
    StopPreSigkill,
    StopPost,
    FinalSigterm,
    FinalSigkill,
    Failed,
}

impl SocketState {
    /// systemd's word.
    pub fn as_str(self) -> &'static str {
        match self {
            SocketState::Dead => "dead",
            SocketState::StartPre => "start-pre",
            SocketState::StartOpen => "start-open",
            SocketState::StartChown => "start-chown",
            SocketState::StartPost => "start-post",
            SocketState::Listening => "listening",
            SocketState::Deferred => "deferred",
            SocketState::Running => "running",
            SocketState::StopPre => "stop-pre",
            SocketState::StopPreSigterm => "stop-pre-sigterm",
            SocketState::StopPreSigkill => "stop-pre-sigkill",
            SocketState::StopPost => "stop-post",
            SocketState::FinalSigterm => "final-sigterm",
            SocketState::FinalSigkill => "final-sigkill",
            SocketState::Failed => "failed",
        }
    }

    /// The active state it stands for.
    pub fn active(self) -> ActiveState {
        match self {
            SocketState::Dead => ActiveState::Inactive,
            SocketState::StartPre | SocketState::StartOpen | SocketState::StartChown | SocketState::StartPost => {
                ActiveState::Activating
            }
            SocketState::Listening | SocketState::Deferred | SocketState::Running => ActiveState::Active,
            SocketState::StopPre
            | SocketState::StopPreSigterm
            | SocketState::StopPreSigkill
            | SocketState::StopPost
            | SocketState::FinalSigterm
            | SocketState::FinalSigkill => ActiveState::Deactivating,
            SocketState::Failed => ActiveState::Failed,
        }
    }

    /// Descriptors may be open in it.
    pub fn holds_fds(self) -> bool {
        match self {
            SocketState::StartOpen
            | SocketState::StartChown
            | SocketState::StartPost
            | SocketState::Listening
            | SocketState::Deferred
            | SocketState::Running
            | SocketState::StopPre
            | SocketState::StopPreSigterm
            | SocketState::StopPreSigkill => true,
            SocketState::Dead
            | SocketState::StartPre
            | SocketState::StopPost
            | SocketState::FinalSigterm
            | SocketState::FinalSigkill
            | SocketState::Failed => false,
        }
    }
}

/// systemd's results of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SocketResult {
    #[default]
    Success,
    Resources,
    Timeout,
    ExitCode,
    Signal,
    CoreDump,
    StartLimitHit,
    TriggerLimitHit,
    ServiceStartLimitHit,
}

impl SocketResult {
    /// systemd's word.
    pub fn as_str(self) -> &'static str {
        match self {
            SocketResult::Success => "success",
            SocketResult::Resources => "resources",
            SocketResult::Timeout => "timeout",
            SocketResult::ExitCode => "exit-code",
            SocketResult::Signal => "signal",
            SocketResult::CoreDump => "core-dump",
            SocketResult::StartLimitHit => "start-limit-hit",
            SocketResult::TriggerLimitHit => "trigger-limit-hit",
            SocketResult::ServiceStartLimitHit => "service-start-limit-hit",
        }
    }

    /// Result of a control command that ended like this.
    pub(super) fn of(status: ExitStatus) -> SocketResult {
        match status {
            ExitStatus::Code(0) | ExitStatus::Unknown => SocketResult::Success,
            ExitStatus::Code(_) => SocketResult::ExitCode,
            ExitStatus::Signal(_) => SocketResult::Signal,
            ExitStatus::Dumped(_) => SocketResult::CoreDump,
        }
    }
}

/// A control process of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    pub(super) proc: ProcToken,
    pub(super) pid: i32,
    pub(super) index: usize,
    pub(super) started: Mono,
}

/// Why nobody watches a listening socket, and since when it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub(super) why: Text,
    /// Something ran out; the end of an instance may help.
    pub(super) exhausted: bool,
}

/// Ports that are not open, though the socket is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which, and why, in words.
    pub(super) why: Text,
    /// How soon they are tried again.
    pub(super) backoff: Backoff,
}

/// One open descriptor of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    pub(super) index: u16,
    pub(super) fd: FdToken,
    pub(super) window: Window,
    pub(super) watched: bool,
    /// The last wake-up is counted in `window`.
    pub(super) counted: bool,
}

/// What a socket unit is doing.
#[derive(Clone, Debug, Default)]
pub struct Socket {
    pub(super) state: SocketState,
    pub(super) result: SocketResult,
    pub(super) ports: Vec<Port>,
    /// Settings with which the ports were opened, for `RemoveOnStop=` after a reload.
    pub(super) opened: Option<Arc<Unit>>,
    pub(super) control: Option<Control>,
    pub(in crate::engine) trigger_window: Window,
    pub(super) backoff: Backoff,
    pub(super) pause: Option<Pause>,
    pub(super) accepted: u64,
    pub(super) refused: u64,
    pub(super) connections: u32,
    /// `MaxConnections=` is reached and nobody watches until there is room.
    pub(super) full: bool,
    /// A limit was hit; until then who has hung up is not served.
    pub(super) pressed: Option<Mono>,
    /// The last instance that ended had never come up.
    pub(super) starts_fail: bool,
    /// What is remembered of peers, if there are rules about them.
    pub(super) door: Option<Box<super::admission::Door>>,
    pub(super) failed_instances: VecDeque<UnitId>,
    /// What it waits for before it can be bound.
    pub(super) awaiting: Option<Box<Awaiting>>,
    pub(super) heal_window: Window,
    /// Ports that a reload asked for and that could not be opened.
    pub(super) missing: Option<Box<Missing>>,
}

impl Socket {
    /// Its ports are being opened.
    pub(super) fn opens(&self) -> bool {
        self.state == SocketState::StartOpen
    }
}

impl Engine {
    pub(super) fn socket(&self, id: UnitId) -> Option<&Socket> {
        match &self.units.get(&id)?.machine {
            Machine::Socket(socket) => Some(socket),
            Machine::Service(_) | Machine::Target(_) | Machine::Inert => None,
        }
    }

    /// What a socket waits for before it can be bound, in words.
    pub(super) fn awaited(socket: &Socket) -> Option<&str> {
        socket.awaiting.as_ref().map(|awaiting| &*awaiting.why)
    }

    /// What a socket that is up does not listen on yet, in words.
    pub(super) fn missing(socket: &Socket) -> Option<&str> {
        socket.missing.as_ref().map(|missing| &*missing.why)
    }

    pub(super) fn socket_mut(&mut self, id: UnitId) -> Option<&mut Socket> {
        match &mut self.units.get_mut(&id)?.machine {
            Machine::Socket(socket) => Some(socket),
            Machine::Service(_) | Machine::Target(_) | Machine::Inert => None,
        }
    }

    pub(super) fn socket_unit(&self, id: UnitId) -> Option<Arc<SocketUnit>> {
        match &self.units.get(&id)?.unit.body {
            Body::Socket(unit) => Some(unit.clone()),
            Body::Service(_) | Body::Target | Body::Slice | Body::Foreign => None,
        }
    }

    /// The service of an `Accept=no` socket.
    pub(super) fn socket_service(&self, id: UnitId) -> Option<UnitId> {
        let slot = self.units.get(&id)?;
        match &slot.unit.body {
            Body::Socket(unit) if !unit.accept => self.lookup(unit.service.as_ref()?.as_str()),
            Body::Socket(_) | Body::Service(_) | Body::Target | Body::Slice | Body::Foreign => None,
        }
    }

    /// Enters a state: timers, record, watchers. The only place that changes it.
    pub(super) fn socket_enter(&mut self, id: UnitId, state: SocketState) {
        let timed = match state {
            SocketState::StartPre
            | SocketState::StartChown
            | SocketState::StartPost
            | SocketState::StopPre
            | SocketState::StopPreSigterm
            | SocketState::StopPreSigkill
            | SocketState::StopPost
            | SocketState::FinalSigterm
            | SocketState::FinalSigkill => self.socket_unit(id).and_then(|unit| self.now.after(unit.timeout_usec)),
            SocketState::Deferred => self.defer_deadline(id),
            SocketState::Dead
            | SocketState::StartOpen
            | SocketState::Listening
            | SocketState::Running
            | SocketState::Failed => None,
        };
        if state != SocketState::Deferred {
            self.deferred.remove(&id);
        }
        self.deadlines.set(id, Reason::State, timed);
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        socket.state = state;
        if state != SocketState::StartOpen {
            self.socket_awaits_no_more(id);
        }
        if state != SocketState::Listening {
            self.socket_unwatch(id);
        }
        if !state.holds_fds() {
            self.socket_close(id);
        }
        self.changed(id, state.active());
    }
}

/// The commands of a phase.
pub(super) fn phase_commands(unit: &SocketUnit, state: SocketState) -> &[Command] {
    match state {
        SocketState::StartPre => &unit.exec_start_pre,
        SocketState::StartPost => &unit.exec_start_post,
        SocketState::StopPre => &unit.exec_stop_pre,
        SocketState::StopPost => &unit.exec_stop_post,
        SocketState::Dead
        | SocketState::StartOpen
        | SocketState::StartChown
        | SocketState::Listening
        | SocketState::Deferred
        | SocketState::Running
        | SocketState::StopPreSigterm
        | SocketState::StopPreSigkill
        | SocketState::FinalSigterm
        | SocketState::FinalSigkill
        | SocketState::Failed => &[],
    }
}
