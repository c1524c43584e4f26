//! The engine on a bench: unit files in memory, effects answered the way an unremarkable kernel would,
//! and every process alive until the test ends it.

use porterd::engine::effect::{Effect, Spawn};
use porterd::engine::event::{Event, ExitStatus, Verdict};
use porterd::engine::requests::{Reply, Request, Verb, Wait};
use porterd::engine::{Engine, Policy};
use porterd::ids::{ClientId, FdToken, Mono, ProcToken, UnitId};
use porterd::outside::Peer;
use porterd::unit::directives::Machine;
use porterd::unit::load::{Library, MemoryFiles};
use porterd::unit::{Body, UnitName};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) now: Mono,
    /// Processes that have not ended: whose, and the program.
    pub(crate) alive: BTreeMap<ProcToken, (UnitId, String)>,
    /// Programs that do not end by signals.
    pub(crate) deaf: BTreeSet<String>,
    /// What was done, in order, one line each; see [`Bench::did`].
    log: Vec<String>,
    /// Open descriptors and the ports they are.
    pub(crate) ports: BTreeMap<FdToken, (UnitId, u16)>,
    pub(crate) watched: BTreeSet<FdToken>,
    /// Ports that a reload asks for cannot be opened.
    pub(crate) busy: bool,
    pub(crate) answer: Option<Reply>,
    next_fd: u64,
    next_client: u64,
}

impl Bench {
    /// Files are `NAME\ntext`, one string each.
    pub(crate) fn new(policy: Policy, files: &[(&str, &str)]) -> Bench {
        let mut bench = Bench {
            engine: Engine::new(policy),
            now: Mono(1_000_000),
            alive: BTreeMap::new(),
            deaf: BTreeSet::new(),
            log: Vec::new(),
            ports: BTreeMap::new(),
            watched: BTreeSet::new(),
            busy: false,
            answer: None,
            next_fd: 1,
            next_client: 1,
        };
        bench.load(files, false);
        bench.feed(Event::Began { start: Vec::new() });
        bench
    }

    fn load(&mut self, files: &[(&str, &str)], reload: bool) {
        let mut memory = MemoryFiles::default();
        let mut names = Vec::new();
        for (name, text) in files {
            memory.write(&format!("/u/{name}"), text);
            names.push(UnitName::parse(name).expect("a unit name"));
        }
        names.retain(|name| !name.is_template());
        let mut library = Library::new(vec!["/u".into()], Machine::default());
        let units = library.closure(&memory, &names);
        let templates = library.templates();
        self.feed(Event::Loaded { units, templates, reload });
    }

    /// `daemon-reload` with other files.
    pub(crate) fn reload(&mut self, files: &[(&str, &str)]) {
        self.load(files, true);
    }

    pub(crate) fn id(&self, name: &str) -> UnitId {
        self.engine.unit_id(name).unwrap_or_else(|| panic!("{name} is not known"))
    }

    fn name(&self, id: UnitId) -> String {
        self.engine.unit_name(id).map(ToString::to_string).unwrap_or_default()
    }

