//! What clients ask for: names become loaded units, calls become requests to the engine or answers
//! from its state. Wire types end here, and engine types begin.

mod dependencies;
mod files;
mod list;
mod show;
mod status;

use crate::config::{LogLevel, Readers};
use crate::control::server::Incoming;
use crate::control::varlink::errors;
use crate::control::wire::{self, Call, Outcome, Reply};
use crate::engine::effect::SignalTarget;
use crate::engine::event::Event;
use crate::engine::requests::{self, Request, Verb, Wait};
use crate::ids::{ClientId, Mono};
use crate::linux::poll::{Interest, Ready};
use crate::runtime::library::is_found;
use crate::runtime::source::Source;
use crate::runtime::turn::Daemon;
use crate::runtime::world::World;
use crate::unit::UnitName;

impl World {
    /// The engine's answer to a request.
    pub(super) fn answer(&mut self, client: ClientId, reply: &requests::Reply) {
        let outcome = match reply {
            requests::Reply::Done { hints } => Outcome { failures: Vec::new(), hints: hints.clone() },
            requests::Reply::Failed { failures } => {
                let failure = |f: &requests::Failure| wire::Failure {
                    unit: f.unit.to_string(),
                    reason: f.reason.to_owned(),
                    detail: f.detail.clone(),
                };
                Outcome { failures: failures.iter().map(failure).collect(), hints: Vec::new() }
            }
        };
        self.server.reply(client, &Reply::Outcome(outcome));
    }

    /// Watches a client for what the server wants to know of it now.
    fn follow_interest(&mut self, client: ClientId) {
        let (Some(wanted), Some(fd)) = (self.server.interest(client), self.server.fd(client)) else {
            return;
        };
        let interest = match (wanted.read, wanted.write) {
            (true, true) => Interest::ReadWrite,
            (true, false) => Interest::Read,
            (false, true) => Interest::Write,
            (false, false) => Interest::Hangup,
        };
        if self.clients.insert(client, interest) == Some(interest) {
            return;
        }
        if let Err(errno) = Source::Client(client).modify(&self.poll, fd, interest) {
            tracing::debug!("a client cannot be watched: {}", errno.desc());
        }
    }
}

impl Daemon {
    pub(super) fn accept_clients(&mut self) {
        for client in self.world.server.accept() {
            let Some(fd) = self.world.server.fd(client) else {
                continue;
            };
            match Source::Client(client).add(&self.world.poll, fd, Interest::Read) {
                Ok(()) => drop(self.world.clients.insert(client, Interest::Read)),
                Err(errno) => tracing::warn!("a client cannot be watched: {}", errno.desc()),
            }
        }
    }

    pub(super) fn hear_client(&mut self, client: ClientId, ready: Ready) {
        let now = crate::runtime::clock::now();
        if ready.writable {
            self.world.server.writable(client, now.0);
        }
        if ready.readable || ready.hangup || ready.error {
            for incoming in self.world.server.readable(client, now.0) {
                self.asked(incoming);
            }
        }
        self.world.follow_interest(client);
    }

    /// Calls that waited for an answer before them, time-outs, clients that left.
    pub(super) fn serve_clients(&mut self, now: Mono) {
        if self.world.server.is_empty() {
            return self.forget_clients();
        }
        for incoming in self.world.server.pending() {
            self.asked(incoming);
            self.pump();
        }
        self.world.server.expire(now.0);
        let clients: Vec<ClientId> = self.world.clients.keys().copied().collect();
        for client in clients {
            self.world.follow_interest(client);
        }
        self.forget_clients();
    }

    fn forget_clients(&mut self) {
        for client in self.world.server.take_closed() {
            self.world.clients.remove(&client);
            self.world.events.push_back(Event::Left { client });
        }
    }

    fn asked(&mut self, incoming: Incoming) {
        let client = incoming.client;
        if !self.may_look(&incoming) {
            return;
        }
        tracing::debug!("user {} (process {}) asks: {:?}", incoming.uid, incoming.pid, incoming.call);
        match incoming.call {
            Call::Job(job) => {
                let Some(units) = self.names_or_error(client, &job.units) else {
                    return;
                };
                self.ensure_loaded(&units);
                let (verb, wait) = (verb(job.verb), wait(job.wait));
                self.request(client, Request::Job { verb, units, wait });
            }
            Call::Kill(kill) => {
                let Some(units) = self.names_or_error(client, &kill.units) else {
                    return;
                };
                let target = match kill.whom {
                    wire::Whom::All => SignalTarget::All,
                    wire::Whom::Main => SignalTarget::Main,
                    wire::Whom::Control => SignalTarget::Control,
                };
                self.request(client, Request::Kill { units, target, signal: kill.signal });
            }
            Call::ResetFailed(which) => {
                let Some(units) = self.names_or_error(client, &which.units) else {
                    return;
                };
                self.request(client, Request::ResetFailed { units });
            }
            Call::Reload(_) => {
                self.reload("porterctl");
                let hints = self.findings_hint().into_iter().collect();
                self.world.server.reply(client, &Reply::Outcome(Outcome { failures: Vec::new(), hints }));
            }
            Call::LogLevel(level) => self.log_level(client, level.level.as_deref()),
            call => self.asked_to_look(client, call),
        }
    }

