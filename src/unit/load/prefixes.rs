//! Files of prefixes for `X-AllowFrom=` and `X-DenyFrom=`: read when the unit is, each once, and made
//! into one table per pair of lists.
//!
//! What cannot be read never opens a door: a file of allowed prefixes that is missing allows nobody,
//! and one of denied prefixes that is missing closes the door to everybody.

use super::{FileError, Files};
use crate::bounds::{DIAGNOSTICS_PER_FILE_MAX, PREFIXES_PER_SOCKET_MAX};
use crate::ids::Text;
use crate::report::{Diagnostic, Place, Source};
use crate::unit::admission::Admission;
use crate::unit::prefixes::{Prefix, PrefixTable};
use crate::unit::values::prefix;
use crate::unit::{Body, Unit};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Files and tables that sockets have in common, while many units are read.
#[derive(Debug, Default)]
pub(super) struct PrefixCache {
    files: BTreeMap<Text, Result<Arc<[Prefix]>, FileError>>,
    tables: BTreeMap<Lists, Gathered>,
}

/// `X-AllowFrom=` and `X-DenyFrom=` as written.
type Lists = (Option<Vec<Text>>, Vec<Text>);

impl PrefixCache {
    /// Gives a socket that has such lists its table.
    pub(super) fn fill(&mut self, files: &dyn Files, unit: &mut Unit, found: &mut Vec<Diagnostic>) {
        let Body::Socket(socket) = &mut unit.body else { return };
        if !socket.admission.as_ref().is_some_and(|admission| admission.guards_addresses()) {
            return;
        }
        let Some(admission) = Arc::make_mut(socket).admission.as_mut() else { return };
        let admission = Arc::make_mut(admission);
        let before = found.len();
        let gathered = self.gather(files, admission, found);
        found.extend(gathered.lost.iter().cloned());
        admission.prefixes = Arc::clone(&gathered.table);
        admission.unreadable = gathered.unreadable.clone();
        for finding in &mut found[before..] {
            finding.unit = Some(unit.name.text());
        }
    }

    fn gather(&mut self, files: &dyn Files, admission: &Admission, found: &mut Vec<Diagnostic>) -> &Gathered {
        let lists = (admission.allow_from.clone(), admission.deny_from.clone());
        if !self.tables.contains_key(&lists) {
            let mut all = Gathered::default();
            for word in admission.allow_from.iter().flatten() {
                self.add(files, word, true, &mut all, found);
            }
            for word in &admission.deny_from {
                self.add(files, word, false, &mut all, found);
            }
            all.table = Arc::new(PrefixTable::new(std::mem::take(&mut all.prefixes)));
            self.tables.insert(lists.clone(), all);
        }
        self.tables.entry(lists).or_default()
    }

    fn add(&mut self, files: &dyn Files, word: &Text, allow: bool, all: &mut Gathered, found: &mut Vec<Diagnostic>) {
        let Some((path, may_be_missing)) = prefix::file(word) else {
            let read = prefix::prefixes(word).unwrap_or_default();
            return all.add(word, allow, read.into_iter().map(|(prefix, _)| prefix));
        };
        let path: Text = path.into();
        let content = match self.files.get(&path) {
            Some(known) => known.clone(),
            None => {
                let content = files.read(&path).map(|bytes| read_lines(&path, &bytes, found));
                self.files.insert(path.clone(), content.clone());
                content
            }
        };
        let why = match content {
            Ok(prefixes) => return all.add(word, allow, prefixes.iter().copied()),
            Err(FileError::NotFound) if may_be_missing => return,
            Err(FileError::NotFound) => "there is no such file".to_owned(),
            Err(FileError::Unreadable(why)) => why,
        };
        let then = if allow { "nobody is admitted by it" } else { "nobody is admitted until it can" };
        let help = "correct it and reload; a path behind '-' may be missing";
        let diagnostic =
            Diagnostic::new("prefix-file-unreadable", format!("{path} cannot be read: {why}; {then}"), None);
        all.lost.push(diagnostic.with_help(help));
        if !allow {
            all.unreadable.get_or_insert(path);
        }
    }
}

/// What became of both lists of a socket.
#[derive(Debug, Default)]
struct Gathered {
    prefixes: Vec<(Prefix, bool)>,
    table: Arc<PrefixTable>,
    unreadable: Option<Text>,
    /// Findings about whole files, told for each socket that has them.
    lost: Vec<Diagnostic>,
}

impl Gathered {
    fn add(&mut self, word: &Text, allow: bool, mut from: impl Iterator<Item = Prefix>) {
        let before = self.prefixes.len();
        let room = PREFIXES_PER_SOCKET_MAX.saturating_sub(before);
        self.prefixes.extend(from.by_ref().take(room).map(|prefix| (prefix, allow)));
        if from.next().is_none() {
            return;
        }
        // Half a list of what is denied is none.
        if !allow {
            self.prefixes.truncate(before);
            self.unreadable.get_or_insert(word.clone());
        }
        let then = if allow { "the rest of it admits nobody" } else { "nobody is admitted" };
        let message = format!("{word} makes more than {PREFIXES_PER_SOCKET_MAX} prefixes; {then}");
        let help = "join prefixes, or use a packet filter";
        self.lost.push(Diagnostic::new("too-many-prefixes", message, None).with_help(help));
    }
}

/// Prefixes of a file, any number in a line; `#` and `;` begin comments. What is none is told and
/// left out.
fn read_lines(path: &Text, bytes: &[u8], found: &mut Vec<Diagnostic>) -> Arc<[Prefix]> {
    let text = String::from_utf8_lossy(bytes);
    let mut prefixes = Vec::new();
    let mut findings = Findings { path, text: &text, source: None, count: 0, found };
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = &line[..line.find(['#', ';']).unwrap_or(line.len())];
        let mut rest = code;
        while let Some(begin) = rest.find(|c: char| !c.is_whitespace()) {
            let word = rest[begin..].split(char::is_whitespace).next().unwrap_or("");
            let start = at + (code.len() - rest.len()) + begin;
            rest = &rest[begin + word.len()..];
            match prefix::prefixes(word) {
                Ok(read) => {
                    for (prefix, odd) in read {
                        if odd {
                            let message = format!("{word} has bits behind the prefix; {prefix} counts");
                            findings.add("prefix-host-bits", message, start..start + word.len());
                        }
                        prefixes.push(prefix);
                    }
                }
                Err(why) => findings.add("bad-prefix", format!("{why}; it is left out"), start..start + word.len()),
            }
        }
        at += line.len();
    }
    prefixes.into()
}

/// What is wrong in one file; the source is only made if something is.
struct Findings<'a> {
    path: &'a Text,
    text: &'a str,
    source: Option<Arc<Source>>,
    count: usize,
    found: &'a mut Vec<Diagnostic>,
}

impl Findings<'_> {
    fn add(&mut self, code: &'static str, message: String, span: std::ops::Range<usize>) {
        self.count += 1;
        let source =
            self.source.get_or_insert_with(|| Arc::new(Source { path: self.path.clone(), text: self.text.into() }));
        let place = Some(Place { source: Arc::clone(source), span });
        if self.count < DIAGNOSTICS_PER_FILE_MAX {
            self.found.push(Diagnostic::new(code, message, place));
        } else if self.count == DIAGNOSTICS_PER_FILE_MAX {
            let message = "further findings in this file are not listed";
            self.found.push(Diagnostic::new("too-many-findings", message, place));
        }
    }
}
