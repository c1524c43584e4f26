//! A unit while its files are read: collects values in the order of the lines.
//!
//! Resets, repetition and what a fatal value does to the rest of its file live here and in
//! `directives`; defaults that need the whole unit, and what must be refused, live in `finish`.

use super::admission::Admission;
use super::directives::{self, Line, Problem, Reading, Row, Section, Support};
use super::exec::{Command, ExecSettings, KillSettings, RareExec};
use super::name::{UnitKind, UnitName};
use super::service::{ServiceMore, ServiceType, ServiceUnit};
use super::socket::{Listen, SocketOptions, SocketUnit};
use super::{UnitSettings, specifiers};
use crate::ids::Text;
use crate::report::{self, Diagnostic, Place};
use crate::syntax::{Document, Entry};

/// `SocketProtocol=sctp`
const IPPROTO_SCTP: i32 = 132;

/// Values collected so far.
#[derive(Debug)]
pub struct Draft {
    /// Canonical name.
    pub name: UnitName,
    /// Sections [Unit] and [Install].
    pub common: UnitSettings,
    /// Section [Socket].
    pub socket: SocketUnit,
    /// Seldom set part of [Socket].
    pub options: SocketOptions,
    /// Rules about peers.
    pub admission: Admission,
    /// Section [Service].
    pub service: ServiceUnit,
    /// Seldom set part of [Service].
    pub more: ServiceMore,
    /// Settings of processes.
    pub exec: ExecSettings,
    /// Seldom set settings of processes.
    pub rare: RareExec,
    /// How processes are ended.
    pub kill: KillSettings,
    /// Values whose absence matters to `finish`.
    pub given: Given,
    /// Directives without effect that are set, each with its last place.
    pub unapplied: Vec<(&'static Row, Place)>,
    /// Commands that are read for their errors and never run.
    pub unread_commands: Vec<Command>,
    /// Some value depends on the instance.
    pub depends_on_instance: bool,
    /// What was wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// A value that makes the unit unusable, in words.
    pub refused: Option<Text>,
}

/// Values whose absence means something else than any value.
#[derive(Debug, Default)]
pub struct Given {
    /// `Type=`
    pub service_type: Option<ServiceType>,
    /// `TimeoutStartSec=` or `TimeoutSec=`
    pub timeout_start: bool,
    /// `TriggerLimitBurst=`
    pub trigger_limit_burst: Option<u32>,
    /// `PollLimitBurst=`
    pub poll_limit_burst: Option<u32>,
    /// `Service=` of a socket
    pub service: Option<UnitName>,
    /// `Sockets=` of a service
    pub sockets: Vec<UnitName>,
    /// `PAMName=`
    pub pam_name: bool,
    /// What to say of the sequential packet ports with an IP address, which only SCTP has.
    pub without_sctp: Vec<Diagnostic>,
    /// systemd 252 counts, not the newest release (see [`Machine`](super::directives::Machine)).
    pub strict: bool,
    /// Interfaces that addresses name.
    pub scopes: Vec<Scope>,
}

/// The scope of an IPv6 address to listen on.
#[derive(Debug)]
pub struct Scope {
    /// Which `Listen…=` line.
    pub index: usize,
    /// The interface, by name or index.
    pub name: Text,
    /// There is none now; where it is written.
    pub missing: Option<Place>,
}

impl Draft {
    /// Nothing read yet.
    pub fn new(name: UnitName) -> Draft {
        Draft {
            name,
            common: UnitSettings::default(),
            socket: SocketUnit::default(),
            options: SocketOptions::default(),
            admission: Admission::default(),
            service: ServiceUnit::default(),
            more: ServiceMore::default(),
            exec: ExecSettings::default(),
            rare: RareExec::default(),
            kill: KillSettings::default(),
            given: Given::default(),
            unapplied: Vec::new(),
            unread_commands: Vec::new(),
            depends_on_instance: false,
            diagnostics: Vec::new(),
            refused: None,
        }
    }

    /// The section that belongs to the kind of this unit alone.
    fn own_section(&self) -> Option<Section> {
        match self.name.kind() {
            UnitKind::Socket => Some(Section::Socket),
            UnitKind::Service => Some(Section::Service),
            UnitKind::Target | UnitKind::Slice | UnitKind::Foreign => None,
        }
    }

    /// What one line alone does not say.
    pub(super) fn settle(&mut self) {
        self.settle_protocol();
        self.settle_scopes();
        self.settle_directories();
    }

