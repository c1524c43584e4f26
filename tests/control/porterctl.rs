//! porterctl against fixed answers: what it prints is what systemctl 252 printed for the same
//! state (names of the program and the directories aside), and so are the exit codes.

use super::daemon::Daemon;
use expect_test::{Expect, expect};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn run_in(directory: &Path, line: &str, environment: &[(&str, &str)]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_porterctl"))
        .arg("--runtime-dir")
        .arg(directory)
        .args(line.split_whitespace())
        .env_clear()
        .env("TZ", "UTC0")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

fn run(daemon: &Daemon, line: &str) -> Ran {
    run_in(&daemon.directory, line, &[])
}

/// Checks code, output and complaints in one text.
fn check(daemon: &Daemon, line: &str, expected: Expect) {
    let ran = run(daemon, line);
    let complaints: String = ran.err.lines().map(|l| format!("! {l}\n")).collect();
    expected.assert_eq(&format!("{}\n{}{complaints}", ran.code, ago(&ran.out)));
}

/// Hides how long ago the fixed moment is.
fn ago(text: &str) -> String {
    let hide = |line: &str| match (line.rfind("; "), line.contains(" UTC; ")) {
        (Some(i), true) => format!("{}; SOME TIME", &line[..i]),
        _ => line.to_owned(),
    };
    text.lines().map(|l| hide(l) + "\n").collect()
}

#[test]
fn exit_codes_of_jobs() {
    let d = Daemon::start("codes");
    for (line, code) in [
        ("start a", 0),
        ("start nope", 5),
        ("stop nope", 5),
        ("start nope.service a.socket", 5),
        ("start masked", 1),
        ("start bad", 1),
        ("start refuse", 4),
        ("reload noreload", 3),
        ("start fail", 1),
        ("start dep", 1),
        ("start slow", 1),
        ("start skip", 0),
        ("start fail nope", 1),
        ("start nope fail", 1),
        ("start nope refuse", 5),
        ("start refuse nope", 4),
        ("start --no-block a", 0),
        ("start zz*", 0),
        ("try-restart a", 0),
        ("reset-failed", 0),
        ("reset-failed nope", 1),
        ("kill nope", 1),
        ("kill a -s USR1 --kill-whom=main", 0),
        ("kill a -s BOGUS", 1),
        ("daemon-reload", 0),
        ("is-active a.socket", 0),
        ("is-active a.socket fail", 0),
        ("is-active fail nope", 3),
        ("is-active nope", 3),
        ("is-active slow", 3),
        ("is-active zz*", 3),
        ("is-failed fail", 0),
        ("is-failed a.socket fail", 0),
        ("is-failed a.socket", 1),
        ("is-failed nope", 1),
        ("status a.socket", 0),
        ("status fail", 3),
        ("status nope", 4),
        ("status a.socket nope", 4),
        ("status fail nope", 3),
        ("status zz*", 0),
        ("cat nope", 1),
        ("list-unit-files zz*", 1),
        ("list-units zz*", 0),
        ("list-sockets zz*", 0),
        ("show nope", 0),
        ("log-level debug", 0),
        ("start", 2),
        ("fly", 2),
        ("--help", 0),
        ("completions zsh", 0),
    ] {
        let ran = run(&d, line);
        assert_eq!(ran.code, code, "{line}\n{}{}", ran.out, ran.err);
    }
    let nowhere = run_in(Path::new("/nonexistent"), "start a", &[]);
    assert_eq!((nowhere.code, nowhere.out.as_str()), (5, ""));
    assert!(nowhere.err.contains("/nonexistent/control"), "{}", nowhere.err);
}

#[test]
fn complaints_of_jobs() {
    let d = Daemon::start("complaints");
    check(
        &d,
        "start nope masked bad refuse fail dep slow",
        expect![[r#"
        1
        ! Failed to start nope.service: Unit nope.service not found.
        ! Failed to start masked.service: Unit masked.service is masked.
        ! Failed to start bad.service: Unit bad.service has a bad unit file setting: no ExecStart=
        ! Failed to start refuse.service: Operation refused, unit refuse.service may be requested by dependency only (it is configured to refuse manual start/stop).
        ! Job for fail.service failed.
        ! the main process exited with status 1
        ! See "porterctl status fail.service" for details.
        ! A dependency job for dep.service failed.
        ! See "porterctl status dep.service" for details.
        ! Job for slow.service failed because a timeout was exceeded.
        ! See "porterctl status slow.service" for details.
    "#]],
    );
    check(
        &d,
        "stop a.service",
        expect![[r#"
        0
        ! Stopping a.service, but it can still be activated by:
        !   a.socket
    "#]],
    );
    check(
        &d,
        "stop -q a.service",
        expect![[r#"
        0
    "#]],
    );
    check(
        &d,
        "reload noreload",
        expect![[r#"
        3
        ! Failed to reload noreload.service: Job type reload is not applicable for unit noreload.service.
    "#]],
    );
}

#[test]
fn show() {
    let d = Daemon::start("show");
    check(
        &d,
        "show nope -p ActiveState,Result,Listen,Id",
        expect![[r#"
        0
        Result=success
        Id=nope.service
        ActiveState=inactive
    "#]],
    );
    check(
        &d,
        "show a.socket -p Listen,Symlinks -p Id",
        expect![[r#"
        0
        Listen=/run/a.sock (Stream)
        Listen=127.0.0.1:7001 (Datagram)
        Symlinks=
        Id=a.socket
    "#]],
    );
    check(
        &d,
        "show a.socket a.service --value -p Id",
        expect![[r#"
        0
        a.socket

        a.service
    "#]],
    );
    check(
        &d,
        "show a.socket",
        expect![[r#"
        0
        Result=success
        Listen=/run/a.sock (Stream)
        Listen=127.0.0.1:7001 (Datagram)
        Id=a.socket
        ActiveState=active
    "#]],
    );
    check(
        &d,
        "show -P Id a.*",
        expect![[r#"
        0
        a.service

        a.socket
    "#]],
    );
    check(
        &d,
        "show a.socket -p Listen,Id --json=short",
        expect![[r#"
        0
        [{"Id":"a.socket","Listen":["/run/a.sock (Stream)","127.0.0.1:7001 (Datagram)"]}]
    "#]],
    );
    assert_eq!(run(&d, "show -p Version").out, format!("Version={}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn lists() {
    let d = Daemon::start("lists");
    check(
        &d,
        "list-sockets",
        expect![[r#"
        0
        LISTEN         UNIT     ACTIVATES
        /run/a.sock    a.socket a.service
        127.0.0.1:7001 a.socket a.service
        [::]:7002      b.socket b@0.service b@1.service

        3 sockets listed.
        Pass --all to see loaded but inactive sockets, too.
    "#]],
    );
    check(
        &d,
        "list-sockets --all --show-types --no-legend",
        expect![[r#"
        0
        /run/a.sock    Stream   a.socket   a.service
        /run/x         FIFO     off.socket -
        127.0.0.1:7001 Datagram a.socket   a.service
        [::]:7002      Stream   b.socket   b@0.service b@1.service
    "#]],
    );
    check(
        &d,
        "list-sockets --json=short a",
        expect![[r#"
        0
        [{"listen":"/run/a.sock","unit":"a.socket","activates":"a.service"},{"listen":"127.0.0.1:7001","unit":"a.socket","activates":"a.service"}]
    "#]],
    );
    check(
        &d,
        "list-sockets zz*",
        expect![[r#"
        0
        LISTEN UNIT ACTIVATES

        0 sockets listed.
        Pass --all to see loaded but inactive sockets, too.
    "#]],
    );
    check(
        &d,
        "list-units -t socket",
        expect![[r#"
        0
          UNIT     LOAD   ACTIVE SUB       DESCRIPTION
          a.socket loaded active running   A socket
          b.socket loaded active listening b.socket

        LOAD   = Reflects whether the unit definition was properly loaded.
        ACTIVE = The high-level unit activation state, i.e. generalization of SUB.
        SUB    = The low-level unit activation state, values depend on unit type.
        2 loaded units listed. Pass --all to see loaded but inactive units, too.
        To show all installed unit files use 'porterctl list-unit-files'.
    "#]],
    );
    check(
        &d,
        "list-units -t service --all",
        expect![[r#"
        0
          UNIT         LOAD      ACTIVE     SUB     JOB   DESCRIPTION
          a.service    loaded    active     running       A service
        ● fail.service loaded    failed     failed        fail.service
        ● nope.service not-found inactive   dead          nope.service
          once.service loaded    inactive   dead          once.service
          slow.service loaded    activating start   start slow.service

        LOAD   = Reflects whether the unit definition was properly loaded.
        ACTIVE = The high-level unit activation state, i.e. generalization of SUB.
        SUB    = The low-level unit activation state, values depend on unit type.
        JOB    = Pending job for the unit.

        5 loaded units listed.
        To show all installed unit files use 'porterctl list-unit-files'.
    "#]],
    );
    check(
        &d,
        "--failed --json=pretty",
        expect![[r#"
        0
        [
        	{
        		"unit": "fail.service",
        		"load": "loaded",
        		"active": "failed",
        		"sub": "failed",
        		"description": "fail.service"
        	}
        ]
    "#]],
    );
    check(
        &d,
        "list-unit-files",
        expect![[r#"
        0
        UNIT FILE  STATE    PRESET
        a.service  static   -
        b@.service disabled -
        a.socket   enabled  -

        3 unit files listed.
    "#]],
    );
    check(
        &d,
        "list-dependencies",
        expect![[r#"
        0
        sockets.target
        ● ├─a.socket
        × ├─b.socket
        ○ └─more.target
        ●   └─a.socket
    "#]],
    );
    check(
        &d,
        "list-dependencies --all --plain a.socket",
        expect![[r#"
            0
            a.socket
              a.service
              system.slice
        "#]],
    );
    check(
        &d,
        "cat a.socket nope.service",
        expect![[r#"
        1
        # /u/a.socket
        [Unit]
        Description=	x\u{1b}[0m

        # /u/a.socket.d/a.conf
        [Unit]
        ! No files found for nope.service.
    "#]],
    );
}

#[test]
fn status_of_a_socket() {
    let d = Daemon::start("status-socket");
    check(
        &d,
        "status a.socket nope fail",
        expect![[r#"
        4
        ● a.socket - A socket
             Loaded: loaded (/etc/porterd/units/a.socket; static)
             Active: active (running) since Sun 2026-11-22 16:46:46 UTC; SOME TIME
           Triggers: ● a.service
               Docs: man:foo(1)
                     https://example.org/
             Listen: /run/a.sock (Stream)
                     127.0.0.1:7001 (Datagram)
                     /run/a.fifo (FIFO)

        × fail.service
             Loaded: loaded (/etc/porterd/units/fail.service; static)
             Active: failed (Result: exit-code) since Sun 2026-11-22 16:46:46 UTC; SOME TIME
           Duration: 3ms
            Process: 16 ExecStart=/bin/false (code=exited, status=1/FAILURE)
           Main PID: 16 (code=exited, status=1/FAILURE)
                CPU: 1ms
        ! Unit nope.service could not be found.
    "#]],
    );
}

#[test]
fn status_with_everything() {
    let d = Daemon::start("status-all");
    let ran = run(&d, "status a.service");
    let host = nix::unistd::gethostname().unwrap().to_string_lossy().into_owned();
    expect![[r#"
        ● a.service - A service
             Loaded: loaded (/etc/porterd/units/a.service; enabled)
            Drop-In: /etc/porterd/units/a.service.d
                     └─10-a.conf, 20-b.conf
                     /run/porterd/units/service.d
                     └─30-c.conf
             Active: activating (start) (Result: exit-code) since Sun 2026-11-22 16:46:46 UTC; SOME TIME
            Waiting: restart after failure until Sun 2026-11-22 16:46:46 UTC; SOME TIME
                Job: start
           Duration: 637ms
        TriggeredBy: × a.socket
                     ○ b.socket
          Condition: start condition failed at Sun 2026-11-22 16:46:46 UTC; SOME TIME
                     ├─ ConditionPathExists=/nope was not met
                     └─ ConditionPathExists=!/etc was not met
             Assert: start assertion failed at Sun 2026-11-22 16:46:46 UTC; SOME TIME
                     └─ AssertPathExists=/nope was not met
           Accepted: 3; Connected: 1;   Refused: 2
            Process: 40 ExecStartPre=/bin/true (code=exited, status=0/SUCCESS)
           Main PID: 41 (probe); Control PID: 42 (sleep)
             Status: "hello \u{1b}[31m"
              Error: 2 (No such file or directory)
           Restarts: 4
        Not applied: PrivateNetwork=yes (not permitted here)
              Tasks: 2 (limit: 512)
           FD Store: 1 (limit: 8)
             Memory: 1.5M (peak: 2.0M)
                CPU: 2ms
             CGroup: /porterd/a.service
                     ├─41 /usr/bin/probe -n a
                     └─43 sub: /usr/bin/probe -n a

        Nov 22 16:46:46 HOST probe[41]: some
    "#]]
    .assert_eq(&ago(&ran.out).replace(&format!(" {host} "), " HOST "));
    assert_eq!((ran.code, ran.err.as_str()), (3, ""));
}

#[test]
fn colours_only_where_they_are_wanted() {
    let d = Daemon::start("colours");
    let with = |env: &[(&str, &str)]| run_in(&d.directory, "status fail", env).out.contains('\x1b');
    assert!(!with(&[("TERM", "xterm")]), "no terminal");
    assert!(with(&[("SYSTEMD_COLORS", "1")]));
    assert!(with(&[("SYSTEMD_COLORS", "256"), ("NO_COLOR", "1")]));
    assert!(!with(&[("SYSTEMD_COLORS", "0")]));
}

#[test]
fn times_are_local() {
    let d = Daemon::start("times");
    let with = |tz: &str| run_in(&d.directory, "status fail", &[("TZ", tz)]).out;
    assert!(with("UTC0").contains("since Sun 2026-11-22 16:46:46 UTC;"));
    assert!(with("CET-1CEST,M3.5.0,M10.5.0/3").contains("since Sun 2026-11-22 17:46:46 CET;"));
    assert!(with("AEST-10AEDT,M10.1.0,M4.1.0/3").contains("since Mon 2026-11-23 03:46:46 AEDT;"));
    assert!(with("/nonexistent/zone").contains("16:46:46 UTC;"));
}

#[test]
fn nobody_reads_the_output() {
    let d = Daemon::start("closed");
    let mut child = Command::new(env!("CARGO_BIN_EXE_porterctl"))
        .args(["completions", "bash", "--runtime-dir"])
        .arg(&d.directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut complaints = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
    assert_eq!((child.wait().unwrap().code(), complaints.as_str()), (Some(0), ""));
}
