"""Which ends are restarted, by Restart=; Prevent and Force (service-unit 74, 75, 77)."""
ENDS = {"zero": "exit 0", "one": "exit 1", "term": "kill TERM", "kill": "kill KILL", "abrt": "kill ABRT"}
MODES = ("no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog")
EXTRA = {
    "prevent": ("Restart=always\nRestartPreventExitStatus=1", "exit 1"),
    "prevent-signal": ("Restart=always\nRestartPreventExitStatus=SIGKILL", "kill KILL"),
    "force": ("RestartForceExitStatus=0", "exit 0"),
    "force-signal": ("RestartForceExitStatus=SIGABRT 3", "kill ABRT"),
    "force-prevent": ("RestartForceExitStatus=4\nRestartPreventExitStatus=4", "exit 4"),
    "clean-3-success": ("SuccessExitStatus=3\nRestart=on-success", "exit 3"),
    "clean-3-failure": ("SuccessExitStatus=3\nRestart=on-failure", "exit 3"),
    "bad-mode": ("Restart=sometimes", "exit 1"),
    "protocol": ("Type=notify\nRestart=on-failure", "exit 0"),
    "protocol-abnormal": ("Type=notify\nRestart=on-abnormal", "exit 0"),
    "oneshot": ("Type=oneshot\nRestart=on-failure", "exit 1"),
    "minus": ("Restart=on-failure", None),
    "condition": ("Restart=always\nExecCondition=/run/oracle/probe exit 1", "exit 0"),
}


def setup(t):
    for m in MODES:
        for e, act in ENDS.items():
            t.unit(f"{m}-{e}.service", f"[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart={m}\nRestartSec=1ms\nExecStart=/run/oracle/probe -n {m}-{e} log run wait-file /run/oracle/gate/{m}-{e} {act}\n")
    for n, (text, act) in EXTRA.items():
        t.unit(f"{n}.service", f"[Unit]\nStartLimitIntervalSec=0\n[Service]\n{text}\nRestartSec=1ms\nExecStart={'-' if act is None else ''}/run/oracle/probe -n {n} log run {act or 'exit 1'}\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join([f"{m}-{e}.service" for m in MODES for e in ENDS] + [f"{n}.service" for n in EXTRA]) + "\n")


def run(t):
    t.start("keep.target")
    for m in MODES:
        for e in ENDS:
            u, n = f"{m}-{e}.service", f"{m}-{e}"
            t.start(u)
            t.write(f"/run/oracle/gate/{n}", "")
            t.wait(lambda: t.prop(u, "ActiveState") in ("inactive", "failed") or int(t.prop(u, "NRestarts")) > 2)
            t.rec(n, "restarts" if int(t.prop(u, "NRestarts")) > 2 else t.state(u))
            t.stop(u)
            t.rec(n + " stopped", t.prop(u, "SubState") in ("dead", "failed"))
    for n in EXTRA:
        u = n + ".service"
        t.bg("start", u)
        ended = lambda d: d["ActiveState"] in ("inactive", "failed") and (d["ExecMainCode"] != "0" or d["Result"] != "success")
        t.wait(lambda: len(t.log(n + " ")) > 2 or ended(t.show(u, "ActiveState", "Result", "ExecMainCode")))
        t.rec(n, "restarts" if len(t.log(n + " ")) > 2 else t.state(u))
        t.stop(u)
TIMEOUT = 60
