"""TimeoutSec=: each step has all of it; 0 is without end; the results of every step that takes too long."""
# socket-unit #116 #74
P = "/run/oracle/probe -n {} "
S = {
    "each": f"TimeoutSec=600ms\nExecStartPre={P}log a sleep 300\nExecStartPre={P}log b sleep 300\nExecStartPost={P}log c sleep 300\nExecStopPre={P}log d sleep 300\nExecStopPost={P}log e sleep 300",
    "none": f"TimeoutSec=0\nExecStartPre={P}log a sleep 300", "second": f"TimeoutSec=200ms\nExecStartPre={P}log a\nExecStartPre={P}log b pause\nExecStartPost={P}log c", "post": f"TimeoutSec=200ms\nExecStartPost={P}log a pause\nExecStopPre={P}log b\nExecStopPost={P}log c",
    "stop-pre": f"TimeoutSec=200ms\nExecStopPre={P}log a pause\nExecStopPost={P}log b", "stop-post": f"TimeoutSec=200ms\nExecStopPost={P}log a pause\nExecStopPost={P}log b", "minus": f"TimeoutSec=200ms\nExecStartPre=-{P}log a pause",
    "clean": f"TimeoutSec=200ms\nExecStartPre={P}on TERM 0 log a pause", "term": f"TimeoutSec=200ms\nExecStartPost={P}on TERM 7 log a pause",
}


def setup(t):
    for n, text in S.items():
        t.unit(f"{n}.socket", f"[Socket]\nListenStream=/run/t/{n}\n{text}\n".replace("{}", n))
        t.unit(f"{n}.service", "[Service]\nExecStart=/bin/true\n")


def run(t):
    for n in S:
        u = n + ".socket"
        t.rec(n, [t.prop(u, "TimeoutUSec"), t.start(u), t.state(u)])
        t.rec(n + " stop", [t.stop(u), t.state(u), t.log(n)])
