"""Processes left of an earlier run: where SendSIGKILL=no refuses the next one (service-unit 84, 86)."""
U = {
 "cg-nokill": "SendSIGKILL=no\nTimeoutStopSec=50ms\n",
 "cg-nokill-pre": "SendSIGKILL=no\nTimeoutStopSec=50ms\nExecStartPre=/run/oracle/probe -n cg-nokill-pre log pre\n",
 "cg-nokill-cond": "SendSIGKILL=no\nTimeoutStopSec=50ms\nExecCondition=/run/oracle/probe -n cg-nokill-cond log cond\n",
 "cg-nokill-post": "SendSIGKILL=no\nTimeoutStopSec=50ms\nExecStopPost=/run/oracle/probe -n cg-nokill-post log post\n",
 "mixed-nokill": "KillMode=mixed\nSendSIGKILL=no\nTimeoutStopSec=50ms\n",
 "process-nokill": "KillMode=process\nSendSIGKILL=no\nTimeoutStopSec=50ms\n",
 "process": "KillMode=process\n",
 "none": "KillMode=none\n",
 "cg-nokill-restart": "SendSIGKILL=no\nTimeoutStopSec=50ms\nRestart=on-failure\nRestartSec=10ms\n",
 "pre-leaves": "SendSIGKILL=no\nTimeoutStopSec=50ms\nExecStartPre=/run/oracle/probe -n pre-leaves fork [ pause ]\n",
}
def setup(t):
    for n, x in U.items():
        t.unit(n + ".service", f"[Service]\n{x}ExecStart=/run/oracle/probe -n {n} fork [ ignore TERM log child pause ] log up pause\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in U) + "\n")
def run(t):
    t.start("keep.target")
    P = ("ActiveState","SubState","Result","ExecMainCode","ExecMainStatus","NRestarts")
    for n in U:
        u = n + ".service"
        t.rec(n + " start", t.start(u))
        if n != "pre-leaves":
            t.wait(lambda: t.log(n + " ").count(f"{n} up") + t.log(n + " ").count(f"{n} child") == 2)
        t.rec(n + " stop", t.stop(u))
        t.rec(n, t.show(u, *P))
        t.rec(n + " again", t.start(u))
        t.wait(lambda: t.prop(u, "SubState") in ("running", "failed", "dead"))
        t.rec(n + " state", t.show(u, *P))
        t.wait(lambda: t.prop(u, "SubState") != "running" or len(t.log(n + " ")) == 4)
        t.rec(n + " log", sorted(t.log(n + " ")))
        t.rec(n + " restart", t.restart(u))
        t.wait(lambda: t.prop(u, "SubState") in ("running", "failed", "dead"))
        t.rec(n + " state3", t.show(u, *P))
        t.stop(u)
