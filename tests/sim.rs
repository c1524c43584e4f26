//! The simulator: the real engine against a pretend kernel, from a seed, with faults.
//!
//! `PORTER_SEED=n` replays one seed and prints its trace; `PORTER_SEEDS=n` sets how many are run.
//! After every event the invariants of the engine are checked; after the faults stop everything has
//! to settle. At random points the engine is replaced by one revived from its image.

#![allow(clippy::disallowed_methods, reason = "a test reads its own environment")]

use porterd::engine::admission::{Counted, Rule};
use porterd::engine::effect::Effect;
use porterd::engine::event::Event;
use porterd::engine::read::{Census, Glance};
use porterd::engine::requests::{Request, Verb, Wait};
use porterd::engine::status::{ActiveState, Detail};
use porterd::engine::{Engine, Policy};
use porterd::ids::{ClientId, Mono, UnitId};
use porterd::rehearse::{Choices, Faults, Kernel, Seeded};
use porterd::unit::admission::{OnLimit, OnMaxConnections};
use porterd::unit::directives::Machine;
use porterd::unit::load::{Library, MemoryFiles, Template};
use porterd::unit::{Body, SocketUnit, Unit, UnitName};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Events of one run with faults, and the most that may follow until all is quiet.
const EVENTS: u64 = 120;
const SETTLE_MAX: u64 = 400;

/// A bug put in on purpose, to see that the simulator would see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sabotage {
    DropWatch,
    DoubleClose,
    LoseAnswer,
    ForgetClose,
}

/// A line of text; writing to a String cannot fail.
macro_rules! line {
    ($to:expr, $($words:tt)*) => { writeln!($to, $($words)*).expect("a String takes everything") };
}

struct World {
    engine: Engine,
    kernel: Kernel<Seeded>,
    units: Vec<Arc<Unit>>,
    templates: Vec<Arc<Template>>,
    files: MemoryFiles,
    /// Files of sockets, which reloads change.
    texts: BTreeMap<String, String>,
    names: Vec<UnitName>,
    strict: bool,
    trace: String,
    tracing: bool,
    next_client: u64,
    sabotage: Option<Sabotage>,
}

fn pick<'a>(choices: &mut impl Choices, from: &[&'a str]) -> &'a str {
    from[choices.below(from.len() as u64) as usize]
}

/// A few units with random settings, as files.
fn files(choices: &mut Seeded) -> (MemoryFiles, Vec<UnitName>, BTreeMap<String, String>) {
    let mut files = MemoryFiles::new();
    let mut names = Vec::new();
    let mut texts = BTreeMap::new();
    for i in 0..1 + choices.below(4) {
        let accept = choices.chance(50);
        let mut socket = format!("[Socket]\nListenStream=/run/{i}.a\n");
        if choices.chance(40) {
            line!(socket, "ListenStream=/run/{i}.b");
        }
        if accept {
            line!(socket, "Accept=yes\nMaxConnections={}", 1 + choices.below(4));
            if choices.chance(30) {
                line!(socket, "MaxConnectionsPerSource=1");
            }
            admission(choices, &mut socket);
        } else {
            if choices.chance(20) {
                line!(socket, "FlushPending=yes");
            }
            if choices.chance(25) {
                line!(socket, "DeferTrigger={}", pick(choices, &["yes", "patient"]));
                if choices.chance(50) {
                    line!(socket, "DeferTriggerMaxSec=20");
                }
            }
        }
        if choices.chance(10) {
            line!(socket, "PassFileDescriptorsToExec=yes");
        }
        if choices.chance(30) {
            line!(socket, "TriggerLimitBurst={}\nTriggerLimitIntervalSec=3", 1 + choices.below(5));
        }
        if choices.chance(20) {
            line!(socket, "X-OnLimit={}", pick(choices, &["pause", "fail"]));
        }
        for hook in ["ExecStartPre", "ExecStartPost", "ExecStopPre", "ExecStopPost"] {
            if choices.chance(10) {
                line!(socket, "{hook}=/bin/hook");
            }
        }
        if choices.chance(10) {
            line!(socket, "SocketUser=daemon");
        }
        if choices.chance(15) {
            line!(socket, "PrivateNetwork=yes");
        }
        if choices.chance(25) {
            line!(socket, "X-BindRetry=address-up");
        }
        let service = service_text(choices, i);
        let at = if accept { "@" } else { "" };
        files.write(&format!("/u/s{i}.socket"), &socket);
        texts.insert(format!("/u/s{i}.socket"), socket);
        files.write(&format!("/u/s{i}{at}.service"), service);
        names.push(UnitName::parse(&format!("s{i}.socket")).expect("a unit name"));
    }
    for i in 0..choices.below(3) {
        let service = service_text(choices, 9);
        files.write(&format!("/u/x{i}.service"), service);
        names.push(UnitName::parse(&format!("x{i}.service")).expect("a unit name"));
    }
    (files, names, texts)
}

