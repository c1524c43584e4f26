//! Properties shared by [Socket] and [Service].

use super::{Properties, Property};
use crate::unit::exec::{Beside, ExecSettings, Input, Output, RareExec, Resource, Rlimit, TtyMode};
use crate::unit::values::names;

/// Slack of timers unless set, in nanoseconds (kernel default).
const TIMER_SLACK_NSEC: u64 = 50_000;
/// Level of log lines unless set (info).
const SYSLOG_LEVEL: u8 = 6;
/// Memory in core dumps unless set (kernel default).
const COREDUMP_FILTER: u64 = 0x33;
/// Facility of log lines (daemon).
const SYSLOG_FACILITY: u8 = 3;

pub(super) fn add(exec: &ExecSettings, out: &mut Properties) {
    out.maybe("User", exec.user.as_deref());
    out.maybe("Group", exec.group.as_deref());
    out.list("SupplementaryGroups", &exec.supplementary_groups);
    out.list("Environment", exec.environment.iter().map(|(name, value)| format!("{name}={value}")));
    for file in &exec.environment_file {
        let optional = super::yes_no(file.optional);
        out.text("EnvironmentFiles", format!("{} (ignore_errors={optional})", file.pattern));
    }
    out.list("PassEnvironment", &exec.pass_environment);
    out.list("UnsetEnvironment", &exec.unset_environment);
    let directory = exec.working_directory.as_ref().map(|dir| {
        let optional = if dir.optional { "!" } else { "" };
        format!("{optional}{}", dir.path.as_deref().unwrap_or("~"))
    });
    out.maybe("WorkingDirectory", directory.as_deref());
    out.maybe("RootDirectory", exec.root_directory.as_deref());
    out.mode("UMask", exec.umask.unwrap_or(0o022));
    out.0.extend(exec.limits.iter().flat_map(limit));
    out.number("OOMScoreAdjust", exec.oom_score_adjust.unwrap_or(0));
    out.number("Nice", exec.nice.unwrap_or(0));
    streams(exec, out);
    out.maybe("SyslogIdentifier", exec.syslog_identifier.as_deref());
    let level = exec.syslog_level.unwrap_or(SYSLOG_LEVEL);
    out.number("SyslogLevel", level);
    if !exec.unapplied.contains(&"SyslogFacility") {
        out.number("SyslogPriority", SYSLOG_FACILITY * 8 + level);
    }
    out.flag("SyslogLevelPrefix", !exec.no_syslog_level_prefix);
    out.number("LogLevelMax", exec.log_level_max.map_or(-1, i32::from));
    out.flag("IgnoreSIGPIPE", !exec.deliver_sigpipe);
    out.flag("NoNewPrivileges", exec.no_new_privileges);
    out.text("Slice", exec.slice.as_deref().unwrap_or("system.slice"));
    rare(exec.rare.as_deref().unwrap_or(&RareExec::default()), out);
}

fn rare(rare: &RareExec, out: &mut Properties) {
    /// Best effort, in the middle.
    const IO_DEFAULT: (u8, u8) = (2, 4);
    out.number("CPUSchedulingPolicy", rare.cpu_scheduling_policy.unwrap_or(0));
    out.number("CPUSchedulingPriority", rare.cpu_scheduling_priority.unwrap_or(0));
    out.flag("CPUSchedulingResetOnFork", rare.cpu_scheduling_reset_on_fork);
    out.text("CPUAffinity", ranges(&rare.cpu_affinity));
    let (class, priority) = rare.io_scheduling.filter(|(class, _)| *class != 0).unwrap_or(IO_DEFAULT);
    out.number("IOSchedulingClass", class);
    out.number("IOSchedulingPriority", priority);
    out.number("TimerSlackNSec", rare.timer_slack_nsec.unwrap_or(TIMER_SLACK_NSEC));
    out.text("CapabilityBoundingSet", capabilities(rare.capability_bounding_set.unwrap_or(names::CAPABILITIES_ALL)));
    out.text("AmbientCapabilities", capabilities(rare.ambient_capabilities));
    out.number("SecureBits", rare.secure_bits);
    out.flag("PrivateNetwork", rare.private_network);
    out.maybe("NetworkNamespacePath", rare.network_namespace_path.as_deref());
    out.list("ExecSearchPath", &rare.exec_search_path);
    out.text("CoredumpFilter", format!("{:#x}", rare.coredump_filter.unwrap_or(COREDUMP_FILTER)));
    if rare.personality.is_none() {
        out.text("Personality", "");
    }
    out.flag("CPUAffinityFromNUMA", false);
    out.flag("SameProcessGroup", false);
}

fn capabilities(mask: u64) -> String {
    let set = (0..u64::BITS as u8).filter(|bit| mask & (1 << bit) != 0);
    let names: Vec<String> = set.filter_map(names::capability_name).collect();
    names.join(" ")
}

