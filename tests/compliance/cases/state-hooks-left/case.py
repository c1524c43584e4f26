"""Commands that outlive their socket, and what the next start does about them; KillMode= and SendSIGKILL= of a socket."""
# socket-unit #118 #116
P = "/run/oracle/probe -n {} "
UNITS = {
    "post.socket": f"[Socket]\nListenStream=/run/post\nTimeoutSec=200ms\nExecStartPost={P}log post pause\nExecStopPost={P}log stop-post\n",
    "child.socket": f"[Socket]\nListenStream=/run/child\nExecStartPre={P}fork [ log child pause ] log pre\nTimeoutSec=200ms\n",
    "process.socket": f"[Socket]\nListenStream=/run/process\nKillMode=process\nTimeoutSec=200ms\nExecStartPre={P}fork [ log child pause ] log pre\n",
    "none.socket": f"[Socket]\nListenStream=/run/none\nKillMode=none\nExecStartPre={P}fork [ log child pause ] log pre\n",
    "mixed.socket": f"[Socket]\nListenStream=/run/mixed\nKillMode=mixed\nTimeoutSec=200ms\nExecStartPre={P}fork [ ignore TERM log child pause ] log pre\n",
    "nokill.socket": f"[Socket]\nListenStream=/run/nokill\nSendSIGKILL=no\nTimeoutSec=200ms\nExecStartPre={P}fork [ ignore TERM log child pause ] log pre\n",
    "signal.socket": f"[Socket]\nListenStream=/run/signal\nKillSignal=USR1\nExecStartPre={P}fork [ on-log USR1 on TERM 0 log child pause ] log pre\nTimeoutSec=200ms\n",
    "stubborn.socket": f"[Socket]\nListenStream=/run/stubborn\nTimeoutSec=200ms\nExecStartPre={P}ignore TERM log pre pause\n",
    "stubborn-nokill.socket": f"[Socket]\nListenStream=/run/stubborn-nokill\nTimeoutSec=200ms\nSendSIGKILL=no\nExecStartPre={P}ignore TERM log pre pause\n",
}


def setup(t):
    for u, text in UNITS.items():
        t.unit(u, text.replace("{}", u.split(".")[0]))
        t.unit(u.replace(".socket", ".service"), "[Service]\nExecStart=/bin/true\n")


def run(t):
    for u in UNITS:
        n = u.split(".")[0]
        t.rec(n, [t.start(u), t.state(u)])
        if n in ("child", "process", "none", "mixed", "nokill", "signal"):
            t.wait_log(2, n + " ")
            t.rec(n + " runs", t.alive(n))
            t.rec(n + " stop", [t.stop(u), t.state(u)])
        t.hold(0.1)
        t.rec(n + " left", [t.alive(n), sorted(t.log(n + " "))])
        if n in ("none", "process", "nokill"):
            t.rec(n + " start again", [t.start(u), t.state(u), t.wait_alive(n, 2)])
