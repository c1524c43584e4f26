"""Requires=, Wants=, BindsTo=, PartOf=, Conflicts=, Requisite=, Upholds=, OnFailure=, OnSuccess=, PropagatesStopTo=, ordering (service-unit 133, 136)."""
L = "ExecStart=/run/oracle/probe -n log log NAME-start\nExecStop=/run/oracle/probe -n log log NAME-stop\n"
ONE = "Type=oneshot\nRemainAfterExit=yes\n" + L
S = {
    "req": ("Requires=req-d.service\nAfter=req-d.service", ONE), "req-d": ("", ONE),
    "want": ("Wants=fail.service missing.service masked.service\nAfter=fail.service", ONE), "fail": ("", "Type=oneshot\nExecStart=/bin/false\n"),
    "reqfail": ("Requires=fail.service\nAfter=fail.service", ONE), "reqfail-unordered": ("Requires=fail2.service", ONE), "fail2": ("", "Type=oneshot\nExecStart=/bin/false\n"),
    "reqmissing": ("Requires=missing.service", ONE), "reqmasked": ("Requires=masked.service", ONE), "reqtarget": ("Requires=missing.target", ONE), "afteronly": ("After=missing.service missing.target", ONE),
    "binds": ("BindsTo=binds-d.service\nAfter=binds-d.service", ONE), "binds-d": ("", "ExecStart=/run/oracle/probe -n binds-d pause\n"),
    "part": ("PartOf=part-d.service", ONE), "part-d": ("", ONE), "conf": ("Conflicts=conf-d.service", ONE), "conf-d": ("", ONE),
    "requisite": ("Requisite=requisite-d.service\nAfter=requisite-d.service", ONE), "requisite-d": ("", ONE),
    "onfail": ("OnFailure=handler@%n.service", "ExecStart=/bin/false\n"), "onsucc": ("OnSuccess=handler@%n.service", "ExecStart=/bin/true\n"),
    "handler@": ("", "Type=oneshot\nExecStart=/run/oracle/probe -n handler logenv MONITOR_UNIT logenv MONITOR_SERVICE_RESULT logenv MONITOR_EXIT_CODE logenv MONITOR_EXIT_STATUS\n"),
    "prop": ("PropagatesStopTo=prop-d.service", ONE), "prop-d": ("", ONE), "up": ("Upholds=up-d.service", ONE), "up-d": ("", ONE.replace("Type=oneshot\nRemainAfterExit=yes\n", "Type=oneshot\nRemainAfterExit=yes\n")),
    "first": ("Before=second.service\nPartOf=order.target", ONE), "second": ("PartOf=order.target", ONE), "third": ("After=second.service\nPartOf=order.target", ONE),
    "reload-to": ("PropagatesReloadTo=reload-d.service", ONE + "ExecReload=/run/oracle/probe -n log log NAME-reload\n"), "reload-d": ("", ONE + "ExecReload=/run/oracle/probe -n log log NAME-reload\n"),
    "refuse": ("RefuseManualStart=yes", ONE), "refuse-stop": ("RefuseManualStop=yes", ONE), "unneeded": ("StopWhenUnneeded=yes", ONE), "needs": ("Wants=unneeded.service", ONE), "cycle-a": ("After=cycle-b.service\nWants=cycle-b.service", ONE), "cycle-b": ("After=cycle-a.service", ONE),
    "slowpart": ("Requires=slow-d.service\nAfter=slow-d.service", ONE), "slow-d": ("", "Type=oneshot\nExecStart=/run/oracle/probe -n slow-d wait-file /run/oracle/gate/slow\n"),
    "self": ("Requires=self.service\nAfter=self.service", ONE), "assert": ("AssertPathExists=/missing", ONE), "cond": ("ConditionPathExists=/missing", ONE), "reqassert": ("Requires=assert.service\nAfter=assert.service", ONE), "reqcond": ("Requires=cond.service\nAfter=cond.service", ONE),
}


def setup(t):
    for n, (unit, text) in S.items():
        t.unit(n + ".service", f"[Unit]\n{unit}\n[Service]\n{text}".replace("NAME", n))
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in S if "@" not in n) + " handler@onfail.service.service handler@onsucc.service.service\n")
    t.unit("order.target", "[Unit]\nWants=third.service second.service first.service\n")
    t.unit("multi.target", "[Unit]\nWants=want.service\nRequires=req.service\nAfter=req.service\n")
    t.unit("isolated.target", "[Unit]\nRequires=fail.service\nAfter=fail.service\n")