/// Rules about peers, most of them off.
fn admission(choices: &mut Seeded, socket: &mut String) {
    for (line, chance) in [
        ("X-OnMaxConnections=refuse", 20),
        ("X-OnMaxConnections=wait", 20),
        ("X-MaxConnectionsPerPrefix=2/24", 30),
        ("X-ConnectionRatePerSource=3/5s", 20),
        ("X-DenyFrom=127.0.0.1/32 127.0.1.0/24", 15),
        ("X-AllowFrom=127.0.0.0/8", 15),
        ("X-AllowPeerUser=1", 20),
        ("X-AllowPeerGroup=2", 20),
    ] {
        if choices.chance(chance) {
            line!(socket, "{line}");
        }
    }
}

fn service_text(choices: &mut Seeded, own: u64) -> String {
    let mut unit = String::from("[Unit]\n");
    let mut text = String::from("[Service]\nExecStart=/bin/main\n");
    let kind = pick(choices, &["simple", "simple", "exec", "oneshot", "notify", "forking", "idle", "notify-reload"]);
    line!(text, "Type={kind}");
    for (key, chance) in [
        ("ExecCondition", 10),
        ("ExecStartPre", 15),
        ("ExecStartPost", 15),
        ("ExecStop", 20),
        ("ExecStopPost", 20),
        ("ExecReload", 20),
    ] {
        if choices.chance(chance) {
            line!(text, "{key}={}/bin/step", pick(choices, &["", "-"]));
        }
    }
    if kind != "oneshot" && choices.chance(40) {
        line!(text, "Restart={}", pick(choices, &["always", "on-failure", "on-success", "on-abnormal"]));
    }
    if choices.chance(20) {
        line!(text, "RemainAfterExit=yes");
    }
    if choices.chance(20) {
        line!(text, "WatchdogSec=5");
    }
    if choices.chance(20) {
        line!(
            text,
            "FileDescriptorStoreMax=2\nFileDescriptorStorePreserve={}",
            pick(choices, &["no", "restart", "yes"])
        );
    }
    if choices.chance(20) {
        line!(text, "RuntimeMaxSec=30");
    }
    if choices.chance(10) {
        line!(text, "SendSIGKILL=no");
    }
    if choices.chance(30) {
        line!(text, "KillMode={}", pick(choices, &["mixed", "process", "none", "control-group"]));
    }
    if choices.chance(15) {
        line!(text, "PIDFile=/run/x.pid");
    }
    for (key, chance) in [
        ("Requires", 10),
        ("Wants", 15),
        ("BindsTo", 10),
        ("Conflicts", 10),
        ("PartOf", 10),
        ("OnFailure", 10),
        ("Upholds", 5),
    ] {
        if choices.chance(chance) {
            let other = pick(choices, &["s0.socket", "x0.service", "x1.service", "s1.service"]);
            if !other.starts_with(&format!("s{own}")) {
                line!(unit, "{key}={other}\n{}={other}", pick(choices, &["After", "Before"]));
            }
        }
    }
    if choices.chance(15) {
        line!(text, "PrivateNetwork=yes");
    }
    if choices.chance(15) {
        line!(unit, "JoinsNamespaceOf={}", pick(choices, &["s0.socket", "s1.socket", "x0.service"]));
    }
    if choices.chance(20) {
        line!(unit, "ConditionPathExists=/x");
    }
    if choices.chance(30) {
        line!(unit, "StartLimitBurst={}", choices.below(4));
    }
    unit + &text
}

