"""Jobs around sockets: time limits, failing and missing dependencies, order, conflicts, isolation of results."""
def setup(t):
    u = t.unit
    sv = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/run/oracle/probe -n log log {}\n"
    for n, unit, sock in (
        ("jt", "JobTimeoutSec=200ms\n", "ExecStartPre=/bin/sleep 100\n"), ("jr", "JobRunningTimeoutSec=200ms\n", "ExecStartPre=/bin/sleep 100\n"),
        ("req", "Requires=fails.service\nAfter=fails.service\n", ""), ("reqno", "Requires=fails.service\n", ""), ("reqm", "Requires=missing.service\n", ""), ("want", "Wants=fails.service missing.service\nAfter=fails.service\n", ""),
        ("reqs", "Requisite=down.service\nAfter=down.service\n", ""), ("binds", "BindsTo=b.service\nAfter=b.service\n", ""), ("part", "PartOf=p.service\n", ""), ("conf", "Conflicts=c.service\n", ""), ("fail", "OnFailure=of.service\n", "ExecStartPre=/bin/false\n"), ("succ", "OnSuccess=os.service\n", ""),
        ("unneeded", "StopWhenUnneeded=yes\n", ""), ("refstart", "RefuseManualStart=yes\n", ""), ("refstop", "RefuseManualStop=yes\n", ""), ("uph", "Upholds=up.service\n", ""), ("prop", "PropagatesStopTo=pt.service\n", ""), ("stopfrom", "StopPropagatedFrom=sf.service\n", ""), ("maskd", "Requires=masked.service\n", ""), ("nodef", "DefaultDependencies=no\n", ""), ("after", "After=slow.service\nWants=slow.service\n", ""), ("cyc", "After=cyc2.socket\nRequires=cyc2.socket\n", ""), ("cyc2", "After=cyc.socket\n", ""), ("reqsock", "Requires=other.socket\nAfter=other.socket\n", ""), ("other", "", ""), ("reqbad", "Requires=bad.socket\n", ""), ("jmode", "OnFailure=of2.service\nOnFailureJobMode=fail\n", "ExecStartPre=/bin/false\n"), ("faila", "FailureAction=none\nSuccessAction=none\n", ""), ("pr", "ReloadPropagatedFrom=pr.service\n", "")):
        u(n + ".socket", f"[Unit]\n{unit}[Socket]\nListenStream=/run/{n}\n{sock}")
        u(n + ".service", "[Service]\nExecStart=/run/oracle/probe -n " + n + " pause\nExecReload=/bin/true\n")
    for n in ("b", "p", "c", "of", "os", "up", "pt", "sf", "of2", "down"): u(n + ".service", sv.format(n))
    u("fails.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n"); u("slow.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/run/oracle/probe -n slow log s wait-file /run/oracle/gate/slow\n"); u("bad.socket", "[Socket]\n"); u("masked.service", "")
    u("need.target", "[Unit]\nRequires=unneeded.socket refstart.socket\nAfter=unneeded.socket\n"); u("keep.target", "[Unit]\nWants=other.socket down.service\n")
def run(t):
    ok = lambda u: t.wait(lambda: (lambda s: s if not s.startswith(("activating", "deactivating")) else None)(t.state(u)))
    for n in ("jt", "jr", "req", "reqno", "reqm", "want", "reqs", "binds", "part", "conf", "fail", "succ", "refstart", "refstop", "uph", "prop", "stopfrom", "maskd", "nodef", "cyc", "reqsock", "reqbad", "jmode", "faila", "pr"):
        t.rec(n, [t.start(n + ".socket"), t.state(n + ".socket") if n in ("jt", "jr") else ok(n + ".socket"), t.show(n + ".socket", "Requires", "Wants", "Before", "Conflicts", "OnFailure", "OnSuccess", "RefuseManualStart")])
    t.rec("of", [t.wait_state("of.service", "active"), t.wait_state("of2.service", "active"), ok("up.service")])
    t.rec("binds stop", [t.state("b.service"), t.stop("b.service"), ok("binds.socket")])
    t.rec("part", [t.start("p.service"), t.restart("p.service"), ok("part.socket"), t.stop("p.service"), ok("part.socket")])
    t.rec("conf", [t.start("c.service"), ok("conf.socket"), t.start("conf.socket"), t.state("c.service")])
    t.rec("succ", [t.stop("succ.socket"), t.wait_state("os.service", "active")])
    t.rec("refstop", [t.stop("refstop.socket"), t.restart("refstop.socket"), t.state("refstop.socket")])
    t.rec("uph", [t.stop("up.service"), t.wait_state("up.service", "active")])
    t.rec("prop", [t.start("pt.service"), t.stop("prop.socket"), ok("pt.service")])
    t.rec("stopfrom", [t.start("sf.service"), t.stop("sf.service"), ok("stopfrom.socket")])
    t.rec("need", [t.start("need.target"), t.state("unneeded.socket"), t.state("refstart.socket"), t.stop("need.target"), t.wait_state("unneeded.socket", "inactive"), t.state("refstart.socket")])
    t.rec("unneeded", [t.start("unneeded.socket"), t.wait_state("unneeded.socket", "inactive")])
    b = t.bg("start", "after.socket"); t.wait(lambda: t.log("slow")); t.hold(0.1)
    t.rec("after", [b.done(), t.state("after.socket")]); c = t.bg("stop", "after.socket"); t.rec("after stop", [c.wait(), b.wait(), t.state("after.socket")]); t.gate("slow")
    t.rec("reqsock", [t.state("other.socket"), t.stop("other.socket"), ok("reqsock.socket"), t.start("other.socket"), t.state("reqsock.socket")])
    t.rec("reqsock restart", [t.start("reqsock.socket"), t.restart("other.socket"), ok("reqsock.socket")])
    t.rec("pr", [t.start("pr.service"), t.reload("pr.service"), t.state("pr.socket")])
    t.rec("log", sorted(set(t.log("log"))))
