//! One assignment on its way into the draft: what rows use to read values.
//!
//! The rules of repetition: a list grows and an empty value empties it; a plain string falls back
//! to its default; any other value is replaced by the last valid one, and an empty one is invalid.

use super::Row;
use crate::ids::Text;
use crate::report::{Diagnostic, Place};
use crate::syntax::Value;
use crate::syntax::words::{self, Rules};
use crate::unit::draft::Draft;
use crate::unit::exec::Command;
use crate::unit::specifiers::{self, Table};
use crate::unit::values::services::Services;
use crate::unit::values::{address, command, names, path};
use crate::unit::{Dependency, UnitName};
use std::ops::Range;

/// What the meaning of a file depends on beside the file. Facts gathered by the runtime.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Machine-wide values of specifiers.
    pub context: specifiers::Context,
    /// The kernel has IPv6.
    pub ipv6: bool,
    /// The index of a network interface by its name, as of now.
    pub interface: fn(&str) -> Option<u32>,
    /// `--strict-systemd`: addresses that systemd does not take are refused here too, and where later releases
    /// read files otherwise, 252 counts.
    pub strict: bool,
}

impl Default for Machine {
    /// A machine with IPv6 of which nothing else is known; its one interface is `lo`.
    fn default() -> Self {
        let interface = |name: &str| (name == "lo").then_some(1);
        Machine { context: specifiers::Context::default(), ipv6: true, interface, strict: false }
    }
}

/// What reading the files of one unit needs to know.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// The unit's own values of specifiers.
    pub facts: specifiers::UnitFacts,
    /// Names of ports.
    pub services: Services<'a>,
}

impl Reading<'_> {
    /// Expands all specifiers.
    pub fn expand(&self, text: &str) -> Result<String, String> {
        specifiers::expand(text, &self.machine.context, &self.facts, Table::Full).map_err(|e| e.message)
    }
}

/// An assignment that had no effect.
#[derive(Debug)]
pub struct Problem {
    /// Name of the diagnostic.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Which bytes of the value; `None` is all.
    pub range: Option<Range<usize>>,
    /// What to do.
    pub help: Option<String>,
    /// The unit cannot be used.
    pub fatal: bool,
}

/// Whether an assignment was taken.
pub type Outcome = Result<(), Problem>;

impl From<String> for Problem {
    fn from(message: String) -> Problem {
        Problem { code: "invalid-value", message, range: None, help: None, fatal: false }
    }
}

impl From<&str> for Problem {
    fn from(message: &str) -> Problem {
        Problem::from(message.to_owned())
    }
}

impl From<address::Refusal> for Problem {
    fn from((code, message): address::Refusal) -> Problem {
        Problem { code, ..Problem::from(message) }
    }
}

impl From<specifiers::SpecifierError> for Problem {
    fn from(error: specifiers::SpecifierError) -> Problem {
        Problem { code: "bad-specifier", ..Problem::from(error.message) }.at(error.at..error.at + 2)
    }
}

impl Problem {
    /// The same, but the unit cannot be used.
    pub fn fatal(mut self, code: &'static str) -> Problem {
        self.fatal = true;
        self.code = code;
        self
    }

    /// The same, about a part of the value.
    pub fn at(mut self, range: Range<usize>) -> Problem {
        self.range = Some(range);
        self
    }

    /// The same, with advice.
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
}

/// One assignment: its value, and the draft it goes into.
#[derive(Debug)]
pub struct Line<'a> {
    /// Where values go.
    pub draft: &'a mut Draft,
    /// Which directive.
    pub row: &'static Row,
    /// The value as written.
    pub value: &'a Value,
    /// Where the whole value stands.
    pub place: Place,
    /// What else is known.
    pub reading: &'a Reading<'a>,
}

/// How a family of values is read.
pub(super) type Parse<T> = fn(&str) -> Result<T, String>;
/// Where a value goes.
pub(super) type Field<T> = fn(&mut Draft) -> &mut T;