/// Most kinds of fault are off in one run, some are frequent.
fn faults(choices: &mut Seeded) -> Faults {
    let mut level = || if choices.chance(70) { 0 } else { 5 + choices.below(60) };
    Faults {
        bind: level() / 2,
        absent: level(),
        remove: level(),
        accept: level() / 2,
        spawn: level(),
        step: level(),
        vanish: level(),
        crash: level(),
        stubborn: level(),
        orphan: level(),
        idle: level(),
        garbage: level(),
        condition: level() / 2,
    }
}

impl World {
    fn new(seed: u64, sabotage: Option<Sabotage>, tracing: bool) -> World {
        let mut choices = Seeded(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5eed);
        let (files, names, texts) = files(&mut choices);
        let mut library = Library::new(vec!["/u".into()], Machine::default());
        let units = library.closure(&files, &names);
        let templates = library.templates();
        let strict = choices.chance(40);
        let policy = if strict { Policy::strict(1) } else { Policy::porterd(1) };
        let faults = faults(&mut choices);
        let mut world = World {
            engine: Engine::new(policy),
            kernel: Kernel::new(choices, faults),
            units: units.clone(),
            templates: templates.clone(),
            files,
            texts,
            names: names.clone(),
            strict,
            trace: String::new(),
            tracing,
            next_client: 1,
            sabotage,
        };
        world.feed(Event::Loaded { units, templates, reload: false });
        let start = names.into_iter().filter(|name| name.as_str().ends_with(".socket")).collect();
        world.feed(Event::Began { start });
        world
    }

    /// One event, its effects, and the invariants.
    fn feed(&mut self, event: Event) {
        if self.tracing {
            line!(self.trace, "{:>12} {event:?}", self.kernel.now.0);
        }
        let mut out = Vec::new();
        self.engine.handle(self.kernel.now, event, &mut out);
        self.perform(out);
    }

    fn perform(&mut self, out: Vec<Effect>) {
        for effect in out {
            if self.tracing {
                line!(self.trace, "             {}", brief(&effect));
            }
            if self.sabotaged(&effect) {
                continue;
            }
            self.kernel.perform(effect);
        }
    }

    /// Whether the effect is swallowed (or doubled) by the bug of this run.
    fn sabotaged(&mut self, effect: &Effect) -> bool {
        match (self.sabotage, effect) {
            (Some(Sabotage::DropWatch), Effect::Watch { .. })
            | (Some(Sabotage::LoseAnswer), Effect::Answer { .. })
            | (Some(Sabotage::ForgetClose), Effect::Close { .. }) => self.kernel.choices.chance(20),
            (Some(Sabotage::DoubleClose), Effect::Close { .. }) => {
                if self.kernel.choices.chance(20) {
                    self.kernel.perform(effect.clone());
                }
                false
            }
            _ => false,
        }
    }

    /// Everything that has happened, to its end; then the state must be consistent.
    fn turn(&mut self) -> Result<(), String> {
        for _ in 0..10_000 {
            let Some(event) = self.kernel.happened.pop_front() else {
                return self.check();
            };
            self.feed(event);
            if let Some(violation) = self.kernel.violations.pop() {
                return Err(violation);
            }
        }
        Err("one turn has no end".to_owned())
    }

