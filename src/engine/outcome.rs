//! How jobs end: which state finishes which job, and who is told.

use super::effect::Level;
use super::jobs::{Job, JobKind, JobResult};
use super::requests::Failure;
use super::slot::{Machine, Relation};
use super::status::ActiveState;
use super::{Engine, Inner};
use crate::ids::UnitId;
use std::sync::Arc;

impl Engine {
    /// The unit is in a (new) state: does that finish its job? Returns whether the state is none
    /// that its job led to.
    pub(super) fn job_notice(&mut self, id: UnitId, new: ActiveState) -> bool {
        let Some(job) = self.units.get(&id).and_then(|slot| slot.job.as_ref()) else {
            return true;
        };
        let (kind, running) = (job.kind, job.running);
        match kind {
            JobKind::Start if new.is_up() => self.finish_job(id, JobResult::Done),
            JobKind::Start if running && new.is_down() => {
                let result = if new == ActiveState::Failed { self.failure_of(id) } else { JobResult::Done };
                self.finish_job(id, result);
                return true;
            }
            JobKind::Start => return !matches!(new, ActiveState::Activating),
            JobKind::Stop | JobKind::Restart if new.is_down() && running => self.finish_job(id, JobResult::Done),
            JobKind::Stop | JobKind::Restart if running && new != ActiveState::Deactivating => {
                self.finish_job(id, JobResult::Failed("failed", "the unit did not stop".to_owned()));
                return true;
            }
            JobKind::Stop | JobKind::Restart => return !running,
            JobKind::Verify => return true,
            JobKind::Reload if !running => return true,
            JobKind::Reload if new == ActiveState::Active => {
                let result = self.reload_outcome(id);
                self.finish_job(id, result);
            }
            JobKind::Reload if new.is_down() => {
                // It ended meanwhile: a failure only if that was one.
                let result = if new == ActiveState::Failed { self.failure_of(id) } else { JobResult::Done };
                self.finish_job(id, result);
                return true;
            }
            JobKind::Reload => return new == ActiveState::Deactivating,
        }
        false
    }

    fn failure_of(&self, id: UnitId) -> JobResult {
        let Some(slot) = self.units.get(&id) else {
            return JobResult::Done;
        };
        let result = match &slot.machine {
            Machine::Socket(socket) => socket.result.as_str(),
            Machine::Service(service) => service.result.as_str(),
            Machine::Target(_) | Machine::Inert => "success",
        };
        let name = &slot.unit.name;
        JobResult::Failed("failed", format!("{name} failed with result '{result}'; see `porterctl status {name}`"))
    }

    pub(super) fn finish_job(&mut self, id: UnitId, result: JobResult) {
        let Some(slot) = self.units.get_mut(&id) else {
            return;
        };
        let Some(mut job) = slot.job.take() else {
            return;
        };
        if job.kind == JobKind::Restart && result == JobResult::Done {
            // The second half.
            *job = Job { kind: JobKind::Start, running: false, checked: false, cursor: None, ..*job };
            slot.job = Some(job);
            self.run_soon(id);
            self.wake_blocked(id);
            return;
        }
        self.job_count -= 1;
        self.checks -= usize::from(job.checking);
        self.deadlines.set(id, super::Reason::Job, None);
        let name = slot.unit.name.text();
        for request in &job.requests {
            let failure = match &result {
                JobResult::Done => None,
                JobResult::Failed(reason, detail) => {
                    Some(Failure { unit: Arc::clone(&name), reason, detail: detail.clone() })
                }
            };
            self.request_progress(*request, id, failure);
        }
        if let JobResult::Failed(reason, detail) = &result {
            if *reason != "canceled" && *reason != "failed" {
                self.tell("job-failed", Level::Error, id, format!("{} job: {detail}", job.kind.as_str()));
            }
            match job.kind {
                JobKind::Start | JobKind::Verify if *reason != "canceled" => {
                    self.fail_starts(id, &[Relation::RequiredBy, Relation::RequisiteOf, Relation::BoundBy], &name);
                }
                JobKind::Stop if *reason != "canceled" => self.fail_starts(id, &[Relation::ConflictedBy], &name),
                JobKind::Start | JobKind::Stop | JobKind::Restart | JobKind::Reload | JobKind::Verify => {}
            }
            if matches!(*reason, "dependency" | "timeout") {
                // It does not come to what the unit itself would do about a failure.
                for other in self.relatives(id, Relation::OnFailure) {
                    self.submit(other, JobKind::Start, None).ok();
                }
            }
            if job.kind.starts() {
                self.service_restart_refused(id);
            }
        }
        self.wake_blocked(id);
        self.deferred_look_again();
        self.reviews.insert(id);
        self.inner.push_back(Inner::TriggerNotify(id));
        self.inner.push_back(Inner::Collect(id));
    }

    /// Jobs that start what needed this one to come up, or to go. What runs already was not ordered after this
    /// one and goes on, but its job has failed.
    fn fail_starts(&mut self, id: UnitId, whose: &[Relation], name: &str) {
        for relation in whose {
            for other in self.relatives(id, *relation) {
                let starting = self.units.get(&other).is_some_and(|slot| {
                    // Opening ports takes no time, as far as others can see.
                    let opens = matches!(&slot.machine, Machine::Socket(socket) if socket.opens());
                    !opens && slot.job.as_ref().is_some_and(|job| job.kind == JobKind::Start)
                });
                if starting {
                    let how = if *relation == Relation::ConflictedBy {
                        "is in its way, did not stop"
                    } else {
                        "it requires, did not start"
                    };
                    self.finish_job(other, JobResult::Failed("dependency", format!("{name}, which {how}")));
                }
            }
        }
    }

    pub(super) fn job_timeout(&mut self, id: UnitId) {
        let detail = "JobTimeoutSec= is over".to_owned();
        self.finish_job(id, JobResult::Failed("timeout", detail));
    }
}
