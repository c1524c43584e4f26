//! Control commands that end, stopping, closing, reload.

use super::{SocketResult, SocketState, phase_commands};
use crate::engine::effect::{Effect, Level, SignalTarget};
use crate::engine::event::ExitStatus;
use crate::engine::{Engine, Reason};
use crate::ids::UnitId;
use crate::unit::Unit;
use crate::unit::exec::KillMode;
use std::sync::Arc;

impl Engine {
    pub(in crate::engine) fn socket_stop(&mut self, id: UnitId) {
        let Some(state) = self.socket(id).map(|socket| socket.state) else {
            return;
        };
        match state {
            SocketState::StartPre | SocketState::StartPost => {
                self.socket_signal(id, SocketState::StopPreSigterm, SocketResult::Success);
            }
            SocketState::StartOpen
            | SocketState::StartChown
            | SocketState::Listening
            | SocketState::Deferred
            | SocketState::Running => {
                self.socket_stop_pre(id, SocketResult::Success);
            }
            // On its way already.
            SocketState::StopPre
            | SocketState::StopPreSigterm
            | SocketState::StopPreSigkill
            | SocketState::StopPost
            | SocketState::FinalSigterm
            | SocketState::FinalSigkill
            | SocketState::Dead
            | SocketState::Failed => {}
        }
    }

    fn socket_note_result(&mut self, id: UnitId, result: SocketResult) {
        if let Some(socket) = self.socket_mut(id)
            && socket.result == SocketResult::Success
        {
            socket.result = result;
        }
    }

    pub(in crate::engine) fn socket_stop_pre(&mut self, id: UnitId, result: SocketResult) {
        self.socket_note_result(id, result);
        self.deadlines.set(id, Reason::Pause, None);
        if let Some(socket) = self.socket_mut(id) {
            socket.pause = None;
        }
        if self.socket_unit(id).is_some_and(|unit| !unit.exec_stop_pre.is_empty()) {
            self.socket_enter(id, SocketState::StopPre);
            self.socket_command(id, 0);
        } else {
            self.socket_stop_post(id, SocketResult::Success);
        }
    }

    pub(in crate::engine) fn socket_stop_post(&mut self, id: UnitId, result: SocketResult) {
        self.socket_note_result(id, result);
        if self.socket_unit(id).is_some_and(|unit| !unit.exec_stop_post.is_empty()) {
            // The first command gets the sockets (PassFileDescriptorsToExec=) that are closed with its start.
            let (pass, from) = (self.passed_to_hooks(id), self.out.len());
            self.socket_enter(id, SocketState::StopPost);
            let passes = !pass.is_empty();
            self.socket_command_with(id, 0, pass);
            if passes {
                self.out[from..].rotate_right(1);
            }
        } else {
            self.socket_signal(id, SocketState::FinalSigterm, SocketResult::Success);
        }
    }

    pub(in crate::engine) fn socket_signal(&mut self, id: UnitId, state: SocketState, result: SocketResult) {
        self.socket_note_result(id, result);
        let Some(unit) = self.socket_unit(id) else {
            return;
        };
        let kill = unit.kill;
        let restart = self.units.get(&id).and_then(|slot| slot.job.as_ref()).is_some_and(|job| job.restarting);
        let (signal, last) = match state {
            SocketState::StopPreSigterm if restart => (kill.restart_kill_signal.unwrap_or(kill.kill_signal), false),
            SocketState::StopPreSigterm if !self.policy.term_before_stop_post => (kill.final_kill_signal, true),
            SocketState::StopPreSigkill | SocketState::FinalSigkill => (kill.final_kill_signal, true),
            SocketState::StopPreSigterm | SocketState::FinalSigterm => (kill.kill_signal, false),
            SocketState::Dead
            | SocketState::StartPre
            | SocketState::StartOpen
            | SocketState::StartChown
            | SocketState::StartPost
            | SocketState::Listening
            | SocketState::Deferred
            | SocketState::Running
            | SocketState::StopPre
            | SocketState::StopPost
            | SocketState::Failed => return,
        };
        self.socket_enter(id, state);
        let ever_ran = !(unit.exec_start_pre.is_empty()
            && unit.exec_start_post.is_empty()
            && unit.exec_stop_pre.is_empty()
            && unit.exec_stop_post.is_empty());
        if !ever_ran || kill.kill_mode == KillMode::None {
            return self.socket_signalled(id, false);
        }
        let all = kill.kill_mode == KillMode::ControlGroup || kill.kill_mode == KillMode::Mixed && last;
        self.out.push(Effect::Signal {
            unit: id,
            target: if all { SignalTarget::All } else { SignalTarget::Control },
            signal,
            also_hup: kill.send_sighup && !last && !restart,
            plain: false,
        });
    }

