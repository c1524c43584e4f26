//! tracing outputs: a readable line, a JSON object, or the journal.
//!
//! One message is one write(2), so that lines of several programs on one terminal never mix; a
//! sink that does not read makes porterd drop messages and say so, never wait (R4).
#![allow(clippy::disallowed_methods, reason = "a log sink is the outside world")]

use crate::config::{LogFormat, LogLevel};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use std::fmt::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Where and how messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Least important messages that are logged.
    pub level: LogLevel,
    /// Form; `None` is the journal if standard error leads there, else human.
    pub format: Option<LogFormat>,
    /// The value of `JOURNAL_STREAM`, as `(device, inode)`.
    pub journal_stream: Option<(u64, u64)>,
}

/// Installs the global log. Later calls have no effect.
pub fn start(options: &Options) {
    let format = options.format.unwrap_or(match stderr_is_journal(options.journal_stream) {
        true => LogFormat::Journal,
        false => LogFormat::Human,
    });
    set_level(options.level);
    let registry = tracing_subscriber::registry().with(Threshold);
    let journal = (format == LogFormat::Journal).then(tracing_journald::layer).and_then(Result::ok);
    let outcome = match journal {
        Some(layer) => {
            let layer = layer.with_field_prefix(None).with_syslog_identifier("porterd".into());
            tracing::subscriber::set_global_default(registry.with(layer))
        }
        None => tracing::subscriber::set_global_default(registry.with(Stderr::new(format))),
    };
    // The only failure is that a log is installed already, which is what the caller wants.
    drop(outcome);
}

/// What is logged now, as the index of a level in [`LEVELS`].
static LEVEL: AtomicU8 = AtomicU8::new(3);

const LEVELS: [(LogLevel, LevelFilter); 5] = [
    (LogLevel::Error, LevelFilter::ERROR),
    (LogLevel::Warning, LevelFilter::WARN),
    (LogLevel::Notice, LevelFilter::INFO),
    (LogLevel::Info, LevelFilter::INFO),
    (LogLevel::Debug, LevelFilter::DEBUG),
];

/// Logs messages of this importance and above from now on.
pub fn set_level(level: LogLevel) {
    let index = LEVELS.iter().position(|(l, _)| *l == level).unwrap_or(3);
    LEVEL.store(index as u8, Ordering::Relaxed);
    tracing::callsite::rebuild_interest_cache();
}

/// Least important messages that are logged now.
pub fn level() -> LogLevel {
    current().0
}

fn current() -> (LogLevel, LevelFilter) {
    LEVELS.get(usize::from(LEVEL.load(Ordering::Relaxed))).copied().unwrap_or(LEVELS[3])
}

/// Lets pass what the level of the moment lets pass; others cost one comparison.
struct Threshold;

impl<S: Subscriber> Layer<S> for Threshold {
    fn register_callsite(&self, metadata: &'static tracing::Metadata<'static>) -> tracing::subscriber::Interest {
        match self.lets_pass(metadata) {
            true => tracing::subscriber::Interest::always(),
            false => tracing::subscriber::Interest::never(),
        }
    }
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        self.lets_pass(metadata)
    }
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(current().1)
    }
}

impl Threshold {
    fn lets_pass(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= current().1
    }
}

/// Parses `JOURNAL_STREAM=DEV:INO`.
pub fn parse_journal_stream(value: &str) -> Option<(u64, u64)> {
    let (device, inode) = value.split_once(':')?;
    Some((device.parse().ok()?, inode.parse().ok()?))
}

fn stderr_is_journal(stream: Option<(u64, u64)>) -> bool {
    let Some(stream) = stream else { return false };
    nix::sys::stat::fstat(std::io::stderr().as_fd()).is_ok_and(|s| (s.st_dev, s.st_ino) == stream)
}

/// Messages on standard error.
struct Stderr {
    format: LogFormat,
    /// It is a file, which takes everything at once.
    is_file: bool,
    dropped: AtomicU64,
}

/// The fields of one message.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
    /// Only those that a readable line has are kept.
    only_readable: bool,
}

/// What a readable line has beside the message, in whatever case.
const READABLE: [&str; 3] = ["unit", "identifier", "priority"];

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if self.wants(field.name()) {
            self.keep(field.name(), value.to_owned());
        }
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.wants(field.name()) {
            let mut text = String::with_capacity(MESSAGE_USUAL);
            // Writing to a string cannot fail.
            let _written = write!(text, "{value:?}");
            self.keep(field.name(), text);
        }
    }
}

/// Most messages have no more bytes.
const MESSAGE_USUAL: usize = 96;

