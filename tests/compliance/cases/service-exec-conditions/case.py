"""ExecCondition= and how it ends, with prefix, SuccessExitStatus=, Restart= and types (service-unit 68)."""
def p(n, *a): return f"/run/oracle/probe -n {n} " + " ".join(a)
C = {"zero": "exit 0", "one": "exit 1", "254": "exit 254", "255": "exit 255", "kill": "kill KILL", "term": "kill TERM", "abrt": "kill ABRT"}
U = {}
for c, a in C.items():
    for k, x in (("", ""), ("minus", ""), ("restart", "Restart=on-failure\nRestartSec=1h\n"), ("ses", "SuccessExitStatus=1 254 255 SIGKILL\n"), ("remain", "RemainAfterExit=yes\nType=oneshot\n"), ("notify", "Type=notify\n"), ("prevent", "Restart=always\nRestartSec=1h\n")):
        U[f"{c}-{k}"] = (("-" if k == "minus" else ""), a, x)
def setup(t):
    for n, (m, a, x) in U.items():
        t.unit(n + ".service", f"[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=1h\nOnFailure={n}-h.service\n[Service]\n{x}ExecCondition={m}{p(n, 'log cond', a)}\nExecCondition={p(n, 'log cond2')}\nExecStartPre={p(n, 'log pre')}\nExecStart={p(n, 'ready log main exit 0')}\nExecStop={p(n, 'log stop')}\nExecStopPost={p(n, 'log post logenv SERVICE_RESULT logenv EXIT_CODE')}\n")
        t.unit(n + "-h.service", f"[Service]\nType=oneshot\nExecStart={p(n, 'log handler')}\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(f"{n}.service {n}-h.service" for n in U) + "\n")
P = ("ActiveState","SubState","Result","NRestarts","ExecMainCode","ExecMainStatus","ConditionResult")
def run(t):
    t.start("keep.target")
    jobs = {n: t.bg("start", n + ".service") for n in U}
    t.rec("starts", {n: jobs[n].wait() for n in U})
    for n in U:
        t.wait(lambda: t.prop(n + ".service", "SubState") in ("dead", "failed", "exited", "auto-restart"))
        if t.prop(n + ".service", "SubState") == "failed":
            t.wait(lambda: f"{n} handler" in t.log(n + " "))
    for n in U:
        u = n + ".service"
        t.rec(n, t.show(u, *P))
        t.rec(n + " log", [l for l in t.log(n + " ")] if "notify" not in n and "prevent" not in n else None)
TIMEOUT=60