    fn check(&mut self) -> Result<(), String> {
        let census = self.engine.census();
        let open = self.kernel.open_fds();
        if census.fds != open {
            return Err(format!("open descriptors (R5): engine {:?}, kernel {open:?}", census.fds));
        }
        if &census.watched != self.kernel.watched() {
            return Err(format!("watched: engine {:?}, kernel {:?}", census.watched, self.kernel.watched()));
        }
        if &census.namespaces != self.kernel.namespaces() {
            let there = self.kernel.namespaces();
            return Err(format!("network namespaces: engine {:?}, kernel {there:?}", census.namespaces));
        }
        if &census.clients != self.kernel.unanswered() {
            return Err(format!("waiting clients: engine {:?}, kernel {:?}", census.clients, self.kernel.unanswered()));
        }
        if census.procs != census.known_procs {
            return Err(format!("processes: states name {:?}, the table has {:?}", census.procs, census.known_procs));
        }
        for (id, connections) in &census.connections {
            let places = census.places.get(id).copied().unwrap_or(0);
            if places != *connections {
                return Err(format!("{id} counts {connections} connections, but {places} instances have a place"));
            }
        }
        if census.counted != census.countable {
            let (kept, seen) = (&census.counted, &census.countable);
            return Err(format!("connections by source: counted {kept:?}, the instances make {seen:?}"));
        }
        census.counted.iter().try_for_each(|((id, by), count)| self.check_count(*id, by, *count))?;
        census.units.iter().try_for_each(|unit| self.check_unit(unit, &census))
    }

    fn settings(&self, id: UnitId) -> Option<&SocketUnit> {
        match &self.engine.unit(id)?.body {
            Body::Socket(socket) => Some(socket),
            _ => None,
        }
    }

    /// Nobody has more connections than the unit allows.
    fn check_count(&self, id: UnitId, by: &Counted, count: u32) -> Result<(), String> {
        let Some(socket) = self.settings(id) else { return Ok(()) };
        let limit = match by {
            Counted::Source(_) => Some(socket.max_connections_per_source).filter(|limit| *limit > 0),
            Counted::Network(_) => {
                let admission = socket.admission.as_ref();
                admission.and_then(|a| a.max_connections_per_prefix).map(|limit| limit.connections)
            }
        };
        match limit {
            Some(limit) if count > limit => Err(format!("{id} serves {count} of {by:?}, more than {limit}")),
            _ => Ok(()),
        }
    }

    /// Whether those for whom there is no room wait.
    fn waits(&self, id: UnitId) -> bool {
        match self.settings(id).and_then(|socket| socket.on_max_connections) {
            Some(own) => own == OnMaxConnections::Wait,
            None => !self.strict,
        }
    }

    /// What a socket does at a limit.
    fn pauses(&self, id: UnitId) -> bool {
        match self.settings(id).and_then(|socket| socket.on_limit) {
            Some(own) => own == OnLimit::Pause,
            None => !self.strict,
        }
    }

    fn check_unit(&self, unit: &Glance, census: &Census) -> Result<(), String> {
        let told = || self.engine.unit_name(unit.id).map(ToString::to_string).unwrap_or_default();
        let moving =
            matches!(unit.active, ActiveState::Activating | ActiveState::Deactivating | ActiveState::Reloading);
        if moving && !unit.busy && !unit.waits {
            return Err(format!("{} is {:?}: no deadline, no process, no job to wait for", told(), unit.active));
        }
        if let (Some(connections), Some(settings)) = (census.connections.get(&unit.id), self.engine.unit(unit.id))
            && let Body::Socket(socket) = &settings.body
            && socket.accept
            && *connections > socket.max_connections
        {
            return Err(format!("{} serves {connections}, more than MaxConnections=", told()));
        }
        // R10: neither load nor a peer nor a service takes a listener down.
        if self.pauses(unit.id) && matches!(unit.result, "trigger-limit-hit" | "service-start-limit-hit") {
            return Err(format!("{} failed with {}, and was told to pause", told(), unit.result));
        }
        Ok(())
    }

