//! A service's command becomes a [`Program`]: the steps between clone and exec in systemd's order.
//!
//! Steps that would change nothing are left out, so that the usual connection costs half a dozen
//! calls. Knows no descriptor numbers and no names of units.

use super::environment::{Environment, PID_DIGITS, SEARCH_PATH, Value, environment};
use super::expand::{Expanded, expand};
use super::program::{Pace, Program, Purpose, Slot, Stamp, Step, Supply};
use super::{identity, properties, stdio};
use crate::ids::Text;
use crate::unit::exec::Command;
use std::ffi::{CStr, CString};
use thiserror::Error;

pub use super::blueprint::Blueprint;
pub use super::identity::{Identity, LookUpFailure};
pub use super::occasion::{Ambient, Label, Network, Occasion, PassedFd, PerStart, Role};
pub use super::properties::default_limits;

/// Longest wait of `Type=idle`, as systemd has it.
const IDLE_TIMEOUT_MSEC: i32 = 5000;

/// A program, and what an administrator should know about its command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// What to carry out.
    pub program: Program,
    /// One sentence each.
    pub warnings: Vec<String>,
}

/// Why a command cannot be started at all: the unit's result is `resources`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// A stream is the socket, but there is none.
    #[error("a standard stream is set to 'socket', but no socket is passed; start the service through its socket unit")]
    NoSocket,
    /// A stream is the socket, but there are several.
    #[error(
        "a standard stream is set to 'socket', but {0} sockets are passed and exactly one is needed; \
         listen on one address or use 'fd:NAME'"
    )]
    SeveralSockets(usize),
    /// No passed descriptor has the name.
    #[error(
        "no passed descriptor named '{name}' is left for {}; a descriptor serves one stream only, \
         compare the names given by the socket unit", ["standard input", "standard output", "standard error"][usize::from(*.stream)]
    )]
    NoDescriptor {
        /// 0, 1 or 2.
        stream: u8,
        /// The name.
        name: String,
    },
}

/// The text as a C string. Units refuse NUL, so nothing is ever cut off.
pub(super) fn c_string(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|error| {
        let end = error.nul_position();
        CString::new(&text[..end]).unwrap_or_default()
    })
}

/// The program of one process.
pub fn program(occasion: &Occasion<'_>) -> Result<Planned, PlanError> {
    let (mut steps, supplies, slots) = steps(occasion)?;
    let pace = pace(occasion, &steps);
    let env = environment(occasion);
    let (envp, stamps) = environment_block(&env);
    let expanded = arguments(occasion, &env);
    let warnings = expanded.warnings.clone();
    let (argv, argv_stamps) = expanded.finish();
    if !stamps.is_empty() || !argv_stamps.is_empty() {
        steps.push(Step::StampPid);
    }
    let candidates = candidates(occasion);
    steps.push(Step::Exec { candidates, missing_ok: occasion.command.ignore_failure });
    let program = Program {
        steps: steps.into(),
        supplies: supplies.into(),
        slots,
        argv: argv.into(),
        envp,
        stamps,
        argv_stamps,
        pace,
    };
    Ok(Planned { program, warnings })
}

/// All steps but the last two, what the slots are, and how many there are.
fn steps(occasion: &Occasion<'_>) -> Result<(Vec<Step>, Vec<Supply>, u16), PlanError> {
    let streams = stdio::streams(occasion)?;
    let supplies = supplies(occasion, &streams);
    let slot_of = |wanted: Supply| supplies.iter().position(|s| *s == wanted).map(|i| Slot(i as u16));
    let mut steps = Vec::new();
    properties::signals(occasion, &mut steps);
    if let Some(slot) = slot_of(Supply::Idle) {
        steps.push(Step::IdleWait { slot, timeout_msec: IDLE_TIMEOUT_MSEC });
    }
    steps.push(Step::Session);
    steps.extend(identity::failure(occasion));
    steps.extend(properties::home_failure(occasion));
    if let Network::Failed(errno) = occasion.network {
        steps.push(Step::Fail { purpose: Purpose::Network, errno });
    }
    properties::umask(occasion, &mut steps);
    let (placed, slots) = streams.open(&supplies, &mut steps);
    properties::scheduling(occasion, &mut steps);
    properties::limits(occasion, &mut steps);
    // Not even `+` leaves it; the streams above were opened outside.
    steps.extend(slot_of(Supply::Network).map(|slot| Step::Network { slot }));
    identity::groups(occasion, &mut steps);
    place(occasion, &streams, placed, &slot_of, &mut steps);
    identity::capabilities(occasion, &mut steps);
    properties::root(occasion, &mut steps);
    identity::user(occasion, &mut steps);
    properties::working_directory(occasion, &mut steps);
    properties::label(occasion, &mut steps);
    identity::locks(occasion, &mut steps);
    Ok((steps, supplies, slots))
}

/// Passed descriptors first, in order, so that their slots are easy to read.
fn supplies(occasion: &Occasion<'_>, streams: &stdio::Streams) -> Vec<Supply> {
    let passed = if occasion.passes_descriptors() { occasion.passed.len() as u16 } else { 0 };
    let mut supplies: Vec<Supply> = (0..passed).map(Supply::Passed).collect();
    let network = (occasion.network == Network::Namespace).then_some(Supply::Network);
    for supply in streams.supplies().chain(occasion.idle.then_some(Supply::Idle)).chain(network) {
        if !supplies.contains(&supply) {
            supplies.push(supply);
        }
    }
    supplies
}

