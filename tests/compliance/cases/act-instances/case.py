"""Instances of Accept=yes: slices, stop and restart by hand, a bad template, one that remains, one that restarts, counters through it all."""
UNITS = {
    "a.socket": "[Socket]\nListenStream=127.0.0.1:7001\nAccept=yes\n", "a@.service": "[Service]\nExecStart=/run/oracle/probe -n a dump echo 3\n",
    "dash-ed.socket": "[Socket]\nListenStream=127.0.0.1:7002\nAccept=yes\nSlice=own.slice\n", "dash-ed@.service": "[Service]\nExecStart=/run/oracle/probe -n dash dump echo 3\n",
    "bad.socket": "[Socket]\nListenStream=127.0.0.1:7003\nAccept=yes\n", "bad@.service": "[Service]\nType=oneshot\nRestart=always\nExecStart=relative\n",
    "rest.socket": "[Socket]\nListenStream=127.0.0.1:7004\nAccept=yes\n", "rest@.service": "[Service]\nRestart=on-failure\nRestartSec=0\nExecStart=/run/oracle/probe -n rest dump log run exit 3\n[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=1h\n",
    "remain.socket": "[Socket]\nListenStream=127.0.0.1:7005\nAccept=yes\nMaxConnections=1\n", "remain@.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/run/oracle/probe -n remain log run\n",
    "slow.socket": "[Socket]\nListenStream=127.0.0.1:7006\nAccept=yes\n", "slow@.service": "[Service]\nType=notify\nTimeoutStartSec=200ms\nExecStart=/run/oracle/probe -n slow log run pause\n",
    "none.socket": "[Socket]\nListenStream=127.0.0.1:7007\nAccept=yes\n", "none@.service": "[Unit]\nConditionPathExists=/missing\n[Service]\nExecStart=/bin/true\n",
}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def run(t):
    t.rec("start", t.start(*[u for u in UNITS if u.endswith(".socket")]))
    u = "a@0-127.0.0.1:7001-127.0.0.1:53000.service"
    c = t.tcp("127.0.0.1:7001", sport=53000)
    t.rec("a", [c.ask("x"), t.show(u, "Slice", "ActiveState", "Id", "LoadState", "TriggeredBy"), t.dump("a", sections=["cgroup"])])
    t.rec("a stop", [t.stop(u), c.recv(), t.wait_prop("a.socket", "NConnections", "0"), t.counters("a.socket"), t.state("a.socket")])
    c = t.tcp("127.0.0.1:7002", sport=53001)
    v = "dash-ed@0-127.0.0.1:7002-127.0.0.1:53001.service"
    t.rec("dash", [c.ask("x"), t.prop(v, "Slice"), t.prop("dash-ed.socket", "Slice"), t.dump("dash", sections=["cgroup"])])
    # Nothing is connected any more, so a restart by hand has no connection to give.
    t.rec("dash kill", [t.signal_unit(v, 9), t.wait_state(v, "failed"), c.recv(), t.counters("dash-ed.socket")])
    c = t.tcp("127.0.0.1:7003", sport=53002)
    t.rec("bad", [c.recv(), t.wait_state("bad.socket", "failed"), t.counters("bad.socket")])
    c = t.tcp("127.0.0.1:7004", sport=53003)
    w = "rest@0-127.0.0.1:7004-127.0.0.1:53003.service"
    t.rec("rest", [c.recv(), t.wait_state(w, "failed"), len(t.log("rest")), t.state("rest.socket"), t.wait_prop("rest.socket", "NConnections", "0"), t.counters("rest.socket")])
    t.rec("rest descriptors", t.brief_fds("rest"))
    c = t.tcp("127.0.0.1:7005", sport=53004)
    r = "remain@0-127.0.0.1:7005-127.0.0.1:53004.service"
    t.rec("remain", [t.wait_state(r, "active/exited"), t.counters("remain.socket"), t.tcp("127.0.0.1:7005", sport=53005).recv(), t.stop(r), t.wait_prop("remain.socket", "NConnections", "0"), c.recv(), t.counters("remain.socket")])
    c = t.tcp("127.0.0.1:7006", sport=53006)
    s = "slow@0-127.0.0.1:7006-127.0.0.1:53006.service"
    t.rec("slow", [t.wait_state(s, "failed"), c.recv(), t.state("slow.socket")])
    c = t.tcp("127.0.0.1:7007", sport=53007)
    t.rec("none", [c.recv(), t.wait_prop("none.socket", "NConnections", "0"), t.counters("none.socket"), t.state("none.socket")])