    /// Processes need the mounts of the directories that they start in.
    fn settle_directories(&mut self) {
        if self.name.kind() != UnitKind::Service && !self.socket.has_commands() {
            return;
        }
        let working = self.exec.working_directory.as_ref().filter(|dir| !dir.optional).and_then(|dir| dir.path.clone());
        for path in working.into_iter().chain(self.exec.root_directory.clone()) {
            if !self.common.requires_mounts_for.contains(&path) {
                self.common.requires_mounts_for.push(path);
            }
        }
    }

    /// With `X-BindRetry=` interfaces are looked up when the socket is made; without it an address with
    /// one that is not there now is left out.
    fn settle_scopes(&mut self) {
        let scopes = std::mem::take(&mut self.given.scopes);
        if self.options.beyond.bind_retry {
            let by_port = |scope: Scope| Some((u16::try_from(scope.index).ok()?, scope.name));
            self.options.beyond.scopes = scopes.into_iter().filter_map(by_port).collect();
            return;
        }
        let mut left_out = Vec::new();
        for Scope { index, name, missing } in scopes {
            let Some(place) = missing else { continue };
            left_out.push(index);
            let message = format!("there is no network interface '{name}', so its address is left out");
            let help = "make it before porterd starts, or set X-BindRetry=address-up to wait for it";
            self.report(Diagnostic::new("no-such-interface", message, Some(place)).with_help(help));
        }
        for index in left_out.into_iter().rev() {
            self.socket.listen.remove(index);
        }
    }

    /// Adds a finding.
    pub fn report(&mut self, mut diagnostic: Diagnostic) {
        diagnostic.unit = Some(self.name.text());
        self.diagnostics.push(diagnostic);
    }

    /// Takes out ports that only SCTP has, if the protocol is another.
    fn settle_protocol(&mut self) {
        let findings = std::mem::take(&mut self.given.without_sctp);
        if findings.is_empty() || self.options.socket_protocol == Some(IPPROTO_SCTP) {
            return;
        }
        let stays = |listen: &Listen| !listen.is_ip_packets();
        // Scopes are known by the place of their line.
        let lines = self.socket.listen.iter().enumerate().filter(|(_, listen)| stays(listen));
        let lines: Vec<usize> = lines.map(|(index, _)| index).collect();
        self.given.scopes.retain_mut(|scope| {
            lines.binary_search(&scope.index).is_ok_and(|now| {
                scope.index = now;
                true
            })
        });
        self.socket.listen.retain(stays);
        for finding in findings {
            self.report(finding);
        }
    }

    /// Reads the main file. `false` if the file is no unit file, so that the unit cannot be used.
    pub fn read_fragment(&mut self, document: &Document, reading: &Reading<'_>) -> bool {
        if let Err(why) = self.read(document, reading) {
            self.refused = Some(why);
        }
        document.fatal.is_none()
    }

    /// Reads a drop-in. A fatal value or broken line ends the drop-in, not the unit.
    pub fn read_drop_in(&mut self, document: &Document, reading: &Reading<'_>) {
        if self.read(document, reading).is_err() {
            let message = format!("the rest of {} is not read", document.source.path);
            self.report(Diagnostic::new("drop-in-abandoned", message, Some(document.place(0..0))));
        }
    }

    fn read(&mut self, document: &Document, reading: &Reading<'_>) -> Result<(), Text> {
        for diagnostic in &document.diagnostics {
            self.report(diagnostic.clone());
        }
        for section in &document.sections {
            let Some(known) = self.section(&section.name) else {
                self.skip_section(section, document);
                continue;
            };
            for entry in &section.entries {
                self.assign(known, entry, document, reading)?;
            }
        }
        if let Some(fatal) = &document.fatal {
            self.report(fatal.clone());
        }
        Ok(())
    }

    fn section(&self, name: &str) -> Option<Section> {
        Section::parse(name).filter(|s| matches!(s, Section::Unit | Section::Install) || Some(*s) == self.own_section())
    }

    fn skip_section(&mut self, section: &crate::syntax::Section, document: &Document) {
        let name: &str = &section.name;
        if name.starts_with("X-") || (name == "Slice" && self.name.kind() == UnitKind::Slice) {
            return;
        }
        let mut known: Vec<&str> = vec!["Unit", "Install"];
        known.extend(self.own_section().map(Section::as_str));
        let message = match Section::parse(name) {
            Some(_) => format!("section [{name}] does not belong into a .{} unit", self.name.suffix()),
            None => format!("unknown section [{name}]"),
        };
        let mut diagnostic =
            Diagnostic::new("unknown-section", message, Some(document.place(section.name_place.clone())));
        if let Some(near) = report::nearest(name, known.iter().copied()) {
            diagnostic = diagnostic.with_help(format!("did you mean [{near}]?"));
        }
        self.report(diagnostic);
    }

