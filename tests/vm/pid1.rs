//! porterd as the first process of a machine: it reaps strangers, and powers down in order.
//!
//! The machine's first process becomes porterd; a service tests from inside, and in the end tells
//! porterd to go. What is told last is told by a process that only a power-down in order reaches.

use crate::machine::become_program;
use crate::world::{Told, World, same, wait};
use std::io::Write;
use std::process::Command;
use std::time::Duration;

const UNITS: [(&str, &str); 5] = [
    (
        "tests.service",
        "[Unit]\nAfter=last.service echo.socket\n[Service]\nExecStart=/init serve first tests\nStandardError=inherit\n",
    ),
    (
        "last.service",
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/init serve first nothing\nExecStop=/init serve first stopped\n",
    ),
    ("stranger.service", "[Service]\nType=oneshot\nKillMode=process\nExecStart=/init serve first stranger\n"),
    ("echo.socket", "[Socket]\nListenStream=127.0.0.1:7007\nAccept=yes\n"),
    ("echo@.service", "[Service]\nExecStart=/init serve echo\nStandardInput=socket\n"),
];

pub(crate) fn become_porterd() -> ! {
    let world = World::new();
    for (name, text) in UNITS {
        world.unit(name, text);
    }
    let (units, run) = (world.path("units"), world.path("porterd"));
    let words = ["last.service", "stranger.service", "echo.socket", "tests.service"];
    become_program("/usr/bin/porterd", &[&["--unit-path", &units, "--runtime-dir", &run], &words[..]].concat());
}

/// A line for the host.
fn say(line: &str) {
    let mut console = std::fs::OpenOptions::new().write(true).open("/dev/console").unwrap();
    console.write_all(format!("{line}\n").as_bytes()).unwrap();
}

pub(crate) fn serve(what: &str) {
    match what {
        "nothing" => {}
        "stopped" => say("pass  first: units are stopped before the machine is switched off"),
        "stranger" => drop(Command::new("/init").args(["serve", "first", "left-over"]).spawn().unwrap()),
        "left-over" => left_over(),
        "orphan" => std::thread::sleep(Duration::from_millis(300)),
        "orphans" => {
            for _ in 0..5 {
                drop(Command::new("/init").args(["serve", "first", "orphan"]).spawn().unwrap());
            }
        }
        "tests" => tests(),
        other => panic!("{other}: no such part"),
    }
}

/// Outlives its unit, and is told to end when the machine is.
fn left_over() {
    use nix::sys::signal::{SigSet, Signal};
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.thread_block().unwrap();
    signals.wait().unwrap();
    say("pass  first: processes that no unit has any more are told to end");
    say("vm: end");
}

fn tests() {
    std::panic::set_hook(Box::new(|why| {
        for line in why.to_string().lines() {
            say(&format!("    {line}"));
        }
        say("FAIL  first: tests from inside");
        say("vm: end");
    }));
    let first = std::fs::read_link("/proc/1/exe").unwrap();
    same("the first process", first.to_str(), Some("/usr/bin/porterd"));
    say("pass  first: porterd is the first process");

    let world = World::there();
    same("echo", world.client("", "stream?:127.0.0.1:7007", &["hello"]), Told::Text("HELLO".into()));
    say("pass  first: it serves");

    let made = Command::new("/init").args(["serve", "first", "orphans"]).status().unwrap();
    assert!(made.success());
    wait("five orphans have a new parent", || (children_of_first("serve\0first\0orphan\0").len() == 5).then_some(()));
    wait("they have ended and are reaped", || zombies_and_orphans().is_empty().then_some(()));
    say("pass  first: strangers are reaped");

    let group = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    assert!(group.trim_end().ends_with("/tests.service"), "the group of this service: {group}");
    say("pass  first: services have control groups of their own below the root");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(1), nix::sys::signal::SIGTERM).unwrap();
}

/// Pids of children of the first process whose command line contains this.
fn children_of_first(words: &str) -> Vec<String> {
    let pids = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().into_string().ok());
    pids.filter(|pid| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        parent(pid).is_some_and(|(_, parent)| parent == "1") && line.contains(words)
    })
    .collect()
}

/// State and parent of a process.
fn parent(pid: &str) -> Option<(String, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.to_owned()))
}

fn zombies_and_orphans() -> Vec<String> {
    let pids = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().into_string().ok());
    let mut found: Vec<String> = pids.filter(|pid| parent(pid).is_some_and(|(s, p)| s == "Z" && p == "1")).collect();
    found.extend(children_of_first("serve\0first\0orphan\0"));
    found
}
