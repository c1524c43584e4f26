"""Accept=yes: names of instances, limits, missing and failing templates, stop with live instances (socket-unit 110, 111, 142-152, 155)."""


def run(t):
    t.start("keep.target")
    t.rec("start", t.start("a.socket", "limit.socket", "none.socket", "maskt.socket", "fails.socket", "trig.socket", "tpl@x.socket"))
    v4 = t.tcp("127.0.0.1:7001")
    t.rec("v4", v4.ask("4"))
    v6 = t.tcp("[::1]:7001")
    t.rec("v6", v6.ask("6"))
    ux = t.unix("/run/a")
    t.rec("unix", ux.ask("u"))
    # socket-unit #143
    t.rec("names", t.wait_log(3, "a UNIT"))
    # socket-unit #152
    t.rec("env", sorted(t.log("a REMOTE")))
    t.rec("counters", t.counters("a.socket"))
    t.rec("state", [t.state("a.socket"), t.show("a.socket", "Triggers", "Accept", "MaxConnections", "MaxConnectionsPerSource")])
    # socket-unit #153
    t.rec("instance", [t.show(u, "Id", "ActiveState", "SubState", "Description", "TriggeredBy", "LoadState", "CollectMode") for u in ("a@0-127.0.0.1:7001-127.0.0.1:40001.service", "a@1-::1:7001-::1:40002.service")])
    t.rec("stop socket", [t.stop("a.socket"), t.state("a.socket"), t.counters("a.socket")])
    # socket-unit #150
    t.rec("still there", [v4.ask("44"), v6.ask("66"), ux.ask("uu")])
    t.rec("start again", [t.start("a.socket"), t.counters("a.socket")])
    v4.close(), v6.close(), ux.close()
    t.rec("gone", t.wait_prop("a.socket", "NConnections", "0"))
    # socket-unit #142
    t.rec("numbering goes on", [t.tcp("127.0.0.1:7001").ask("x"), t.wait_log(4, "a UNIT")[-1]])
    l = [t.tcp("127.0.0.1:7002") for _ in range(2)]
    t.rec("limit", [c.ask("x") for c in l])
    # socket-unit #145
    t.rec("third", t.tcp("127.0.0.1:7002").recv())
    t.rec("limit counters", [t.counters("limit.socket"), t.state("limit.socket")])
    s = [t.tcp("127.0.0.1:7006") for _ in range(1)]
    t.rec("per source", [c.ask("x") for c in s])
    # socket-unit #146
    t.rec("per source second", t.tcp("127.0.0.1:7006").recv())
    other = t.tcp("127.0.0.1:7006", src="127.0.0.2")
    t.rec("other source", other.ask("y"))
    t.rec("source counters", t.counters("source.socket"))
    # socket-unit #110 #111
    for n, port in (("none", 7003), ("maskt", 7004)):
        c = t.tcp(f"127.0.0.1:{port}")
        t.rec(n, [c.recv(), t.wait_state(n + ".socket", "failed"), t.counters(n + ".socket")])
    c = t.tcp("127.0.0.1:7005")
    # socket-unit #148
    t.rec("fails", [c.recv(), t.wait_state("fails@0-127.0.0.1:7005-127.0.0.1:%d.service" % t._sport, "failed"), t.state("fails.socket")])
    t.rec("trigger", [t.tcp("127.0.0.1:7007").ask("1"), t.tcp("127.0.0.1:7007").ask("2")])
    # socket-unit #155
    t.rec("trigger third", [t.tcp("127.0.0.1:7007").recv(), t.wait_state("trig.socket", "failed")])
    # socket-unit #144
    t.rec("template socket", [t.unix("/run/tpl-x").ask("i"), t.wait_log(1, "tpl")])
    t.rec("instance by hand", t.start("a@hand.service"))
    t.rec("list", t.list_sockets())
