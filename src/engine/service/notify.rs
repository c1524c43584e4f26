//! What a service says about itself (sd_notify(3)), and the descriptors it gives us to keep.

use super::{ServiceResult, ServiceState, Stored, Told};
use crate::bounds::{FD_NAME_BYTES_MAX, STATUS_BYTES_MAX};
use crate::engine::effect::{Effect, Level};
use crate::engine::event::Sender;
use crate::engine::{Engine, Reason};
use crate::ids::{FdToken, Text, UnitId};
use crate::unit::service::{NotifyAccess, ServiceType, StorePreserve};

/// The largest number that the kernel uses for an error.
const ERRNO_MAX: i32 = 4095;

/// The words of one message by key.
struct Words<'a>(&'a [(Text, Text)]);

impl Words<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| &**k == key).map(|(_, v)| &**v)
    }

    fn is(&self, key: &str) -> bool {
        self.get(key) == Some("1")
    }

    /// `READY=1`, `RELOADING=1` and `STOPPING=1`: which of them count.
    fn phases(&self, last_counts: bool) -> (bool, bool, bool) {
        let word = |key: &str| self.0.iter().rposition(|(k, v)| &**k == key && &**v == "1");
        let (ready, reloading, stopping) = (word("READY"), word("RELOADING"), word("STOPPING"));
        let last = ready.max(reloading).max(stopping);
        let counts = |at: Option<usize>| at.is_some() && (!last_counts || at == last);
        (counts(ready), counts(reloading), counts(stopping))
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.get(key)?.parse().ok()
    }
}

impl Engine {
    pub(in crate::engine) fn service_notified(
        &mut self,
        id: UnitId,
        sender: Sender,
        words: &[(Text, Text)],
        fds: Vec<FdToken>,
    ) {
        let words = Words(words);
        if !self.notify_allowed(id, sender) {
            return self.close_all(fds);
        }
        if words.is("BARRIER") {
            // Alone with one descriptor it means: close it once everything before is done. That is now.
            if words.0.len() != 1 || fds.len() != 1 {
                self.tell(
                    "notify-bad-barrier",
                    Level::Warning,
                    id,
                    "BARRIER=1 must come alone and with one descriptor",
                );
            }
            return self.close_all(fds);
        }
        if let Some(pid) = words.get("MAINPID") {
            self.notify_main_pid(id, sender, pid);
        }
        self.notify_phase(id, &words);
        self.notify_texts(id, &words);
        self.notify_timers(id, &words);
        self.notify_store(id, &words, fds);
    }

    fn close_all(&mut self, fds: Vec<FdToken>) {
        for fd in fds {
            self.out.push(Effect::Close { fd });
        }
    }

    fn notify_allowed(&mut self, id: UnitId, sender: Sender) -> bool {
        let Some(unit) = self.service_unit(id) else {
            return false;
        };
        let Some(service) = self.service(id) else {
            return false;
        };
        let access = service.access_override.unwrap_or(unit.notify_access);
        let needed = match sender {
            Sender::Known(proc) if service.main.as_ref().is_some_and(|main| main.token == proc) => NotifyAccess::Main,
            Sender::Known(proc) if service.control.as_ref().is_some_and(|control| control.token == proc) => {
                NotifyAccess::Exec
            }
            Sender::Known(_) | Sender::Other(..) => NotifyAccess::All,
        };
        if access >= needed {
            return true;
        }
        let who = match sender {
            Sender::Known(_) => "its control process".to_owned(),
            Sender::Other(pid, _) => format!("PID {pid}"),
        };
        let text = format!("notification from {who} ignored: NotifyAccess={} does not allow it", access_word(access));
        self.tell("notify-refused", if access == NotifyAccess::None { Level::Debug } else { Level::Warning }, id, text);
        false
    }

    fn notify_main_pid(&mut self, id: UnitId, sender: Sender, pid: &str) {
        let Some(service) = self.service(id) else {
            return;
        };
        let hears = matches!(
            service.state,
            ServiceState::Start
                | ServiceState::StartPost
                | ServiceState::Running
                | ServiceState::Reload
                | ServiceState::ReloadSignal
                | ServiceState::ReloadNotify
        );
        let Some(pid) = pid.parse::<i32>().ok().filter(|pid| *pid > 1) else {
            return self.tell("notify-bad-pid", Level::Warning, id, format!("MAINPID={pid} is no process id"));
        };
        let same = service.main.as_ref().is_some_and(|main| main.pid == pid);
        let control = service.control.as_ref().is_some_and(|control| control.pid == pid);
        if hears && !same && !control {
            let trusted = matches!(sender, Sender::Other(_, true));
            self.service_find_main(id, Some(pid), trusted, false);
        }
    }