    fn operator(&mut self) {
        let names: Vec<UnitName> = self.engine.list().map(|status| status.unit.name.clone()).collect();
        let name = names[self.kernel.choices.below(names.len() as u64) as usize].clone();
        let verbs = [Verb::Start, Verb::Stop, Verb::Restart, Verb::Reload, Verb::TryRestart, Verb::ReloadOrRestart];
        let verb = verbs[self.kernel.choices.below(6) as usize];
        let wait = [Wait::Done, Wait::Done, Wait::Queued, Wait::Ended][self.kernel.choices.below(4) as usize];
        let request = match self.kernel.choices.below(10) {
            0 => Request::ResetFailed { units: Vec::new() },
            1 => Request::Kill { units: vec![name], target: porterd::engine::effect::SignalTarget::All, signal: 15 },
            _ => Request::Job { verb, units: vec![name], wait },
        };
        let client = ClientId(self.next_client);
        self.next_client += 1;
        self.kernel.ask(client);
        self.feed(Event::Asked { client, request });
        if self.kernel.choices.chance(5) && self.kernel.unanswered().contains(&client) {
            self.kernel.drop_clients();
            for gone in 1..self.next_client {
                self.feed(Event::Left { client: ClientId(gone) });
            }
        }
    }

    /// The files of sockets change, or lose their sense, and are read again.
    fn reload(&mut self) {
        for i in 0..4 {
            let path = format!("/u/s{i}.socket");
            let Some(text) = self.texts.get_mut(&path) else { continue };
            match self.kernel.choices.below(8) {
                0 => line!(text, "ListenStream=/run/{i}.c"),
                1 => *text = text.replace(&format!("ListenStream=/run/{i}.c\n"), ""),
                2 => *text = text.replace(&format!("ListenStream=/run/{i}.a\n"), ""),
                3 => line!(text, "ListenStream=/run/{i}.a"),
                4 => line!(text, "PrivateNetwork={}", pick(&mut self.kernel.choices, &["yes", "no"])),
                5 => line!(text, "SocketUser=no:such"),
                6 => *text = text.replace("SocketUser=no:such\n", ""),
                _ => {}
            }
            self.files.write(&path, &*text);
        }
        let mut library = Library::new(vec!["/u".into()], Machine::default());
        self.units = library.closure(&self.files, &self.names);
        self.templates = library.templates();
        let (units, templates) = (self.units.clone(), self.templates.clone());
        self.feed(Event::Loaded { units, templates, reload: true });
    }

    /// The daemon is replaced: same kernel, an engine from the image.
    fn revive(&mut self) {
        let image = self.engine.image();
        self.kernel.drop_clients();
        self.kernel.drop_watches();
        let policy = if self.strict { Policy::strict(1) } else { Policy::porterd(1) };
        let mut out = Vec::new();
        self.engine = Engine::revive(policy, &image, &self.units, &self.templates, &mut out);
        if self.tracing {
            line!(self.trace, "{:>12} revived", self.kernel.now.0);
        }
        self.perform(out);
    }

    /// Time moves to the next thing that happens.
    fn pass_time(&mut self) -> bool {
        let due = self.engine.next_deadline().map(|(at, _)| at);
        let next = [self.kernel.next_event_at(), due].into_iter().flatten().min();
        let Some(next) = next else {
            self.kernel.advance(Mono(self.kernel.now.0 + 1));
            return self.kernel.has_traffic();
        };
        let traffic = self.kernel.has_traffic();
        self.kernel.advance(if traffic { Mono(self.kernel.now.0 + 1) } else { next.max(Mono(self.kernel.now.0 + 1)) });
        if due.is_some_and(|due| due <= self.kernel.now) {
            self.feed(Event::Due);
        }
        true
    }

