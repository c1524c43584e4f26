//! Recipes and programs as text, one line per kernel call, in the kernel's own vocabulary
//! (`porterctl explain`).

use super::bind::{OnError, Port, Recipe, Remove, SocketCall};
use super::program::{Pace, Program, Slot, Step, Supply, Taken};
use crate::unit::exec::Beside;
use crate::unit::exec::Resource;
use crate::unit::socket::{Address, Membership};
use std::ffi::{CStr, CString};

/// The recipe of a socket unit: a heading per port, its calls below it.
pub fn recipe(recipe: &Recipe) -> String {
    let mut out = String::new();
    for port in &recipe.ports {
        line(&mut out, 0, &format!("{} ({})", port.display, port.type_word));
        calls(&mut out, port);
    }
    if recipe.waits {
        line(&mut out, 0, "on EADDRNOTAVAIL or ENODEV");
        line(&mut out, 1, "close all ports, wait for rtnetlink to tell of a change, begin again");
    }
    let after = !recipe.symlinks.is_empty() || !recipe.kept.is_empty();
    if after || recipe.chown.is_some() || recipe.publish.is_some() {
        line(&mut out, 0, "after all ports are open");
    }
    for link in &recipe.symlinks {
        let how = if link.replace { "; replaces what is in the way" } else { "" };
        line(&mut out, 1, &format!("symlink({:?}, {:?}){how}", link.target, link.link));
    }
    if let Some(chown) = &recipe.chown {
        let (user, group) = (chown.user.as_deref().unwrap_or("-1"), chown.group.as_deref().unwrap_or("-1"));
        for path in &chown.paths {
            line(&mut out, 1, &format!("chown({path:?}, {user}, {group})"));
        }
        for name in &chown.queues {
            line(&mut out, 1, &format!("fchown(mq_open({name:?}), {user}, {group})"));
        }
    }
    for path in &recipe.kept {
        line(&mut out, 1, &format!("link({path:?}, a spare name), and back when inotify tells that it is gone"));
    }
    if let Some(path) = &recipe.publish {
        line(&mut out, 1, &format!("write the addresses from getsockname() to {path:?}, by way of rename()"));
    }
    if !recipe.remove.is_empty() {
        line(&mut out, 0, "when the socket stops");
    }
    for remove in &recipe.remove {
        let text = match remove {
            Remove::Node(path) => format!("unlink({path:?})"),
            Remove::MessageQueue(name) => format!("mq_unlink({name:?})"),
        };
        line(&mut out, 1, &text);
    }
    out
}

fn line(out: &mut String, depth: usize, text: &str) {
    for _ in 0..depth {
        out.push_str("  ");
    }
    out.push_str(text);
    out.push('\n');
}

fn calls(out: &mut String, port: &Port) {
    for call in &port.calls {
        line(out, 1, &socket_call(call));
    }
}

/// What a failure means, where it does not end the start.
fn consequence(on_error: OnError) -> &'static str {
    match on_error {
        OnError::Fail => "",
        OnError::Warn => "; a failure is told",
        OnError::Ignore => "; a failure is ignored",
    }
}

/// Labels are set on some kernels only.
fn where_it_counts(attribute: &str) -> &'static str {
    if attribute.starts_with("security.SMACK64") { " where the kernel runs SMACK" } else { "" }
}

