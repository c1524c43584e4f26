"""daemon-reload with connections alive: Accept= switched on and off, a lower MaxConnections=, other services, names and order of ports."""
P = "/run/oracle/probe -n {} "
NAMES = ("svc", "name", "order", "acc", "unacc", "lim", "drop")


def both(n, more=""):
    return f"[Socket]\nListenStream=/run/{n}\nListenStream=/run/{n}2\nFileDescriptorName={n}\n{more}"


def setup(t):
    for n in NAMES:
        t.unit(n + ".socket", both(n))
        t.unit(n + ".service", f"[Service]\nExecStart={P.format(n)}dump serve\n")
        t.unit(n + "@.service", f"[Service]\nExecStart={P.format(n)}echo 3\n")
    for n in ("unacc", "lim"):
        t.unit(n + ".socket", f"[Socket]\nListenStream=/run/{n}\nAccept=yes\n")
    t.unit("other.service", f"[Service]\nExecStart={P.format('other')}dump serve\n")


def run(t):
    t.rec("start", t.start(*(n + ".socket" for n in NAMES)))
    c = t.unix("/run/unacc")
    t.rec("unacc", c.ask("1"))
    l = [t.unix("/run/lim") for _ in range(2)]
    t.rec("lim", [x.ask("1") for x in l])
    t.unit("svc.socket", both("svc", "Service=other.service\n"))
    t.unit("name.socket", both("name", "FileDescriptorName=new\n"))
    t.unit("order.socket", "[Socket]\nListenStream=/run/order2\nListenStream=/run/order\n")
    t.unit("acc.socket", both("acc", "Accept=yes\n"))
    t.unit("unacc.socket", "[Socket]\nListenStream=/run/unacc\n")
    t.unit("lim.socket", "[Socket]\nListenStream=/run/lim\nAccept=yes\nMaxConnections=1\n")
    t.unit("drop.socket.d/a.conf", "[Socket]\nListenStream=\nListenStream=/run/drop2\n[Unit]\nDescription=dropped\n")
    t.rec("reload", t.daemon_reload())
    for n in NAMES:
        t.rec("after " + n, t.show(n + ".socket", "ActiveState", "SubState", "Triggers", "Listen", "NConnections", "NAccepted", "Description"))
    t.rec("alive", [c.ask("2"), [x.ask("2") for x in l]])
    t.rec("lim third", [t.unix("/run/lim").recv(), t.counters("lim.socket"), t.state("lim.socket")])
    for n in ("svc", "name", "order", "drop", "acc"):
        t.rec(n, [t.unix(f"/run/{n}2").ask("x"), t.state(n + ".socket"), t.state(n + ".service")])
    t.rec("other", t.named_fds("other"))
    t.rec("names", [t.named_fds("name"), t.named_fds("order")])
    t.rec("unacc now", [t.unix("/run/unacc").ask("z"), t.state("unacc.socket"), t.state("unacc.service"), t.counters("unacc.socket"), c.ask("3")])
