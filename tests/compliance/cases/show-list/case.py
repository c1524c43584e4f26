"""list-sockets for a unit with every kind of port, one that failed, one that is not active, one with instances."""
# socket-unit #177
UNITS = {
    "mixed.socket": "[Socket]\nListenStream=127.0.0.1:7001\nListenStream=[::1]:7002\nListenStream=7003\nListenDatagram=@mixed\nListenFIFO=/run/mixed.fifo\nListenNetlink=route 1\nListenMessageQueue=/mixed\nMessageQueueMaxMessages=1\nMessageQueueMessageSize=64\nListenSequentialPacket=/run/mixed.q\n",
    "mixed.service": "[Service]\nExecStart=/bin/sleep 1h\n",
    "failed.socket": "[Socket]\nListenStream=10.99.99.99:1\n", "failed.service": "[Service]\nExecStart=/bin/true\n",
    "idle.socket": "[Socket]\nListenStream=/run/idle\n", "idle.service": "[Service]\nExecStart=/bin/true\n",
    "acc.socket": "[Socket]\nListenStream=/run/acc\nAccept=yes\n", "acc@.service": "[Service]\nExecStart=/run/oracle/probe -n acc echo 3\n",
    "t@.socket": "[Socket]\nListenStream=/run/t-%i\n", "t@.service": "[Service]\nExecStart=/bin/true\n",
    "keep.target": "[Unit]\nAfter=idle.socket failed.socket\n",
}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def run(t):
    t.start("keep.target")
    t.rec("nothing", t.list_sockets())
    t.rec("start", [t.start(u) for u in ("mixed.socket", "failed.socket", "acc.socket", "t@x.socket")])
    t.rec("listed", t.list_sockets())
    c = [t.unix("/run/acc") for _ in range(2)]
    t.rec("instances", [[x.ask("x") for x in c], len([r for r in t.list_sockets() if r[1] == "acc.socket"])])
    t.rec("one unit", sorted(l for l in t.ctl("list-sockets", "--no-legend", "acc.socket")[1].splitlines() if "idle" in l or "mixed" in l))
    rows = [l.split() for l in t.ctl("list-sockets", "--no-legend", "--full")[1].splitlines()]
    # 252 sorts by bytes, 254 and later put what is no path first.
    t.rec("columns", sorted([" ".join(r) for r in rows if "acc" not in r[-1]]))
    t.rec("stop", [t.stop("mixed.socket"), t.list_sockets()])
