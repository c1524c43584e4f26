//! The loop: wait, hear what happened in the order of its classes, let the engine decide, carry that
//! out. Every source has a budget per turn, so that none starves another; nothing here blocks but
//! the one wait.

use crate::bounds::{EVENTS_PER_CAUSE_MAX, NOTIFICATIONS_PER_TURN};
use crate::engine::Engine;
use crate::engine::effect::Effect;
use crate::engine::event::{Event, ExitStatus};
use crate::ids::{FdToken, Mono, ProcToken, UnitId};
use crate::linux::poll::Ready;
use crate::runtime::clock;
use crate::runtime::library::Units;
use crate::runtime::source::Source;
use crate::runtime::world::World;
use nix::errno::Errno;
use std::ops::ControlFlow;

/// The whole daemon.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) engine: Engine,
    pub(super) world: World,
    pub(super) units: Units,
    effects: Vec<Effect>,
    ready: Vec<Ready>,
}

impl Daemon {
    pub(super) fn new(engine: Engine, world: World, units: Units) -> Daemon {
        Daemon { engine, world, units, effects: Vec::new(), ready: Vec::new() }
    }

    /// Until the engine says that it is over.
    pub(super) fn run(&mut self) -> Result<u8, Errno> {
        loop {
            self.pump();
            if let Some(code) = self.world.leave {
                return Ok(code);
            }
            if let ControlFlow::Break(code) = self.turn()? {
                return Ok(code);
            }
        }
    }

    fn turn(&mut self) -> Result<ControlFlow<u8>, Errno> {
        let deadline = self.next_deadline();
        let mut ready = std::mem::take(&mut self.ready);
        let due = self.world.poll.wait(deadline, &mut ready)?;
        self.knocks_before_burials(&mut ready);
        for one in &ready {
            if let Some(source) = Source::of(one.class, one.token) {
                self.hear(source, *one);
                self.pump();
            }
        }
        self.ready = ready;
        if std::mem::take(&mut self.world.more_children) {
            self.hear_children();
            self.pump();
        }
        if due || self.engine.next_deadline().is_some_and(|(at, _)| at <= clock::now()) {
            self.world.events.push_back(Event::Due);
            self.pump();
        }
        self.house_keeping();
        Ok(self.world.leave.map_or(ControlFlow::Continue(()), ControlFlow::Break))
    }

    /// Ends of processes come before connections, because they make room. Where there is room anyway the
    /// connection goes first: the client waits, and whoever has ended does not.
    fn knocks_before_burials(&mut self, ready: &mut Vec<Ready>) {
        let source = |one: &Ready| Source::of(one.class, one.token);
        if !ready.iter().any(|one| source(one) == Some(Source::Children)) {
            return;
        }
        ready.retain(|one| match source(one) {
            Some(Source::Listener(fd)) if self.engine.has_room(fd) => {
                self.hear_listener(fd, *one);
                self.pump();
                false
            }
            _ => true,
        });
    }

    fn next_deadline(&self) -> Option<Mono> {
        let engine = self.engine.next_deadline().map(|(at, _)| at);
        let control = self.world.server.next_deadline_usec().map(Mono);
        let at_once = self.world.more_children.then_some(Mono(0));
        let groups = self.world.groups.next_deadline();
        [engine, control, groups, self.world.upstream.next_deadline(), at_once].into_iter().flatten().min()
    }

    /// One source has something to say.
    fn hear(&mut self, source: Source, ready: Ready) {
        match source {
            Source::Signals => self.hear_signals(),
            Source::Children => self.hear_children(),
            Source::Notify(unit) => self.hear_notifications(unit),
            Source::Report(proc) => self.world.reported(proc),
            Source::Exit(proc) => {
                if let Some(status) = self.world.adopted_ended(proc) {
                    self.hear_exit(proc, status);
                }
            }
            Source::Stray(token) => {
                if let Some(unit) = self.world.stray_ended(token) {
                    self.world.check_empty(unit);
                }
            }
            Source::Groups => self.world.groups_changed(),
            Source::Nodes => self.world.nodes_changed(),
            Source::Addresses => self.world.addresses_changed(),
            Source::PidFile(unit) => self.world.pid_file_changed(unit),
            Source::Output(token) => {
                let World { outputs, poll, .. } = &mut self.world;
                outputs.readable(poll, token);
            }
            Source::Control => self.accept_clients(),
            Source::Client(client) => self.hear_client(client, ready),
            Source::Stored(fd) => self.hear_stored(fd),
            Source::Listener(fd) => self.hear_listener(fd, ready),
        }
    }

    fn hear_notifications(&mut self, unit: UnitId) {
        for _ in 0..NOTIFICATIONS_PER_TURN {
            let stored = self.engine.stored(unit);
            if !self.world.take_notification(unit, &stored) {
                return;
            }
            self.pump();
        }
    }

    fn hear_children(&mut self) {
        for (proc, status) in self.world.collect_children() {
            self.hear_exit(proc, status);
        }
        self.world.collected();
    }

    fn hear_exit(&mut self, proc: ProcToken, status: ExitStatus) {
        // Its last words first: they may be waiting still when both came in one turn too many.
        if let Some(unit) = self.world.processes.get(proc).map(|p| p.unit)
            && self.world.runs.get(&unit).is_some_and(|run| run.notify.is_some())
        {
            self.hear_notifications(unit);
        }
        let Some(unit) = self.world.exited(proc, status) else {
            return;
        };
        self.pump();
        self.world.check_empty(unit);
    }

    fn hear_stored(&mut self, fd: FdToken) {
        if self.world.handles.get(fd).is_some() {
            self.world.events.push_back(Event::StoredGone { fd });
        }
    }

    fn hear_listener(&mut self, fd: FdToken, ready: Ready) {
        if !self.world.handles.get_mut(fd).is_some_and(|handle| handle.watched) {
            return;
        }
        let readable = ready.readable || ready.priority;
        // A listening socket that hangs up is readable too, for ever.
        self.world.events.push_back(match readable {
            true if !ready.error && !ready.hangup => Event::Readable { fd },
            _ => Event::Broken { fd, hangup: ready.hangup && !ready.error },
        });
    }

    /// Events to the engine, effects to the world, until nothing is left.
    pub(super) fn pump(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        self.engine.set_verbose(tracing::enabled!(tracing::Level::DEBUG));
        for count in 0.. {
            // The next connection is looked for when the one before is on its way.
            let Some(event) = self.world.events.pop_front().or_else(|| self.world.next_connection()) else {
                break;
            };
            if count == EVENTS_PER_CAUSE_MAX {
                tracing::error!(CODE = "events-spin", "{count} events in one go; the rest waits for the next turn");
                self.world.events.push_front(event);
                break;
            }
            self.engine.handle(clock::now(), event, &mut effects);
            for effect in effects.drain(..) {
                self.world.perform(effect);
            }
        }
        self.effects = effects;
    }

    /// What is done at the end of every turn, each bounded.
    fn house_keeping(&mut self) {
        let now = clock::now();
        self.world.upstream.ping_if_due(now);
        self.world.groups.sweep_if_due(now);
        self.world.refill_reserve();
        self.world.look_for_departures();
        self.serve_clients(now);
        self.pump();
    }
}