    /// An event and all that follows from it.
    pub(crate) fn feed(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut effects = Vec::new();
            self.engine.handle(self.now, event, &mut effects);
            for effect in effects {
                self.perform(effect, &mut events);
            }
        }
    }

    fn perform(&mut self, effect: Effect, events: &mut VecDeque<Event>) {
        match effect {
            Effect::Bind { unit, settings, .. } => {
                let Body::Socket(socket) = &settings.body else { panic!("bind of {}", settings.name) };
                let ports = 0..socket.listen.len() as u16;
                let fds = ports.map(|index| (index, self.open(unit, index))).collect();
                events.push_back(Event::Bound { unit, fds });
            }
            Effect::Adjust(adjust) => {
                let name = self.name(adjust.unit);
                let kept: Vec<String> = adjust.kept.iter().map(|(was, is, _)| format!("{was}→{is}")).collect();
                self.log.push(format!("adjust {name} kept [{}] open {:?}", kept.join(" "), adjust.open));
                for (was, is, fd) in &adjust.kept {
                    let port = self.ports.get_mut(fd).expect("only open descriptors are kept");
                    assert_eq!(*port, (adjust.unit, *was));
                    port.1 = *is;
                }
                let (fds, missing) = match self.busy {
                    false => (adjust.open.iter().map(|index| (*index, self.open(adjust.unit, *index))).collect(), ""),
                    true => (Vec::new(), if adjust.open.is_empty() { "" } else { "address in use" }),
                };
                events.push_back(Event::Adjusted { unit: adjust.unit, fds, missing: missing.into() });
            }
            Effect::Chown { unit, .. } => events.push_back(Event::Chowned { unit }),
            Effect::Close { fd } => {
                self.watched.remove(&fd);
                let (unit, index) = self.ports.remove(&fd).expect("only open descriptors are closed");
                let line = format!("close {} {index}", self.name(unit));
                self.log.push(line);
            }
            Effect::Watch { fd } => {
                assert!(self.ports.contains_key(&fd) && self.watched.insert(fd), "{fd} is watched twice or closed");
            }
            Effect::Unwatch { fd } => assert!(self.watched.remove(&fd), "{fd} is not watched"),
            Effect::Spawn(spawn) => self.spawn(&spawn, events),
            Effect::Signal { unit, signal, plain, .. } => self.signal(unit, signal, plain, events),
            Effect::Check { unit, .. } => events.push_back(Event::Checked { unit, verdict: Verdict::Go }),
            Effect::Answer { reply, .. } => self.answer = Some(reply),
            Effect::Tell(note) => {
                let unit = note.unit.as_deref().unwrap_or("-");
                self.log.push(format!("tell {unit} {}: {}", note.code, note.text));
            }
            Effect::RemoveNodes { ports, settings } => self.log.push(format!("remove {} {ports:?}", settings.name)),
            _ => {}
        }
    }

    fn open(&mut self, unit: UnitId, index: u16) -> FdToken {
        let fd = FdToken(self.next_fd);
        self.next_fd += 1;
        self.ports.insert(fd, (unit, index));
        fd
    }

    fn spawn(&mut self, spawn: &Spawn, events: &mut VecDeque<Event>) {
        let pass = |fd: &FdToken| {
            let (unit, index) = self.ports.get(fd).expect("only open descriptors are passed");
            format!("{}:{index}", self.name(*unit))
        };
        let passed: Vec<String> = spawn.pass.iter().map(|passed| pass(&passed.fd)).collect();
        let line = format!("spawn {} {} [{}]", spawn.settings.name, spawn.command.path, passed.join(" "));
        self.log.push(line);
        self.alive.insert(spawn.proc, (spawn.unit, spawn.command.path.to_string()));
        events.push_back(Event::Spawned { proc: spawn.proc, pid: 1000 + spawn.proc.0 as i32 });
        events.push_back(Event::Execed { proc: spawn.proc });
    }

    fn signal(&mut self, unit: UnitId, signal: i32, plain: bool, events: &mut VecDeque<Event>) {
        let hit: Vec<ProcToken> = self.alive.iter().filter(|(_, (u, _))| *u == unit).map(|(p, _)| *p).collect();
        if !plain {
            events.push_back(Event::Signalled { unit, found: !hit.is_empty() });
        }
        for proc in hit {
            if signal == 9 || !self.deaf.contains(&self.alive[&proc].1) {
                self.ended(proc, ExitStatus::Signal(signal as u8), events);
            }
        }
    }

    fn ended(&mut self, proc: ProcToken, status: ExitStatus, events: &mut VecDeque<Event>) {
        let (unit, _) = self.alive.remove(&proc).expect("it was alive");
        if !self.alive.values().any(|(other, _)| *other == unit) {
            events.push_back(Event::Emptied { unit });
        }
        events.push_back(Event::Exited { proc, status });
    }

    /// The one process of a unit exits.
    pub(crate) fn exit(&mut self, name: &str, code: u8) {
        let id = self.id(name);
        let proc = *self.alive.iter().find(|(_, (unit, _))| *unit == id).unwrap_or_else(|| panic!("{name} rests")).0;
        let mut events = VecDeque::new();
        self.ended(proc, ExitStatus::Code(code), &mut events);
        for event in events {
            self.feed(event);
        }
    }

    /// The process that runs this program exits.
    pub(crate) fn exit_of(&mut self, path: &str, code: u8) {
        let proc = *self.alive.iter().find(|(_, (_, runs))| runs == path).unwrap_or_else(|| panic!("no {path}")).0;
        let mut events = VecDeque::new();
        self.ended(proc, ExitStatus::Code(code), &mut events);
        for event in events {
            self.feed(event);
        }
    }

    pub(crate) fn ask(&mut self, verb: Verb, name: &str) {
        self.answer = None;
        let units = vec![UnitName::parse(name).expect("a unit name")];
        let client = ClientId(self.next_client);
        self.next_client += 1;
        self.feed(Event::Asked { client, request: Request::Job { verb, units, wait: Wait::Done } });
    }

    pub(crate) fn start(&mut self, name: &str) {
        self.ask(Verb::Start, name);
    }

    pub(crate) fn stop(&mut self, name: &str) {
        self.ask(Verb::Stop, name);
    }

    /// Whether the last request was answered well.
    pub(crate) fn succeeded(&self) -> bool {
        matches!(self.answer, Some(Reply::Done { .. }))
    }

    /// Traffic at every port of a socket that is watched. Whether there was one.
    pub(crate) fn knock(&mut self, name: &str) -> bool {
        let id = self.id(name);
        let of = |fd: &&FdToken| self.ports.get(fd).is_some_and(|(unit, _)| *unit == id);
        let Some(fd) = self.watched.iter().find(of).copied() else { return false };
        self.feed(Event::Readable { fd });
        true
    }

    /// Somebody connects to a socket that accepts.
    pub(crate) fn connect(&mut self, name: &str) {
        let id = self.id(name);
        let listener = *self.ports.iter().find(|(_, (unit, _))| *unit == id).expect("it has a port").0;
        let conn = self.open(id, u16::MAX);
        let peer = Peer::Unix { pid: Some(7), uid: 8, groups: Vec::new(), address: None };
        self.feed(Event::Connected { listener, conn, peer: Some(peer) });
    }

    /// Time passes, and what is due comes due.
    pub(crate) fn wait_usec(&mut self, span: u64) {
        let end = Mono(self.now.0 + span);
        while let Some((at, _)) = self.engine.next_deadline().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.feed(Event::Due);
        }
        self.now = end;
    }

    /// `active/sub/result`, as systemctl has it.
    pub(crate) fn state(&self, name: &str) -> String {
        let status = self.engine.status(name).unwrap_or_else(|| panic!("{name} is not known"));
        format!("{}/{}/{}", status.active.as_str(), status.sub, status.result)
    }

    /// What was done since the last call: processes, closed ports, removed nodes, and notes of these codes.
    pub(crate) fn did(&mut self, codes: &[&str]) -> Vec<String> {
        let log = std::mem::take(&mut self.log);
        let wanted =
            |line: &String| !line.starts_with("tell ") || codes.iter().any(|code| line.contains(&format!(" {code}: ")));
        log.into_iter().filter(wanted).collect()
    }
}
