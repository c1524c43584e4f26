//! A pretend kernel: performs the engine's effects in memory, with faults.
//!
//! Driven by *choices*: bounded numbers from a seed, from a fuzzer's bytes, or from an enumeration of
//! all small cases. The engine behind it is the real one. Knows no real descriptors and no clock.

mod choices;
mod peers;
mod ports;
mod processes;

pub use choices::{Bytes, Choices, Faults, Seeded};

use crate::engine::effect::{Adjust, Effect, Role, Spawn};
use crate::engine::event::{Event, ExitStatus, Sender, Verdict};
use crate::engine::requests::Reply;
use crate::ids::{ClientId, FdToken, Mono, NamespaceToken, ProcToken, UnitId};
use crate::outside::Trouble;
use crate::unit::{Body, Unit};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A process of the pretend kernel.
#[derive(Clone, Debug)]
struct Process {
    unit: UnitId,
    stubborn: bool,
    main: bool,
    alive: bool,
}

/// A descriptor of the pretend kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Descriptor {
    /// A port of a socket; so many connections or datagrams are queued.
    Listener {
        queued: u32,
    },
    Connection,
    Stored,
}

/// Something the pretend kernel saw the engine do that must never happen.
pub type Violation = String;

/// The pretend kernel.
#[derive(Debug)]
pub struct Kernel<C> {
    /// Where its decisions come from.
    pub choices: C,
    /// How often things go wrong.
    pub faults: Faults,
    /// Virtual time.
    pub now: Mono,
    /// Events that have happened and wait to be told.
    pub happened: VecDeque<Event>,
    /// Events that will happen.
    future: BTreeMap<(Mono, u64), Event>,
    sequence: u64,
    fds: BTreeMap<FdToken, Descriptor>,
    watched: BTreeSet<FdToken>,
    nodeless: BTreeSet<FdToken>,
    namespaces: BTreeSet<NamespaceToken>,
    last_namespace: u64,
    processes: BTreeMap<ProcToken, Process>,
    orphans: BTreeMap<UnitId, u32>,
    next_fd: u64,
    next_pid: i32,
    next_port: u16,
    asked: BTreeSet<ClientId>,
    /// Connections that were refused or handed over.
    pub connections_ended: u64,
    handed: BTreeSet<FdToken>,
    /// What must never happen, but did.
    pub violations: Vec<Violation>,
    /// The engine asked to leave.
    pub left: Option<u8>,
    /// `READY=1` was announced.
    pub ready: bool,
}

impl<C: Choices> Kernel<C> {
    /// An empty machine.
    pub fn new(choices: C, faults: Faults) -> Self {
        Kernel {
            choices,
            faults,
            now: Mono(1),
            happened: VecDeque::new(),
            future: BTreeMap::new(),
            sequence: 0,
            fds: BTreeMap::new(),
            watched: BTreeSet::new(),
            nodeless: BTreeSet::new(),
            namespaces: BTreeSet::new(),
            last_namespace: 0,
            processes: BTreeMap::new(),
            orphans: BTreeMap::new(),
            next_fd: 1,
            next_pid: 100,
            next_port: 1024,
            asked: BTreeSet::new(),
            connections_ended: 0,
            handed: BTreeSet::new(),
            violations: Vec::new(),
            left: None,
            ready: false,
        }
    }

    /// Descriptors that are open.
    pub fn open_fds(&self) -> BTreeSet<FdToken> {
        self.fds.keys().copied().collect()
    }

    /// Descriptors that are watched for traffic.
    pub fn watched(&self) -> &BTreeSet<FdToken> {
        &self.watched
    }

    /// Network namespaces that were made and not dropped.
    pub fn namespaces(&self) -> &BTreeSet<NamespaceToken> {
        &self.namespaces
    }

    /// The first use makes it; a token whose namespace is gone must not come back.
    fn use_namespace(&mut self, namespace: Option<NamespaceToken>) {
        let Some(namespace) = namespace else { return };
        if namespace.0 > self.last_namespace {
            self.last_namespace = namespace.0;
            self.namespaces.insert(namespace);
        } else if !self.namespaces.contains(&namespace) {
            self.violate(format!("use of {namespace:?}, which was dropped"));
        }
    }

    /// Processes whose end has not been told yet.
    pub fn live_processes(&self) -> BTreeSet<ProcToken> {
        self.processes.iter().filter(|(_, p)| p.alive).map(|(token, _)| *token).collect()
    }

