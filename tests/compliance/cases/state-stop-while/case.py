"""A stop, a start or a restart that comes while a command of the socket runs: what is killed, what is run, how the unit ends."""
# socket-unit #121 #122
P = "/run/oracle/probe -n {} "
WHERE = {"pre": "ExecStartPre", "post": "ExecStartPost", "spre": "ExecStopPre", "spost": "ExecStopPost"}
ASKS = ("start", "stop", "restart")


def setup(t):
    for w, key in WHERE.items():
        for a in ASKS:
            n = f"{w}-{a}"
            hooks = "".join(f"{k}={P}log {x}\n" for x, k in WHERE.items() if x != w)
            t.unit(f"{n}.socket", f"[Socket]\nListenStream=/run/{n}\n{hooks}{key}={P}log {w} wait-file /run/oracle/gate/{n}\n".replace("{}", n))
            t.unit(f"{n}.service", "[Service]\nExecStart=/bin/true\n")


def run(t):
    for w in WHERE:
        for a in ASKS:
            n = f"{w}-{a}"
            u = n + ".socket"
            if w.startswith("s"):
                t.start(u)
            b = t.bg("stop" if w.startswith("s") else "start", u)
            t.wait(lambda: f"{n} {w}" in t.log(n))
            c = t.bg(a, u)
            if w.startswith("p") and a == "start" or w.startswith("s"):
                t.hold(0.1)
                t.rec(n + " waits", [b.done(), c.done(), t.state(u)])
                t.gate(n)
            if w.startswith("p") and a == "restart":
                t.hold(0.1)
                t.rec(n + " while", [b.done(), c.done(), t.state(u)])
                t.gate(n)
            t.rec(n, [b.wait(), c.wait(), t.state(u), t.log(n)])
