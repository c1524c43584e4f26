//! What services write: through porterd's own pipes into its log, or straight to the journal.
//!
//! One pipe per unit, and one per template for all its instances, so that starting an instance
//! makes no pipe. The last lines of each are kept for `status`. Knows no processes.

use crate::bounds::{LOG_LINE_BYTES_MAX, LOG_LINES_KEPT};
use crate::ids::Text;
use crate::linux::poll::{Interest, Poll};
use crate::runtime::sinks::Sinks;
use crate::runtime::{clock, source::Source};
use crate::unit::exec::Beside;
use crate::unit::{ExecSettings, UnitName};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// Bytes taken from one pipe in one turn, so that a chatty service starves nobody.
const READ_BYTES: usize = 64 << 10;
/// journald's socket for streams.
const JOURNAL: &str = "/run/systemd/journal/stdout";
/// Units whose last lines are remembered after they ended.
const TAILS_MAX: usize = 1024;
/// SyslogLevel= of a line that says nothing: info.
const DEFAULT_LEVEL: u8 = 6;

/// A line that a service wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Microseconds since 1970.
    pub(super) at_usec: u64,
    pub(super) identifier: Text,
    pub(super) text: String,
}

/// How lines of one pipe are read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Style {
    /// Unit, or template of the instances.
    name: Text,
    identifier: Text,
    level: u8,
    level_max: u8,
    prefix: bool,
    beside: Beside,
}

#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    /// Kept for further processes; given up when the unit is down.
    write: Option<OwnedFd>,
    style: Style,
    partial: Vec<u8>,
}

/// All output of services.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    journal: Option<&'static str>,
    pipes: BTreeMap<u64, Pipe>,
    /// The pipe with a write end, by unit or template.
    open: BTreeMap<(Text, Beside), u64>,
    /// Connections to the journal that all instances of a template share.
    streams: BTreeMap<(Text, Beside), OwnedFd>,
    sinks: Sinks,
    tails: BTreeMap<Text, VecDeque<Line>>,
    last: u64,
}

/// Under which name output of a unit is collected.
fn collective(unit: &UnitName) -> Text {
    unit.template().map_or_else(|| unit.text(), |template| template.text())
}

impl Outputs {
    /// `journal`: lines go to the journal where it runs.
    pub(super) fn new(journal: bool) -> Outputs {
        Outputs {
            journal: (journal && std::path::Path::new(JOURNAL).exists()).then_some(JOURNAL),
            ..Outputs::default()
        }
    }