    fn run(&mut self) -> Result<(), String> {
        self.turn()?;
        for _ in 0..EVENTS {
            match self.kernel.choices.below(10) {
                0..=3 => {
                    self.kernel.knock();
                    self.kernel.remove_node();
                }
                4 => self.operator(),
                5 if self.kernel.choices.chance(10) => self.revive(),
                6 if self.kernel.choices.chance(15) => self.reload(),
                _ => {
                    self.pass_time();
                }
            }
            self.turn()?;
        }
        self.settle()
    }

    /// No more faults, no more traffic: everything comes to rest, and open doors are open.
    fn settle(&mut self) -> Result<(), String> {
        self.kernel.faults = Faults::default();
        for _ in 0..SETTLE_MAX {
            if !self.pass_time() {
                return self.at_rest();
            }
            self.turn()?;
            if self.kernel.now.0 > 3_600_000_000 * 100 {
                return self.at_rest();
            }
        }
        // Services that restart for ever are busy for ever; what matters is that nothing is stuck.
        self.at_rest()
    }

    fn at_rest(&mut self) -> Result<(), String> {
        let census = self.engine.census();
        for status in self.engine.list() {
            if status.sub == "start-open" && self.kernel.next_event_at().is_none() {
                return Err(format!("{} waits although its address has come", status.unit.name));
            }
            let up = status.active == ActiveState::Active && status.sub == "listening";
            let Detail::Socket { fds, rules, .. } = &status.detail else { continue };
            if self.waits(status.id) && rules.iter().any(|(rule, _)| *rule == Rule::Full) {
                return Err(format!("{} refused somebody who could have waited", status.unit.name));
            }
            let watched = fds.iter().any(|(_, fd)| census.watched.contains(fd));
            let paused = status.waiting.is_some();
            // A reload may have taken away all addresses, or none of the new ones could be opened.
            if up && !watched && !paused && !fds.is_empty() {
                return Err(format!("{} listens, but nobody watches it", status.unit.name));
            }
        }
        let deadlines = self.engine.next_deadline().is_some();
        if let Some(fd) = self.kernel.nodeless().find(|fd| !deadlines && census.fds.contains(fd)) {
            return Err(format!("the node of {fd} was removed and nobody has looked after it"));
        }
        if !self.kernel.ready {
            let jobs = self.engine.list().filter(|status| status.job.is_some());
            let busy: Vec<_> = jobs.map(|s| format!("{} {} {:?} {:?}", s.unit.name, s.sub, s.job, s.waiting)).collect();
            return Err(format!("READY=1 was never said; jobs: {busy:?}"));
        }
        Ok(())
    }
}

fn brief(effect: &Effect) -> String {
    match effect {
        Effect::Spawn(spawn) => {
            format!("Spawn {} {} {:?} {}", spawn.proc, spawn.settings.name, spawn.role, spawn.command.path)
        }
        Effect::Bind { unit, .. } => format!("Bind {unit}"),
        Effect::Release { unit, .. } => format!("Release {unit}"),
        Effect::Check { unit, .. } => format!("Check {unit}"),
        Effect::Accept { fd, .. } => format!("Accept {fd}"),
        Effect::Tell(note) => format!("Tell {} {:?}: {}", note.code, note.unit, note.text),
        other => format!("{other:?}").chars().take(160).collect(),
    }
}