    /// Whether anybody was there to be signalled.
    pub(in crate::engine) fn socket_signalled(&mut self, id: UnitId, found: bool) {
        let Some(socket) = self.socket(id) else {
            return;
        };
        if found || socket.control.is_some() {
            return;
        }
        match socket.state {
            SocketState::StopPreSigterm => self.socket_signal(id, SocketState::StopPreSigkill, SocketResult::Success),
            SocketState::StopPreSigkill => self.socket_stop_post(id, SocketResult::Success),
            SocketState::FinalSigterm => self.socket_signal(id, SocketState::FinalSigkill, SocketResult::Success),
            SocketState::FinalSigkill => self.socket_dead(id, SocketResult::Success),
            SocketState::Dead
            | SocketState::StartPre
            | SocketState::StartOpen
            | SocketState::StartChown
            | SocketState::StartPost
            | SocketState::Listening
            | SocketState::Deferred
            | SocketState::Running
            | SocketState::StopPre
            | SocketState::StopPost
            | SocketState::Failed => {}
        }
    }

    pub(in crate::engine) fn socket_dead(&mut self, id: UnitId, result: SocketResult) {
        self.socket_note_result(id, result);
        let Some(outcome) = self.socket(id).map(|socket| socket.result) else {
            return;
        };
        if outcome == SocketResult::Success {
            self.tell("socket-closed", Level::Info, id, "closed");
            self.socket_enter(id, SocketState::Dead);
        } else {
            self.tell("socket-failed", Level::Warning, id, format!("failed with result '{}'", outcome.as_str()));
            self.socket_enter(id, SocketState::Failed);
        }
        if let Some(settings) = self.unit(id).cloned() {
            self.out.push(Effect::Release { unit: id, settings });
        }
        self.namespace_release(id);
    }

    /// Closes all ports, and removes their nodes if `RemoveOnStop=` says so.
    pub(in crate::engine) fn socket_close(&mut self, id: UnitId) {
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        socket.missing = None;
        let ports = std::mem::take(&mut socket.ports);
        let opened = socket.opened.take();
        if ports.is_empty() {
            return;
        }
        self.deadlines.set(id, Reason::Reopen, None);
        for port in &ports {
            self.fds.remove(&port.fd);
            self.deadlines.set(id, Reason::Poll(port.fd), None);
            self.deadlines.set(id, Reason::Heal(port.fd), None);
            self.out.push(Effect::Close { fd: port.fd });
        }
        if let Some(settings) = opened
            && removes(&settings)
        {
            let ports = ports.iter().map(|port| port.index).collect();
            self.out.push(Effect::RemoveNodes { settings, ports });
        }
    }

    pub(in crate::engine) fn socket_control_exited(&mut self, id: UnitId, status: ExitStatus) {
        let Some(unit) = self.socket_unit(id) else {
            return;
        };
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        let Some(control) = socket.control.take() else {
            return;
        };
        let state = socket.state;
        let command = phase_commands(&unit, state).get(control.index);
        let forgiven = command.is_some_and(|command| command.ignore_failure);
        let result = if forgiven { SocketResult::Success } else { SocketResult::of(status) };
        if result != SocketResult::Success {
            let path = command.map_or("a command", |command| &command.path);
            self.tell("control-process-failed", Level::Notice, id, format!("{path} ended with {status:?}"));
        }
        self.socket_control_result(id, state, control.index, result);
    }

