"""start, stop, restart, try-restart, reload and reload-or-restart of a service in every phase (service-unit 78, 91)."""
PHASES = ["condition", "start-pre", "start", "start-post", "running", "reload", "stop", "stop-post", "auto-restart", "exited", "dead", "failed"]
KEYS = {"condition": "ExecCondition", "start-pre": "ExecStartPre", "start-post": "ExecStartPost", "reload": "ExecReload", "stop": "ExecStop", "stop-post": "ExecStopPost"}
VERBS = ["start", "stop", "restart", "try-restart", "reload", "reload-or-restart"]
UNITS = {f"{v}-{ph}": (v, ph) for v in VERBS for ph in PHASES}
P = ("ActiveState", "SubState", "Result", "ExecMainCode", "ExecMainStatus", "NRestarts")
TIMEOUT = 60


def setup(t):
    for n, (v, ph) in UNITS.items():
        gate, probe = f"/run/oracle/gate/{n}", f"/run/oracle/probe -n {n}"
        text = "" if ph == "failed" else "Restart=on-failure\nRestartSec=1h\n"
        for k in KEYS.values():
            hang = f"log hang-{ph} wait-file {gate} log go" if KEYS.get(ph) == k else f"log {k}"
            text += f"{k}={probe} {hang}\n"
        end = {"auto-restart": "exit 1", "failed": "exit 1", "dead": "exit 0", "exited": "exit 0"}.get(ph)
        main = f"log main ready wait-file {gate}-end rm {gate}-end {end}" if end else f"log hang-start wait-file {gate} ready pause" if ph == "start" else "log main ready pause"
        t.unit(n + ".service", f"[Service]\nType=notify\n{'RemainAfterExit=yes' if ph == 'exited' else ''}\n{text}ExecStart={probe} {main}\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in UNITS) + "\n")


def run(t):
    up = [n for n in UNITS if UNITS[n][1] not in PHASES[:4]]
    t.start("keep.target", *[n + ".service" for n in up])
    first = {n: t.bg({"reload": "reload", "stop": "stop", "stop-post": "stop"}.get(UNITS[n][1], "start"), n + ".service") for n in UNITS}
    for n in up:
        if UNITS[n][1] in ("auto-restart", "failed", "dead", "exited"):
            first[n].wait()
            t.write(f"/run/oracle/gate/{n}-end", "")
    for n, (v, ph) in UNITS.items():
        t.wait_prop(n + ".service", "SubState", ph)
        if ph in KEYS or ph == "start":
            t.wait(lambda: f"{n} hang-{ph}" in t.log(n + " "))
    asked = {n: t.bg(UNITS[n][0], n + ".service") for n in UNITS}
    t.hold(0.5)
    for n in UNITS:
        t.rec(n + " during", t.show(n + ".service", *P))
        t.rec(n + " done", asked[n].done())
        t.write(f"/run/oracle/gate/{n}", "")
    for n, (v, ph) in UNITS.items():
        if n not in ("start-auto-restart", "reload-or-restart-auto-restart"):
            t.rec(n + " job", asked[n].wait())
            t.rec(n + " first", first[n].wait())
    for n in UNITS:
        t.rec(n, t.show(n + ".service", *P))
        t.rec(n + " log", t.log(n + " "))
    t.stop(*[n + ".service" for n in UNITS])
    t.rec("stopped", {n: t.show(n + ".service", *P) for n in UNITS})