impl Line<'_> {
    /// The value as written.
    pub fn text(&self) -> &str {
        &self.value.text
    }

    /// Whether nothing stands behind `=`.
    pub fn is_empty(&self) -> bool {
        self.value.text.is_empty()
    }

    /// Warns about a part of the value; the rest counts.
    pub fn warn(&mut self, code: &'static str, message: impl std::fmt::Display, range: Range<usize>) {
        let place = Place { source: self.place.source.clone(), span: self.value.span(range) };
        let message = format!("{}=: {message}", self.row.name);
        self.draft.report(Diagnostic::new(code, message, Some(place)));
    }

    /// Warns about the whole value at the end, if the unit's protocol is not SCTP then.
    pub fn warn_unless_sctp(&mut self, code: &'static str, message: impl std::fmt::Display) {
        let place = Place { source: self.place.source.clone(), span: self.value.span(0..usize::MAX) };
        let message = format!("{}={}: {message}", self.row.name, self.text());
        self.draft.given.without_sctp.push(Diagnostic::new(code, message, Some(place)));
    }

    /// Warns about parts of the value; the rest counts.
    pub fn remarks(&mut self, code: &'static str, remarks: Vec<(Range<usize>, String)>) {
        for (range, message) in remarks {
            self.warn(code, message, range);
        }
    }

    /// Expands specifiers.
    pub fn expand(&self, text: &str) -> Result<String, Problem> {
        expand(self.reading, text, Table::Full)
    }

    /// Expands the specifiers that may stand in unit names.
    pub fn expand_name(&self, text: &str) -> Result<String, Problem> {
        expand(self.reading, text, Table::Names)
    }

    /// The last valid value counts.
    pub fn set<T>(&mut self, parse: Parse<T>, field: Field<T>) -> Outcome {
        let value = parse(self.text())?;
        *field(self.draft) = value;
        Ok(())
    }

    /// Like `set`, for a field that tells "not given" from any value.
    pub fn set_some<T>(&mut self, parse: Parse<T>, field: Field<Option<T>>) -> Outcome {
        let value = parse(self.text())?;
        *field(self.draft) = Some(value);
        Ok(())
    }

    /// Like `set_some`; an empty value goes back to "not given".
    pub fn set_or_unset<T>(&mut self, parse: Parse<T>, field: Field<Option<T>>) -> Outcome {
        if self.is_empty() {
            *field(self.draft) = None;
            return Ok(());
        }
        self.set_some(parse, field)
    }

    /// A string with specifiers; empty goes back to the default.
    pub fn string(&mut self, field: Field<Option<Text>>) -> Outcome {
        let text = self.expand(self.text())?;
        *field(self.draft) = (!text.is_empty()).then(|| text.into());
        Ok(())
    }

    /// A string without specifiers; empty goes back to the default.
    pub fn verbatim(&mut self, field: Field<Option<Text>>) -> Outcome {
        let text: Text = self.text().into();
        *field(self.draft) = (!text.is_empty()).then_some(text);
        Ok(())
    }

    /// A checked string with specifiers; empty goes back to the default.
    pub fn checked(&mut self, check: Parse<String>, field: Field<Option<Text>>) -> Outcome {
        let text = self.expand(self.text())?;
        *field(self.draft) = if text.is_empty() { None } else { Some(check(&text)?.into()) };
        Ok(())
    }

    /// A user or group; empty goes back to the default. A bad one is fatal, and so is one that
    /// specifiers leave empty: it would run as root.
    pub fn identity(&mut self, field: Field<Option<Text>>) -> Outcome {
        if self.is_empty() {
            *field(self.draft) = None;
            return Ok(());
        }
        let name = self.expand(self.text()).map_err(|p| p.fatal("bad-user"))?;
        let name = names::user_or_group(&name).map_err(|why| Problem::from(why).fatal("bad-user"))?;
        *field(self.draft) = Some(name.into());
        Ok(())
    }

    /// An absolute path with specifiers; empty goes back to the default.
    pub fn path(&mut self, field: Field<Option<Text>>) -> Outcome {
        let text = self.expand(self.text())?;
        *field(self.draft) = if text.is_empty() { None } else { Some(self.absolute(&text)?.into()) };
        Ok(())
    }

    /// An absolute path, simplified.
    pub fn absolute(&self, text: &str) -> Result<String, String> {
        if self.reading.machine.strict { path::absolute_252(text) } else { path::absolute(text) }
    }

    /// The words of the value, quotes removed, specifiers expanded, with their places. Words that
    /// do not expand are warned about and left out.
    pub fn words(&mut self, rules: Rules) -> Vec<(String, Range<usize>)> {
        self.split(rules, Table::Full)
    }

    /// Unit names of the value, with the specifiers that may stand in names.
    pub fn name_words(&mut self) -> Vec<(String, Range<usize>)> {
        self.split(Rules::NAMES, Table::Names)
    }

    fn split(&mut self, rules: Rules, table: Table) -> Vec<(String, Range<usize>)> {
        let (mut out, mut at) = (Vec::new(), 0);
        loop {
            let word = match words::next(self.text(), at, rules) {
                Ok(Some(word)) => word,
                Ok(None) => break,
                // The words before the one that has no end count.
                Err(error) => {
                    self.warn("unbalanced-quotes", error.message, error.at..error.at + 1);
                    break;
                }
            };
            at = word.range.end;
            match expand(self.reading, &word.text, table) {
                Ok(text) => out.push((text, word.range)),
                Err(problem) => self.warn(problem.code, problem.message, word.range),
            }
        }
        out
    }

    /// A list of words that grows; empty empties it. A word that does not pass is left out.
    pub fn list(&mut self, rules: Rules, check: Parse<Text>, field: Field<Vec<Text>>) -> Outcome {
        if self.is_empty() {
            field(self.draft).clear();
            return Ok(());
        }
        for (word, range) in self.words(rules) {
            match check(&word) {
                Ok(item) => field(self.draft).push(item),
                Err(why) => self.warn("invalid-item", format!("{word:?} is left out: {why}"), range),
            }
        }
        Ok(())
    }

    /// Command lines; empty forgets all so far. A bad one is fatal unless it begins with `-`.
    pub fn commands(&mut self, field: Field<Vec<Command>>) -> Outcome {
        if self.is_empty() {
            field(self.draft).clear();
            return Ok(());
        }
        let reading = self.reading;
        match command::commands(self.text(), &|text| reading.expand(text), reading.machine.strict) {
            Ok((commands, remarks)) => {
                self.remarks("unknown-escape", remarks);
                field(self.draft).extend(commands);
                Ok(())
            }
            Err(error) => {
                let problem = Problem::from(error.message).at(error.at..error.at + 1);
                if !error.ignore {
                    return Err(problem.fatal("bad-command"));
                }
                field(self.draft).extend(error.before);
                Err(Problem { code: "bad-command-ignored", ..problem })
            }
        }
    }

    /// Units this one depends on. Nothing empties the list.
    pub fn dependencies(&mut self, kind: Dependency) -> Outcome {
        for (word, range) in self.name_words() {
            let own = &self.draft.name;
            let name = UnitName::parse(&word).and_then(|name| {
                // A template stands for its instance of our own instance or name.
                let instance = own.instance().filter(|i| !i.is_empty()).unwrap_or(own.stem());
                if name.is_template() { name.instantiate(instance) } else { Some(name) }
            });
            match name {
                Some(name) if name == *own => {}
                Some(name) => self.draft.common.depend(kind, name),
                None => self.warn("invalid-unit-name", format!("{word:?} is no unit name"), range),
            }
        }
        Ok(())
    }
}

fn expand(reading: &Reading<'_>, text: &str, table: Table) -> Result<String, Problem> {
    specifiers::expand(text, &reading.machine.context, &reading.facts, table).map_err(Into::into)
}