    /// Makes what [`Outputs::descriptor`] gives.
    pub(super) fn prepare(
        &mut self,
        poll: &Poll,
        unit: &UnitName,
        beside: Beside,
        exec: &ExecSettings,
        command: &str,
    ) -> Result<(), Errno> {
        let key = (collective(unit), beside);
        if let Some(path) = self.journal {
            if unit.is_instance() && self.streams.contains_key(&key) {
                return Ok(());
            }
            match journal_stream(path, &style(&key, exec, command)) {
                Ok(fresh) => {
                    self.streams.insert(key, fresh);
                    return Ok(());
                }
                // A journal that is away for a moment, or for good, keeps nobody from starting: the lines go into our
                // log instead. Only what we are short of ourselves is a reason not to start.
                Err(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)) => return Err(errno),
                Err(errno) => tracing::warn!(
                    UNIT = unit.as_str(),
                    CODE = "journal-away",
                    "the journal does not answer ({}); output goes to the log of porterd",
                    errno.desc()
                ),
            }
            self.streams.remove(&key);
        }
        if !self.open.contains_key(&key) {
            self.make_pipe(poll, key, exec, command)?;
        }
        Ok(())
    }

    /// The descriptor that a process of the unit shall write to.
    pub(super) fn descriptor(&self, unit: &UnitName, beside: Beside) -> Option<BorrowedFd<'_>> {
        let key = (collective(unit), beside);
        let pipe = || self.pipes.get(self.open.get(&key)?)?.write.as_ref();
        self.streams.get(&key).or_else(pipe).map(AsFd::as_fd)
    }

    fn make_pipe(&mut self, poll: &Poll, key: (Text, Beside), exec: &ExecSettings, command: &str) -> Result<(), Errno> {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        nix::fcntl::fcntl(&read, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        self.last += 1;
        Source::Output(self.last).add(poll, &read, Interest::Read)?;
        let style = style(&key, exec, command);
        self.pipes.insert(self.last, Pipe { read, write: Some(write), style, partial: Vec::new() });
        self.open.insert(key, self.last);
        Ok(())
    }

    /// The unit is down: processes it left behind may still write, nobody new will.
    pub(super) fn release(&mut self, unit: &UnitName) {
        if unit.is_instance() {
            return;
        }
        for (_, beside) in Beside::ALL {
            let key = (unit.text(), beside);
            self.streams.remove(&key);
            if let Some(token) = self.open.remove(&key)
                && let Some(pipe) = self.pipes.get_mut(&token)
            {
                pipe.write = None;
            }
        }
    }

    /// Reads what has come; forgets the pipe when nobody can write to it any more.
    pub(super) fn readable(&mut self, poll: &Poll, token: u64) {
        let Some(pipe) = self.pipes.get_mut(&token) else {
            return;
        };
        let mut buffer = vec![0; READ_BYTES];
        let ended = match nix::unistd::read(&pipe.read, &mut buffer) {
            Ok(0) => true,
            Ok(count) => {
                pipe.partial.extend_from_slice(&buffer[..count]);
                false
            }
            Err(Errno::EAGAIN | Errno::EINTR) => false,
            Err(_) => true,
        };
        let lines = split(&mut pipe.partial, ended);
        let style = pipe.style.clone();
        for line in lines {
            self.tell(&style, &line);
        }
        if ended && let Some(pipe) = self.pipes.remove(&token) {
            poll.remove(&pipe.read).ok();
            let key = (pipe.style.name, pipe.style.beside);
            if self.open.get(&key) == Some(&token) {
                self.open.remove(&key);
            }
        }
    }

    fn tell(&mut self, style: &Style, line: &[u8]) {
        let (level, text) = match style.prefix {
            true => prefix(line).unwrap_or((style.level, line)),
            false => (style.level, line),
        };
        if level > style.level_max {
            return;
        }
        let text = String::from_utf8_lossy(text).into_owned();
        let (unit, identifier) = (&*style.name, &*style.identifier);
        match level {
            0..=3 => tracing::error!(UNIT = unit, identifier, "{text}"),
            4 => tracing::warn!(UNIT = unit, identifier, "{text}"),
            5 | 6 => tracing::info!(UNIT = unit, identifier, "{text}"),
            _ => tracing::debug!(UNIT = unit, identifier, "{text}"),
        }
        if style.beside.kmsg {
            self.sinks.kernel_log(level, identifier, &text);
        }
        if style.beside.console {
            self.sinks.console(identifier, &text);
        }
        if !self.tails.contains_key(&style.name) && self.tails.len() >= TAILS_MAX {
            self.tails.pop_first();
        }
        let tail = self.tails.entry(style.name.clone()).or_default();
        if tail.len() == LOG_LINES_KEPT {
            tail.pop_front();
        }
        tail.push_back(Line { at_usec: clock::realtime_usec(), identifier: style.identifier.clone(), text });
    }

    /// How many pipes or connections there are.
    pub(super) fn len(&self) -> usize {
        self.pipes.len() + self.streams.len()
    }

    /// The last lines of a unit, oldest first.
    pub(super) fn tail(&self, unit: &UnitName) -> impl Iterator<Item = &Line> {
        self.tails.get(&collective(unit)).into_iter().flatten()
    }
}

fn style((name, beside): &(Text, Beside), exec: &ExecSettings, command: &str) -> Style {
    let base = command.rsplit('/').next().unwrap_or(command);
    Style {
        name: name.clone(),
        beside: *beside,
        identifier: exec.syslog_identifier.clone().unwrap_or_else(|| base.into()),
        level: exec.syslog_level.unwrap_or(DEFAULT_LEVEL),
        level_max: exec.log_level_max.unwrap_or(7),
        prefix: !exec.no_syslog_level_prefix,
    }
}

/// Complete lines out of a buffer; a longer one than allowed is split, and so is the rest at the end.
fn split(buffer: &mut Vec<u8>, ended: bool) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    let mut start = 0;
    while start < buffer.len() {
        let rest = &buffer[start..];
        match rest.iter().take(LOG_LINE_BYTES_MAX + 1).position(|b| *b == b'\n') {
            Some(length) => {
                lines.push(rest[..length].to_vec());
                start += length + 1;
            }
            None if rest.len() > LOG_LINE_BYTES_MAX => {
                lines.push(rest[..LOG_LINE_BYTES_MAX].to_vec());
                start += LOG_LINE_BYTES_MAX;
            }
            None if ended => {
                lines.push(rest.to_vec());
                start = buffer.len();
            }
            None => break,
        }
    }
    buffer.drain(..start);
    lines
}

