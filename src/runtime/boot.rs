//! The order of boot: repair what we were started with, read the configuration, open what the loop
//! needs, read units, begin.

use crate::bounds::{SPARE_GROUPS_MAX, SPARE_GROUPS_SHARE};
use crate::config::{Config, InstanceGroups, Surroundings};
use crate::control::server::{BindError, Server};
use crate::engine::event::Event;
use crate::engine::{Engine, Policy};
use crate::ids::Text;
use crate::linux::poll::{Interest, Poll};
use crate::linux::process::Children;
use crate::linux::users::Users;
use crate::linux::{process, raw};
use crate::log;
use crate::plan::bind::BindFacts;
use crate::runtime::cli::CommandLine;
use crate::runtime::facts;
use crate::runtime::first;
use crate::runtime::groups::Groups;
use crate::runtime::handles::Handles;
use crate::runtime::hints;
use crate::runtime::inherited::Inherited;
use crate::runtime::library::Units;
use crate::runtime::output::Outputs;
use crate::runtime::perform::find_main::PidFiles;
use crate::runtime::processes::Processes;
use crate::runtime::signals;
use crate::runtime::source::Source;
use crate::runtime::turn::Daemon;
use crate::runtime::upstream::{Upstream, listen_fds};
use crate::runtime::world::{Facts, World};
use crate::unit::exec::{Resource, Rlimit};
use crate::unit::{LoadState, UnitName};
use nix::errno::Errno;
use nix::sys::stat::Mode;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

/// Exit statuses (sysexits.h).
pub(super) mod exit {
    pub(in crate::runtime) const USAGE: u8 = 64;
    pub(in crate::runtime) const OS: u8 = 71;
    pub(in crate::runtime) const CANNOT_CREATE: u8 = 73;
    pub(in crate::runtime) const NO_PERMISSION: u8 = 77;
    pub(in crate::runtime) const CONFIG: u8 = 78;
}

/// What porterd itself holds (standard streams, epoll, timer, signals, control socket and a few
/// clients, inotify, the reserve), and what starting one service takes for a moment.
const SPARE_DESCRIPTORS: u64 = 20;

/// Why porterd does not come up.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u8,
    pub(super) message: String,
}

fn refuse(status: u8, message: impl Into<String>) -> Refusal {
    Refusal { status, message: message.into() }
}

fn os(what: &str) -> impl FnOnce(Errno) -> Refusal {
    move |errno| refuse(exit::OS, format!("{what}: {}", errno.desc()))
}

/// Everything that was decided before anything was opened.
struct Plan {
    line: CommandLine,
    around: Surroundings,
    config: Config,
    runtime_dir: PathBuf,
    search: Vec<Text>,
    started_limits: Vec<(Resource, Rlimit)>,
}

/// A daemon that has begun: its boot units are queued.
pub(super) fn boot(line: CommandLine) -> Result<Daemon, Refusal> {
    let around = Surroundings::of_this_process();
    let inherited = repair(&around);
    let started_limits = facts::limits();
    facts::raise_descriptor_limit();
    let config = Config::read(line.config.as_deref(), &around, line.user)
        .map_err(|error| refuse(exit::CONFIG, error.to_string()))?;
    start_log(&line, &config, &around);
    let plan = plan(line, around, config, started_limits);
    leave_inherited_directory();
    first::take_over_machine();
    process::become_subreaper().map_err(os("becoming a subreaper"))?;
    prepare_runtime_dir(&plan.runtime_dir, plan.line.user)?;
    let mut users = Users::new();
    let units = Units::new(plan.search.clone(), &plan.around, &mut users, plan.line.user, is_strict(&plan));
    let engine = Engine::new(policy(&plan));
    let world = open(&plan, inherited, users)?;
    let mut daemon = Daemon::new(engine, world, units);
    begin(&mut daemon, &plan)?;
    Ok(daemon)
}

/// Undoes what a careless parent left us with. Relative paths of the command line still mean what
/// they meant: the working directory is left later.
fn repair(around: &Surroundings) -> Inherited {
    let given = listen_fds(around);
    raw::default_signals();
    nix::sys::signal::SigSet::empty().thread_set_mask().ok();
    nix::sys::stat::umask(Mode::from_bits_truncate(0o022));
    close_strays(given);
    Inherited::take(given, around.text("LISTEN_FDNAMES").unwrap_or_default())
}

/// Descriptors that nobody told us about are somebody's mistake; services must not get them.
#[allow(clippy::disallowed_methods, reason = "the list of our own descriptors")]
fn close_strays(given: u32) {
    let first = 3i32.saturating_add_unsigned(given);
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let numbers: Vec<i32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    // The one that listed them is closed by now and no more taken than any other.
    for number in numbers.into_iter().filter(|number| *number >= first) {
        drop(raw::take_fd(number));
    }
}

