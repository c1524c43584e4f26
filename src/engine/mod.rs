//! What happens next: events in, effects out. The engine has no descriptors, no pids it may act on,
//! no clock and no files; it cannot fail.
//!
//! One outside event is handled to its end: machines change state, state changes finish jobs, jobs
//! start other jobs, until nothing is left to do. Where to look:
//!
//! * `table` all units, by id and by name · `slot` one unit · `edges` what connects it
//! * `jobs` and `transaction` what is to be done, in which order
//! * `socket`, `accept` the socket machine · `service` (a directory) the service machine
//! * `limits`, `deadlines`, `namespaces` · `asks` requests · `status` reading · `image` surviving
#![deny(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]

pub mod accept;
pub mod admission;
mod asks;
pub mod deadlines;
mod edges;
pub mod effect;
pub mod event;
mod gather;
pub mod image;
pub mod jobs;
pub mod limits;
mod namespaces;
mod outcome;
pub mod policy;
pub mod read;
pub mod requests;
pub mod service;
pub mod slot;
pub mod socket;
pub mod status;
mod table;
mod transaction;
mod units;

use crate::ids::{FdToken, Mono, ProcToken, Text, UnitId};
use crate::unit::{UnitName, load::Template};
use deadlines::{Deadlines, Reason};
use effect::{Announcement, Effect, Level, Note};
use event::Event;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use table::Table;

pub use policy::Policy;

/// Follow-up work inside one `handle`; kept in a queue so that no machine calls into another while
/// it is between two states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inner {
    /// Sockets that trigger this service look at it again.
    TriggerNotify(UnitId),
    /// Forget the unit if nobody needs it any more.
    Collect(UnitId),
    /// Sockets that wait for somebody in the way try again.
    Deferred,
}

/// The engine. One per daemon.
#[derive(Debug)]
pub struct Engine {
    policy: Policy,
    now: Mono,
    units: Table,
    /// Dependencies on units that are not known yet: name → who, and how.
    dangling: BTreeMap<UnitName, Vec<(UnitId, slot::Relation)>>,
    templates: BTreeMap<UnitName, Arc<Template>>,
    procs: BTreeMap<ProcToken, UnitId>,
    fds: BTreeMap<FdToken, UnitId>,
    /// Sockets that wait for their addresses.
    awaiting: BTreeSet<UnitId>,
    deadlines: Deadlines,
    /// Units whose jobs may run, in the order in which they do: targets, sockets, services; by name.
    run_queue: BTreeSet<(u8, Text, UnitId)>,
    /// Jobs that wait for another unit's job: blocker → who waits.
    blocked: BTreeMap<UnitId, Vec<UnitId>>,
    job_count: usize,
    idle_waiting: bool,
    namespaces: namespaces::Namespaces,
    /// Sockets whose service waits for somebody in the way (`DeferTrigger=`).
    deferred: BTreeSet<UnitId>,
    requests: BTreeMap<u64, asks::Pending>,
    inner: VecDeque<Inner>,
    /// Units that may have to be stopped or started because of who needs them.
    reviews: BTreeSet<UnitId>,
    /// Jobs whose conditions are being evaluated.
    checks: usize,
    out: Vec<Effect>,
    next_proc: u64,
    next_request: u64,
    invocations: u64,
    boot: Option<u64>,
    leaving: Option<u8>,
    verbose: bool,
}

impl Engine {
    /// An engine that knows no units yet.
    pub fn new(policy: Policy) -> Engine {
        Engine {
            policy,
            now: Mono(0),
            units: Table::default(),
            dangling: BTreeMap::new(),
            templates: BTreeMap::new(),
            procs: BTreeMap::new(),
            fds: BTreeMap::new(),
            awaiting: BTreeSet::new(),
            deadlines: Deadlines::default(),
            run_queue: BTreeSet::new(),
            blocked: BTreeMap::new(),
            job_count: 0,
            idle_waiting: false,
            namespaces: namespaces::Namespaces::default(),
            deferred: BTreeSet::new(),
            requests: BTreeMap::new(),
            inner: VecDeque::new(),
            reviews: BTreeSet::new(),
            checks: 0,
            out: Vec::new(),
            next_proc: 1,
            next_request: 1,
            invocations: 0,
            boot: None,
            leaving: None,
            verbose: true,
        }
    }