def run(t):
    a = lambda *us: {u: t.show(u + ".service", "ActiveState", "SubState")["ActiveState"] for u in us}
    t.start("keep.target")
    t.rec("requires", [t.start("req.service"), a("req", "req-d"), t.log()])
    t.rec("stop required", [t.stop("req-d.service"), a("req", "req-d"), t.log()])
    t.rec("wants what fails", [t.start("want.service"), a("want", "fail")])
    for n in ("reqfail", "reqmissing", "reqmasked", "reqtarget", "afteronly", "self", "assert", "cond", "reqassert", "reqcond", "refuse", "requisite"):
        t.rec(n, [t.start(n + ".service"), t.show(n + ".service", "ActiveState", "Result", "ConditionResult", "AssertResult")])
    t.rec("exit codes", {n: t.ctl("start", n + ".service")[0] for n in ("reqfail", "reqmissing", "reqmasked", "assert", "cond", "refuse", "requisite")})
    t.rec("requisite now", [t.start("requisite-d.service"), t.start("requisite.service"), a("requisite")])
    t.rec("binds", [t.start("binds.service"), a("binds", "binds-d")])
    t.signal_unit("binds-d.service", 9)
    t.rec("bound goes", [t.wait_state("binds.service", "inactive"), t.state("binds-d.service")])
    t.rec("part", [t.start("part.service", "part-d.service"), t.restart("part-d.service"), t.wait(lambda: t.log().count("log part-start") == 2), t.wait_state("part.service", "active")])
    t.rec("part stop", [t.stop("part-d.service"), t.wait_state("part.service", "inactive"), t.wait_state("part-d.service", "inactive")])
    t.rec("conflicts", [t.start("conf-d.service"), t.start("conf.service"), t.wait_state("conf-d.service", "inactive"), a("conf")])
    t.rec("conflicts back", [t.start("conf-d.service"), t.wait_state("conf.service", "inactive"), a("conf-d")])
    t.rec("on failure", [t.start("onfail.service"), t.wait_log(4, "handler")])
    t.rec("on success", [t.start("onsucc.service"), t.wait_log(8, "handler")[4:]])
    t.rec("propagates stop", [t.start("prop.service", "prop-d.service"), t.stop("prop.service"), t.wait_state("prop-d.service", "inactive")])
    t.rec("upholds", [t.start("up.service"), t.wait_state("up-d.service", "active")])
    n = len(t.log())
    t.rec("order", [t.start("order.target"), t.log()[n:]])
    n = len(t.log())
    t.rec("reverse order", [t.stop("order.target"), [t.wait_state(u + ".service", "inactive") for u in ("first", "second", "third")], t.log()[n:]])
    n = len(t.log())
    t.rec("reload", [t.start("reload-to.service", "reload-d.service"), t.reload("reload-to.service"), t.wait(lambda: len(t.log()) >= n + 4), sorted(t.log()[n:])])
    t.rec("refuse stop", [t.start("refuse-stop.service"), t.stop("refuse-stop.service"), a("refuse-stop")])
    t.rec("unneeded", [t.start("needs.service"), a("needs", "unneeded"), t.stop("needs.service"), t.wait_state("unneeded.service", "inactive")])
    t.rec("target", [t.start("multi.target"), t.state("multi.target"), a("want", "req"), t.stop("multi.target"), t.state("multi.target"), a("want", "req")])
    t.rec("target that needs what fails", [t.start("isolated.target"), t.state("isolated.target")])
    b = t.bg("start", "slowpart.service")
    t.wait_state("slow-d.service", "activating")
    t.rec("while it waits", [a("slowpart", "slow-d"), t.show("slowpart.service", "SubState")])
    t.rec("stop the waiting", [t.stop("slowpart.service"), b.wait(), a("slowpart", "slow-d")])
    t.gate("slow")
    t.rec("properties", [t.show("req.service", "Requires", "Conflicts", "Wants"), t.show("req-d.service", "RequiredBy", "WantedBy"), t.show("binds.service", "BindsTo", "BoundBy"), t.show("part-d.service", "ConsistsOf"), t.show("onfail.service", "OnFailure"), t.show("conf-d.service", "ConflictedBy")])
