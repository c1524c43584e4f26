"""daemon-reload in every state, with the file the same, changed, gone, bad and masked."""
P = "/run/oracle/probe -n {} log {} wait-file /run/oracle/gate/{}"
STEPS = {"pre": "ExecStartPre", "post": "ExecStartPost", "spre": "ExecStopPre", "spost": "ExecStopPost"}
HOW = ("same", "hook", "port", "gone", "bad", "mask", "more", "time")
def text(n, w, extra="", port=None, again=""):
    return f"[Socket]\nListenStream=/run/{port or n}\n{STEPS[w]}={P.format(n, w, n)}\n{again}{extra}" + "".join(f"{k}=/run/oracle/probe -n {n} log other-{x}\n" for x, k in STEPS.items() if x != w)
def setup(t):
    for w in STEPS:
        for h in HOW:
            n = f"{w}-{h}"
            t.unit(n + ".socket", text(n, w, again=f"{STEPS[w]}=/run/oracle/probe -n {n} log second\n"))
            t.unit(n + ".service", "[Service]\nExecStart=/bin/true\n")
def run(t):
    bg = {}
    for w in STEPS:
        for h in HOW:
            n = f"{w}-{h}"
            if w.startswith("s"): t.start(n + ".socket")
            bg[n] = t.bg("stop" if w.startswith("s") else "start", n + ".socket")
            t.wait(lambda: f"{n} {w}" in t.log(n))
    for w in STEPS:
        for h in HOW:
            n = f"{w}-{h}"; f = f"/etc/systemd/system/{n}.socket"
            if h == "hook": t.unit(n + ".socket", text(n, w, again=f"{STEPS[w]}=/run/oracle/probe -n {n} log changed\n"))
            if h == "port": t.unit(n + ".socket", text(n, w, port=n + "x", again=f"{STEPS[w]}=/run/oracle/probe -n {n} log second\n"))
            if h == "gone": t.rm(f)
            if h == "bad": t.unit(n + ".socket", "[Socket]\nBacklog=4\n")
            if h == "mask": t.rm(f); t.unit(n + ".socket", "")
            if h == "more": t.unit(n + ".socket", f"[Socket]\nListenStream=/run/{n}\n{STEPS[w]}=/bin/true\n{STEPS[w]}={P.format(n, w, n)}\n{STEPS[w]}=/run/oracle/probe -n {n} log third\n")
            if h == "time": t.unit(n + ".socket", text(n, w, extra="TimeoutSec=500ms\n"))
    t.rec("reload", t.daemon_reload())
    for n in bg:
        u = n + ".socket"
        if n.endswith("time"): continue
        t.rec(n + " during", t.show(u, "LoadState", "ActiveState", "SubState", "Result", "Listen"))
    for n in bg: 
        if not n.endswith("time"): t.gate(n)
    for n in bg:
        u = n + ".socket"
        t.rec(n, [bg[n].wait(), t.wait(lambda: (lambda s: s if not "ing/s" in s.replace("listening/s","") and "activating" not in s else None)(t.state(u))), t.log(n), t.show(u, "Listen", "LoadState"), t.unix(f"/run/{n}").error])