impl Fields {
    fn wants(&self, name: &str) -> bool {
        !self.only_readable || name == "message" || READABLE.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    fn keep(&mut self, name: &'static str, value: String) {
        match name {
            "message" => self.message = value,
            _ => self.others.push((name, value)),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.others.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// syslog's number and word of a level.
fn severity(level: Level) -> (u8, &'static str) {
    match level {
        Level::ERROR => (3, "error"),
        Level::WARN => (4, "warning"),
        Level::INFO => (6, "info"),
        Level::DEBUG | Level::TRACE => (7, "debug"),
    }
}

/// `unit: message`, with the severity in words where it matters. Line breaks inside a message are
/// kept from forging a second message.
fn human(level: Level, fields: &Fields, out: &mut String) {
    out.push_str("porterd: ");
    let loud = matches!(level, Level::ERROR | Level::WARN).then_some(severity(level).1);
    for tag in [fields.get("unit"), fields.get("identifier"), loud].into_iter().flatten() {
        push_clean(out, tag);
        out.push_str(": ");
    }
    push_clean(out, &fields.message);
}

fn push_clean(out: &mut String, text: &str) {
    // Nearly always. Control characters outside of ASCII begin with this byte.
    if !text.bytes().any(|byte| byte.is_ascii_control() || byte == 0xc2) {
        return out.push_str(text);
    }
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push_str("\n  ");
        }
        out.extend(line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }));
    }
}

fn json(level: Level, fields: &Fields, out: &mut String) {
    let mut object = serde_json::Map::new();
    object.insert("level".into(), severity(level).1.into());
    for (name, value) in &fields.others {
        object.insert(name.to_ascii_lowercase(), value.as_str().into());
    }
    object.insert("message".into(), fields.message.as_str().into());
    out.push_str(&serde_json::Value::Object(object).to_string());
}

impl<S: Subscriber> Layer<S> for Stderr {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields { only_readable: self.format != LogFormat::Json, ..Fields::default() };
        event.record(&mut fields);
        let level = *event.metadata().level();
        let mut line = String::with_capacity(fields.message.len() + 64);
        match self.format {
            LogFormat::Json => json(level, &fields, &mut line),
            LogFormat::Human => human(level, &fields, &mut line),
            LogFormat::Journal => {
                let level_number = fields.get("priority").and_then(|p| p.parse().ok()).unwrap_or(severity(level).0);
                let mut text = String::new();
                human(level, &fields, &mut text);
                for (i, part) in text.split('\n').enumerate() {
                    let end = if i == 0 { "" } else { "\n" };
                    line.push_str(&format!("{end}<{level_number}>{part}"));
                }
            }
        }
        line.push('\n');
        self.put(&line);
    }
}

impl Stderr {
    fn new(format: LogFormat) -> Stderr {
        let kind = nix::sys::stat::fstat(std::io::stderr()).map_or(0, |stat| stat.st_mode & libc::S_IFMT);
        Stderr { format, is_file: kind == libc::S_IFREG, dropped: AtomicU64::new(0) }
    }

    fn put(&self, line: &str) {
        let stderr = std::io::stderr();
        let fd = stderr.as_fd();
        if !self.is_file && !writable(fd) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let note = format!("porterd: warning: {dropped} messages dropped, nobody reads standard error\n");
            write_once(fd, note.as_bytes());
        }
        write_once(fd, line.as_bytes());
    }
}

fn write_once(fd: BorrowedFd<'_>, bytes: &[u8]) {
    // There is nowhere left to tell that the log cannot be written.
    let _written = nix::unistd::write(fd, bytes);
}

fn writable(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::POLLOUT)];
    // An error means that it cannot be asked (a closed descriptor): the write will tell.
    nix::poll::poll(&mut fds, PollTimeout::ZERO).map_or(true, |n| n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        let others = vec![("UNIT", "x.socket".into()), ("CODE", "c".into())];
        Fields { message: "a\nb\u{1b}[31m".into(), others, only_readable: false }
    }

    #[test]
    fn a_message_cannot_forge_another() {
        let mut out = String::new();
        human(Level::WARN, &fields(), &mut out);
        assert_eq!(out, "porterd: x.socket: warning: a\n  b\u{fffd}[31m");
    }

    #[test]
    fn json_is_one_line() {
        let mut out = String::new();
        json(Level::INFO, &fields(), &mut out);
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(!out.contains('\n'));
        assert_eq!(
            (&value["unit"], &value["level"], &value["message"]),
            (&"x.socket".into(), &"info".into(), &"a\nb\u{1b}[31m".into())
        );
    }

    #[test]
    fn journal_stream_is_device_and_inode() {
        assert_eq!(parse_journal_stream("8:1234"), Some((8, 1234)));
        assert_eq!(parse_journal_stream("8"), None);
    }
}