/// `<N>` at the start of a line (sd-daemon(3)); a facility in it is ignored.
fn prefix(line: &[u8]) -> Option<(u8, &[u8])> {
    let inner = line.strip_prefix(b"<")?;
    let end = inner.iter().take(4).position(|b| *b == b'>')?;
    let number: u16 = std::str::from_utf8(&inner[..end]).ok()?.parse().ok()?;
    Some(((number & 7) as u8, &inner[end + 1..]))
}

/// A connection to the journal; it begins with seven lines about what follows.
fn journal_stream(path: &str, style: &Style) -> Result<OwnedFd, Errno> {
    let errno = |e: std::io::Error| Errno::from_raw(e.raw_os_error().unwrap_or(libc::EIO));
    let mut stream = UnixStream::connect(path).map_err(errno)?;
    let [prefix, kmsg, console] = [style.prefix, style.beside.kmsg, style.beside.console].map(u8::from);
    let Style { identifier, name, level, .. } = style;
    let header = format!("{identifier}\n{name}\n{level}\n{prefix}\n0\n{kmsg}\n{console}\n");
    stream.write_all(header.as_bytes()).map_err(errno)?;
    stream.shutdown(std::net::Shutdown::Read).map_err(errno)?;
    Ok(stream.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_at_breaks_and_at_the_limit() {
        let mut buffer = b"one\ntwo\nthr".to_vec();
        assert_eq!(split(&mut buffer, false), [b"one".to_vec(), b"two".to_vec()]);
        assert_eq!(split(&mut buffer, true), [b"thr".to_vec()]);
        let mut long = vec![b'x'; LOG_LINE_BYTES_MAX + 3];
        assert_eq!(split(&mut long, false).iter().map(Vec::len).collect::<Vec<_>>(), [LOG_LINE_BYTES_MAX]);
        assert_eq!(long.len(), 3);
    }

    #[test]
    fn a_prefix_is_a_level() {
        assert_eq!(prefix(b"<4>careful"), Some((4, &b"careful"[..])));
        assert_eq!(prefix(b"<30>daemon"), Some((6, &b"daemon"[..])));
        assert_eq!(prefix(b"<x>no"), None);
        assert_eq!(prefix(b"<12345>no"), None);
    }

    #[test]
    fn output_reaches_the_tail_and_ends_with_the_unit() {
        let poll = Poll::new().unwrap();
        let mut outputs = Outputs::default();
        let unit = UnitName::parse("t@1.service").unwrap();
        let exec = ExecSettings { log_level_max: Some(6), ..ExecSettings::default() };
        let log = Beside::default();
        outputs.prepare(&poll, &unit, log, &exec, "/bin/cat").unwrap();
        nix::unistd::write(outputs.descriptor(&unit, log).unwrap(), b"<7>hidden\n<3>seen\n").unwrap();
        outputs.readable(&poll, 1);
        let lines: Vec<(&str, &str)> = outputs.tail(&unit).map(|l| (&*l.identifier, l.text.as_str())).collect();
        assert_eq!(lines, [("cat", "seen")]);
        let other = UnitName::parse("t@2.service").unwrap();
        outputs.prepare(&poll, &other, log, &exec, "/bin/cat").unwrap();
        assert_eq!(outputs.pipes.len(), 1, "instances share a pipe");
        let plain = UnitName::parse("p.service").unwrap();
        outputs.prepare(&poll, &plain, log, &exec, "/bin/cat").unwrap();
        outputs.release(&plain);
        outputs.readable(&poll, 2);
        assert_eq!(outputs.pipes.len(), 1, "nobody can write any more");
    }

    #[test]
    fn the_journal_is_told_where_else_lines_go() {
        let path = std::env::temp_dir().join(format!("porterd-journal-{}", std::process::id()));
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let beside = Beside { kmsg: true, console: false };
        let style = style(&("a.service".into(), beside), &ExecSettings::default(), "/bin/a");
        let stream = journal_stream(path.to_str().unwrap(), &style).unwrap();
        let (mut there, _) = listener.accept().unwrap();
        drop(stream);
        let mut header = String::new();
        std::io::Read::read_to_string(&mut there, &mut header).unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(header, "a\na.service\n6\n1\n0\n1\n0\n");
    }

    #[test]
    fn a_journal_that_is_away_keeps_nobody_from_starting() {
        let poll = Poll::new().unwrap();
        let unit = UnitName::parse("a.service").unwrap();
        let mut outputs = Outputs { journal: Some("/nowhere/stdout"), ..Outputs::default() };
        assert!(outputs.prepare(&poll, &unit, Beside::default(), &ExecSettings::default(), "/bin/a").is_ok());
        assert_eq!((outputs.pipes.len(), outputs.streams.len()), (1, 0), "it has a pipe of porterd's");
    }
}