    fn assign(
        &mut self,
        section: Section,
        entry: &Entry,
        document: &Document,
        reading: &Reading<'_>,
    ) -> Result<(), Text> {
        let row = directives::find(section, &entry.key).filter(|row| row.is_strict() || !self.given.strict);
        let Some(row) = row else {
            self.unknown_key(section, entry, document);
            return Ok(());
        };
        self.depends_on_instance |= specifiers::depends_on_instance(&entry.value.text);
        let place = document.place(entry.value.whole());
        let outcome = (row.apply)(&mut Line { draft: self, row, value: &entry.value, place: place.clone(), reading });
        match outcome {
            Ok(()) => {
                self.note_support(row, place, &entry.value.text);
                Ok(())
            }
            Err(problem) => self.problem(row, entry, place, problem),
        }
    }

    fn problem(&mut self, row: &Row, entry: &Entry, mut place: Place, problem: Problem) -> Result<(), Text> {
        if let Some(range) = problem.range {
            place.span = entry.value.span(range);
        }
        let message = match entry.value.text.is_empty() && problem.code == "invalid-value" {
            true => format!("{}=: an empty value does not set it back; what stood before it counts", row.name),
            false => format!("{}={}: {}", row.name, shown(&entry.value.text), problem.message),
        };
        let text: Text = message.as_str().into();
        let mut diagnostic = Diagnostic::new(problem.code, message, Some(place));
        diagnostic.help = problem.help;
        self.report(diagnostic);
        if problem.fatal { Err(text) } else { Ok(()) }
    }

    fn note_support(&mut self, row: &'static Row, place: Place, text: &str) {
        match row.support {
            Support::Full => {}
            Support::NotYet(_) | Support::Missing(_) => {
                self.unapplied.retain(|(r, _)| r.name != row.name);
                if !directives::turns_off(text) {
                    self.unapplied.push((row, place));
                }
            }
            Support::Ignored(why) => {
                let message = format!("{}= is ignored: {why}", row.name);
                self.report(Diagnostic::new("ignored-key", message, Some(place)));
            }
        }
    }

    /// Keys of others are none of our business; one that is nearly ours was probably meant to be.
    fn unknown_extension(&mut self, section: Section, entry: &Entry, document: &Document) {
        let key: &str = &entry.key;
        let ours = |row: &&&Row| row.name.starts_with("X-");
        let message = match directives::named(key).first() {
            Some(_) => format!("{key}= has no effect in section [{}]", section.as_str()),
            None => {
                let names = directives::rows().iter().filter(ours).map(|row| &row.name[2..]);
                let Some(near) = report::nearest(&key[2..], names) else { return };
                format!("{key}= means nothing to porterd; X-{near}= would")
            }
        };
        let place = document.place(entry.key_span.clone());
        self.report(Diagnostic::new("unknown-extension", message, Some(place)));
    }

    fn unknown_key(&mut self, section: Section, entry: &Entry, document: &Document) {
        let key: &str = &entry.key;
        if key.starts_with("X-") {
            return self.unknown_extension(section, entry, document);
        }
        let place = document.place(entry.key_span.clone());
        let message = format!("unknown key {key}= in section [{}]", section.as_str());
        let mut diagnostic = Diagnostic::new("unknown-key", message, Some(place));
        if let Some(row) = directives::find(section, key) {
            let help = format!("systemd has it since {}, and 252 counts (strict_systemd)", row.since);
            diagnostic = diagnostic.with_help(help);
        } else if let Some(row) = directives::named(key).first() {
            let homes: Vec<String> = row.sections().map(|s| format!("[{}]", s.as_str())).collect();
            diagnostic = diagnostic.with_help(format!("{key}= belongs into {}", homes.join(" or ")));
        } else {
            let names = directives::rows().iter().filter(|r| r.belongs_to(section)).map(|r| r.name);
            if let Some(near) = report::nearest(key, names) {
                diagnostic = diagnostic.with_help(format!("did you mean {near}=?"));
            }
        }
        self.report(diagnostic);
    }
}

/// A value short enough for a message.
fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    if text.chars().count() <= CHARACTERS_MAX {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(CHARACTERS_MAX).collect();
    short.push('…');
    short
}