/// Blocking modes, then all final numbers at once.
fn place(
    occasion: &Occasion<'_>,
    streams: &stdio::Streams,
    placed: [Slot; 3],
    slot_of: &dyn Fn(Supply) -> Option<Slot>,
    steps: &mut Vec<Step>,
) {
    let passes = occasion.passes_descriptors();
    for (index, fd) in (0u16..).zip(occasion.passed) {
        let stream = streams.passed().any(|i| i == index);
        // As a stream it is made blocking; as a passed socket it gets the mode of the unit, and
        // that is the last word.
        let blocking = match (passes && fd.socket, stream) {
            (true, _) => !occasion.non_blocking,
            (false, true) => true,
            (false, false) => continue,
        };
        if let Some(slot) = slot_of(Supply::Passed(index)).filter(|_| fd.blocking != Some(blocking)) {
            steps.push(Step::Blocking { slot, blocking });
        }
    }
    let mut places: Vec<(Slot, i32)> = (0..).zip(placed).map(|(number, slot)| (slot, number)).collect();
    if passes {
        places.extend((0u16..).zip(occasion.passed).map(|(i, _)| (Slot(i), i32::from(i) + 3)));
    }
    let next = places.len() as i32;
    steps.push(Step::Place(places));
    if !occasion.ambient.descriptors_marked {
        steps.push(Step::CloseFrom(next));
    }
}

/// Whether the child may share our memory, and whether we wait until it has left.
fn pace(occasion: &Occasion<'_>, steps: &[Step]) -> Pace {
    let writes = |wanted| steps.iter().any(|s| matches!(s, Step::Write { purpose, .. } if *purpose == wanted));
    // CoredumpFilter=: the kernel keeps it with the memory, so a child that shares ours would set ours.
    if steps.iter().any(may_block) || writes(Purpose::Limits) {
        return Pace::Patient;
    }
    // OOMScoreAdjust=: whoever shares memory shares the score, too, unless the parent is suspended
    // (`__set_oom_adj` of the kernel).
    match occasion.awaits_exec || writes(Purpose::OomAdjust) {
        true => Pace::Awaited,
        false => Pace::Prompt,
    }
}

/// Whether the step may wait for somebody else: a device, a file server, an operator.
fn may_block(step: &Step) -> bool {
    match step {
        Step::Open { path, .. } => path.as_c_str() != c"/dev/null",
        Step::Chdir { path, .. } => path.as_c_str() != c"/",
        Step::Terminal { .. } | Step::Chroot(_) | Step::IdleWait { .. } => true,
        _ => false,
    }
}

/// `NAME=VALUE` strings and where the pid goes in them.
pub(super) fn environment_block(env: &Environment) -> (Vec<CString>, Vec<Stamp>) {
    let mut stamps = Vec::new();
    let mut envp = Vec::new();
    for (name, value) in env.iter() {
        envp.push(match value {
            Value::Text(text) => c_string(&format!("{name}={text}")),
            Value::Pid => {
                stamps.push(Stamp { entry: envp.len() as u16, offset: name.len() as u16 + 1 });
                c_string(&format!("{name}={PID_DIGITS}"))
            }
        });
    }
    (envp, stamps)
}

/// The arguments after expansion, wrapped for a shell if asked for.
fn arguments(occasion: &Occasion<'_>, env: &Environment) -> Expanded {
    let command = occasion.command;
    // A shell with prefix @ has a name of its own, so the words are the whole line.
    let path = (command.via_shell && command.argv0_given).then_some(&*command.path);
    let words = path.into_iter().chain(command.argv.iter().map(|word| &**word));
    let expanded = if command.no_expansion {
        Expanded { argv: words.map(str::to_owned).collect(), ..Expanded::default() }
    } else {
        expand(words, env)
    };
    if command.via_shell { through_shell(occasion, expanded) } else { expanded }
}

/// `sh -c 'words'`; as a login shell (`-sh`) with `@`.
fn through_shell(occasion: &Occasion<'_>, expanded: Expanded) -> Expanded {
    let shell = shell(occasion);
    let base = shell.rsplit('/').next().unwrap_or(shell);
    let name = if occasion.command.argv0_given { format!("-{base}") } else { base.to_owned() };
    expanded.shell_quoted(name)
}

fn shell<'a>(occasion: &Occasion<'a>) -> &'a str {
    let own = occasion.identity.as_ref().ok().filter(|_| occasion.exec.user.is_some() && occasion.changes_user());
    own.and_then(|identity| identity.usable_shell()).unwrap_or("/bin/sh")
}

/// Absolute paths of the program to try in order.
pub fn candidates(occasion: &Occasion<'_>) -> Vec<CString> {
    let command: &Command = occasion.command;
    if command.via_shell {
        return vec![c_string(shell(occasion))];
    }
    if command.path.starts_with('/') {
        return vec![c_string(&command.path)];
    }
    // A bare name is looked up where the unit says, whatever PATH the program gets.
    let own: Option<&[Text]> = occasion.exec.rare.as_deref().map(|r| &*r.exec_search_path).filter(|p| !p.is_empty());
    let join = |directory: &str| c_string(&format!("{directory}/{}", command.path));
    match own {
        Some(directories) => directories.iter().map(|d| join(d)).collect(),
        None => SEARCH_PATH.split(':').map(join).collect(),
    }
}

/// For messages: the program as an administrator knows it.
pub fn program_path(program: &Program) -> Option<&CStr> {
    match program.steps.last() {
        Some(Step::Exec { candidates, .. }) => candidates.first().map(CString::as_c_str),
        _ => None,
    }
}
