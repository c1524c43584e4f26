//! A reload reaches a socket that is up: options of open ports follow, new ports are opened, and what
//! happened is told in one line.

use super::ports::{service_of, socket_of};
use crate::engine::effect::Adjust;
use crate::engine::event::Event;
use crate::ids::{FdToken, UnitId};
use crate::linux::socket;
use crate::plan::bind::{self, Port, Recipe};
use crate::plan::live;
use crate::runtime::world::World;
use crate::unit::{SocketUnit, Unit};

/// What became of a socket, for the message.
#[derive(Default)]
struct Story {
    opened: Vec<String>,
    closed: Vec<String>,
    live: Vec<&'static str>,
    waits: Vec<&'static str>,
}

impl World {
    pub(super) fn adjust(&mut self, adjust: &Adjust) {
        let (Some(before), Some(now)) = (socket_of(&adjust.before), socket_of(&adjust.settings)) else {
            return;
        };
        let service = adjust.service.as_deref().and_then(service_of);
        let old = bind::recipe(before, service, &self.facts.bind);
        let new = bind::recipe(now, service, &self.facts.bind);
        let mut story = Story::default();
        for (was, is, fd) in &adjust.kept {
            if let (Some(was), Some(is), true) = (port(&old, *was), port(&new, *is), adjust.live) {
                self.follow(&adjust.settings, *fd, was, is, &mut story);
            }
        }
        self.rename(adjust, now);
        story.closed.extend(adjust.closed.iter().filter_map(|index| port(&old, *index)).map(display));
        let (opened, missing) = self.open_more(adjust, now, &new, &mut story);
        if adjust.live {
            self.follow_nodes(adjust.unit, &adjust.settings, (&old, &new), &mut story);
            story.tell(&adjust.settings);
        }
        self.publish_again(adjust, now, &new, &opened);
        let missing = missing.join("; ").into();
        self.events.push_back(Event::Adjusted { unit: adjust.unit, fds: opened, missing });
    }

    /// What the kernel can change on an open port.
    fn follow(&mut self, settings: &Unit, fd: FdToken, before: &Port, now: &Port, story: &mut Story) {
        let changes = live::changes(before, now);
        let Some(open) = self.handles.get(fd) else {
            return;
        };
        for (directive, step) in &changes.live {
            match socket::follow(open, step) {
                Ok(()) => add(&mut story.live, directive),
                Err(errno) => {
                    let text = format!("{}: {directive}= cannot be changed now: {}", now.display, errno.desc());
                    self.warn_unit(settings, "socket-option-failed", &text);
                    add(&mut story.waits, directive);
                }
            }
        }
        changes.restart.iter().for_each(|directive| add(&mut story.waits, directive));
    }

    /// What connections get, and names in the store of the supervisor above, go by the new settings.
    fn rename(&mut self, adjust: &Adjust, now: &SocketUnit) {
        let mut moved = Vec::new();
        for (was, is, fd) in &adjust.kept {
            let Some(open) = self.handles.get(*fd).and_then(|open| open.try_clone_to_owned().ok()) else {
                continue;
            };
            let Some(old) = self.listeners.remove(fd) else {
                continue;
            };
            let mut listener = self.listener(now, *is, &open);
            listener.further = old.further;
            match old.stored {
                // All old names are given up before a new one is taken: they may change places.
                Some(name) if was != is => {
                    self.upstream.unstore(&name);
                    moved.push((*fd, *is, open));
                }
                stored => listener.stored = stored,
            }
            self.listeners.insert(*fd, listener);
        }
        for (fd, index, open) in moved {
            let stored = self.store_upstream(&adjust.settings, index, &open);
            if let Some(listener) = self.listeners.get_mut(&fd) {
                listener.stored = stored;
            }
        }
    }

