"""Jobs that contradict each other, wait, or fail with one they need: who is started, what counts, who is told."""
P = "/run/oracle/probe -n {} "
SERVICE = "[Service]\nExecStart=/run/oracle/probe pause\n"
UNITS = {
    # Requisite= without an order: what is looked at first is the target, then the socket, then the service.
    "first.socket": "[Unit]\nRequisite=idle.service\n[Socket]\nListenStream=/run/first\n", "first.service": SERVICE, "idle.service": SERVICE,
    "last.service": "[Unit]\nRequisite=idle.socket\n" + SERVICE, "idle.socket": "[Socket]\nListenStream=/run/idle\n",
    "told.service": "[Unit]\nRequisite=idle.service\nAfter=idle.service\nOnFailure=help.service\n" + SERVICE,
    "help.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
    # Both started and stopped.
    "both.target": "[Unit]\nRequires=idle.socket\nConflicts=idle.socket\n",
    "round.service": "[Unit]\nRequires=against.service\n" + SERVICE, "against.service": "[Unit]\nConflicts=round.service\n" + SERVICE,
    "bystander.target": "[Unit]\nConflicts=round.service\n",
    "wanting.target": "[Unit]\nWants=liked.service\nConflicts=liked.service\n", "liked.service": SERVICE,
    # Bound to what is over.
    "over.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "bound.service": "[Unit]\nBindsTo=over.service\nAfter=over.service\n" + SERVICE,
    # What counts against the limit of starts.
    "slow.socket": "[Unit]\nStartLimitBurst=1\nStartLimitIntervalSec=1h\n[Socket]\nListenStream=/run/slow\nExecStopPost=" + P.format("slow") + "log post wait-file /run/oracle/gate/slow\n", "slow.service": SERVICE,
    "again.service": "[Unit]\nStartLimitBurst=1\nStartLimitIntervalSec=1h\n[Service]\nExecStart=/run/oracle/probe exit 1\nRestart=always\nRestartSec=1h\n",
    "refused.socket": "[Unit]\nStartLimitBurst=1\nStartLimitIntervalSec=1h\n[Socket]\nListenStream=/run/refused\n", "refused.service": SERVICE,
    "tripped.socket": "[Unit]\nStartLimitBurst=1\nStartLimitIntervalSec=1h\n[Socket]\nListenStream=/run/tripped\nTriggerLimitIntervalSec=1h\nTriggerLimitBurst=2\n",
    "tripped.service": "[Unit]\nConditionPathExists=/missing\n" + SERVICE,
    # Nothing of its own to reload.
    "plain.target": "[Unit]\nDescription=Plain\n", "passing.target": "[Unit]\nPropagatesReloadTo=heard.service\n",
    "heard.service": SERVICE + "ExecReload=/bin/true\n",
    # Needed by a job that comes to nothing.
    "spare.target": "[Unit]\nStopWhenUnneeded=yes\n",
    "skipped.service": "[Unit]\nRequires=spare.target\nConditionPathExists=/missing\n" + SERVICE,
}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(UNITS) + "\n")


def run(t):
    t.start("keep.target")
    for u in ("first.socket", "last.service", "told.service", "both.target", "bound.service", "skipped.service"):
        t.rec(u, [t.start(u), t.state(u)])
    t.rec("help", t.wait_state("help.service", "active"))
    t.rec("spare", t.wait_state("spare.target", "inactive"))
    t.start("bystander.target")
    t.rec("round", [t.start("round.service"), t.state("round.service"), t.state("against.service"), t.state("bystander.target")])
    t.rec("wanting", [t.start("wanting.target"), t.state("wanting.target"), t.state("liked.service")])

    t.start("slow.socket")
    stop = t.bg("stop", "slow.socket")
    t.wait_log(1, "slow post")
    t.rec("slow", [t.start("slow.socket"), t.wait_state("slow.socket", "failed")])
    t.gate("slow")
    stop.wait()
    t.start("again.service")
    t.wait_state("again.service", "activating/auto-restart")
    t.rec("again", [t.start("again.service"), t.state("again.service")])
    t.start("refused.service")
    t.rec("refused", [[t.start("refused.socket"), t.state("refused.socket")] for _ in range(2)])
    t.start("tripped.socket")
    t.unix("/run/tripped").send("x")
    t.rec("tripped", [t.wait_state("tripped.socket", "failed"), t.start("tripped.socket"), t.state("tripped.socket")])
    for u in ("plain.target", "passing.target"):
        t.start(u)
        t.rec(u, [t.reload(u), t.ctl("reload-or-restart", u)[0], t.state(u)])
