"""ExecStartPre= and the like of a socket that fail, hang, are stopped; what they inherit (socket-unit 108, 113-119, 121)."""
P = "/run/oracle/probe -n NAME "
S = {
    # socket-unit #113
    "pre-3": f"ExecStartPre={P}log pre exit 3\nExecStartPost={P}log post\nExecStopPre={P}log stop-pre\nExecStopPost={P}log stop-post",
    # socket-unit #114
    "post-3": f"ExecStartPost={P}log post exit 3\nExecStopPre={P}log stop-pre\nExecStopPost={P}log stop-post",
    # socket-unit #115
    "pre-minus": f"ExecStartPre=-{P}log pre exit 3\nExecStartPost={P}log post",
    "pre-missing": "ExecStartPre=/nonexistent", "pre-minus-missing": "ExecStartPre=-/nonexistent", "pre-signal": f"ExecStartPre={P}log pre kill KILL", "pre-term": f"ExecStartPre={P}log pre kill TERM",
    # socket-unit #116
    "pre-hangs": f"TimeoutSec=100ms\nExecStartPre={P}log pre pause\nExecStopPost={P}log stop-post", "pre-stubborn": f"TimeoutSec=100ms\nExecStartPre={P}ignore TERM log pre pause", "post-hangs": f"TimeoutSec=100ms\nExecStartPost={P}log post pause\nExecStopPost={P}log stop-post",
    # socket-unit #117
    "stop-pre-5": f"ExecStopPre={P}log stop-pre exit 5\nExecStopPost={P}log stop-post", "stop-post-5": f"ExecStopPre={P}log stop-pre\nExecStopPost={P}log stop-post exit 5", "stop-minus": f"ExecStopPre=-{P}log stop-pre exit 5\nExecStopPost=-{P}log stop-post exit 5",
    "stop-hangs": f"TimeoutSec=100ms\nExecStopPre={P}log stop-pre pause\nExecStopPost={P}log stop-post", "stop-post-hangs": f"TimeoutSec=100ms\nExecStopPost={P}log stop-post pause",
    # socket-unit #108 #119
    "user": f"User=alice\nGroup=staff\nExecStartPre={P}dump\nExecStartPre=+{P}dump", "env": f"Environment=A=1\nExecStartPost={P}dump -- $A %n ${{A}}", "two-pre": f"ExecStartPre={P}log one\nExecStartPre={P}log two exit 1\nExecStartPre={P}log three", "bad-user": f"User=nosuch\nExecStartPre={P}log pre",
    "directory": f"WorkingDirectory=/tmp\nUMask=0027\nExecStartPre={P}dump", "runtime": f"RuntimeDirectory=sockdir\nRuntimeDirectoryMode=0750\nExecStartPre={P}log pre",
}


def setup(t):
    i = 7000
    for n, text in S.items():
        i += 1
        t.unit(f"{n}.socket", f"[Socket]\nListenStream=127.0.0.1:{i}\n{text}\n".replace("NAME", n))
        t.unit(f"{n}.service", "[Service]\nExecStart=/bin/true\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(f"{n}.socket" for n in (*S, "hang-pre", "hang-post")) + "\n")


def run(t):
    t.start("keep.target")
    for n in S:
        u = n + ".socket"
        t.rec(n + " start", t.start(u))
        t.rec(n, t.state(u))
        if t.prop(u, "ActiveState") == "active":
            t.rec(n + " stop", t.stop(u))
            t.rec(n + " stopped", t.state(u))
        t.rec(n + " log", t.log(n + " "))
    t.rec("user", [t.dump("user", 0, sections=["uid", "gid", "groups", "env", "fds", "cwd"]), t.dump("user", 1, sections=["uid", "gid", "env"])])
    t.rec("env", t.dump("env"))
    t.rec("directory", t.dump("directory"))
    t.rec("runtime", t.node("/run/sockdir"))
    for n in ("hang-pre", "hang-post"):
        b = t.bg("start", n + ".socket")
        t.wait_log(1, n)
        # socket-unit #121
        t.rec(n + " hangs", t.state(n + ".socket"))
        # socket-unit #122
        t.rec(n + " client", t.unix("/run/" + n).error)
        t.rec(n + " stop", t.stop(n + ".socket"))
        t.rec(n + " start", b.wait())
        t.rec(n + " end", [t.state(n + ".socket"), t.log(n)])
