"""Which signal a command of a socket gets: time-outs and stops in every phase, with SIGTERM, restart and final signals told apart."""
P = "/run/oracle/probe -n {} "
WHERE = {"pre": "ExecStartPre", "post": "ExecStartPost", "spre": "ExecStopPre", "spost": "ExecStopPost"}
SIGS = "KillSignal=SIGUSR1\nRestartKillSignal=SIGUSR2\nFinalKillSignal=SIGQUIT\nSendSIGHUP=yes\n"

def setup(t):
    for w, key in WHERE.items():
        for a in ("timeout", "stop", "restart", "stay"):
            n = f"{w}-{a}"
            tm = "TimeoutSec=100ms\n" if a in ("timeout", "stay") else ""
            sigs = "on-log USR1 on-log USR2 on-log HUP " if a == "stay" else ""
            km = "KillMode=mixed\n" if a == "stay" else ""
            t.unit(f"{n}.socket", f"[Socket]\nListenStream=/run/{n}\n{SIGS}{tm}{km}{key}={P}{sigs}log {w} pause\nExecStopPost={P}log end\n".replace("{}", n))
            t.unit(f"{n}.service", "[Service]\nExecStart=/bin/true\n")

def run(t):
    for w in WHERE:
        for a in ("timeout", "stop", "restart", "stay"):
            n = f"{w}-{a}"
            u = n + ".socket"
            if w.startswith("s"):
                t.start(u)
            b = t.bg("stop" if w.startswith("s") else "start", u)
            t.wait(lambda: f"{n} {w}" in t.log(n))
            if a in ("stop", "restart") and w.startswith("p"):
                c = t.bg(a, u)
                if a == "restart":
                    t.wait(lambda: t.log(n).count(f"{n} {w}") > 1)
                    c2 = t.bg("stop", u)
                    c2.wait()
                c.wait()
            elif a in ("stop", "restart"):
                continue
            t.rec(n, [b.wait(), t.wait_state(u, "failed"), t.log(n), t.show(u, "Result")])