    /// Clients that have not been answered.
    pub fn unanswered(&self) -> &BTreeSet<ClientId> {
        &self.asked
    }

    /// A client asks; remembered so that a second answer is noticed.
    pub fn ask(&mut self, client: ClientId) {
        self.asked.insert(client);
    }

    /// All control connections break (the daemon was replaced).
    pub fn drop_clients(&mut self) {
        self.asked.clear();
    }

    /// Watches do not survive the daemon that made them.
    pub fn drop_watches(&mut self) {
        self.watched.clear();
    }

    /// When the next thing happens by itself.
    pub fn next_event_at(&self) -> Option<Mono> {
        self.future.keys().next().map(|(at, _)| *at)
    }

    /// Moves time; what is due by then has happened.
    pub fn advance(&mut self, to: Mono) {
        self.now = self.now.max(to);
        while let Some(entry) = self.future.first_entry()
            && entry.key().0 <= self.now
        {
            let event = entry.remove();
            self.come(event);
        }
        for fd in self.ready_listeners() {
            self.happened.push_back(Event::Readable { fd });
        }
    }

    fn ready_listeners(&self) -> Vec<FdToken> {
        let ready = |fd: &&FdToken| matches!(self.fds.get(fd), Some(Descriptor::Listener { queued: 1.. }));
        self.watched.iter().filter(ready).copied().collect()
    }

    /// Whether a watched listener has something queued.
    pub fn has_traffic(&self) -> bool {
        !self.ready_listeners().is_empty()
    }

    /// Somebody connects to a listener, chosen at will.
    pub fn knock(&mut self) {
        let listeners: Vec<FdToken> =
            self.fds.iter().filter(|(_, d)| matches!(d, Descriptor::Listener { .. })).map(|(fd, _)| *fd).collect();
        if listeners.is_empty() {
            return;
        }
        let index = self.choices.below(listeners.len() as u64) as usize;
        if let Some(Descriptor::Listener { queued }) = self.fds.get_mut(&listeners[index]) {
            *queued = (*queued + 1).min(64);
        }
    }

    fn later(&mut self, span_usec: u64, event: Event) {
        self.sequence += 1;
        self.future.insert((Mono(self.now.0 + span_usec), self.sequence), event);
    }

    /// A scheduled event comes true, unless what it is about is gone.
    fn come(&mut self, mut event: Event) {
        if let Event::Exited { proc, .. } = &event {
            let Some(process) = self.processes.get_mut(proc) else { return };
            if !std::mem::replace(&mut process.alive, false) {
                return;
            }
            let (unit, main) = (process.unit, process.main);
            self.processes.remove(proc);
            if main && self.choices.chance(self.faults.orphan) {
                *self.orphans.entry(unit).or_default() += 1;
            }
            self.tell_if_empty(unit);
        }
        if let Event::Notified { sender: Sender::Known(proc), fds, .. } = &mut event {
            if !self.processes.get(proc).is_some_and(|process| process.alive) {
                return;
            }
            // What a message carries comes into being with it.
            for fd in fds {
                *fd = self.new_fd(Descriptor::Stored);
            }
        }
        self.happened.push_back(event);
    }

    fn tell_if_empty(&mut self, unit: UnitId) {
        let busy = self.processes.values().any(|process| process.unit == unit && process.alive);
        if !busy && self.orphans.get(&unit).copied().unwrap_or(0) == 0 {
            self.happened.push_back(Event::Emptied { unit });
        }
    }

    fn violate(&mut self, what: String) {
        self.violations.push(what);
    }

    fn new_fd(&mut self, descriptor: Descriptor) -> FdToken {
        let fd = FdToken(self.next_fd);
        self.next_fd += 1;
        self.fds.insert(fd, descriptor);
        fd
    }

