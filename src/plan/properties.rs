//! Process properties that need no order among each other but systemd's: OOM score, scheduling,
//! limits, directories.

use super::exec::c_string;
use super::occasion::{Ambient, Label, Occasion};
use super::program::{Purpose, Step};
use crate::unit::exec::{RareExec, Resource, Rlimit};

/// systemd's manager defaults; everything else is as porterd was started.
const DEFAULT_LIMITS: [(Resource, Rlimit); 2] = [
    // More than 1024 is never given unasked: programs that use select() break.
    (Resource::Nofile, Rlimit { soft: 1024, hard: 524_288 }),
    (Resource::Memlock, Rlimit { soft: 8 << 20, hard: 8 << 20 }),
];

const RESOURCES: [Resource; 16] = [
    Resource::Cpu,
    Resource::Fsize,
    Resource::Data,
    Resource::Stack,
    Resource::Core,
    Resource::Rss,
    Resource::Nproc,
    Resource::Nofile,
    Resource::Memlock,
    Resource::As,
    Resource::Locks,
    Resource::Sigpending,
    Resource::Msgqueue,
    Resource::Nice,
    Resource::Rtprio,
    Resource::Rttime,
];

/// Signals, idle wait, session: before anything can go wrong.
pub(super) fn signals(occasion: &Occasion<'_>, steps: &mut Vec<Step>) {
    let pipe = 1u64 << (libc::SIGPIPE - 1);
    let ignored = occasion.ambient.ignored_signals;
    let wanted = if occasion.exec.deliver_sigpipe { 0 } else { pipe };
    if ignored & !wanted != 0 {
        steps.push(Step::DefaultSignals(ignored & !wanted));
    }
    if wanted & !ignored != 0 {
        steps.push(Step::IgnoreSignals(wanted));
    }
    steps.push(Step::Unmask);
}

/// File creation mask; set before output files are made, which it covers.
pub(super) fn umask(occasion: &Occasion<'_>, steps: &mut Vec<Step>) {
    let umask = occasion.exec.umask.unwrap_or(0o022);
    if umask != occasion.ambient.umask {
        steps.push(Step::Umask(umask));
    }
}

/// OOM score, core dump filter, scheduling, nice level, affinity, I/O priority, timer slack,
/// personality.
pub(super) fn scheduling(occasion: &Occasion<'_>, steps: &mut Vec<Step>) {
    let (exec, ambient) = (occasion.exec, occasion.ambient);
    let rare = exec.rare.as_deref();
    let oom = exec.oom_score_adjust.unwrap_or(ambient.started_oom_score_adjust);
    if oom != ambient.oom_score_adjust {
        steps.push(write("/proc/self/oom_score_adj", oom.to_string(), Purpose::OomAdjust));
    }
    if let Some(filter) = rare.and_then(|r| r.coredump_filter) {
        steps.push(write("/proc/self/coredump_filter", format!("{filter:#x}"), Purpose::Limits));
    }
    steps.extend(rare.and_then(scheduler));
    if let Some(nice) = exec.nice.filter(|n| *n != ambient.nice) {
        steps.push(Step::Nice(nice));
    }
    let Some(rare) = rare else { return };
    if !rare.cpu_affinity.is_empty() {
        steps.push(Step::Affinity(cpu_mask(&rare.cpu_affinity)));
    }
    if let Some((class, level)) = rare.io_scheduling {
        steps.push(Step::IoPriority(i32::from(class) << 13 | i32::from(level)));
    }
    steps.extend(rare.timer_slack_nsec.map(Step::TimerSlack));
    steps.extend(rare.personality.map(Step::Personality));
}

/// The SELinux label, late: the steps before it are porterd's own.
pub(super) fn label(occasion: &Occasion<'_>, steps: &mut Vec<Step>) {
    let purpose = Purpose::SelinuxContext;
    match occasion.label {
        Label::Is(label) if occasion.sandboxed() => {
            let (path, content) = (c_string("/proc/self/attr/exec"), label.as_bytes().to_vec());
            steps.push(Step::Write { path, content, optional: false, purpose });
        }
        Label::Unknown(errno) if occasion.sandboxed() => steps.push(Step::Fail { purpose, errno }),
        Label::Policy | Label::Is(_) | Label::Unknown(_) => {}
    }
}

fn write(path: &str, content: String, purpose: Purpose) -> Step {
    Step::Write { path: c_string(path), content: content.into_bytes(), optional: true, purpose }
}