    /// Decides what an event means. Effects are appended to `out` in the order in which they are to
    /// be carried out.
    pub fn handle(&mut self, now: Mono, event: Event, out: &mut Vec<Effect>) {
        self.now = self.now.max(now);
        std::mem::swap(&mut self.out, out);
        self.route(event);
        self.settle();
        std::mem::swap(&mut self.out, out);
    }

    /// When the engine wants to be told `Due`, and why.
    pub fn next_deadline(&self) -> Option<(Mono, Reason)> {
        self.deadlines.next().map(|(at, _, reason)| (at, reason))
    }

    fn route(&mut self, event: Event) {
        match event {
            Event::Began { start } => self.begin(start),
            Event::Loaded { units, templates, reload } => self.loaded(units, templates, reload),
            Event::Bound { unit, fds } => self.socket_bound(unit, fds),
            Event::BindFailed { unit, trouble, detail } => self.socket_bind_failed(unit, trouble, &detail),
            Event::AddressesChanged => self.addresses_changed(),
            Event::NodeGone { fd } => self.node_gone(fd),
            Event::NodeHealed { fd, path } => self.node_healed(fd, &path),
            Event::PortRenewed { lost, new, path } => self.port_renewed(lost, new, &path),
            Event::NodeLost { fd, detail } => self.node_lost(fd, &detail),
            Event::Adjusted { unit, fds, missing } => self.socket_adjusted(unit, fds, missing),
            Event::Chowned { unit } => self.socket_chowned(unit),
            Event::ChownFailed { unit, status, detail } => self.socket_chown_failed(unit, status, &detail),
            Event::PeersResolved { unit, users, groups } => self.peers_resolved(unit, users, groups),
            Event::Readable { fd } => self.readable(fd),
            Event::Broken { fd, hangup } => self.broken(fd, hangup),
            Event::Connected { listener, conn, peer } => self.connected(listener, conn, peer),
            Event::AcceptFailed { listener, trouble } => self.accept_failed(listener, trouble),
            Event::Spawned { proc, pid } => self.spawned(proc, pid),
            Event::SpawnFailed { proc, trouble, detail } => self.spawn_failed(proc, trouble, &detail),
            Event::Execed { proc } => self.execed(proc),
            Event::StepFailed { proc, status, detail } => self.step_failed(proc, status, detail),
            Event::Exited { proc, status } => self.exited(proc, status),
            Event::Emptied { unit } => self.service_emptied(unit),
            Event::Signalled { unit, found } => self.signalled(unit, found),
            Event::Checked { unit, verdict } => self.checked(unit, verdict),
            Event::MainFound { unit, proc, pid, child } => self.service_main_found(unit, proc, pid, child),
            Event::MainMissing { unit, may_come, detail } => self.service_main_missing(unit, may_come, &detail),
            Event::Notified { unit, sender, words, fds } => self.service_notified(unit, sender, &words, fds),
            Event::StoredGone { fd } => self.service_stored_gone(fd),
            Event::Due => self.due(),
            Event::Asked { client, request } => self.asked(client, request),
            Event::Left { client } => self.left(client),
            Event::ToldToStop => self.told_to_stop(),
        }
    }

    /// Follow-up work, until none is left. Bounded because every round finishes a job or a change.
    fn settle(&mut self) {
        let mut batch = false;
        for _ in 0..crate::bounds::EVENTS_PER_CAUSE_MAX {
            if let Some(inner) = self.inner.pop_front() {
                match inner {
                    Inner::TriggerNotify(id) => self.trigger_notify(id),
                    Inner::Collect(id) => self.collect(id),
                    Inner::Deferred => self.deferred_try(),
                }
            } else if let Some(id) = self.next_review(batch) {
                self.review(id);
            } else if let Some((_, _, id)) = self.run_queue.pop_first() {
                batch = true;
                self.run_job(id);
            } else if batch {
                batch = false;
            } else if self.job_count > 0 || !self.deferred_settle() {
                break;
            }
        }
        if self.job_count == 0 {
            if std::mem::take(&mut self.idle_waiting) {
                self.out.push(Effect::EndIdle);
            }
            self.leave_if_done();
        }
    }