    /// Carries out one effect.
    pub fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Bind { unit, settings, namespace, .. } => {
                self.use_namespace(namespace);
                self.bind(unit, &settings);
            }
            Effect::Adjust(adjust) => self.adjust(&adjust),
            Effect::DropNamespace { namespace } => {
                if !self.namespaces.remove(&namespace) {
                    self.violate(format!("drop of {namespace:?}, which is not there"));
                }
            }
            Effect::HealNode { fd, renew, .. } => self.heal(fd, renew),
            Effect::Chown { unit, .. } => {
                let event = if self.choices.chance(self.faults.bind) {
                    Event::ChownFailed { unit, status: 217, detail: "no such user".into() }
                } else {
                    Event::Chowned { unit }
                };
                self.happened.push_back(event);
            }
            Effect::ResolvePeers { unit, .. } => {
                self.happened.push_back(Event::PeersResolved { unit, users: vec![1], groups: vec![2] });
            }
            Effect::RemoveNodes { .. } | Effect::Release { .. } | Effect::Save { .. } => {}
            Effect::Forget { .. } | Effect::Tell(_) | Effect::EndIdle => {}
            Effect::Close { fd } => self.close(fd),
            Effect::Watch { fd } => {
                if !self.fds.contains_key(&fd) || !self.watched.insert(fd) {
                    self.violate(format!("watch of {fd}, which is closed or watched already"));
                }
            }
            Effect::Unwatch { fd } => {
                if !self.watched.remove(&fd) {
                    self.violate(format!("unwatch of {fd}, which is not watched"));
                }
            }
            Effect::Accept { fd, budget, .. } => self.accept(fd, budget),
            Effect::Drain { fd } => match self.fds.get_mut(&fd) {
                Some(Descriptor::Listener { queued }) => *queued = 0,
                _ => self.violate(format!("drain of {fd}, which is no open listener")),
            },
            Effect::Spawn(spawn) => self.spawn(&spawn),
            Effect::Signal { unit, target, signal, plain, .. } => self.signal(unit, target, signal, plain),
            Effect::Check { unit, .. } => {
                let unmet = self.choices.chance(self.faults.condition);
                let verdict = if unmet { Verdict::ConditionUnmet("a path".into()) } else { Verdict::Go };
                self.happened.push_back(Event::Checked { unit, verdict });
            }
            Effect::FindMain { unit, proc, wait, .. } => self.find_main(unit, proc, wait),
            Effect::WatchStored { fd } => {
                if self.choices.chance(20) {
                    self.later(1_000_000, Event::StoredGone { fd });
                }
            }
            Effect::Answer { client, reply } => self.answer(client, &reply),
            Effect::Announce(crate::engine::effect::Announcement::Ready) => self.ready = true,
            Effect::Announce(_) => {}
            Effect::Leave { code } => self.left = Some(code),
        }
    }

    fn bind(&mut self, unit: UnitId, settings: &Arc<Unit>) {
        let Body::Socket(socket) = &settings.body else {
            return self.violate(format!("bind of {}, which is no socket", settings.name));
        };
        if self.choices.chance(self.faults.bind) {
            let detail = "address in use".into();
            return self.happened.push_back(Event::BindFailed { unit, trouble: Trouble::Busy, detail });
        }
        if self.is_absent(unit, socket) {
            return;
        }
        let mut fds = Vec::new();
        for index in 0..socket.listen.len() as u16 {
            fds.push((index, self.new_fd(Descriptor::Listener { queued: 0 })));
        }
        self.happened.push_back(Event::Bound { unit, fds });
    }

    fn adjust(&mut self, adjust: &Adjust) {
        self.use_namespace(adjust.namespace);
        for (_, _, fd) in &adjust.kept {
            if !matches!(self.fds.get(fd), Some(Descriptor::Listener { .. })) {
                self.violate(format!("{} keeps {fd}, which is no open listener", adjust.settings.name));
            }
        }
        let mut fds = Vec::new();
        for index in &adjust.open {
            if !self.choices.chance(self.faults.bind) {
                fds.push((*index, self.new_fd(Descriptor::Listener { queued: 0 })));
            }
        }
        let missing = if fds.len() < adjust.open.len() { "address in use" } else { "" };
        self.happened.push_back(Event::Adjusted { unit: adjust.unit, fds, missing: missing.into() });
    }

    fn close(&mut self, fd: FdToken) {
        self.watched.remove(&fd);
        match self.fds.remove(&fd) {
            Some(Descriptor::Connection) => {
                self.handed.remove(&fd);
                self.connections_ended += 1;
            }
            Some(Descriptor::Listener { .. } | Descriptor::Stored) => {}
            None => self.violate(format!("close of {fd}, which is not open")),
        }
    }

    fn accept(&mut self, fd: FdToken, budget: u32) {
        for (taken, _) in (0..budget).enumerate() {
            if self.choices.chance(self.faults.accept) {
                let trouble = Trouble::Exhausted;
                return self.happened.insert(taken, Event::AcceptFailed { listener: fd, trouble });
            }
            match self.fds.get_mut(&fd) {
                Some(Descriptor::Listener { queued }) if *queued > 0 => *queued -= 1,
                Some(Descriptor::Listener { .. }) => return,
                Some(Descriptor::Connection | Descriptor::Stored) | None => {
                    return self.violate(format!("accept on {fd}, which is no open listener"));
                }
            }
            let conn = self.new_fd(Descriptor::Connection);
            let peer = (!self.choices.chance(self.faults.vanish)).then(|| self.peer());
            // Who was accepted is told before anything else that waits, as in the runtime: how many
            // to accept was decided for the present state.
            self.happened.insert(taken, Event::Connected { listener: fd, conn, peer });
        }
    }

    fn spawn(&mut self, spawn: &Spawn) {
        let proc = spawn.proc;
        self.use_namespace(spawn.namespace);
        for passed in &spawn.pass {
            match self.fds.get_mut(&passed.fd) {
                // Whoever gets a listener takes what is queued, unless it is lazy.
                Some(Descriptor::Listener { queued }) => {
                    if !self.choices.chance(self.faults.idle) {
                        *queued = 0;
                    }
                }
                Some(Descriptor::Connection) => {
                    self.handed.insert(passed.fd);
                }
                Some(Descriptor::Stored) => {}
                None => self.violate(format!("{} is handed {}, which is not open", spawn.settings.name, passed.fd)),
            }
        }
        if self.choices.chance(self.faults.spawn) {
            let (trouble, detail) = (Trouble::Exhausted, "no memory".into());
            return self.happened.push_back(Event::SpawnFailed { proc, trouble, detail });
        }
        self.next_pid += 1;
        let stubborn = self.choices.chance(self.faults.stubborn);
        let main = spawn.role == Role::Main;
        self.processes.insert(proc, Process { unit: spawn.unit, stubborn, main, alive: true });
        self.happened.push_back(Event::Spawned { proc, pid: self.next_pid });
        if self.choices.chance(self.faults.step) {
            self.happened.push_back(Event::StepFailed { proc, status: 203, detail: "no such file".into() });
            return self.later(10, Event::Exited { proc, status: ExitStatus::Code(203) });
        }
        self.happened.push_back(Event::Execed { proc });
        self.live(spawn, proc);
    }

    /// What the program will do.
    fn live(&mut self, spawn: &Spawn, proc: ProcToken) {
        let span = match self.choices.below(4) {
            0 => 10,
            1 => 1_000 + self.choices.below(10_000),
            2 => 100_000 + self.choices.below(1_000_000),
            _ => 10_000_000 + self.choices.below(200_000_000),
        };
        if spawn.role == Role::Main {
            self.talk(spawn, proc, span);
        }
        let status = if self.choices.chance(self.faults.crash) {
            match self.choices.below(3) {
                0 => ExitStatus::Code(1 + self.choices.below(3) as u8),
                1 => ExitStatus::Signal(9),
                _ => ExitStatus::Dumped(11),
            }
        } else {
            ExitStatus::Code(0)
        };
        let control = spawn.role != Role::Main;
        self.later(if control { span.min(2_000_000) } else { span }, Event::Exited { proc, status });
    }

    fn talk(&mut self, spawn: &Spawn, proc: ProcToken, span: u64) {
        let messages = [
            &[("READY", "1")][..],
            &[("STATUS", "busy")],
            &[("WATCHDOG", "1")],
            &[("RELOADING", "1"), ("MONOTONIC_USEC", "999999999999")],
            &[("STOPPING", "1")],
            &[("FDSTORE", "1"), ("FDNAME", "kept")],
            &[("FDSTOREREMOVE", "1"), ("FDNAME", "kept")],
            &[("BARRIER", "1")],
            &[("EXTEND_TIMEOUT_USEC", "1000000")],
        ];
        let mut at = 5;
        for round in 0..self.choices.below(4) {
            let pick = if round == 0 { 0 } else { self.choices.below(messages.len() as u64) as usize };
            let mut words = messages[pick].to_vec();
            if self.choices.chance(self.faults.garbage) {
                words = vec![("MAINPID", "x"), ("WATCHDOG_USEC", "-3"), ("=", "=")];
            }
            let carries = self.choices.below(3) as usize;
            let fds = vec![FdToken(0); carries];
            let words = words.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
            at = (at + self.choices.below(span.max(1))).min(span.saturating_sub(1));
            self.later(at, Event::Notified { unit: spawn.unit, sender: Sender::Known(proc), words, fds });
        }
    }

    fn answer(&mut self, client: ClientId, _reply: &Reply) {
        if !self.asked.remove(&client) {
            self.violate(format!("client {} is answered, but does not wait for an answer", client.0));
        }
    }
}