fn scheduler(rare: &RareExec) -> Option<Step> {
    if rare.cpu_scheduling_policy.is_none()
        && rare.cpu_scheduling_priority.is_none()
        && !rare.cpu_scheduling_reset_on_fork
    {
        return None;
    }
    let policy = rare.cpu_scheduling_policy.unwrap_or(libc::SCHED_OTHER);
    let realtime = policy == libc::SCHED_FIFO || policy == libc::SCHED_RR;
    // The kernel takes 1..99 for the realtime policies and nothing but 0 for the others.
    let priority = if realtime { rare.cpu_scheduling_priority.unwrap_or(0).clamp(1, 99) } else { 0 };
    let flag = if rare.cpu_scheduling_reset_on_fork { libc::SCHED_RESET_ON_FORK } else { 0 };
    Some(Step::Scheduler { policy: policy | flag, priority })
}

fn cpu_mask(cpus: &[u32]) -> Vec<u64> {
    let words = cpus.iter().map(|cpu| *cpu as usize / 64 + 1).max().unwrap_or(0);
    let mut mask = vec![0; words];
    for cpu in cpus {
        mask[*cpu as usize / 64] |= 1 << (cpu % 64);
    }
    mask
}

/// Resource limits that differ from porterd's own. With `+` the process keeps porterd's.
/// The limits that processes have where the unit sets none.
pub fn default_limits(ambient: &Ambient) -> impl Iterator<Item = (Resource, Rlimit)> {
    let own =
        |resource| find_limit(&DEFAULT_LIMITS, resource).or_else(|| find_limit(&ambient.started_limits, resource));
    RESOURCES.into_iter().filter_map(move |resource| Some((resource, own(resource)?)))
}

fn find_limit(list: &[(Resource, Rlimit)], resource: Resource) -> Option<Rlimit> {
    list.iter().find(|(known, _)| *known == resource).map(|(_, limit)| *limit)
}

pub(super) fn limits(occasion: &Occasion<'_>, steps: &mut Vec<Step>) {
    if !occasion.sandboxed() {
        return;
    }
    let ambient = occasion.ambient;
    for resource in RESOURCES {
        let wanted = find_limit(&occasion.exec.limits, resource)
            .or_else(|| find_limit(&DEFAULT_LIMITS, resource))
            .or_else(|| find_limit(&ambient.started_limits, resource));
        let now = find_limit(&ambient.limits, resource);
        let reachable = |wanted: Rlimit| match now {
            // As the child would find out by itself: as high as can be, rather than not at all.
            Some(now) if !ambient.may_raise_limits => {
                Rlimit { soft: wanted.soft.min(now.hard), hard: wanted.hard.min(now.hard) }
            }
            Some(_) | None => wanted,
        };
        if let Some(limit) = wanted.map(reachable).filter(|limit| now != Some(*limit)) {
            steps.push(Step::Limit(resource as u32, limit.soft, limit.hard));
        }
    }
}

/// `WorkingDirectory=~` without a home directory.
pub(super) fn home_failure(occasion: &Occasion<'_>) -> Option<Step> {
    let directory = occasion.exec.working_directory.as_ref()?;
    (directory.path.is_none() && home(occasion).is_none())
        .then_some(Step::Fail { purpose: Purpose::Chdir, errno: libc::EINVAL })
}

/// The user's home; where that is none and `WorkingDirectory=~` wants one, porterd's own.
pub(super) fn home<'a>(occasion: &Occasion<'a>) -> Option<&'a str> {
    let own = occasion.identity.as_ref().ok().filter(|_| occasion.exec.user.is_some());
    let wanted = occasion.exec.working_directory.as_ref().is_some_and(|directory| directory.path.is_none());
    own.and_then(|identity| identity.usable_home()).or_else(|| occasion.ambient.home.as_deref().filter(|_| wanted))
}

/// `RootDirectory=`; before the change of user, which would lose the right to do it.
pub(super) fn root(occasion: &Occasion<'_>, steps: &mut Vec<Step>) {
    if let Some(root) = root_directory(occasion) {
        steps.push(Step::Chroot(c_string(root)));
    }
}

fn root_directory<'a>(occasion: &Occasion<'a>) -> Option<&'a str> {
    occasion.exec.root_directory.as_deref().filter(|root| *root != "/" && occasion.changes_root())
}

/// `WorkingDirectory=`; as the user, whose right it is to be there.
pub(super) fn working_directory(occasion: &Occasion<'_>, steps: &mut Vec<Step>) {
    let ambient = occasion.ambient;
    let (directory, optional) = match &occasion.exec.working_directory {
        Some(given) => (given.path.as_deref().or_else(|| home(occasion)), given.optional),
        None if ambient.user_mode => (home(occasion).or(ambient.home.as_deref()), true),
        None => (None, false),
    };
    let directory = directory.filter(|path| *path != "/");
    // Step::Chroot ends in the new root, and an optional directory that cannot be entered in `/`.
    if directory.is_none() && !ambient.in_root && root_directory(occasion).is_none() {
        steps.push(Step::Chdir { path: c"/".into(), optional: false });
    }
    if let Some(path) = directory {
        steps.push(Step::Chdir { path: c_string(path), optional });
    }
}
