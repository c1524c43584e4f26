//! Fixed answers, with every field filled at least once.

use porterd::control::wire::*;

fn strings(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

/// 2026-11-22 16:46:46 UTC
pub(crate) const SINCE_USEC: u64 = 1_795_366_006_000_000;

fn related(unit: &str, active: &str) -> Related {
    Related { unit: unit.into(), active: active.into() }
}

fn listen(address: &str, kind: &str) -> ListenLine {
    ListenLine { address: address.into(), kind: kind.into() }
}

/// A socket that listens.
pub(crate) fn socket() -> UnitStatus {
    UnitStatus {
        unit: "a.socket".into(),
        description: "A socket".into(),
        load: "loaded".into(),
        fragment: Some("/etc/porterd/units/a.socket".into()),
        file_state: "static".into(),
        active: "active".into(),
        sub: "running".into(),
        result: "success".into(),
        since_usec: SINCE_USEC,
        triggers: vec![related("a.service", "active")],
        documentation: strings("man:foo(1) https://example.org/"),
        listen: vec![
            listen("/run/a.sock", "Stream"),
            listen("127.0.0.1:7001", "Datagram"),
            listen("/run/a.fifo", "FIFO"),
        ],
        ..UnitStatus::default()
    }
}

/// A service with something in every field.
pub(crate) fn service() -> UnitStatus {
    let ended = ControlProcess {
        setting: "ExecStartPre".into(),
        pid: 40,
        command: "/bin/true".into(),
        code: "exited".into(),
        status: "0/SUCCESS".into(),
        clean: true,
        running: false,
    };
    UnitStatus {
        unit: "a.service".into(),
        description: "A service".into(),
        load: "loaded".into(),
        load_error: None,
        fragment: Some("/etc/porterd/units/a.service".into()),
        drop_ins: strings(
            "/etc/porterd/units/a.service.d/10-a.conf /etc/porterd/units/a.service.d/20-b.conf /run/porterd/units/service.d/30-c.conf",
        ),
        file_state: "enabled".into(),
        active: "activating".into(),
        sub: "start".into(),
        result: "exit-code".into(),
        since_usec: SINCE_USEC,
        duration_usec: Some(637_000),
        waiting: Some(Waiting { reason: "restart after failure".into(), until_usec: Some(SINCE_USEC + 1) }),
        job: Some("start".into()),
        invocation: Some("0123456789abcdef0123456789abcdef".into()),
        conditions_unmet: strings("ConditionPathExists=/nope ConditionPathExists=!/etc"),
        asserts_unmet: strings("AssertPathExists=/nope"),
        condition_usec: SINCE_USEC,
        triggered_by: vec![related("a.socket", "failed"), related("b.socket", "inactive")],
        accepted: Some(3),
        connections: Some(1),
        refused: 2,
        main: Some(ControlProcess {
            setting: "ExecStart".into(),
            pid: 41,
            command: "/usr/bin/probe -n a".into(),
            running: true,
            ..ControlProcess::default()
        }),
        processes: vec![
            ended,
            ControlProcess {
                setting: "ExecStartPost".into(),
                pid: 42,
                command: "/bin/sleep 9".into(),
                running: true,
                ..ControlProcess::default()
            },
        ],
        status_text: Some("hello \u{1b}[31m".into()),
        errno: Some(2),
        stored_fds: 1,
        stored_fds_max: 8,
        tasks: Some(2),
        tasks_max: Some(512),
        memory_bytes: Some(1_572_864),
        memory_peak_bytes: Some(2 << 20),
        cpu_usec: Some(2_345),
        cgroup: Some("/porterd/a.service".into()),
        tracking: "cgroup".into(),
        tree: vec![
            ProcessLine { pid: 41, command: "/usr/bin/probe -n a".into(), cgroup: String::new() },
            ProcessLine { pid: 43, command: "/usr/bin/probe -n a".into(), cgroup: "sub".into() },
        ],
        not_applied: vec![NotApplied { setting: "PrivateNetwork=yes".into(), reason: "not permitted here".into() }],
        restarts: 4,
        log: vec![LogLine { at_usec: SINCE_USEC, identifier: "probe".into(), pid: Some(41), text: "some".into() }],
        ..UnitStatus::default()
    }
}

/// A service that failed.
pub(crate) fn failed() -> UnitStatus {
    let main = ControlProcess {
        setting: "ExecStart".into(),
        pid: 16,
        command: "/bin/false".into(),
        code: "exited".into(),
        status: "1/FAILURE".into(),
        ..ControlProcess::default()
    };
    UnitStatus {
        unit: "fail.service".into(),
        description: "fail.service".into(),
        load: "loaded".into(),
        fragment: Some("/etc/porterd/units/fail.service".into()),
        file_state: "static".into(),
        active: "failed".into(),
        sub: "failed".into(),
        result: "exit-code".into(),
        since_usec: SINCE_USEC,
        duration_usec: Some(3000),
        processes: vec![main.clone()],
        main: Some(main),
        cpu_usec: Some(1999),
        ..UnitStatus::default()
    }
}

/// A unit without a file.
pub(crate) fn absent(unit: &str) -> UnitStatus {
    UnitStatus {
        unit: unit.into(),
        description: unit.into(),
        load: "not-found".into(),
        active: "inactive".into(),
        sub: "dead".into(),
        result: "success".into(),
        ..UnitStatus::default()
    }
}

fn unit_row(unit: &str, active: &str, sub: &str, job: Option<&str>, description: &str) -> UnitRow {
    UnitRow {
        unit: unit.into(),
        load: "loaded".into(),
        active: active.into(),
        sub: sub.into(),
        job: job.map(str::to_owned),
        description: description.into(),
    }
}

/// What is in memory, in no order.
pub(crate) fn units() -> Vec<UnitRow> {
    let mut rows = vec![
        unit_row("a.socket", "active", "running", None, "A socket"),
        unit_row("b.socket", "active", "listening", None, "b.socket"),
        unit_row("a.service", "active", "running", None, "A service"),
        unit_row("slow.service", "activating", "start", Some("start"), "slow.service"),
        unit_row("fail.service", "failed", "failed", None, "fail.service"),
        unit_row("once.service", "inactive", "dead", None, "once.service"),
        unit_row("nope.service", "inactive", "dead", None, "nope.service"),
    ];
    rows[6].load = "not-found".into();
    rows
}

/// Ports, in no order.
pub(crate) fn sockets() -> Vec<SocketRow> {
    let row = |listen: &str, kind: &str, unit: &str, activates: &str, active: &str, sub: &str| SocketRow {
        listen: listen.into(),
        kind: kind.into(),
        unit: unit.into(),
        activates: strings(activates),
        load: "loaded".into(),
        active: active.into(),
        sub: sub.into(),
    };
    vec![
        row("[::]:7002", "Stream", "b.socket", "b@0.service b@1.service", "active", "listening"),
        row("/run/a.sock", "Stream", "a.socket", "a.service", "active", "running"),
        row("127.0.0.1:7001", "Datagram", "a.socket", "a.service", "active", "running"),
        row("/run/x", "FIFO", "off.socket", "", "inactive", "dead"),
    ]
}

/// Unit files, in no order.
pub(crate) fn files() -> Vec<FileRow> {
    let row = |unit: &str, state: &str| FileRow {
        unit: unit.into(),
        state: state.into(),
        path: format!("/etc/porterd/units/{unit}"),
    };
    vec![row("a.socket", "enabled"), row("a.service", "static"), row("b@.service", "disabled")]
}

/// Properties of any unit.
pub(crate) fn properties(unit: &str, wanted: &[String]) -> Vec<Property> {
    let active = units().into_iter().find(|u| u.unit == unit).map_or("inactive".to_owned(), |u| u.active);
    let mut all = vec![("Result", "success")];
    if unit == "a.socket" {
        all.extend([("Listen", "/run/a.sock (Stream)"), ("Listen", "127.0.0.1:7001 (Datagram)"), ("Symlinks", "")]);
    }
    all.extend([("Id", unit), ("ActiveState", active.as_str())]);
    all.into_iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| w == name))
        .map(|(name, value)| Property { name: name.into(), value: value.into() })
        .collect()
}

/// A small graph with a cycle.
pub(crate) fn dependencies() -> Vec<DependencyRow> {
    let row = |unit: &str, active: &str, next: &str| DependencyRow {
        unit: unit.into(),
        load: "loaded".into(),
        active: active.into(),
        next: strings(next),
    };
    vec![
        row("sockets.target", "active", "b.socket a.socket more.target"),
        row("more.target", "inactive", "a.socket"),
        row("a.socket", "active", "system.slice a.service"),
        row("b.socket", "failed", ""),
        row("a.service", "inactive", "a.socket"),
        row("system.slice", "active", ""),
    ]
}