    /// STOPPING beats the other two in one message, READY beats RELOADING.
    fn notify_phase(&mut self, id: UnitId, words: &Words<'_>) {
        let Some(unit) = self.service_unit(id) else {
            return;
        };
        let last_counts = self.policy.last_phase_counts;
        let Some(service) = self.service_mut(id) else {
            return;
        };
        let (ready, reloading, stopping) = words.phases(last_counts);
        let state = service.state;
        let notify = matches!(unit.service_type, ServiceType::Notify | ServiceType::NotifyReload);
        if stopping {
            service.told = Told::Stopping;
            if matches!(
                state,
                ServiceState::Running | ServiceState::Reload | ServiceState::ReloadSignal | ServiceState::ReloadNotify
            ) {
                self.service_stop_by_notify(id);
            }
            return;
        }
        let fresh = words.number("MONOTONIC_USEC").is_some_and(|at| at >= service.reload_began.0);
        if reloading {
            service.told = Told::Reloading;
            match state {
                ServiceState::Running if !ready => self.service_enter(id, ServiceState::ReloadNotify),
                ServiceState::ReloadSignal if fresh => self.service_enter(id, ServiceState::ReloadNotify),
                ServiceState::Running
                | ServiceState::ReloadSignal
                | ServiceState::Dead
                | ServiceState::Condition
                | ServiceState::StartPre
                | ServiceState::Start
                | ServiceState::StartPost
                | ServiceState::Exited
                | ServiceState::Reload
                | ServiceState::ReloadNotify
                | ServiceState::Stop
                | ServiceState::StopWatchdog
                | ServiceState::StopSigterm
                | ServiceState::StopSigkill
                | ServiceState::StopPost
                | ServiceState::FinalWatchdog
                | ServiceState::FinalSigterm
                | ServiceState::FinalSigkill
                | ServiceState::Failed
                | ServiceState::AutoRestart => {}
            }
        }
        if ready {
            let Some(service) = self.service_mut(id) else {
                return;
            };
            service.told = Told::Ready;
            if service.state == ServiceState::Start && notify {
                self.service_start_post(id);
            } else if service.state == ServiceState::ReloadNotify {
                self.service_reload_ended(id, ServiceResult::Success);
            }
        }
    }

    fn notify_texts(&mut self, id: UnitId, words: &Words<'_>) {
        if let Some(text) = words.get("NOTIFYACCESS").filter(|_| self.policy.notify_access_word) {
            let access = [NotifyAccess::None, NotifyAccess::Main, NotifyAccess::Exec, NotifyAccess::All];
            match access.into_iter().find(|access| access_word(*access) == text) {
                Some(access) => {
                    if let Some(service) = self.service_mut(id) {
                        service.access_override = Some(access);
                    }
                }
                None => self.tell("notify-bad-word", Level::Warning, id, format!("NOTIFYACCESS={text} is unknown")),
            }
        }
        let Some(service) = self.service_mut(id) else {
            return;
        };
        if let Some(text) = words.get("STATUS") {
            service.status_text = (!text.is_empty() && text.len() <= STATUS_BYTES_MAX).then(|| text.into());
            self.out.push(Effect::Save { unit: id });
        }
        let Some(service) = self.service_mut(id) else {
            return;
        };
        if let Some(errno) =
            words.get("ERRNO").and_then(|text| text.parse::<i32>().ok()).filter(|errno| (0..=ERRNO_MAX).contains(errno))
        {
            service.status_errno = errno;
        }
        if words.is("RESTART_RESET") {
            service.restarts = 0;
        }
    }

    fn notify_timers(&mut self, id: UnitId, words: &Words<'_>) {
        if let Some(span) = words.number("EXTEND_TIMEOUT_USEC").filter(|span| *span > 0) {
            for reason in [Reason::State, Reason::RuntimeMax, Reason::Watchdog] {
                self.extend_timer(id, reason, span);
            }
        }
        let alive = self.service(id).is_some_and(|service| service.main.is_some() || service.control.is_some());
        if words.get("WATCHDOG") == Some("trigger") {
            if alive {
                self.service_watchdog_over(id);
            }
            return;
        }
        // 0 turns it off. Whoever sends one of these is watched from now on, be it up or not yet.
        let period = words.number("WATCHDOG_USEC");
        if let (Some(period), Some(service)) = (period, self.service_mut(id)) {
            service.watchdog_override = Some(period);
        }
        if alive && (words.is("WATCHDOG") || period.is_some()) {
            self.service_arm_watchdog(id);
        }
    }

