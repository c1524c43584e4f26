//! Standard input, output and error: which descriptor serves each, and where it comes from.
//!
//! Follows systemd's rules of inheritance between the three. Knows descriptors only by their place
//! in the list of passed ones.

use super::exec::{PlanError, c_string};
use super::occasion::{Occasion, Role};
use super::program::{Slot, Step, Supply, Taken};
use crate::ids::Text;
use crate::unit::exec::{Beside, ExecSettings, Input, Output, TtyMode};

const CONSOLE: &str = "/dev/console";
/// Opened here, placed by a later step: nothing may leak into a program that starts meanwhile.
const OPEN_FLAGS: i32 = libc::O_CLOEXEC | libc::O_NOCTTY;

/// Where a stream comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// The n-th passed descriptor.
    Passed(u16),
    /// porterd's log.
    Log(Beside),
    /// `StandardInputText=`
    Data,
    /// A file, /dev/null or the terminal.
    Path { path: Text, flags: i32, terminal: Option<TtyMode> },
    /// The same as an earlier stream.
    Same(usize),
}

/// The plan of the three streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    sources: Vec<Source>,
}

/// One of the streams is the one socket (inetd style).
pub(super) fn uses_socket(exec: &ExecSettings) -> bool {
    exec.standard_input == Input::Socket
        || [&exec.standard_output, &exec.standard_error].into_iter().any(|o| *o == Some(Output::Socket))
}

/// The terminal, if one of the streams is it (then `TERM` is set).
pub(super) fn terminal(exec: &ExecSettings) -> Option<&str> {
    let output = [&exec.standard_output, &exec.standard_error].into_iter().any(|o| *o == Some(Output::Tty));
    (output || matches!(exec.standard_input, Input::Tty(_))).then(|| tty_path(exec))
}

fn tty_path(exec: &ExecSettings) -> &str {
    exec.tty_path.as_deref().unwrap_or(CONSOLE)
}

/// Decides where each of the three comes from.
pub(super) fn streams(occasion: &Occasion<'_>) -> Result<Streams, PlanError> {
    let exec = occasion.exec;
    let socket = one_socket(occasion)?;
    let named = named_descriptors(occasion)?;
    let rules = Rules { occasion, socket, named };
    let input = effective_input(occasion);
    let (output, error) = effective_outputs(exec);
    let stdin = rules.input(&input);
    let stdout = match output {
        Output::Inherit => rules.inherited_input(&input),
        ref other => rules.output(other, &input, 1),
    };
    let same = error == Output::Inherit || (error == output && error != Output::Fd(None));
    let stderr = if same { Source::Same(1) } else { rules.output(&error, &input, 2) };
    Ok(Streams { sources: vec![stdin, stdout, stderr] })
}

/// The socket that a stream asks for: there must be exactly one.
fn one_socket(occasion: &Occasion<'_>) -> Result<Option<u16>, PlanError> {
    if !uses_socket(occasion.exec) {
        return Ok(None);
    }
    let mut sockets = (0u16..).zip(occasion.passed).filter(|(_, fd)| fd.socket);
    match (sockets.next(), sockets.count()) {
        (Some((index, _)), 0) => Ok(Some(index)),
        (None, _) => Err(PlanError::NoSocket),
        (Some(_), more) => Err(PlanError::SeveralSockets(more + 1)),
    }
}

/// Finds the descriptors asked for by name. A descriptor serves one stream only, as in systemd.
fn named_descriptors(occasion: &Occasion<'_>) -> Result<[Option<u16>; 3], PlanError> {
    let exec = occasion.exec;
    let name = |output: &Option<Output>, default: &str| match output {
        Some(Output::Fd(name)) => Some(name.as_deref().unwrap_or(default).to_owned()),
        _ => None,
    };
    let wanted = [
        match &exec.standard_input {
            Input::Fd(name) => Some(name.as_deref().unwrap_or("stdin").to_owned()),
            _ => None,
        },
        name(&exec.standard_output, "stdout"),
        name(&exec.standard_error, "stderr"),
    ];
    let mut found = [None; 3];
    for (index, fd) in (0u16..).zip(occasion.passed) {
        let fits = |stream: &usize| found[*stream].is_none() && wanted[*stream].as_deref() == Some(&fd.name);
        if let Some(stream) = (0..3).find(fits) {
            found[stream] = Some(index);
        }
    }
    match (0..3).find(|s| wanted[*s].is_some() && found[*s].is_none()) {
        Some(stream) => {
            Err(PlanError::NoDescriptor { stream: stream as u8, name: wanted[stream].clone().unwrap_or_default() })
        }
        None => Ok(found),
    }
}

fn effective_input(occasion: &Occasion<'_>) -> Input {
    let exec = occasion.exec;
    match &exec.standard_input {
        // Not where another process of the unit has it.
        Input::Tty(_) if occasion.role == (Role::Control { terminal: false }) => Input::Null,
        Input::Null if !exec.standard_input_data.is_empty() => Input::Data,
        Input::Data if exec.standard_input_data.is_empty() => Input::Null,
        other => other.clone(),
    }
}

/// Output and error after defaults: unset is `inherit`, and inheriting from what cannot be written
/// to means the log.
fn effective_outputs(exec: &ExecSettings) -> (Output, Output) {
    let output = exec.standard_output.clone().unwrap_or(Output::Inherit);
    let error = exec.standard_error.clone().unwrap_or(Output::Inherit);
    let both_ways = matches!(exec.standard_input, Input::Tty(_) | Input::Socket | Input::Fd(_));
    match output {
        Output::Inherit if !both_ways => (Output::Log(Beside::default()), error),
        other => (other, error),
    }
}

