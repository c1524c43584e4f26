//! `$` expansion of command lines, with the final environment of the process.
//!
//! `$NAME` as a whole argument becomes the words of the value, `${NAME}` inside an argument the
//! value as it is. A value that is the pid of the process is reserved space and a stamp.

use super::environment::{Environment, PID_DIGITS, Value};
use super::exec::c_string;
use super::program::Stamp;
use crate::unit::values::environment::is_name;
use std::ffi::CString;

/// What became of the arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expanded {
    /// The arguments.
    pub(super) argv: Vec<String>,
    /// Where the pid goes: argument and byte offset.
    pub(super) pids: Vec<(usize, usize)>,
    /// What an administrator should know; each name once.
    pub(super) warnings: Vec<String>,
}

impl Expanded {
    /// The arguments for execve(2), and the stamps in the order in which they can be written.
    pub(super) fn finish(self) -> (Vec<CString>, Vec<Stamp>) {
        let stamp = |&(entry, offset): &(usize, usize)| Stamp { entry: entry as u16, offset: offset as u16 };
        let stamps = self.pids.iter().rev().map(stamp).collect();
        (self.argv.iter().map(|arg| c_string(arg)).collect(), stamps)
    }

    fn warn(&mut self, text: String) {
        if !self.warnings.contains(&text) {
            self.warnings.push(text);
        }
    }

    /// The value of a name; unset and bad names count as empty and are told.
    fn value<'e>(&mut self, name: &str, env: &'e Environment) -> Option<&'e Value> {
        if !is_name(name) {
            self.warn(format!(
                "'${name}' in a command line names no variable and is left out; write '$$' for a plain '$'"
            ));
            return None;
        }
        let value = env.get(name);
        if value.is_none() {
            self.warn(format!("variable '{name}' in a command line is not set and counts as empty"));
        }
        value
    }

    /// `$NAME` as a whole argument.
    fn whole(&mut self, name: &str, env: &Environment) {
        match self.value(name, env) {
            Some(Value::Text(text)) => self.argv.extend(split(text)),
            Some(Value::Pid) => {
                self.pids.push((self.argv.len(), 0));
                self.argv.push(PID_DIGITS.to_owned());
            }
            None => {}
        }
    }

    /// `${NAME}` and `$$` inside an argument.
    fn inside(&mut self, arg: &str, env: &Environment) {
        let mut out = String::with_capacity(arg.len());
        let mut rest = arg;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            let after = &rest[dollar + 1..];
            rest = if let Some(tail) = after.strip_prefix('$') {
                out.push('$');
                tail
            } else if let Some((name, tail)) = braced(after) {
                match self.value(name, env) {
                    Some(Value::Text(text)) => out.push_str(text),
                    Some(Value::Pid) => {
                        self.pids.push((self.argv.len(), out.len()));
                        out.push_str(PID_DIGITS);
                    }
                    None => {}
                }
                tail
            } else {
                out.push('$');
                after
            };
        }
        out.push_str(rest);
        self.argv.push(out);
    }
}

/// The name and the rest, of `{NAME}rest`; shell forms such as `{NAME:-x}` are not ours.
fn braced(after: &str) -> Option<(&str, &str)> {
    let (name, rest) = after.strip_prefix('{')?.split_once('}')?;
    (!name.contains(':')).then_some((name, rest))
}

/// Expands all arguments.
pub(super) fn expand<'a>(argv: impl Iterator<Item = &'a str>, env: &Environment) -> Expanded {
    let mut out = Expanded::default();
    for arg in argv {
        match arg.strip_prefix('$') {
            Some(name) if !name.starts_with(['{', '$']) => out.whole(name, env),
            _ => out.inside(arg, env),
        }
    }
    out
}

/// Words of a value: separated by blanks; quotes keep blanks together, and need no end; a backslash
/// makes the next character an ordinary one, inside quotes too.
fn split(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (_, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t' | '\n' | '\r') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

impl Expanded {
    /// One argument that a shell takes apart into these words again; stamps move with their words.
    pub(super) fn shell_quoted(self, name: String) -> Expanded {
        let (mut line, mut pids) = (String::new(), Vec::new());
        for (index, word) in self.argv.iter().enumerate() {
            if index > 0 {
                line.push(' ');
            }
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:=@%+,^".contains(&b) || !b.is_ascii();
            let quotes = word.is_empty() || !word.bytes().all(plain);
            line.extend(quotes.then_some('"'));
            for (offset, c) in word.char_indices() {
                if self.pids.contains(&(index, offset)) {
                    pids.push((2, line.len()));
                }
                line.extend(matches!(c, '"' | '\\' | '$' | '`').then_some('\\'));
                line.push(c);
            }
            line.extend(quotes.then_some('"'));
        }
        Expanded { argv: vec![name, "-c".to_owned(), line], pids, warnings: self.warnings }
    }
}