fn run_seed(seed: u64, sabotage: Option<Sabotage>, tracing: bool) -> Result<(), String> {
    let mut world = World::new(seed, sabotage, tracing);
    let result = world.run();
    if tracing {
        eprintln!("{}", world.trace);
    }
    result
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn the_engine_keeps_its_promises_from_every_seed() {
    if let Some(seed) = number("PORTER_SEED") {
        run_seed(seed, None, true).unwrap();
        return;
    }
    let count = number("PORTER_SEEDS").unwrap_or(20_000);
    let mut failed = Vec::new();
    for seed in 0..count {
        if let Err(what) = run_seed(seed, None, false) {
            failed.push((seed, what));
        }
    }
    for (seed, what) in failed.iter().take(10) {
        eprintln!("PORTER_SEED={seed}: {what}");
    }
    assert!(
        failed.is_empty(),
        "{} of {count} seeds break an invariant; replay the first with PORTER_SEED=",
        failed.len()
    );
}

#[test]
fn the_simulator_finds_bugs_that_are_put_in() {
    for sabotage in [Sabotage::DropWatch, Sabotage::DoubleClose, Sabotage::LoseAnswer, Sabotage::ForgetClose] {
        let found = (0..200).any(|seed| run_seed(seed, Some(sabotage), false).is_err());
        assert!(found, "{sabotage:?} is not found in 200 seeds");
    }
}

/// An engine with one socket unit that waits for its address, and the time.
fn waiting_engine() -> (Engine, u64) {
    let mut files = MemoryFiles::new();
    files.write("/u/a.socket", "[Socket]\nListenStream=192.0.2.1:80\nX-BindRetry=address-up\n");
    files.write("/u/a.service", "[Service]\nExecStart=/bin/main\n");
    let mut library = Library::new(vec!["/u".into()], Machine::default());
    let name = UnitName::parse("a.socket").expect("a unit name");
    let units = library.closure(&files, std::slice::from_ref(&name));
    let mut engine = Engine::new(Policy::porterd(1));
    let mut out = Vec::new();
    engine.handle(Mono(1), Event::Loaded { units, templates: Vec::new(), reload: false }, &mut out);
    engine.handle(Mono(1), Event::Began { start: vec![name] }, &mut out);
    assert_eq!(tries(&mut engine, 1, &mut out), 1);
    (engine, 1)
}

/// How often the effects try to bind; every try fails at once.
fn tries(engine: &mut Engine, now: u64, out: &mut Vec<Effect>) -> usize {
    let mut count = 0;
    loop {
        let effects = std::mem::take(out);
        let Some(Effect::Bind { unit, .. }) = effects.into_iter().find(|one| matches!(one, Effect::Bind { .. })) else {
            return count;
        };
        count += 1;
        let (trouble, detail) = (porterd::outside::Trouble::NoAddress, "not there".into());
        engine.handle(Mono(now), Event::BindFailed { unit, trouble, detail }, out);
    }
}

#[test]
fn tries_to_bind_are_bounded_and_no_change_is_lost() {
    let (mut engine, mut now) = waiting_engine();
    let mut out = Vec::new();
    let mut count = 0;
    // Ten thousand changes in ten seconds, one each millisecond.
    for _ in 0..10_000 {
        now += 1_000;
        engine.handle(Mono(now), Event::AddressesChanged, &mut out);
        count += tries(&mut engine, now, &mut out);
        engine.handle(Mono(now), Event::Due, &mut out);
        count += tries(&mut engine, now, &mut out);
    }
    assert!((40..=51).contains(&count), "{count} tries in ten seconds");
    // The last change came after the last try, so there is one more; without changes there are none.
    for _ in 0..10_000 {
        now += 1_000;
        engine.handle(Mono(now), Event::Due, &mut out);
        count += tries(&mut engine, now, &mut out);
    }
    let quiet = count;
    engine.handle(Mono(now + 1_000_000_000), Event::Due, &mut out);
    assert_eq!(tries(&mut engine, now, &mut out), 0);
    assert!((41..=52).contains(&quiet), "{quiet} tries");
    let status = engine.list().find(|status| status.unit.name.as_str() == "a.socket").unwrap();
    assert_eq!((status.sub, status.job), ("start-open", Some("start")));
    assert_eq!(status.waiting.map(|(why, _)| why).as_deref(), Some("waits for its address: not there"));
    // A change after a long time is answered at once.
    engine.handle(Mono(now + 2_000_000_000), Event::AddressesChanged, &mut out);
    assert_eq!(tries(&mut engine, now + 2_000_000_000, &mut out), 1);
}