/// porterd keeps no file system busy.
fn leave_inherited_directory() {
    nix::unistd::chdir("/").ok();
}

fn start_log(line: &CommandLine, config: &Config, around: &Surroundings) {
    log::start(&log::Options {
        level: line.log_level.unwrap_or(config.log_level),
        format: line.log_format.or(config.log_format),
        journal_stream: around.text("JOURNAL_STREAM").and_then(log::parse_journal_stream),
    });
}

fn plan(line: CommandLine, around: Surroundings, config: Config, started_limits: Vec<(Resource, Rlimit)>) -> Plan {
    // `--user` is for somebody; without it, whoever is not root still has no /run to write to.
    let runtime_dir = absolute(&config.runtime_directory(line.runtime_dir.as_deref(), &around, line.user));
    let search = config.search_path(line.unit_path.as_deref(), &around, line.user);
    let search: Vec<Text> = search.iter().map(|dir| Text::from(absolute(dir).to_string_lossy())).collect();
    if line.unit_path.is_some() || !config.unit_path.is_empty() {
        // Directories that somebody asked for by name; the built-in ones may well be missing.
        for dir in search.iter().filter(|dir| !Path::new(&***dir).is_dir()) {
            tracing::warn!("unit path {dir}: no such directory; no units are read from it");
        }
    }
    Plan { line, around, config, runtime_dir, search, started_limits }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn is_strict(plan: &Plan) -> bool {
    plan.line.strict_systemd || plan.config.strict_systemd
}

fn policy(plan: &Plan) -> Policy {
    let seed = seed();
    match is_strict(plan) {
        true => Policy::strict(seed),
        false => Policy::porterd(seed),
    }
}

/// Entropy of this run, for invocation ids.
#[allow(clippy::disallowed_methods, reason = "the kernel's dice")]
fn seed() -> u128 {
    use std::io::Read;
    let mut bytes = [0; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    match read {
        Ok(()) => u128::from_ne_bytes(bytes),
        // Without /dev there is still time, and ids need only differ.
        Err(_) => u128::from(super::clock::realtime_usec()) << 32 | u128::from(std::process::id()),
    }
}

#[allow(clippy::disallowed_methods, reason = "porterd's own directory")]
fn prepare_runtime_dir(dir: &Path, user_mode: bool) -> Result<(), Refusal> {
    use std::os::unix::fs::DirBuilderExt;
    let make = |path: &Path, mode| std::fs::DirBuilder::new().recursive(true).mode(mode).create(path);
    let made = make(dir, if user_mode { 0o700 } else { 0o755 }).and_then(|()| make(&dir.join("notify"), 0o755));
    made.map_err(|error| {
        let status = match error.kind() {
            std::io::ErrorKind::PermissionDenied => exit::NO_PERMISSION,
            _ => exit::CANNOT_CREATE,
        };
        refuse(
            status,
            format!("cannot make {}: {error}; choose another place with --runtime-dir, or use --user", dir.display()),
        )
    })
}

/// Everything the loop needs.
fn open(plan: &Plan, inherited: Inherited, users: Users) -> Result<World, Refusal> {
    let poll = Poll::new().map_err(os("epoll"))?;
    let (signals, child_signals) = signals::take().map_err(os("signalfd"))?;
    Source::Signals.add(&poll, &signals, Interest::Read).map_err(os("watching signals"))?;
    Source::Children.add(&poll, &child_signals, Interest::Read).map_err(os("watching signals"))?;
    let server = control(plan)?;
    Source::Control.add(&poll, server.listener_fd(), Interest::Read).map_err(os("watching the control socket"))?;
    let groups = match plan.config.cgroups.decide(|| true) {
        true => {
            let share = usize::try_from(comfortable(plan) / (2 * SPARE_GROUPS_SHARE)).unwrap_or(SPARE_GROUPS_MAX);
            // systemd removes a group when nobody is left in it.
            let most = if is_strict(plan) { 0 } else { share.min(SPARE_GROUPS_MAX) };
            Groups::open(&poll, group_name(plan).as_deref(), most)
        }
        false => Groups::default(),
    };
    let facts = Facts {
        bind: BindFacts { strict: is_strict(plan), smack: Path::new("/sys/fs/smackfs").exists() },
        ambient: facts::ambient(&plan.config, &plan.around, plan.line.user, plan.started_limits.clone()),
        around: plan.around.clone(),
        runtime_dir: plan.runtime_dir.clone(),
        user_mode: plan.line.user,
        instance_cgroups: match plan.config.instance_cgroups {
            InstanceGroups::Fixed(true) if is_strict(plan) => InstanceGroups::NAMED,
            other => other,
        },
        readers: plan.config.readers,
        at_terminal: hints::is_terminal(),
        descriptors_comfortable: comfortable(plan),
    };
    let mut world = World {
        facts,
        poll,
        signals,
        child_signals,
        children: Children::open(),
        handles: Handles::default(),
        listeners: BTreeMap::new(),
        inherited,
        nodes: None,
        monitors: Vec::new(),
        processes: Processes::default(),
        accepting: None,
        underway: Vec::new(),
        runs: BTreeMap::new(),
        strays: BTreeMap::new(),
        last_stray: 0,
        groups,
        namespaces: BTreeMap::new(),
        outputs: Outputs::new(plan.config.journal.decide(|| true)),
        users,
        blueprints: BTreeMap::new(),
        pid_files: PidFiles::default(),
        idle: None,
        server,
        clients: BTreeMap::new(),
        upstream: Upstream::new(&plan.around),
        reserve: None,
        doors: BTreeMap::new(),
        events: VecDeque::new(),
        restart_machine: false,
        more_children: false,
        strangers: None,
        leave: None,
    };
    world.refill_reserve();
    Ok(world)
}

/// Descriptors kept for starting services while connections wait: systemd keeps none, and neither
/// does its strict imitation.
fn comfortable(plan: &Plan) -> u64 {
    let limits = facts::limits();
    let soft =
        limits.iter().find(|(resource, _)| *resource == Resource::Nofile).map_or(u64::MAX, |(_, limit)| limit.soft);
    match is_strict(plan) {
        true => u64::MAX,
        false => soft.saturating_sub(SPARE_DESCRIPTORS),
    }
}

fn control(plan: &Plan) -> Result<Server, Refusal> {
    let path = plan.runtime_dir.join("control");
    Server::bind(&path).map_err(|error| {
        let denied =
            matches!(&error, BindError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied);
        refuse(if denied { exit::NO_PERMISSION } else { exit::CANNOT_CREATE }, error.to_string())
    })
}

/// Several porterds may share a control group; each has its groups below a name of its own, unless
/// it is the only one there is supposed to be.
fn group_name(plan: &Plan) -> Option<String> {
    let usual = Config::default().runtime_directory(None, &plan.around, plan.line.user);
    (plan.runtime_dir != usual)
        .then(|| format!("porterd-{}", crate::unit::name::escape(&plan.runtime_dir.to_string_lossy())))
}

/// Reads what is to be started, and starts it.
fn begin(daemon: &mut Daemon, plan: &Plan) -> Result<(), Refusal> {
    let start = boot_units(daemon, plan)?;
    let event = daemon.units.load(&start);
    if !plan.line.units.is_empty() {
        none_found(daemon, &start)?;
    }
    daemon.world.events.push_back(event);
    daemon.world.events.push_back(Event::Began { start });
    Ok(())
}

fn boot_units(daemon: &mut Daemon, plan: &Plan) -> Result<Vec<UnitName>, Refusal> {
    let parse = |text: &String| {
        let full = if text.contains('.') { text.clone() } else { format!("{text}.socket") };
        let why = || {
            format!(
                "`{text}` is no unit name; porterd takes names such as echo.socket, and directories with --unit-path"
            )
        };
        UnitName::parse(&full).ok_or_else(|| refuse(exit::USAGE, why()))
    };
    let named = plan.line.units.iter().map(parse).collect::<Result<Vec<UnitName>, Refusal>>()?;
    if !named.is_empty() {
        return Ok(named);
    }
    if plan.line.all || plan.config.start_all {
        return Ok(daemon.units.all_sockets());
    }
    let targets = std::iter::once("sockets.target").chain(plan.config.default_target.as_deref());
    let parse = |name: &str| {
        UnitName::parse(name).ok_or_else(|| refuse(exit::CONFIG, format!("default_target: `{name}` is no unit name")))
    };
    targets.map(parse).collect()
}

/// Units were named and there is not one of them: waiting for ever would help nobody.
fn none_found(daemon: &mut Daemon, names: &[UnitName]) -> Result<(), Refusal> {
    let mut whys = Vec::new();
    for name in names {
        let unit = daemon.units.peek(name);
        if unit.load == LoadState::Loaded {
            return Ok(());
        }
        let why = unit.load_error.as_deref().unwrap_or("unknown reason");
        whys.push(format!("{name} is {}: {why}", unit.load.as_str()));
    }
    Err(refuse(exit::CONFIG, format!("nothing to start: {}", whys.join("; "))))
}
