"""StandardInput=tty, tty-fail and tty-force where another session has the terminal; who gets it at all."""
import os

SERVICES = {
    "owner": "StandardInput=tty",
    "waits": "StandardInput=tty",
    "late": "StandardInput=tty\nType=exec\nTimeoutStartSec=100ms",
    "fails": "StandardInput=tty-fail",
    "forces": "StandardInput=tty-force",
}


def run(t):
    _, one = os.openpty()
    _, two = os.openpty()
    for n, text in SERVICES.items():
        t.unit(n + ".service", f"[Service]\n{text}\nTTYPath={os.ttyname(one)}\nExecStart=/run/oracle/probe -n {n} dump log up pause\n")
    t.unit("commands.service", f"[Service]\nStandardInput=tty\nTTYPath={os.ttyname(two)}\nExecStartPre=/run/oracle/probe -n pre dump\nExecStart=/run/oracle/probe -n main dump pause\nExecStartPost=/run/oracle/probe -n post dump\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in SERVICES) + "\n")
    t.daemon_reload()
    t.start("keep.target")
    t.rec("owner", t.start("owner.service"))
    t.rec("owner up", t.wait_log(1, "owner "))
    t.rec("waits", t.start("waits.service"))
    t.rec("fails", t.start("fails.service"))
    t.rec("fails state", t.wait_state("fails.service", "failed"))
    t.rec("fails status", t.show("fails.service", "ExecMainCode", "ExecMainStatus"))
    t.rec("late", t.start("late.service"))
    t.rec("late state", t.state("late.service"))
    t.rec("waits still", [t.state("waits.service"), t.log("waits ")])
    t.rec("stop", t.stop("owner.service"))
    t.rec("waits up", t.wait_log(1, "waits "))
    t.rec("forces", t.start("forces.service"))
    t.rec("forces up", t.wait_log(1, "forces "))
    t.rec("commands", t.start("commands.service"))
    for n in ("pre", "main", "post"):
        t.wait(lambda: t.dumps(n) > 0)
        t.rec(n, [(f["fd"], f["kind"], f.get("path")) for f in t.dump(n, std=True)["fds"]])