    fn notify_store(&mut self, id: UnitId, words: &Words<'_>, fds: Vec<FdToken>) {
        let name = words.get("FDNAME");
        let valid = name.filter(|name| is_fd_name(name));
        if words.is("FDSTOREREMOVE") {
            match valid {
                Some(name) => self.store_remove(id, name),
                None => self.tell(
                    "fdstore-no-name",
                    Level::Warning,
                    id,
                    "FDSTOREREMOVE=1 without a valid FDNAME= does nothing",
                ),
            }
            return self.close_all(fds);
        }
        if !words.is("FDSTORE") {
            if !fds.is_empty() {
                self.tell(
                    "notify-stray-fds",
                    Level::Warning,
                    id,
                    format!("{} descriptors nobody asked for, closing", fds.len()),
                );
            }
            return self.close_all(fds);
        }
        if name.is_some() && valid.is_none() {
            self.tell("fdstore-bad-name", Level::Warning, id, "FDNAME= is invalid, storing as 'stored'");
        }
        let max = self.service_unit(id).map_or(0, |unit| unit.more.file_descriptor_store_max) as usize;
        let name: Text = valid.unwrap_or("stored").into();
        let poll = words.get("FDPOLL") != Some("0");
        let mut refused = Vec::new();
        for fd in fds {
            let Some(service) = self.service_mut(id) else {
                return;
            };
            if service.store.len() >= max {
                refused.push(fd);
                continue;
            }
            service.store.push(Stored { fd, name: name.clone() });
            self.fds.insert(fd, id);
            if poll {
                self.out.push(Effect::WatchStored { fd });
            }
        }
        if !refused.is_empty() {
            let text = format!("{} descriptors closed: FileDescriptorStoreMax={max} is reached", refused.len());
            self.tell("fdstore-full", Level::Warning, id, text);
            self.close_all(refused);
        }
        self.out.push(Effect::Save { unit: id });
    }

    fn store_remove(&mut self, id: UnitId, name: &str) {
        let Some(service) = self.service_mut(id) else {
            return;
        };
        let (gone, kept) = std::mem::take(&mut service.store).into_iter().partition(|stored| &*stored.name == name);
        service.store = kept;
        let gone: Vec<Stored> = gone;
        for stored in gone {
            self.close_fd(stored.fd);
        }
        self.out.push(Effect::Save { unit: id });
    }

    /// A stored descriptor reported that its other end is gone.
    pub(in crate::engine) fn service_stored_gone(&mut self, fd: FdToken) {
        let Some(id) = self.fds.get(&fd).copied() else {
            return;
        };
        let Some(service) = self.service_mut(id) else {
            return;
        };
        if service.store.iter().any(|stored| stored.fd == fd) {
            service.store.retain(|stored| stored.fd != fd);
            self.close_fd(fd);
            self.out.push(Effect::Save { unit: id });
        }
    }

    /// `FileDescriptorStorePreserve=`: what the end of the service means for the store.
    pub(super) fn service_empty_store(&mut self, id: UnitId, failed: bool) {
        let preserve = self.service_unit(id).map(|unit| unit.more.file_descriptor_store_preserve);
        let keeps = match preserve {
            Some(StorePreserve::Yes) => true,
            Some(StorePreserve::OnSuccess) => !failed,
            Some(StorePreserve::No) => false,
            // A job that will start it again counts as a restart.
            Some(StorePreserve::Restart) | None => {
                self.units.get(&id).and_then(|slot| slot.job.as_ref()).is_some_and(|job| job.kind.starts())
            }
        };
        if keeps {
            return;
        }
        let Some(service) = self.service_mut(id) else {
            return;
        };
        for stored in std::mem::take(&mut service.store) {
            self.close_fd(stored.fd);
        }
    }
}

fn access_word(access: NotifyAccess) -> &'static str {
    match access {
        NotifyAccess::None => "none",
        NotifyAccess::Main => "main",
        NotifyAccess::Exec => "exec",
        NotifyAccess::All => "all",
    }
}

/// A valid descriptor name: printable ASCII without a colon, at most 255 bytes.
fn is_fd_name(name: &str) -> bool {
    name.len() <= FD_NAME_BYTES_MAX && name.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b':')
}
