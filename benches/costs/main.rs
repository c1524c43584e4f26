//! What one connection costs inside porterd, without the kernel: the engine is told of a knock, a
//! connection, a process and its end, and answers as the runtime would. Time, allocations and effects per
//! connection. For looking at a change of the hot path where the contest is too coarse:
//!
//!     cargo bench --bench costs [-- CONNECTIONS [LIVE]]
//!
//! LIVE connections (16) are open at any time.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench reads the clock and prints")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use porterd::engine::effect::Effect;
use porterd::engine::event::{Event, ExitStatus};
use porterd::engine::{Engine, Policy};
use porterd::ids::{FdToken, Mono, ProcToken, UnitId};
use porterd::outside::Peer;
use porterd::unit::UnitName;
use porterd::unit::directives::Machine;
use porterd::unit::load::{Library, MemoryFiles};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const SOCKET: &str = "[Socket]\nListenStream=127.0.0.1:7\nAccept=yes\nMaxConnections=4096\nTriggerLimitIntervalSec=0\nPollLimitIntervalSec=0\n";
const SERVICE: &str =
    "[Unit]\nCollectMode=inactive-or-failed\n[Service]\nExecStart=/bin/answer\nStandardInput=socket\n";

/// The runtime's part, as far as one door needs it.
struct World {
    engine: Engine,
    now: u64,
    fd: u64,
    port: u16,
    listener: Option<FdToken>,
    live: VecDeque<(UnitId, ProcToken)>,
    effects: Vec<Effect>,
    told: u64,
}

impl World {
    fn open() -> World {
        let mut files = MemoryFiles::new();
        files.write("/u/door.socket", SOCKET);
        files.write("/u/door@.service", SERVICE);
        let mut library = Library::new(vec!["/u".into()], Machine::default());
        let name = UnitName::parse("door.socket").expect("a unit name");
        let units = library.closure(&files, std::slice::from_ref(&name));
        let templates = library.templates();
        let mut world = World {
            engine: Engine::new(Policy::porterd(1)),
            now: 1,
            fd: 0,
            port: 1024,
            listener: None,
            live: VecDeque::new(),
            effects: Vec::new(),
            told: 0,
        };
        world.handle(Event::Loaded { units, templates, reload: false });
        world.handle(Event::Began { start: vec![name] });
        world
    }

    fn handle(&mut self, event: Event) {
        let mut queue = VecDeque::from([event]);
        while let Some(event) = queue.pop_front() {
            self.now += 1;
            let mut effects = std::mem::take(&mut self.effects);
            self.engine.handle(Mono(self.now), event, &mut effects);
            for effect in effects.drain(..) {
                self.told += 1;
                self.perform(effect, &mut queue);
            }
            self.effects = effects;
        }
    }

    fn token(&mut self) -> FdToken {
        self.fd += 1;
        FdToken(self.fd)
    }

    fn perform(&mut self, effect: Effect, queue: &mut VecDeque<Event>) {
        match effect {
            Effect::Bind { unit, .. } => {
                let fd = self.token();
                self.listener = Some(fd);
                queue.push_back(Event::Bound { unit, fds: vec![(0, fd)] });
            }
            Effect::Accept { fd, .. } => {
                let conn = self.token();
                self.port = self.port.checked_add(1).unwrap_or(1024);
                let local = (IpAddr::V4(Ipv4Addr::LOCALHOST), 7);
                let remote = (IpAddr::V4(Ipv4Addr::LOCALHOST), self.port);
                let peer = Some(Peer::Ip { local, remote, scope: None });
                queue.push_back(Event::Connected { listener: fd, conn, peer });
            }
            Effect::Spawn(spawn) => {
                self.live.push_back((spawn.unit, spawn.proc));
                queue.push_back(Event::Spawned { proc: spawn.proc, pid: 1 });
                queue.push_back(Event::Execed { proc: spawn.proc });
            }
            Effect::Signal { unit, plain: false, .. } => queue.push_back(Event::Signalled { unit, found: false }),
            _ => {}
        }
    }

    fn knock(&mut self) {
        if let Some(fd) = self.listener {
            self.handle(Event::Readable { fd });
        }
    }

    fn end_oldest(&mut self) {
        if let Some((unit, proc)) = self.live.pop_front() {
            self.handle(Event::Emptied { unit });
            self.handle(Event::Exited { proc, status: ExitStatus::Code(0) });
        }
    }
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<u64>().ok());
    let count = numbers.next().unwrap_or(200_000);
    let live = numbers.next().unwrap_or(16);
    let mut world = World::open();
    world.engine.set_verbose(false);
    for _ in 0..live {
        world.knock();
    }
    let told = world.told;
    let allocations = ALLOCATIONS.load(Ordering::Relaxed);
    let began = Instant::now();
    for _ in 0..count {
        world.knock();
        world.end_oldest();
    }
    let each = |n: u64| n as f64 / count as f64;
    println!(
        "engine: {:.2} µs, {:.1} allocations, {:.1} effects a connection ({live} live, {count} in all)",
        began.elapsed().as_secs_f64() * 1e6 / count as f64,
        each(ALLOCATIONS.load(Ordering::Relaxed) - allocations),
        each(world.told - told),
    );
    assert!(world.engine.unit_id("door.socket").is_some_and(|id: UnitId| world.engine.unit(id).is_some()));
}