    /// The file of addresses follows, too.
    fn publish_again(&self, adjust: &Adjust, now: &SocketUnit, new: &Recipe, opened: &[(u16, FdToken)]) {
        let Some(path) = new.publish.as_deref().filter(|_| adjust.live) else {
            return;
        };
        let mut fds: Vec<(u16, FdToken)> =
            adjust.kept.iter().map(|(_, is, fd)| (*is, *fd)).chain(opened.iter().copied()).collect();
        fds.sort_by_key(|(index, _)| *index);
        if let Err(errno) = self.publish(now, path, &fds) {
            let text = format!("X-PublishAddress={path} cannot be written: {}", errno.desc());
            self.warn_unit(&adjust.settings, "socket-changed", &text);
        }
    }

    /// Each new port by itself: one that cannot be opened does not take the others along.
    fn open_more(
        &mut self,
        adjust: &Adjust,
        now: &SocketUnit,
        new: &Recipe,
        story: &mut Story,
    ) -> (Vec<(u16, FdToken)>, Vec<String>) {
        let (mut opened, mut missing) = (Vec::new(), Vec::new());
        let owner = self.node_owner(new);
        for index in &adjust.open {
            let Some(wanted) = port(new, *index) else {
                continue;
            };
            let ready = self.namespace_of_ports(adjust.namespace, &now.exec);
            match ready.and_then(|()| self.open_port(&adjust.settings, wanted, owner, adjust.namespace)) {
                Ok(fds) => {
                    story.opened.push(display(wanted));
                    for fd in fds {
                        let mut listener = self.listener(now, *index, &fd);
                        listener.stored = self.store_upstream(&adjust.settings, *index, &fd);
                        let token = self.handles.keep(fd);
                        self.listeners.insert(token, listener);
                        self.keep_node(&adjust.settings, *index, token);
                        opened.push((*index, token));
                    }
                }
                Err((_, why)) => missing.push(format!("{}: {why}", wanted.display)),
            }
        }
        (opened, missing)
    }

    /// Owners and links.
    fn follow_nodes(&mut self, _unit: UnitId, settings: &Unit, (old, new): (&Recipe, &Recipe), story: &mut Story) {
        if new.chown.is_some() && (new.chown != old.chown || !story.opened.is_empty()) {
            match self.chown_nodes(settings) {
                Ok(()) if new.chown != old.chown => add(&mut story.live, &"SocketUser"),
                Ok(()) => {}
                Err((_, why)) => self.warn_unit(settings, "socket-chown-failed", &why),
            }
        } else if old.chown.is_some() && new.chown.is_none() {
            add(&mut story.waits, &"SocketUser");
        }
        // Removing the node of a port that is closed took the links along.
        if new.symlinks != old.symlinks || !story.closed.is_empty() {
            for warning in socket::symlinks(&new.symlinks) {
                self.warn_unit(settings, "socket-link-failed", &warning.to_string());
            }
        }
        if new.symlinks != old.symlinks {
            add(&mut story.live, &"Symlinks");
        }
    }
}

impl Story {
    fn tell(&self, settings: &Unit) {
        let named = |list: &[&'static str]| {
            let names: Vec<String> = list.iter().map(|name| format!("{name}=")).collect();
            names.join(", ")
        };
        let mut parts = Vec::new();
        if !self.opened.is_empty() {
            parts.push(format!("listens on {} too", self.opened.join(", ")));
        }
        if !self.closed.is_empty() {
            parts.push(format!("does not listen on {} any more", self.closed.join(", ")));
        }
        if !self.live.is_empty() {
            parts.push(format!("{} changed while it listens", named(&self.live)));
        }
        if !self.waits.is_empty() {
            parts.push(format!("{} will count after a restart of it", named(&self.waits)));
        }
        if !parts.is_empty() {
            let unit = settings.name.as_str();
            tracing::info!(UNIT = unit, CODE = "socket-changed", "its file changed: {}", parts.join("; "));
        }
    }
}

fn port(recipe: &Recipe, index: u16) -> Option<&Port> {
    recipe.ports.get(usize::from(index))
}

fn display(port: &Port) -> String {
    format!("{} ({})", port.display, port.type_word)
}

fn add(list: &mut Vec<&'static str>, name: &&'static str) {
    if !list.contains(name) {
        list.push(name);
    }
}