/// What the rules for single streams look at.
struct Rules<'a> {
    occasion: &'a Occasion<'a>,
    socket: Option<u16>,
    named: [Option<u16>; 3],
}

impl Rules<'_> {
    fn input(&self, input: &Input) -> Source {
        let exec = self.occasion.exec;
        match input {
            Input::Null => null(libc::O_RDONLY),
            Input::Tty(mode) => tty(exec, libc::O_RDWR, Some(*mode)),
            Input::Data => Source::Data,
            Input::File(path) if self.also_output(path) => file(path, libc::O_RDWR | libc::O_CREAT),
            Input::File(path) => file(path, libc::O_RDONLY),
            Input::Socket => self.socket.map_or(null(libc::O_RDONLY), Source::Passed),
            Input::Fd(_) => self.named[0].map_or(null(libc::O_RDONLY), Source::Passed),
        }
    }

    fn also_output(&self, path: &Text) -> bool {
        let exec = self.occasion.exec;
        [&exec.standard_output, &exec.standard_error].into_iter().flatten().any(|o| output_path(o) == Some(path))
    }

    /// `inherit` for standard output.
    fn inherited_input(&self, input: &Input) -> Source {
        match input {
            // The terminal was asked for but is not for this command: it may still write there.
            Input::Null if matches!(self.occasion.exec.standard_input, Input::Tty(_)) => {
                tty(self.occasion.exec, libc::O_WRONLY, None)
            }
            Input::Null | Input::Data => null(libc::O_WRONLY),
            Input::Tty(_) | Input::File(_) | Input::Socket | Input::Fd(_) => Source::Same(0),
        }
    }

    fn output(&self, output: &Output, input: &Input, stream: usize) -> Source {
        let exec = self.occasion.exec;
        if let Some(path) = output_path(output) {
            return match input {
                Input::File(same) if same == path => Source::Same(0),
                _ => file(path, libc::O_WRONLY | libc::O_CREAT | output_flags(output)),
            };
        }
        match output {
            Output::Tty if matches!(input, Input::Tty(_)) => Source::Same(0),
            Output::Tty => tty(exec, libc::O_WRONLY, None),
            Output::Log(beside) if self.occasion.log => Source::Log(*beside),
            Output::Socket => self.socket.map_or(null(libc::O_WRONLY), Source::Passed),
            Output::Fd(_) => self.named[stream].map_or(null(libc::O_WRONLY), Source::Passed),
            _ => null(libc::O_WRONLY),
        }
    }
}

fn output_path(output: &Output) -> Option<&Text> {
    match output {
        Output::File(path) | Output::Append(path) | Output::Truncate(path) => Some(path),
        _ => None,
    }
}

fn output_flags(output: &Output) -> i32 {
    match output {
        Output::Append(_) => libc::O_APPEND,
        Output::Truncate(_) => libc::O_TRUNC,
        _ => 0,
    }
}

fn null(access: i32) -> Source {
    Source::Path { path: "/dev/null".into(), flags: access, terminal: None }
}

fn file(path: &Text, flags: i32) -> Source {
    Source::Path { path: path.clone(), flags, terminal: None }
}

fn tty(exec: &ExecSettings, flags: i32, terminal: Option<TtyMode>) -> Source {
    Source::Path { path: tty_path(exec).into(), flags, terminal }
}

impl Streams {
    /// The stream itself, after `Same` is followed.
    fn resolved(&self, stream: usize) -> usize {
        match self.sources[stream] {
            Source::Same(earlier) => self.resolved(earlier),
            _ => stream,
        }
    }

    /// Passed descriptors that serve as a stream; they are made blocking.
    pub(super) fn passed(&self) -> impl Iterator<Item = u16> + '_ {
        self.sources.iter().filter_map(|source| match source {
            Source::Passed(index) => Some(*index),
            _ => None,
        })
    }

    /// What the runtime has to supply.
    pub(super) fn supplies(&self) -> impl Iterator<Item = Supply> + '_ {
        self.sources.iter().filter_map(|source| match source {
            Source::Passed(index) => Some(Supply::Passed(*index)),
            Source::Log(beside) => Some(Supply::Log(*beside)),
            Source::Data => Some(Supply::Data),
            Source::Path { .. } | Source::Same(_) => None,
        })
    }

    /// Plans the opening of what is not supplied, into slots from `next` on; gives the slots of the
    /// three streams and the number of slots used.
    pub(super) fn open(&self, supplies: &[Supply], steps: &mut Vec<Step>) -> ([Slot; 3], u16) {
        let mut next = supplies.len() as u16;
        let mut slots = [Slot(0); 3];
        for (stream, source) in self.sources.iter().enumerate() {
            let supplied = |wanted: Supply| {
                let index = supplies.iter().position(|s| *s == wanted);
                Slot(index.map_or(0, |i| i as u16))
            };
            slots[stream] = match source {
                Source::Passed(index) => supplied(Supply::Passed(*index)),
                Source::Log(beside) => supplied(Supply::Log(*beside)),
                Source::Data => supplied(Supply::Data),
                Source::Same(_) => slots[self.resolved(stream)],
                Source::Path { path, flags, terminal } => {
                    let slot = Slot(next);
                    next += 1;
                    let flags = flags | OPEN_FLAGS;
                    steps.push(Step::Open {
                        path: c_string(path),
                        flags,
                        mode: 0o666,
                        into: slot,
                        stream: stream as u8,
                    });
                    if let Some(mode) = terminal {
                        let taken = match mode {
                            TtyMode::Wait => Taken::Wait,
                            TtyMode::Force => Taken::Force,
                            TtyMode::Fail => Taken::Fail,
                        };
                        steps.push(Step::Terminal { slot, path: c_string(path), taken });
                    }
                    slot
                }
            };
        }
        (slots, next)
    }
}