    /// What changes nothing is answered at once.
    fn asked_to_look(&mut self, client: ClientId, call: Call) {
        match call {
            Call::Show(show) => {
                // A template has no state and no settings until it is given an instance.
                let template = |text: &&String| UnitName::parse(text).is_some_and(|name| name.is_template());
                match show.units.iter().find(template) {
                    Some(text) => self.bad_name(client, text),
                    None => self.read_answer(client, &show.units.clone(), |daemon, _| daemon.show(&show)),
                }
            }
            Call::List(list) => {
                let reply = self.list(&list);
                self.world.server.reply(client, &Reply::List(reply));
            }
            Call::Status(status) => self.read_answer(client, &status.units.clone(), |daemon, _| daemon.status(&status)),
            Call::Cat(which) => self.read_answer(client, &which.units, |daemon, names| daemon.cat(names)),
            Call::Dependencies(which) => {
                self.read_answer(client, &which.units, |daemon, names| daemon.dependencies(names, which.reverse));
            }
            // The others are dealt with above, or by the server itself.
            _ => self.world.server.reply(client, &Reply::Nothing(wire::Nothing {})),
        }
    }

    /// Whether the asker is one of those who may; if not, they are told.
    fn may_look(&mut self, incoming: &Incoming) -> bool {
        let trusted = incoming.uid == 0 || incoming.uid == self.world.facts.ambient.uid;
        if !trusted && self.world.facts.readers == Readers::Root {
            let message =
                format!("user {} may not look; readers = \"everyone\" in porterd.toml allows it", incoming.uid);
            let parameters = serde_json::json!({ "detail": message });
            self.world.server.error(incoming.client, errors::PERMISSION_DENIED, &parameters);
            return false;
        }
        true
    }

    fn read_answer(
        &mut self,
        client: ClientId,
        texts: &[String],
        answer: impl FnOnce(&mut Daemon, &[UnitName]) -> Reply,
    ) {
        let Some(names) = self.names_or_error(client, texts) else {
            return;
        };
        let reply = answer(self, &names);
        self.world.server.reply(client, &reply);
    }

    fn request(&mut self, client: ClientId, request: Request) {
        self.world.events.push_back(Event::Asked { client, request });
    }

    fn names_or_error(&mut self, client: ClientId, texts: &[String]) -> Option<Vec<UnitName>> {
        let names: Result<Vec<UnitName>, &String> =
            texts.iter().map(|text| UnitName::parse(text).ok_or(text)).collect();
        match names {
            Ok(names) => Some(names),
            Err(text) => {
                self.bad_name(client, text);
                None
            }
        }
    }

    fn bad_name(&mut self, client: ClientId, text: &str) {
        let parameters = serde_json::json!({ "parameter": "units", "value": text });
        self.world.server.error(client, errors::INVALID_PARAMETER, &parameters);
    }

    /// Makes the engine know these units. A name that had no file is looked for again.
    pub(super) fn ensure_loaded(&mut self, names: &[UnitName]) {
        let unknown: Vec<UnitName> = names.iter().filter(|name| !self.is_known(name)).cloned().collect();
        if unknown.is_empty() {
            return;
        }
        let engine = &self.engine;
        let known = |name: &UnitName| {
            engine.unit_id(name.as_str()).and_then(|id| engine.unit(id)).is_some_and(|unit| is_found(unit))
        };
        let event = self.units.load_missing(&mut self.world.users, &unknown, known);
        self.world.events.push_back(event);
        self.pump();
    }

    fn is_known(&self, name: &UnitName) -> bool {
        self.engine.unit_id(name.as_str()).and_then(|id| self.engine.unit(id)).is_some_and(|unit| is_found(unit))
    }

    /// Reads all unit files again.
    pub(super) fn reload(&mut self, who: &str) {
        tracing::info!("reloading unit files ({who})");
        self.world.upstream.reloading();
        let names: Vec<UnitName> = self.engine.list().map(|status| status.unit.name.clone()).collect();
        let event = self.units.reload(&mut self.world.users, &names);
        self.world.blueprints.clear();
        self.world.events.push_back(event);
        self.pump();
        self.world.upstream.ready();
    }

    fn findings_hint(&self) -> Option<String> {
        let (errors, warnings) = self.units.findings();
        (errors + warnings > 0)
            .then(|| format!("{errors} errors and {warnings} warnings in unit files; porterctl verify shows them"))
    }

    fn log_level(&mut self, client: ClientId, wanted: Option<&str>) {
        if let Some(word) = wanted {
            match crate::runtime::cli::level(word) {
                Ok(level) => crate::log::set_level(level),
                Err(why) => {
                    let parameters = serde_json::json!({ "parameter": "level", "value": word, "message": why });
                    return self.world.server.error(client, errors::INVALID_PARAMETER, &parameters);
                }
            }
        }
        let level = level_word(crate::log::level()).to_owned();
        self.world.server.reply(client, &Reply::LogLevel(wire::LogLevel { level: Some(level) }));
    }
}

fn level_word(level: LogLevel) -> &'static str {
    crate::runtime::cli::LEVELS.iter().find(|(_, l)| *l == level).map_or("info", |(word, _)| word)
}

fn verb(verb: wire::Verb) -> Verb {
    match verb {
        wire::Verb::Start => Verb::Start,
        wire::Verb::Stop => Verb::Stop,
        wire::Verb::Restart => Verb::Restart,
        wire::Verb::TryRestart => Verb::TryRestart,
        wire::Verb::Reload => Verb::Reload,
        wire::Verb::ReloadOrRestart => Verb::ReloadOrRestart,
    }
}

fn wait(wait: wire::Wait) -> Wait {
    match wait {
        wire::Wait::Queued => Wait::Queued,
        wire::Wait::Done => Wait::Done,
        wire::Wait::Ended => Wait::Ended,
    }
}
