"""daemon-reload with sockets open and services running: ports gone, new, changed, Accept= switched, files deleted, drop-ins added (socket-unit 171-175, service-unit 137)."""


def run(t):
    for n in ("less", "more", "change", "kind", "gone", "accept", "dropin", "name"):
        t.start(n + ".socket")
    t.rec("before", t.list_sockets())
    t.rec("service", t.unix("/run/dropin").ask("x"))
    t.start("plain.service")
    w = lambda n, x: t.unit(n, x)
    # socket-unit #171
    w("less.socket", "[Socket]\nListenStream=127.0.0.1:7001\n")
    # socket-unit #172
    w("more.socket", "[Socket]\nListenStream=127.0.0.1:7003\nListenStream=127.0.0.1:7004\n")
    # socket-unit #173
    w("change.socket", "[Socket]\nListenStream=127.0.0.1:7006\n")
    # socket-unit #174
    w("kind.socket", "[Socket]\nListenDatagram=@kind\n")
    # socket-unit #175
    t.rm("/etc/systemd/system/gone.socket")
    w("accept.socket", "[Socket]\nListenStream=127.0.0.1:7008\nAccept=yes\n")
    w("dropin.socket.d/x.conf", "[Unit]\nDescription=dropped in\n[Socket]\nFileDescriptorName=new\n")
    w("name.service", "[Service]\nExecStart=/run/oracle/probe -n name2 dump serve\n")
    w("plain.service", "[Unit]\nDescription=new\n[Service]\nExecStart=/bin/false\nExecStop=/run/oracle/probe -n plain log new-stop\n")
    w("fresh.service", "[Service]\nExecStart=/run/oracle/probe -n fresh log run\nType=oneshot\n")
    t.rec("reload", t.daemon_reload())
    t.rec("after", t.list_sockets())
    for n in ("less", "more", "change", "kind", "gone", "accept", "dropin", "name"):
        t.rec(n, t.show(n + ".socket", "LoadState", "ActiveState", "SubState", "Result", "Listen", "Accept", "Triggers", "Description", "FileDescriptorName"))
    t.rec("connect", {p: t.tcp(f"127.0.0.1:{p}").error for p in (7001, 7002, 7003, 7004, 7005, 7006)})
    t.rec("kind", [t.unix("@kind").error, t.unix("@kind", "dgram").error])
    t.rec("gone", t.unix("/run/gone").error)
    t.rec("gone stop", [t.stop("gone.socket"), t.load("gone.socket")])
    t.rec("change restart", [t.restart("change.socket"), t.tcp("127.0.0.1:7006").error, t.state("change.socket")])
    t.rec("name", [t.unix("/run/name").ask("x"), t.dumps("name2")])
    t.rec("plain", [t.show("plain.service", "Description", "ActiveState", "SubState"), t.stop("plain.service"), t.log("plain"), t.state("plain.service")])
    t.rec("fresh", [t.start("fresh.service"), t.log("fresh")])
    t.rec("broken", [w("less.socket", "[Socket]\nListenStream=127.0.0.1:7001\n[Oops\n"), t.daemon_reload(), t.show("less.socket", "LoadState", "ActiveState", "SubState"), t.start("less.socket"), t.stop("less.socket"), t.show("less.socket", "ActiveState")])