/// `0-2 5`
fn ranges(numbers: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => parts.push((*number, *number)),
        }
    }
    let text = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    parts.iter().map(text).collect::<Vec<_>>().join(" ")
}

/// The two properties of a limit.
pub fn limit((resource, limit): &(Resource, Rlimit)) -> [Property; 2] {
    let (hard, soft) = limit_names(*resource);
    [(hard, limit_text(limit.hard)), (soft, limit_text(limit.soft))]
}

fn limit_text(value: u64) -> String {
    if value == u64::MAX { "infinity".to_owned() } else { value.to_string() }
}

fn limit_names(resource: Resource) -> (&'static str, &'static str) {
    match resource {
        Resource::Cpu => ("LimitCPU", "LimitCPUSoft"),
        Resource::Fsize => ("LimitFSIZE", "LimitFSIZESoft"),
        Resource::Data => ("LimitDATA", "LimitDATASoft"),
        Resource::Stack => ("LimitSTACK", "LimitSTACKSoft"),
        Resource::Core => ("LimitCORE", "LimitCORESoft"),
        Resource::Rss => ("LimitRSS", "LimitRSSSoft"),
        Resource::Nproc => ("LimitNPROC", "LimitNPROCSoft"),
        Resource::Nofile => ("LimitNOFILE", "LimitNOFILESoft"),
        Resource::Memlock => ("LimitMEMLOCK", "LimitMEMLOCKSoft"),
        Resource::As => ("LimitAS", "LimitASSoft"),
        Resource::Locks => ("LimitLOCKS", "LimitLOCKSSoft"),
        Resource::Sigpending => ("LimitSIGPENDING", "LimitSIGPENDINGSoft"),
        Resource::Msgqueue => ("LimitMSGQUEUE", "LimitMSGQUEUESoft"),
        Resource::Nice => ("LimitNICE", "LimitNICESoft"),
        Resource::Rtprio => ("LimitRTPRIO", "LimitRTPRIOSoft"),
        Resource::Rttime => ("LimitRTTIME", "LimitRTTIMESoft"),
    }
}

fn streams(exec: &ExecSettings, out: &mut Properties) {
    let input = match &exec.standard_input {
        Input::Null => "null".to_owned(),
        Input::Tty(TtyMode::Wait) => "tty".to_owned(),
        Input::Tty(TtyMode::Force) => "tty-force".to_owned(),
        Input::Tty(TtyMode::Fail) => "tty-fail".to_owned(),
        Input::Data => "data".to_owned(),
        Input::File(_) => "file".to_owned(),
        Input::Socket => "socket".to_owned(),
        Input::Fd(_) => "fd".to_owned(),
    };
    out.text("StandardInput", input);
    out.text("StandardInputData", base64(&exec.standard_input_data));
    let of_input = match &exec.standard_input {
        Input::Fd(name) => name.as_deref().unwrap_or("stdin"),
        _ => "",
    };
    out.text("StandardInputFileDescriptorName", of_input);
    // What is not set follows the input, if that leads anywhere.
    let journal = Output::Log(Beside::default());
    let follows = matches!(exec.standard_input, Input::Tty(_) | Input::Socket | Input::Fd(_));
    let default = if follows { &Output::Inherit } else { &journal };
    let chosen = exec.standard_output.as_ref().filter(|o| **o != Output::Inherit).unwrap_or(default);
    out.text("StandardOutput", output(chosen));
    let of = |output: &Option<Output>, unnamed: &str| match output {
        Some(Output::Fd(name)) => name.as_deref().unwrap_or(unnamed).to_owned(),
        _ => String::new(),
    };
    out.text("StandardOutputFileDescriptorName", of(&exec.standard_output, "stdout"));
    out.text("StandardError", output(exec.standard_error.as_ref().unwrap_or(&Output::Inherit)));
    out.text("StandardErrorFileDescriptorName", of(&exec.standard_error, "stderr"));
    out.maybe("TTYPath", exec.tty_path.as_deref());
}

/// With padding (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0usize, |bits, i| bits << 8 | usize::from(chunk.get(i).copied().unwrap_or(0)));
        for place in 0..4 {
            let character = ALPHABET[bits >> (18 - 6 * place) & 63];
            out.push(if place <= chunk.len() { char::from(character) } else { '=' });
        }
    }
    out
}

fn output(output: &Output) -> &'static str {
    match output {
        Output::Inherit => "inherit",
        Output::Null => "null",
        Output::Tty => "tty",
        Output::Log(beside) => beside.as_str(),
        Output::File(_) => "file",
        Output::Append(_) => "append",
        Output::Truncate(_) => "truncate",
        Output::Socket => "socket",
        Output::Fd(_) => "fd",
    }
}