/// One call of a recipe.
pub fn socket_call(call: &SocketCall) -> String {
    match call {
        SocketCall::Socket { domain, kind, protocol } => {
            let (domain, kind) = (name(&DOMAINS, *domain), name(&SOCKET_KINDS, *kind));
            format!("socket({domain}, {kind}|SOCK_CLOEXEC|SOCK_NONBLOCK, {protocol})")
        }
        SocketCall::SetInt { level, symbol, value, on_error, .. } => {
            format!("setsockopt({}, {symbol}, {value}){}", name(&LEVELS, *level), consequence(*on_error))
        }
        SocketCall::SetText { level, symbol, value, on_error, .. } => {
            format!("setsockopt({}, {symbol}, {value:?}){}", name(&LEVELS, *level), consequence(*on_error))
        }
        SocketCall::SetRaw { option, on_error } => {
            let symbol = option.symbol.replace(':', ", ");
            format!("setsockopt({symbol}, {}){}", option.value, consequence(*on_error))
        }
        SocketCall::Join(membership) => join(membership),
        SocketCall::MulticastInterface { level, interface } => {
            let symbol = if *level == libc::IPPROTO_IPV6 { "IPV6_MULTICAST_IF" } else { "IP_MULTICAST_IF" };
            format!("setsockopt({}, {symbol}, index of {interface:?})", name(&LEVELS, *level))
        }
        SocketCall::SetBuffer { receive, bytes, .. } => {
            let symbol = if *receive { "SO_RCVBUF" } else { "SO_SNDBUF" };
            format!("setsockopt(SOL_SOCKET, {symbol}, {bytes}), else {symbol}FORCE; a failure is told")
        }
        SocketCall::Unsupported { directive } => format!("nothing: {directive}= does not exist for this family; told"),
        SocketCall::SetXattr { path: None, name, value, .. } => {
            format!("fsetxattr({name:?}, {value:?}){}; a failure is told", where_it_counts(name))
        }
        SocketCall::SetXattr { path: Some(path), name, value, .. } => {
            format!("lsetxattr({path:?}, {name:?}, {value:?}){}; a failure is told", where_it_counts(name))
        }
        SocketCall::MakeParents { path, mode } => {
            format!("mkdir(parents of {path:?}, {mode:04o}); a failure is ignored")
        }
        SocketCall::Bind { address: Address::V6(ip, port, _), scope: Some(name), .. } => {
            format!("bind([{ip}]:{port}, scope: index of {name:?})")
        }
        SocketCall::Bind { address, mode, take_over, .. } => bind(address, *mode, *take_over),
        SocketCall::BindNetlink { groups } => format!("bind(AF_NETLINK, groups {groups:#x})"),
        SocketCall::Listen { backlog } => format!("listen({backlog})"),
        SocketCall::Touch { path } => format!("utimensat({path:?}, now); a failure is ignored"),
        SocketCall::Fifo { path, mode } => format!("mkfifo({path:?}, {mode:04o}), open({path:?}, O_RDWR|O_NONBLOCK)"),
        SocketCall::PipeSize { bytes } => format!("fcntl(F_SETPIPE_SZ, {bytes}); a failure is told"),
        SocketCall::Special { path, writable } => {
            format!("open({path:?}, {}|O_NONBLOCK)", if *writable { "O_RDWR" } else { "O_RDONLY" })
        }
        SocketCall::MessageQueue { name, mode, attributes } => {
            let limits =
                attributes.map_or(String::new(), |(count, size)| format!(", {count} messages of {size} bytes"));
            format!("mq_open({name:?}, O_RDONLY|O_NONBLOCK|O_CREAT, {mode:04o}{limits})")
        }
        SocketCall::UsbFunction { path, descriptors, strings } => {
            format!("open({path:?}/ep0, O_RDWR), write {descriptors:?}, write {strings:?}, open the endpoints")
        }
    }
}

fn join(membership: &Membership) -> String {
    let level = if membership.group.is_ipv4() { "IPPROTO_IP" } else { "IPPROTO_IPV6" };
    let group = membership.group;
    let interface =
        membership.interface.as_ref().map_or_else(|| "any interface".to_owned(), |name| format!("index of {name:?}"));
    match membership.source {
        Some(source) => format!("setsockopt({level}, MCAST_JOIN_SOURCE_GROUP, {{{interface}, {group}, {source}}})"),
        None => format!("setsockopt({level}, MCAST_JOIN_GROUP, {{{interface}, {group}}})"),
    }
}

fn bind(address: &Address, mode: u32, take_over: bool) -> String {
    match address {
        Address::V4(ip, 0) => format!("bind({ip}:0); the kernel chooses the port"),
        Address::V6(ip, 0, 0) => format!("bind([{ip}]:0); the kernel chooses the port"),
        Address::V4(ip, port) => format!("bind({ip}:{port})"),
        Address::V6(ip, port, 0) => format!("bind([{ip}]:{port})"),
        Address::V6(ip, port, scope) => format!("bind([{ip}]:{port}, scope {scope})"),
        Address::Path(path) => {
            let who = if take_over { "" } else { " unless somebody listens there" };
            format!("bind({path:?}, mode {mode:04o}); replaces what is in the way{who}")
        }
        Address::Abstract(name) => format!("bind({:?})", format!("@{name}")),
        Address::Vsock(cid, port) => format!("bind(cid {cid}, port {port})"),
    }
}

const DOMAINS: [(i32, &str); 5] = [
    (libc::AF_UNIX, "AF_UNIX"),
    (libc::AF_INET, "AF_INET"),
    (libc::AF_INET6, "AF_INET6"),
    (libc::AF_NETLINK, "AF_NETLINK"),
    (libc::AF_VSOCK, "AF_VSOCK"),
];

const SOCKET_KINDS: [(i32, &str); 4] = [
    (libc::SOCK_STREAM, "SOCK_STREAM"),
    (libc::SOCK_DGRAM, "SOCK_DGRAM"),
    (libc::SOCK_SEQPACKET, "SOCK_SEQPACKET"),
    (libc::SOCK_RAW, "SOCK_RAW"),
];

