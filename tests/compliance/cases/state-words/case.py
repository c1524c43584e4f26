"""Every state that a socket can be held in: what it is called, whether it listens, which command runs."""
P = "/run/oracle/probe -n {} log {} wait-file /run/oracle/gate/{}"
STEPS = {"pre": "ExecStartPre", "post": "ExecStartPost", "stop-pre": "ExecStopPre", "stop-post": "ExecStopPost"}


def setup(t):
    for n, key in STEPS.items():
        t.unit(f"{n}.socket", f"[Socket]\nListenStream=/run/{n}\nRemoveOnStop=yes\n{key}={P.format(n, n, n)}\n")
        t.unit(f"{n}.service", f"[Service]\nExecStart=/run/oracle/probe -n {n}-service dump pause\n")
    for n, text in {
        "term": "ExecStopPre=/run/oracle/probe -n term ignore TERM log x pause\nTimeoutSec=700ms", "kill": "ExecStopPost=/run/oracle/probe -n kill ignore TERM log x pause\nTimeoutSec=700ms",
    }.items():
        t.unit(f"{n}.socket", f"[Socket]\nListenStream=/run/{n}\n{text}\n")
        t.unit(f"{n}.service", "[Service]\nExecStart=/bin/true\n")
    t.unit("run.socket", "[Socket]\nListenStream=/run/run\n")
    t.unit("run.service", "[Service]\nExecStart=/run/oracle/probe -n run pause\n")


def seen(t, u):
    d = t.show(u, "ActiveState", "SubState", "Result", "ControlPID")
    return [d["ActiveState"], d["SubState"], d["Result"], "no process" if d["ControlPID"] in (None, "", "0") else "a process"]


def run(t):
    for n in ("pre", "post"):
        b = t.bg("start", n + ".socket")
        t.wait_log(1, n)
        t.rec(n, [seen(t, n + ".socket"), t.node("/run/" + n), t.unix("/run/" + n).error, t.is_active(n + ".socket"), b.done(), len(t.held("/run/" + n))])
        t.gate(n)
        t.rec(n + " done", [b.wait(), t.wait_state(n + ".socket", "active/listening" if n == "pre" else "active/running"), seen(t, n + ".socket")])
    t.rec("running", [t.start("run.socket", "run.service"), t.wait_state("run.socket", "active/running"), seen(t, "run.socket"), t.stop("run.service"), t.wait_state("run.socket", "active/listening")])
    for n in ("stop-pre", "stop-post"):
        t.rec(n + " start", t.start(n + ".socket"))
        b = t.bg("stop", n + ".socket")
        t.wait_log(1, n)
        t.rec(n, [seen(t, n + ".socket"), t.node("/run/" + n), t.unix("/run/" + n).error, t.is_active(n + ".socket"), len(t.held("/run/" + n))])
        t.gate(n)
        t.rec(n + " done", [b.wait(), seen(t, n + ".socket")])
    t.rec("start", t.start("term.socket", "kill.socket"))
    # Of a restart, because 252 kills at once when it is a mere stop; later releases terminate first then too.
    stops = [t.bg("restart", "term.socket"), t.bg("stop", "kill.socket")]
    t.rec("stop-pre-sigterm", t.wait_prop("term.socket", "SubState", "stop-pre-sigterm"))
    t.rec("final-sigterm", t.wait_prop("kill.socket", "SubState", "final-sigterm"))
    t.rec("ends", [[b.wait() for b in stops], seen(t, "kill.socket"), seen(t, "term.socket"), t.wait_alive("term", 0), t.wait_alive("kill", 0)])
    t.rec("reset", [t.reset_failed("kill.socket"), seen(t, "kill.socket")])
