//! Rows of process properties that few units set: scheduling, capabilities, personality.

use super::line::{Line, Outcome};
use super::service::word;
use super::{BOTH, Row, full};
use crate::syntax::words::Rules;
use crate::unit::values::{names, path, scalar, time};

pub(super) static ROWS: &[Row] = &[
    full(
        BOTH,
        "Nice",
        |l| l.set_some(|t| scalar::int_within(t, -20, 19), |d| &mut d.exec.nice),
        "Nice level, -20 to 19",
    ),
    full(
        BOTH,
        "OOMScoreAdjust",
        |l| l.set_some(|t| scalar::int_within(t, -1000, 1000), |d| &mut d.exec.oom_score_adjust),
        "How likely the kernel kills the processes for lack of memory, -1000 to 1000",
    ),
    full(BOTH, "CPUSchedulingPolicy", policy, "Scheduling policy: other, batch, idle, fifo or rr"),
    full(
        BOTH,
        "CPUSchedulingPriority",
        |l| l.set_some(|t| scalar::int_within(t, 1, 99), |d| &mut d.rare.cpu_scheduling_priority),
        "Priority within the real-time policies, 1 to 99",
    ),
    full(
        BOTH,
        "CPUSchedulingResetOnFork",
        |l| l.set(scalar::boolean, |d| &mut d.rare.cpu_scheduling_reset_on_fork),
        "Children start with the ordinary policy",
    ),
    full(BOTH, "CPUAffinity", cpu_affinity, "Processors on which the processes may run"),
    full(BOTH, "IOSchedulingClass", io_class, "Input/output scheduling class: realtime, best-effort or idle"),
    full(BOTH, "IOSchedulingPriority", io_priority, "Priority within the input/output class, 0 to 7"),
    full(BOTH, "TimerSlackNSec", timer_slack, "How late timers may be, so that wake-ups can be joined"),
    full(BOTH, "CapabilityBoundingSet", bounding_set, "Capabilities that processes can ever have"),
    full(BOTH, "AmbientCapabilities", ambient, "Capabilities that processes keep although User= is not root"),
    full(BOTH, "SecureBits", secure_bits, "Switches for how root and capabilities belong together"),
    full(BOTH, "Personality", personality, "Architecture that uname(2) reports"),
    full(BOTH, "CoredumpFilter", coredump_filter, "Kinds of memory that a core dump holds"),
    full(
        BOTH,
        "PrivateNetwork",
        |l| l.set(scalar::boolean, |d| &mut d.rare.private_network),
        "A network with nothing but the loopback interface",
    ),
    full(
        BOTH,
        "NetworkNamespacePath",
        |l| l.path(|d| &mut d.rare.network_namespace_path),
        "Network namespace that the processes join",
    ),
    full(BOTH, "ExecSearchPath", search_path, "Directories in which commands without a path are looked up"),
];

/// The priority in the middle of the input/output classes.
const IO_PRIORITY_DEFAULT: u8 = 4;
/// Bits of core(5) `/proc/PID/coredump_filter`.
const COREDUMP_BITS: [(&str, u64); 10] = [
    ("private-anonymous", 1),
    ("shared-anonymous", 1 << 1),
    ("private-file-backed", 1 << 2),
    ("shared-file-backed", 1 << 3),
    ("elf-headers", 1 << 4),
    ("private-huge", 1 << 5),
    ("shared-huge", 1 << 6),
    ("private-dax", 1 << 7),
    ("shared-dax", 1 << 8),
    ("all", 0x1ff),
];
/// What the kernel dumps unless told otherwise: private and shared anonymous, ELF headers, private huge.
const COREDUMP_DEFAULT: u64 = 0x33;
/// Highest processor number that a kernel can have.
const CPU_MAX: u32 = 8191;

/// The policies that have priorities (`SCHED_FIFO`, `SCHED_RR`).
const REAL_TIME: [i32; 2] = [1, 2];

/// A policy brings the nearest priority it allows with it.
fn policy(line: &mut Line<'_>) -> Outcome {
    let policy = names::scheduling_policy(line.text())?;
    let rare = &mut line.draft.rare;
    rare.cpu_scheduling_policy = Some(policy);
    rare.cpu_scheduling_priority = REAL_TIME.contains(&policy).then(|| rare.cpu_scheduling_priority.unwrap_or(1));
    Ok(())
}

/// An infinite slack is none of its own.
fn timer_slack(line: &mut Line<'_>) -> Outcome {
    let slack = time::span_nsec(line.text())?;
    line.draft.rare.timer_slack_nsec = (slack != u64::MAX).then_some(slack);
    Ok(())
}

