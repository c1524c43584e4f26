"""Requisite= and BindsTo= when the other one is stopped or restarted; OnFailure= of a start that the limit refuses."""
PROBE = "/run/oracle/probe -n"
P = ("ActiveState", "SubState", "Result")


def setup(t):
    for n, text in {"requisite": "Requisite", "binds": "BindsTo", "part": "PartOf"}.items():
        for o in ("after", "alone"):
            order = f"After={n}-{o}-b.service" if o == "after" else ""
            t.unit(f"{n}-{o}-a.service", f"[Unit]\n{text}={n}-{o}-b.service\n{order}\n[Service]\nExecStart={PROBE} {n} pause\n")
            t.unit(f"{n}-{o}-b.service", f"[Service]\nExecStart={PROBE} {n} pause\n")
    t.unit("limit.service", f"[Unit]\nOnFailure=help.service\nStartLimitBurst=1\nStartLimitIntervalSec=1h\n[Service]\nType=oneshot\nExecStart={PROBE} limit log up\n")
    t.unit("again.service", f"[Unit]\nOnFailure=help-again.service\nStartLimitBurst=2\nStartLimitIntervalSec=1h\n[Service]\nRestart=on-failure\nRestartSec=1ms\nExecStart={PROBE} again log up exit 1\n")
    for n in ("help", "help-again"):
        t.unit(n + ".service", f"[Service]\nType=oneshot\nExecStart={PROBE} {n} log up logenv MONITOR_SERVICE_RESULT logenv MONITOR_UNIT\n")
    t.unit("keep.target", "[Unit]\nAfter=limit.service again.service help.service help-again.service\n")


def run(t):
    t.start("keep.target")
    for n in ("requisite", "binds", "part"):
        for o in ("after", "alone"):
            a, b = f"{n}-{o}-a.service", f"{n}-{o}-b.service"
            t.rec(f"{n} {o}", [t.start(b), t.start(a)])
            if n != "requisite":
                t.rec(f"{n} {o} restart", t.restart(b))
                t.wait_state(a, "active/running")
                t.rec(f"{n} {o} restarted", [t.show(u, *P) for u in (a, b)])
            t.rec(f"{n} {o} stop", t.stop(b))
            t.wait_state(a, "inactive")
            t.rec(f"{n} {o} stopped", [t.show(u, *P) for u in (a, b)])
    t.rec("limit", [t.start("limit.service") for _ in range(2)])
    t.rec("limit state", t.show("limit.service", *P))
    t.rec("help", t.wait_log(3, "help "))
    t.rec("again", t.start("again.service"))
    t.rec("again state", t.wait_state("again.service", "failed/failed"))
    t.rec("help again", t.wait_log(3, "help-again "))
