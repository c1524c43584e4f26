"""simple, exec, forking, oneshot, notify, idle: when a start is done, which process is the main one (service-unit 51, 53, 62-67, 71-73)."""
P = ("ActiveState", "SubState", "Result", "ExecMainCode", "ExecMainStatus", "Type", "RemainAfterExit", "NotifyAccess", "GuessMainPID")


def setup(t):
    for n, text in {
        "garbage-pidfile": "Type=forking\nTimeoutStartSec=300ms\nPIDFile=/run/garbage.pid\nExecStart=/bin/sh -c 'echo x > /run/garbage.pid'",
        "dead-pidfile": "Type=forking\nTimeoutStartSec=300ms\nPIDFile=/run/dead.pid\nExecStart=/bin/sh -c 'echo 99999 > /run/dead.pid'",
        "no-pidfile": "Type=forking\nTimeoutStartSec=300ms\nPIDFile=/run/no.pid\nExecStart=/run/oracle/probe -n no-pidfile daemon - [ pause ]",
        "no-exec": "Type=simple", "oneshot-nothing": "Type=oneshot", "oneshot-stop": "Type=oneshot\nRemainAfterExit=yes\nExecStop=/bin/true", "oneshot-always": "Type=oneshot\nRestart=always\nExecStart=/bin/true",
        "oneshot-success": "Type=oneshot\nRestart=on-success\nExecStart=/bin/true", "type-bad": "Type=nonsense\nExecStart=/bin/true", "type-empty": "Type=\nExecStart=/bin/true", "dbus": "Type=dbus\nExecStart=/bin/true", "notify-none": "Type=notify\nNotifyAccess=none\nExecStart=/run/oracle/probe -n nn ready pause",
        "stop-only": "ExecStop=/bin/true\nExecStart=", "remain-simple": "RemainAfterExit=yes\nExecStart=/bin/true", "remain-fails": "RemainAfterExit=yes\nExecStart=/bin/false", "one-timeout": "Type=oneshot\nTimeoutStartSec=100ms\nExecStart=/run/oracle/probe -n ot pause",
    }.items():
        t.unit(n + ".service", f"[Service]\n{text}\n")


def run(t):
    t.start("keep.target")
    for u in ("simple", "exec", "fork", "guess", "idle", "ready", "remain"):
        t.rec(u + " start", t.start(u + ".service"))
        t.rec(u, t.show(u + ".service", *P))
        t.rec(u + " has main", t.prop(u + ".service", "MainPID") != "0")
    t.rec("pid file", t.node("/run/fork.pid"))
    for u in ("simple", "exec", "fork", "guess", "idle", "ready", "remain"):
        t.rec(u + " stop", t.stop(u + ".service"))
        t.rec(u + " down", t.show(u + ".service", *P))
    t.rec("pid file gone", t.node("/run/fork.pid"))
    t.rec("alive", [t.alive(n) for n in ("simple", "exec", "fork", "guess", "idle", "ready")])
    for u in ("garbage-pidfile", "dead-pidfile", "no-pidfile", "no-exec", "oneshot-nothing", "oneshot-stop", "oneshot-always", "oneshot-success", "type-bad", "type-empty", "dbus", "stop-only", "remain-fails", "one-timeout"):
        t.rec(u + " load", t.prop(u + ".service", "LoadState"))
        t.rec(u + " start", t.start(u + ".service"))
        t.wait(lambda: t.prop(u + ".service", "SubState") in ("dead", "failed", "exited"))
        t.rec(u, t.show(u + ".service", "ActiveState", "SubState", "Result", "Type"))
    t.rec("remain-simple", t.start("remain-simple.service"))
    t.rec("remain-simple state", t.wait_state("remain-simple.service", "active/exited"))
    t.rec("notify none", t.start("notify-none.service"))
    t.rec("notify none state", t.show("notify-none.service", "NotifyAccess", "ActiveState"))
