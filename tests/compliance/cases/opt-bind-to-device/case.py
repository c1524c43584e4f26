"""BindToDevice=: on which kinds it counts, who then reaches the socket, an interface that is not there."""
NET = "veth"
UNITS = {
    "lo.socket": "[Socket]\nListenStream=7001\nListenDatagram=7001\nListenStream=/run/lo\nBindToDevice=lo\n",
    "veth.socket": "[Socket]\nListenStream=7002\nListenDatagram=0.0.0.0:7002\nBindToDevice=oc0\n",
    "star.socket": "[Socket]\nListenStream=7003\nBindToDevice=oc0\nBindToDevice=*\n",
    "both.socket": "[Socket]\nListenStream=0.0.0.0:7004\nBindToDevice=lo\n", "both2.socket": "[Socket]\nListenStream=0.0.0.0:7004\nBindToDevice=oc0\n",
    "scope.socket": "[Socket]\nListenStream=[fe80::ff:fe00:1]:7005%%oc0\n",
}
UNITS |= {u.replace(".socket", ".service"): f"[Service]\nExecStart=/run/oracle/probe -n {u.split('.')[0]} serve\n" for u in UNITS}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def run(t):
    for u in UNITS:
        if u.endswith(".socket"):
            t.rec(u, [t.start(u), t.state(u), t.prop(u, "BindToDevice")])
    t.rec("held", t.held(*[f"[::]:{p}" for p in (7001, 7002, 7003)], "0.0.0.0:7002", "0.0.0.0:7004", "/run/lo"))
    t.rec("by lo", {p: t.tcp(f"127.0.0.1:{p}").ask("x") if p != 7002 else t.tcp(f"127.0.0.1:{p}").error for p in (7001, 7002, 7003, 7004)})
    t.rec("listed", t.list_sockets())
