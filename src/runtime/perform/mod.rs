//! Effects become kernel calls, and what comes of them becomes events: no error leaves here (R14).

pub(super) mod accept;
mod adjust;
pub(super) mod find_main;
mod namespaces;
mod nodes;
pub(super) mod notify;
pub(super) mod peers;
pub(super) mod ports;
pub(super) mod processes;
pub(super) mod signal;
pub(super) mod spawn;

use super::conditions;
use super::world::World;
use crate::engine::effect::{Announcement, Effect, Level, Note};
use crate::engine::event::{Event, Verdict};
use crate::unit::Unit;

impl World {
    /// Carries one effect out.
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Bind { unit, settings, service, namespace } => {
                self.bind(unit, &settings, service.as_ref(), namespace)
            }
            Effect::DropNamespace { namespace } => self.drop_namespace(namespace),
            Effect::HealNode { fd, settings, index, renew } => self.heal_node(fd, &settings, index, renew),
            Effect::Adjust(adjust) => self.adjust(&adjust),
            Effect::Chown { unit, settings } => self.chown(unit, &settings),
            Effect::ResolvePeers { unit, settings } => self.resolve_peers(unit, &settings),
            Effect::RemoveNodes { settings, ports } => self.remove_nodes(&settings, &ports),
            Effect::Close { fd } => self.close(fd),
            Effect::Watch { fd } => self.watch(fd),
            Effect::Unwatch { fd } => self.unwatch(fd),
            Effect::Accept { fd, settings, budget, shed } => self.accept(fd, &settings, budget, shed),
            Effect::Drain { fd } => self.drain(fd),
            Effect::Spawn(spawn) => self.spawn(&spawn),
            Effect::Signal { unit, target, signal, also_hup, plain } => {
                self.signal(unit, target, signal, also_hup, plain)
            }
            Effect::Release { unit, settings } => self.release(unit, &settings),
            Effect::Check { unit, settings } => {
                let verdict = self.check(&settings);
                self.events.push_back(Event::Checked { unit, verdict });
            }
            Effect::FindMain { unit, settings, proc, pid, trusted, wait } => {
                self.find_main(find_main::Search { unit, settings, proc, pid, trusted, wait });
            }
            Effect::WatchStored { fd } => self.watch_stored(fd),
            Effect::EndIdle => self.idle = None,
            Effect::Answer { client, reply } => self.answer(client, &reply),
            Effect::Tell(note) => self.tell(&note),
            // There is no record yet: what survives a crash is what the kernel and the files hold.
            Effect::Save { .. } => {}
            Effect::Forget { unit } => self.forget(unit),
            Effect::Announce(what) => self.announce(&what),
            Effect::Leave { code } => self.leave = Some(code),
        }
    }

    fn check(&self, settings: &Unit) -> Verdict {
        let (common, around) = (&settings.common, &self.facts.around);
        match conditions::unmet(&common.conditions, around, "Condition") {
            Some(why) => Verdict::ConditionUnmet(why),
            None => conditions::unmet(&common.asserts, around, "Assert").map_or(Verdict::Go, Verdict::AssertUnmet),
        }
    }

    /// A note of the engine; the engine knows no addresses, so they are added here.
    fn tell(&mut self, note: &Note) {
        let listening = note.unit.as_ref().filter(|_| note.code == "socket-listening");
        match listening.and_then(|unit| self.doors.remove(unit)) {
            Some(door) => log(note, &format!("{} on {door}", note.text)),
            None => log(note, &note.text),
        }
    }

    fn announce(&mut self, what: &Announcement) {
        match what {
            Announcement::Ready => {
                self.upstream.ready();
                // What nobody asked for by now belongs to no unit.
                if self.inherited.len() > 0 {
                    tracing::warn!("{} passed sockets match no unit and are closed", self.inherited.len());
                    self.inherited.close_rest();
                }
            }
            Announcement::Status(text) => self.upstream.status(text),
            Announcement::Stopping => self.upstream.stopping(),
        }
    }
}

/// A note into the log, with its fields.
fn log(note: &Note, text: &str) {
    let (unit, code) = (note.unit.as_deref(), note.code);
    match note.level {
        Level::Error => tracing::error!(UNIT = unit, CODE = code, "{text}"),
        Level::Warning => tracing::warn!(UNIT = unit, CODE = code, "{text}"),
        Level::Notice | Level::Info => tracing::info!(UNIT = unit, CODE = code, "{text}"),
        Level::Debug => tracing::debug!(UNIT = unit, CODE = code, "{text}"),
    }
}