    /// A control process ended (or could not be started): where to go from here.
    pub(in crate::engine) fn socket_control_result(
        &mut self,
        id: UnitId,
        state: SocketState,
        index: usize,
        result: SocketResult,
    ) {
        let ok = result == SocketResult::Success;
        match state {
            SocketState::StartPre if ok => self.socket_command(id, index + 1),
            SocketState::StartPre => self.socket_signal(id, SocketState::FinalSigterm, result),
            SocketState::StartPost if ok => self.socket_command(id, index + 1),
            SocketState::StartPost => self.socket_stop_pre(id, result),
            SocketState::StopPre | SocketState::StopPost if ok => self.socket_command(id, index + 1),
            SocketState::StopPre | SocketState::StopPreSigterm | SocketState::StopPreSigkill => {
                self.socket_stop_post(id, result);
            }
            SocketState::StopPost | SocketState::FinalSigterm | SocketState::FinalSigkill => {
                self.socket_dead(id, result)
            }
            SocketState::Dead
            | SocketState::StartOpen
            | SocketState::StartChown
            | SocketState::Listening
            | SocketState::Deferred
            | SocketState::Running
            | SocketState::Failed => {}
        }
    }

    pub(in crate::engine) fn socket_spawn_failed(&mut self, id: UnitId, detail: &str) {
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        let (state, index) = (socket.state, socket.control.take().map_or(0, |control| control.index));
        self.tell("spawn-failed", Level::Error, id, format!("cannot start a command: {detail}"));
        if state == SocketState::StartPre {
            return self.socket_dead(id, SocketResult::Resources);
        }
        self.socket_control_result(id, state, index, SocketResult::Resources);
    }

    pub(in crate::engine) fn socket_timeout(&mut self, id: UnitId) {
        let Some(unit) = self.socket_unit(id) else {
            return;
        };
        let Some(state) = self.socket(id).map(|socket| socket.state) else {
            return;
        };
        let timeout = SocketResult::Timeout;
        let kill = unit.kill.send_sigkill;
        let setting = if state == SocketState::Deferred { "DeferTriggerMaxSec=" } else { "TimeoutSec=" };
        self.tell("socket-timeout", Level::Warning, id, format!("{} took longer than {setting}", state.as_str()));
        match state {
            SocketState::StartPre => self.socket_signal(id, SocketState::FinalSigterm, timeout),
            SocketState::StartChown | SocketState::Deferred => self.socket_stop_pre(id, timeout),
            SocketState::StartPost => self.socket_stop_pre(id, timeout),
            SocketState::StopPre => self.socket_signal(id, SocketState::StopPreSigterm, timeout),
            SocketState::StopPreSigterm if kill => self.socket_signal(id, SocketState::StopPreSigkill, timeout),
            SocketState::StopPreSigterm | SocketState::StopPreSigkill => self.socket_stop_post(id, timeout),
            SocketState::StopPost => self.socket_signal(id, SocketState::FinalSigterm, timeout),
            SocketState::FinalSigterm if kill => self.socket_signal(id, SocketState::FinalSigkill, timeout),
            SocketState::FinalSigterm | SocketState::FinalSigkill => self.socket_dead(id, timeout),
            SocketState::Dead
            | SocketState::StartOpen
            | SocketState::Listening
            | SocketState::Running
            | SocketState::Failed => {}
        }
    }

    pub(in crate::engine) fn socket_reset_failed(&mut self, id: UnitId) {
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        if socket.state == SocketState::Failed {
            self.socket_enter(id, SocketState::Dead);
        }
        if let Some(socket) = self.socket_mut(id) {
            socket.result = SocketResult::Success;
        }
    }
}

pub(super) fn removes(unit: &Arc<Unit>) -> bool {
    match &unit.body {
        crate::unit::Body::Socket(unit) => unit.leaves_nothing(),
        crate::unit::Body::Service(_)
        | crate::unit::Body::Target
        | crate::unit::Body::Slice
        | crate::unit::Body::Foreign => false,
    }
}
