//! THE TABLE of all directives: one row per name says what reads its value, how far porterd carries
//! it out, and what it means.
//!
//! Rows live in one file per section; how a value is read is the business of `values`, what a unit
//! looks like of `draft`. Nothing here looks at the machine.

mod admission;
mod beyond;
mod exec;
mod later;
mod line;
mod process;
mod service;
mod socket;
mod stdio;
mod unit;

pub use exec::kill_mode_name;
pub use line::{Line, Machine, Outcome, Problem, Reading};
pub use service::{access_name, failure_mode_name, preserve_name, restart_name, type_name};

use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;
use std::sync::OnceLock;

/// How far porterd carries a directive out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Read and carried out.
    Full,
    /// Read and recorded, without effect yet. It only hardens or limits: the unit runs without it.
    NotYet(&'static str),
    /// Like `NotYet`, but a process that runs without it is another process than the one that was
    /// asked for: other user, other data, other descriptors.
    Missing(&'static str),
    /// Will not be carried out, with the reason.
    Ignored(&'static str),
}

/// Reads one assignment into the draft.
pub type Apply = fn(&mut Line<'_>) -> Outcome;

/// One directive.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Sections in which it may stand, bits of [`Section`].
    pub sections: u8,
    /// Its name.
    pub name: &'static str,
    /// What reads it.
    pub apply: Apply,
    /// How far it is carried out.
    pub support: Support,
    /// First release of systemd that has it; 0 is "252 or earlier".
    pub since: u16,
    /// What it means, in one line.
    pub man: &'static str,
}

/// Sections whose content has a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `[Unit]`
    Unit = UNIT as isize,
    /// `[Socket]`
    Socket = SOCKET as isize,
    /// `[Service]`
    Service = SERVICE as isize,
    /// `[Install]`
    Install = INSTALL as isize,
}

const UNIT: u8 = 1;
const SOCKET: u8 = 2;
const SERVICE: u8 = 4;
const INSTALL: u8 = 8;
const BOTH: u8 = SOCKET | SERVICE;

impl Section {
    /// All of them.
    pub const ALL: [Section; 4] = [Section::Unit, Section::Socket, Section::Service, Section::Install];

    /// Name between the brackets.
    pub fn as_str(self) -> &'static str {
        match self {
            Section::Unit => "Unit",
            Section::Socket => "Socket",
            Section::Service => "Service",
            Section::Install => "Install",
        }
    }

    /// The section of this name.
    pub fn parse(name: &str) -> Option<Section> {
        Section::ALL.into_iter().find(|s| s.as_str() == name)
    }

    fn bit(self) -> u8 {
        self as u8
    }
}

impl Row {
    const fn since(mut self, release: u16) -> Row {
        self.since = release;
        self
    }

    const fn not_yet(mut self, why: &'static str) -> Row {
        self.support = Support::NotYet(why);
        self
    }

    const fn missing(mut self, why: &'static str) -> Row {
        self.support = Support::Missing(why);
        self
    }

    const fn ignored(mut self, why: &'static str) -> Row {
        self.support = Support::Ignored(why);
        self
    }

    /// Whether it may stand in this section.
    pub fn belongs_to(&self, section: Section) -> bool {
        self.sections & section.bit() != 0
    }

    /// Whether the release that `--strict-systemd` is like has it.
    pub fn is_strict(&self) -> bool {
        /// systemd 252 is the one that is imitated.
        const RELEASE: u16 = 252;
        self.since <= RELEASE
    }

    /// The sections in which it may stand.
    pub fn sections(&self) -> impl Iterator<Item = Section> + '_ {
        Section::ALL.into_iter().filter(|s| self.belongs_to(*s))
    }
}

const fn full(sections: u8, name: &'static str, apply: Apply, man: &'static str) -> Row {
    Row { sections, name, apply, support: Support::Full, since: 0, man }
}

/// Whether a value asks for nothing: empty, or "no" in its spellings.
pub fn turns_off(text: &str) -> bool {
    const OFF: [&str; 8] = ["", "0", "no", "n", "false", "f", "off", "none"];
    OFF.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// All rows, by name. A name that means different things in two sections has two rows.
pub fn rows() -> &'static [&'static Row] {
    static SORTED: OnceLock<Vec<&'static Row>> = OnceLock::new();
    SORTED.get_or_init(|| {
        let files = [
            unit::ROWS,
            unit::CONDITIONS,
            socket::ROWS,
            beyond::ROWS,
            admission::ROWS,
            service::ROWS,
            exec::ROWS,
            process::ROWS,
            stdio::ROWS,
            later::ROWS,
        ];
        let mut all: Vec<&'static Row> = files.into_iter().flatten().collect();
        all.sort_by_key(|row| (row.name, row.sections));
        all
    })
}

/// All rows of one name. Every assignment of every unit file asks.
pub fn named(name: &str) -> &'static [&'static Row] {
    let (all, slots) = (rows(), slots());
    let first = slots_from(name).map(|slot| usize::from(slots[slot])).take_while(|first| *first != NOBODY);
    let rows = first.filter_map(|first| all.get(first..)).find(|rows| rows[0].name == name).unwrap_or_default();
    &rows[..rows.iter().take_while(|row| row.name == name).count()]
}

/// Slots of the hash table over names: a multiple of the names.
const SLOTS: usize = 2048;
const NOBODY: usize = u16::MAX as usize;

/// Where a name may be, the most likely slot first.
fn slots_from(name: &str) -> impl Iterator<Item = usize> {
    let first = FxBuildHasher.hash_one(name) as usize;
    (0..SLOTS).map(move |step| first.wrapping_add(step) % SLOTS)
}

/// For every name the index of its first row.
fn slots() -> &'static [u16; SLOTS] {
    static TABLE: OnceLock<[u16; SLOTS]> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut slots = [NOBODY as u16; SLOTS];
        let mut index = 0;
        for same in rows().chunk_by(|a, b| a.name == b.name) {
            if let Some(free) = slots_from(same[0].name).find(|slot| usize::from(slots[*slot]) == NOBODY) {
                slots[free] = index as u16;
            }
            index += same.len();
        }
        slots
    })
}

/// The row of a name in a section.
pub fn find(section: Section, name: &str) -> Option<&'static Row> {
    named(name).iter().copied().find(|row| row.belongs_to(section))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_no_other() {
        for row in rows() {
            assert!(named(row.name).iter().all(|found| found.name == row.name));
            assert_eq!(named(row.name).len(), rows().iter().filter(|other| other.name == row.name).count());
        }
        assert!(rows().len() < SLOTS / 2, "the table of hashes is getting full");
        for name in ["", "X-", "ListenStrea", "ListenStreams", "listenstream"] {
            assert!(named(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn every_name_is_once_per_section() {
        for section in Section::ALL {
            let names: Vec<&str> = rows().iter().filter(|r| r.belongs_to(section)).map(|r| r.name).collect();
            assert!(names.windows(2).all(|w| w[0] != w[1]), "{section:?} has a name twice: {names:?}");
        }
    }

    #[test]
    fn every_row_says_what_it_means() {
        for row in rows() {
            assert!(row.man.len() > 10 && !row.man.ends_with('.'), "{}: {:?}", row.name, row.man);
            assert!(row.sections != 0);
        }
    }

    #[test]
    fn one_name_may_mean_two_things() {
        assert_eq!(named("TimeoutSec").len(), 2);
        assert!(find(Section::Socket, "ExecStart").is_none());
        assert!(find(Section::Service, "ExecStart").is_some());
        assert!(find(Section::Socket, "User").is_some());
    }
}