    /// Who needs whom is looked at when all jobs that can run have run: one of them may need it.
    fn next_review(&mut self, batch: bool) -> Option<UnitId> {
        if batch || self.checks > 0 { None } else { self.reviews.pop_first() }
    }

    fn due(&mut self) {
        while let Some((id, reason)) = self.deadlines.take_due(self.now) {
            match reason {
                Reason::State => self.state_timeout(id),
                Reason::Restart => self.service_restart_due(id),
                Reason::RuntimeMax => self.service_runtime_over(id),
                Reason::Watchdog => self.service_watchdog_over(id),
                Reason::Job => self.job_timeout(id),
                Reason::Pause => self.socket_pause_over(id),
                Reason::Poll(fd) => self.socket_poll_again(id, fd),
                Reason::Rebind => self.socket_rebind(id),
                Reason::Reopen => self.socket_reopen(id),
                Reason::Heal(fd) => self.heal_again(fd),
                Reason::Boot => self.boot_out_of_patience(id),
                Reason::Idle => {
                    self.idle_waiting = false;
                    self.out.push(Effect::EndIdle);
                }
            }
        }
    }

    fn begin(&mut self, start: Vec<UnitName>) {
        let request = self.open_request(None, requests::Wait::Done);
        self.boot = Some(request);
        for name in start {
            if let Some(id) = self.lookup(name.as_str())
                && let Err(failure) = self.submit(id, jobs::JobKind::Start, Some(request))
            {
                self.tell("boot-unit-refused", Level::Error, id, failure.detail);
            }
        }
        self.close_request(request);
    }

    fn told_to_stop(&mut self) {
        if self.leaving.is_some() {
            return;
        }
        self.leaving = Some(0);
        self.out.push(Effect::Announce(Announcement::Stopping));
        let ids = self.units.ids();
        for pass_sockets in [true, false] {
            for id in &ids {
                let Some(slot) = self.units.get(id) else {
                    continue;
                };
                if slot.is_socket() == pass_sockets && (!slot.active.is_down() || slot.job.is_some()) {
                    // Refusals cannot happen: a stop has no preconditions.
                    self.submit(*id, jobs::JobKind::Stop, None).ok();
                }
            }
        }
    }

    fn leave_if_done(&mut self) {
        if let Some(code) = self.leaving
            && self.units.values().all(|slot| slot.active.is_down() || slot.is_target())
        {
            self.leaving = None;
            self.out.push(Effect::Leave { code });
        }
    }

    /// Whether anybody hears what is told at [`Level::Debug`]; if not, it is not put into words.
    pub fn set_verbose(&mut self, verbose: bool) {
        self.verbose = verbose;
    }

    /// Told once per happening, if somebody listens at this level.
    fn tell_if_heard(&mut self, code: &'static str, level: Level, id: UnitId, text: impl FnOnce() -> String) {
        if level != Level::Debug || self.verbose {
            self.tell(code, level, id, text());
        }
    }

    /// Told once per happening.
    fn tell(&mut self, code: &'static str, level: Level, id: UnitId, text: impl Into<String>) {
        let unit = self.units.get(&id).map(|slot| slot.unit.name.text());
        self.out.push(Effect::Tell(Note { code, level, unit, text: text.into() }));
    }

    fn new_proc(&mut self, id: UnitId) -> ProcToken {
        let proc = ProcToken(self.next_proc);
        self.next_proc += 1;
        self.procs.insert(proc, id);
        proc
    }

    /// A fresh invocation id: the boot's seed and a counter through a mixing function, so that the
    /// engine needs no dice (R2). Never 0.
    fn new_invocation(&mut self) -> u128 {
        self.invocations += 1;
        let mut mixed = [0u64; 2];
        for (i, half) in mixed.iter_mut().enumerate() {
            let seed = (self.policy.seed >> (64 * i)) as u64;
            let mut z = seed.wrapping_add(self.invocations.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *half = z ^ (z >> 31);
        }
        (u128::from(mixed[1]) << 64 | u128::from(mixed[0])).max(1)
    }
}