fn cpu_affinity(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.rare.cpu_affinity.clear();
        return Ok(());
    }
    if line.text() == "numa" {
        return Err("numa needs NUMAMask=, which is not carried out".into());
    }
    let mut set = line.draft.rare.cpu_affinity.clone();
    for part in line.text().split([' ', '\t', ',']).filter(|p| !p.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (scalar::unsigned32(first)?, scalar::unsigned32(last)?);
        if first > last || last > CPU_MAX {
            return Err(format!("{part:?} is no range of processors").into());
        }
        set.extend(first..=last);
    }
    set.sort_unstable();
    set.dedup();
    line.draft.rare.cpu_affinity = set;
    Ok(())
}

fn io_class(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.rare.io_scheduling = None;
        return Ok(());
    }
    let class = names::io_scheduling_class(line.text())?;
    let (_, priority) = line.draft.rare.io_scheduling.unwrap_or((0, IO_PRIORITY_DEFAULT));
    line.draft.rare.io_scheduling = Some((class, priority));
    Ok(())
}

fn io_priority(line: &mut Line<'_>) -> Outcome {
    const BEST_EFFORT: u8 = 2;
    if line.is_empty() {
        line.draft.rare.io_scheduling = None;
        return Ok(());
    }
    let priority = scalar::int_within(line.text(), 0, 7)? as u8;
    let (class, _) = line.draft.rare.io_scheduling.unwrap_or((BEST_EFFORT, 0));
    line.draft.rare.io_scheduling = Some((class, priority));
    Ok(())
}

/// One capability list, inverted by a leading `~`. Unknown names are warned about and left out, so
/// that a list of nothing but typos is an empty list.
fn capabilities(line: &mut Line<'_>) -> (u64, bool) {
    let text = line.text();
    let list = text.strip_prefix('~');
    let (mask, left_out) = names::capabilities(list.unwrap_or(text));
    let invert = list.is_some();
    for why in left_out {
        line.warn("unknown-capability", why, 0..usize::MAX);
    }
    (mask, invert)
}

fn bounding_set(line: &mut Line<'_>) -> Outcome {
    let (mask, invert) = capabilities(line);
    let old = line.draft.rare.capability_bounding_set;
    line.draft.rare.capability_bounding_set = match (invert, mask, old) {
        (true, 0, _) => None,
        (true, mask, old) => Some(old.unwrap_or(names::CAPABILITIES_ALL) & !mask),
        (false, 0, _) => Some(0),
        (false, mask, old) => Some(old.unwrap_or(0) | mask),
    };
    Ok(())
}

fn ambient(line: &mut Line<'_>) -> Outcome {
    let (mask, invert) = capabilities(line);
    let set = &mut line.draft.rare.ambient_capabilities;
    *set = match (invert, mask) {
        (true, 0) => names::CAPABILITIES_ALL,
        (true, mask) if *set == 0 => names::CAPABILITIES_ALL & !mask,
        (true, mask) => *set & !mask,
        (false, 0) => 0,
        (false, mask) => *set | mask,
    };
    Ok(())
}

fn secure_bits(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.rare.secure_bits = 0;
        return Ok(());
    }
    let (bits, left_out) = names::secure_bits(line.text());
    for why in left_out {
        line.warn("invalid-item", why, 0..usize::MAX);
    }
    line.draft.rare.secure_bits |= bits;
    Ok(())
}

fn personality(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.rare.personality = None;
        return Ok(());
    }
    let native = &line.reading.machine.context.architecture;
    line.draft.rare.personality = Some(names::personality(line.text(), native)?);
    Ok(())
}

fn coredump_filter(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.rare.coredump_filter = None;
        return Ok(());
    }
    let mut mask = line.draft.rare.coredump_filter.unwrap_or(0);
    for (name, _) in line.words(Rules::PLAIN) {
        mask |= match (name.as_str(), u64::from_str_radix(name.trim_start_matches("0x"), 16)) {
            ("default", _) => COREDUMP_DEFAULT,
            (_, Ok(bits)) => bits,
            (name, Err(_)) => word(name, &COREDUMP_BITS)?,
        };
    }
    line.draft.rare.coredump_filter = Some(mask);
    Ok(())
}

fn search_path(line: &mut Line<'_>) -> Outcome {
    if line.is_empty() {
        line.draft.rare.exec_search_path.clear();
        return Ok(());
    }
    let text = line.expand(line.text())?;
    let parts = text.split(':').filter(|p| !p.is_empty()).map(path::absolute);
    let directories = parts.collect::<Result<Vec<String>, String>>()?;
    line.draft.rare.exec_search_path.extend(directories.into_iter().map(Into::into));
    Ok(())
}
