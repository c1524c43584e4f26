"""How connections end: a service that closes and lives on, one that fails, one that outlives its socket."""
# socket-unit #149 #148 #150
UNITS = {
    "close.socket": "[Socket]\nListenStream=127.0.0.1:7002\nAccept=yes\n", "close@.service": "[Service]\nExecStart=/run/oracle/probe -n close close 3 log closed wait-file /run/oracle/gate/close\n",
    "shut.socket": "[Socket]\nListenStream=127.0.0.1:7003\nAccept=yes\n", "shut@.service": "[Service]\nExecStart=/run/oracle/probe -n shut shutdown 3 log shut wait-file /run/oracle/gate/shut\n",
    "fail.socket": "[Socket]\nListenStream=127.0.0.1:7004\nAccept=yes\n", "fail@.service": "[Service]\nExecStart=/run/oracle/probe -n fail log run kill SEGV\n",
    "missing.socket": "[Socket]\nListenStream=127.0.0.1:7005\nAccept=yes\n", "missing@.service": "[Service]\nExecStart=/nonexistent\n",
    "fork.socket": "[Socket]\nListenStream=127.0.0.1:7006\nAccept=yes\n", "fork@.service": "[Service]\nKillMode=process\nExecStart=/run/oracle/probe -n fork fork [ setsid log child echo 3 ] log parent\n",
}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def run(t):
    t.rec("start", t.start(*[u for u in UNITS if u.endswith(".socket")]))
    c = t.tcp("127.0.0.1:7002")
    t.rec("close", [t.wait_log(1, "close"), c.recv(0.2), t.counters("close.socket")])
    t.gate("close")
    t.rec("close ends", [c.recv(), t.wait_prop("close.socket", "NConnections", "0")])
    c = t.tcp("127.0.0.1:7003")
    t.rec("shut", [t.wait_log(1, "shut"), c.recv(), t.counters("shut.socket")])
    t.gate("shut")
    t.rec("shut ends", t.wait_prop("shut.socket", "NConnections", "0"))
    for n, port in (("fail", 7004), ("missing", 7005)):
        c = t.tcp(f"127.0.0.1:{port}", sport=52000)
        u = f"{n}@0-127.0.0.1:{port}-127.0.0.1:52000.service"
        t.rec(n, [c.recv(), t.wait_state(u, "failed"), t.state(n + ".socket"), t.counters(n + ".socket"), t.prop(n + ".socket", "Triggers")])
        t.rec(n + " reset", [t.reset_failed(u), t.load(u), t.wait_prop(n + ".socket", "Triggers", "")])
    c = t.tcp("127.0.0.1:7006")
    t.rec("fork", [t.wait_log(2, "fork") != [], c.ask("from the child"), t.wait_prop("fork.socket", "NConnections", "0"), c.ask("still")])
