"""MaxConnections= and MaxConnectionsPerSource=: who is refused, what is counted, when a place is free, what a stop keeps."""
# socket-unit #145 #146
UNITS = {
    "all.socket": "[Socket]\nListenStream=127.0.0.1:7001\nListenStream=/run/all\nAccept=yes\nMaxConnections=3\n", "all@.service": "[Service]\nExecStart=/run/oracle/probe -n all echo 3\n",
    "source.socket": "[Socket]\nListenStream=7002\nListenStream=/run/source\nAccept=yes\nMaxConnectionsPerSource=2\n", "source@.service": "[Service]\nExecStart=/run/oracle/probe -n source echo 3\n",
    "keep.target": "[Unit]\nAfter=all.socket source.socket\n",
}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def run(t):
    t.start("keep.target")
    t.rec("start", t.start("all.socket", "source.socket"))
    cs = [t.tcp("127.0.0.1:7001"), t.unix("/run/all"), t.tcp("127.0.0.1:7001")]
    t.rec("three", [c.ask("x") for c in cs])
    t.rec("fourth", [t.unix("/run/all").recv(), t.tcp("127.0.0.1:7001").recv(), t.counters("all.socket"), t.state("all.socket")])
    cs[1].close()
    t.wait_prop("all.socket", "NConnections", "2")
    free = t.unix("/run/all")
    t.rec("a place", [free.ask("y"), t.counters("all.socket")])
    t.rec("stop", [t.stop("all.socket"), t.counters("all.socket"), cs[0].ask("still")])
    t.rec("start again", [t.start("all.socket"), t.counters("all.socket"), t.tcp("127.0.0.1:7001").recv()])
    one = [t.tcp("127.0.0.1:7002") for _ in range(2)]
    t.rec("source", [c.ask("x") for c in one])
    t.rec("source third", [t.tcp("127.0.0.1:7002").recv(), t.counters("source.socket")])
    others = [t.tcp("127.0.0.1:7002", src="127.0.0.2"), t.tcp("[::1]:7002")]
    t.rec("other source", [[c.ask("y") for c in others], t.counters("source.socket")])
    # 252 does not limit local peers; later releases do, by user (256).
    two = [t.unix("/run/source") for _ in range(2)]
    t.rec("local", [[c.ask("x") for c in two], t.counters("source.socket")])
    one[0].close()
    t.wait_prop("source.socket", "NConnections", "5")
    again = t.tcp("127.0.0.1:7002")
    t.rec("source free", [again.ask("z"), t.counters("source.socket")])