/// Levels of setsockopt(2).
const LEVELS: [(i32, &str); 6] = [
    (libc::SOL_SOCKET, "SOL_SOCKET"),
    (libc::IPPROTO_IP, "IPPROTO_IP"),
    (libc::IPPROTO_IPV6, "IPPROTO_IPV6"),
    (libc::SOL_TCP, "SOL_TCP"),
    (libc::IPPROTO_SCTP, "SOL_SCTP"),
    (libc::SOL_NETLINK, "SOL_NETLINK"),
];

fn name(names: &[(i32, &'static str)], number: i32) -> String {
    names.iter().find(|(n, _)| *n == number).map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}

/// The program of a process: pace, supplied descriptors, steps, arguments, environment.
pub fn program(program: &Program) -> String {
    let mut out = String::new();
    let pace = match program.pace {
        Pace::Prompt => "prompt: memory is shared until execve",
        Pace::Awaited => "awaited: memory is shared, the daemon waits for execve",
        Pace::Patient => "patient: a step may block, the daemon goes on meanwhile",
    };
    line(&mut out, 0, &format!("pace {pace}"));
    for (slot, supply) in program.supplies.iter().enumerate() {
        let what = match supply {
            Supply::Passed(n) => format!("passed descriptor {n}"),
            Supply::Log(beside) if *beside == Beside::default() => "log".to_owned(),
            Supply::Log(beside) => format!("log ({})", beside.as_str()),
            Supply::Data => "text for standard input".to_owned(),
            Supply::Idle => "pipe that ends the idle wait".to_owned(),
            Supply::Network => "network namespace of the unit".to_owned(),
        };
        line(&mut out, 1, &format!("s{slot} = {what}"));
    }
    for step in program.steps.iter() {
        line(&mut out, 1, &self::step(step));
    }
    line(&mut out, 0, "arguments");
    strings(&mut out, &program.argv, program.argv_stamps.iter().map(|s| s.entry));
    line(&mut out, 0, "environment");
    strings(&mut out, &program.envp, program.stamps.iter().map(|s| s.entry));
    out
}

fn strings(out: &mut String, strings: &[CString], stamps: impl Iterator<Item = u16>) {
    let stamped: Vec<u16> = stamps.collect();
    for (index, string) in strings.iter().enumerate() {
        let stamp = if stamped.iter().any(|s| usize::from(*s) == index) { "  <- own pid" } else { "" };
        line(out, 1, &format!("{}{stamp}", quoted(string)));
    }
}

fn quoted(text: &CStr) -> String {
    format!("{:?}", text.to_string_lossy())
}

fn slot(slot: Slot) -> String {
    format!("s{}", slot.0)
}

/// One step of a program.
pub fn step(step: &Step) -> String {
    match step {
        Step::Session => "setsid()".to_owned(),
        Step::DefaultSignals(mask) => format!("sigaction({}, SIG_DFL)", signals(*mask)),
        Step::IgnoreSignals(mask) => format!("sigaction({}, SIG_IGN)", signals(*mask)),
        Step::Unmask => "sigprocmask(SIG_SETMASK, {})".to_owned(),
        Step::Open { path, flags, mode, into, .. } => {
            let mode = if flags & libc::O_CREAT != 0 { format!(", {mode:04o}") } else { String::new() };
            format!("{} = open({}, {}{mode})", slot(*into), quoted(path), open_flags(*flags))
        }
        Step::Terminal { slot: s, taken, .. } => {
            let wait = if *taken == Taken::Wait { ", again and again until it is free" } else { "" };
            format!("ioctl({}, TIOCSCTTY, {}){wait}", slot(*s), i32::from(*taken == Taken::Force))
        }
        Step::Blocking { slot: s, blocking } => {
            format!("fcntl({}, F_SETFL, {}O_NONBLOCK)", slot(*s), if *blocking { "~" } else { "" })
        }
        Step::Place(places) => {
            let pairs: Vec<String> = places.iter().map(|(s, number)| format!("{} -> {number}", slot(*s))).collect();
            format!("dup2({})", pairs.join(", "))
        }
        Step::CloseFrom(first) => format!("close_range({first}, ~0)"),
        Step::Write { path, content, optional, .. } => {
            let optional = if *optional { "; refusal is ignored" } else { "" };
            format!("write({}, {:?}){optional}", quoted(path), String::from_utf8_lossy(content))
        }
        Step::Nice(nice) => format!("setpriority(PRIO_PROCESS, 0, {nice})"),
        Step::Scheduler { policy, priority } => format!("sched_setscheduler(0, {policy}, {priority})"),
        Step::Affinity(mask) => {
            let words: Vec<String> = mask.iter().rev().map(|word| format!("{word:016x}")).collect();
            format!("sched_setaffinity(0, 0x{})", words.concat())
        }
        Step::IoPriority(value) => format!("ioprio_set(IOPRIO_WHO_PROCESS, 0, {}/{})", value >> 13, value & 0x1fff),
        Step::TimerSlack(nsec) => format!("prctl(PR_SET_TIMERSLACK, {nsec})"),
        Step::Personality(persona) => format!("personality({persona:#x})"),
        Step::Umask(mask) => format!("umask({mask:04o})"),
        Step::Limit(resource, soft, hard) => {
            format!("setrlimit({}, {}, {})", limit_name(*resource), limit(*soft), limit(*hard))
        }
        Step::Network { slot } => format!("setns({}, CLONE_NEWNET)", self::slot(*slot)),
        Step::Chroot(path) => format!("chroot({})", quoted(path)),
        Step::Groups(groups) => format!("setgroups({groups:?})"),
        Step::Gid(gid) => format!("setresgid({gid}, {gid}, {gid})"),
        Step::Uid { uid, keep_caps } => {
            let keep = if *keep_caps { " with SECBIT_KEEP_CAPS" } else { "" };
            format!("setresuid({uid}, {uid}, {uid}){keep}")
        }
        Step::BoundingSet(mask) => format!("prctl(PR_CAPBSET_DROP, all but {mask:#x})"),
        Step::AmbientSet(mask) => format!("prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, {mask:#x})"),
        Step::SecureBits(bits) => format!("prctl(PR_SET_SECUREBITS, {bits:#x})"),
        Step::NoNewPrivileges => "prctl(PR_SET_NO_NEW_PRIVS, 1)".to_owned(),
        Step::Chdir { path, optional } => {
            format!("chdir({}){}", quoted(path), if *optional { ", or \"/\" if that fails" } else { "" })
        }
        Step::StampPid => "write the own pid into the reserved digits".to_owned(),
        Step::IdleWait { slot: s, timeout_msec } => format!("poll({}, {timeout_msec} ms)", slot(*s)),
        Step::Fail { purpose, errno } => {
            format!("exit({}) as {} with errno {errno}", purpose.exit_status(), purpose.name())
        }
        Step::Exec { candidates, missing_ok } => {
            let paths: Vec<String> = candidates.iter().map(|path| quoted(path)).collect();
            format!("execve({}){}", paths.join(" or "), if *missing_ok { "; exit(0) if it is missing" } else { "" })
        }
    }
}

fn signals(mask: u64) -> String {
    let names: Vec<String> = (1..=64)
        .filter(|n| mask & (1 << (n - 1)) != 0)
        .map(|n| if n == libc::SIGPIPE { "SIGPIPE".to_owned() } else { n.to_string() })
        .collect();
    names.join("|")
}

const FLAGS: [(i32, &str); 5] = [
    (libc::O_CREAT, "O_CREAT"),
    (libc::O_APPEND, "O_APPEND"),
    (libc::O_TRUNC, "O_TRUNC"),
    (libc::O_NOCTTY, "O_NOCTTY"),
    (libc::O_CLOEXEC, "O_CLOEXEC"),
];

fn open_flags(flags: i32) -> String {
    let access = match flags & libc::O_ACCMODE {
        libc::O_RDONLY => "O_RDONLY",
        libc::O_WRONLY => "O_WRONLY",
        _ => "O_RDWR",
    };
    let more = FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name);
    [access].into_iter().chain(more).collect::<Vec<&str>>().join("|")
}

fn limit(value: u64) -> String {
    if value == u64::MAX { "RLIM_INFINITY".to_owned() } else { value.to_string() }
}

/// Names in the order of the kernel's numbers, as [`Resource`] has them.
const LIMITS: [&str; Resource::Rttime as usize + 1] = [
    "RLIMIT_CPU",
    "RLIMIT_FSIZE",
    "RLIMIT_DATA",
    "RLIMIT_STACK",
    "RLIMIT_CORE",
    "RLIMIT_RSS",
    "RLIMIT_NPROC",
    "RLIMIT_NOFILE",
    "RLIMIT_MEMLOCK",
    "RLIMIT_AS",
    "RLIMIT_LOCKS",
    "RLIMIT_SIGPENDING",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",
    "RLIMIT_RTPRIO",
    "RLIMIT_RTTIME",
];

fn limit_name(resource: u32) -> String {
    LIMITS.get(resource as usize).map_or_else(|| resource.to_string(), |name| (*name).to_owned())
}
