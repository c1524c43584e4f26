"""An instance that is restarted has lost its connection and its place, and is given the listening sockets."""
S = ["env", "fds"]
SOCKETS = {
    "plain": ("", ""),
    "named": ("FileDescriptorName=web", ""),
    "two": ("ListenStream=127.0.0.1:7102\nListenStream=/run/two.sock", ""),
    "inetd": ("", "StandardInput=socket\nStandardOutput=null"),
    "max": ("MaxConnections=1", ""),
}


def setup(t):
    for i, (n, (socket, service)) in enumerate(SOCKETS.items()):
        gate, probe = f"/run/oracle/gate/{n}", f"/run/oracle/probe -n {n}"
        again = f"if test -e {gate}; then exec {probe} dump log again wait-file {gate}-end exit 0; fi"
        t.unit(f"{n}.socket", f"[Socket]\nListenStream=127.0.0.1:{7110 + i}\nAccept=yes\n{socket}\n")
        t.unit(f"{n}@.service", f"[Service]\n{service}\nRestart=on-failure\nRestartSec=10ms\nExecStopPost={probe}-post dump\nExecStart=/bin/sh -c '{again}; touch {gate}; {probe} dump log first; exit 1'\n")


def run(t):
    for i, n in enumerate(SOCKETS):
        t.rec(n, t.start(f"{n}.socket"))
        client = t.tcp(f"127.0.0.1:{7110 + i}")
        t.rec(n + " log", t.wait_log(2, n + " "))
        t.rec_dump(n, 1, sections=S)
        t.rec_dump(n + "-post", 0, sections=S)
        t.rec(n + " counters", t.counters(f"{n}.socket"))
        t.rec(n + " client", client.all())
        t.write(f"/run/oracle/gate/{n}-end", "")
        t.wait(lambda: t.dumps(n + "-post") > 1)
        t.rec_dump(n + "-post", 1, sections=S)
        t.rec(n + " after", t.state(f"{n}.socket"))
