"""daemon-reload with other options of what listens: which count at once and which at the next start; counters and limits stay."""
# socket-unit #171
def text(**changes):
    v = {"Backlog": "5", "KeepAlive": "yes", "SocketMode": "0600", "FileDescriptorName": "old", "ReceiveBuffer": "16K", "MaxConnections": "2"} | changes
    return "[Socket]\nListenStream=127.0.0.1:7001\nListenStream=/run/a\nAccept=yes\n" + "".join(f"{k}={x}\n" for k, x in v.items())


def setup(t):
    t.unit("a.socket", text())
    t.unit("a@.service", "[Service]\nExecStart=/run/oracle/probe -n a dump echo 3\n")
    t.unit("b.socket", "[Socket]\nListenStream=/run/b\nFileDescriptorName=old\nTriggerLimitBurst=5\nTriggerLimitIntervalSec=1h\n")
    t.unit("b.service", "[Service]\nExecStart=/run/oracle/probe -n b dump accept 3\n")


def run(t):
    t.rec("start", t.start("a.socket", "b.socket"))
    c = t.tcp("127.0.0.1:7001")
    t.rec("before", [c.ask("x"), t.counters("a.socket"), t.held("127.0.0.1:7001", "/run/a")])
    for _ in range(2):
        t.unix("/run/b").recv()
        t.wait_state("b.socket", "active/listening")
    t.unit("a.socket", text(Backlog="50", KeepAlive="no", SocketMode="0644", FileDescriptorName="new", ReceiveBuffer="32K", MaxConnections="1"))
    t.unit("b.socket", "[Socket]\nListenStream=/run/b\nFileDescriptorName=new\nTriggerLimitBurst=5\nTriggerLimitIntervalSec=1h\nExecStopPre=/run/oracle/probe -n b log stop-pre\n")
    t.rec("reload", t.daemon_reload())
    t.rec("after", [t.state("a.socket"), t.counters("a.socket"), t.show("a.socket", "Backlog", "KeepAlive", "SocketMode", "FileDescriptorName", "ReceiveBuffer", "MaxConnections"), t.node("/run/a")])
    t.rec("more", [t.tcp("127.0.0.1:7001").recv(), c.ask("y"), t.counters("a.socket")])
    t.rec("b", [t.unix("/run/b").recv(), t.dump("b", 2, sections=["env"]), t.wait_state("b.socket", "active/listening"), t.prop("b.socket", "FileDescriptorName")])
    # The window of the trigger limit begins anew under 252; later releases carry it over.
    t.rec("b stop", [t.stop("b.socket"), t.log("b stop")])
    c.close()
    t.wait_prop("a.socket", "NConnections", "0")
    t.rec("restart", [t.restart("a.socket"), t.held("127.0.0.1:7001", "/run/a"), t.node("/run/a"), t.counters("a.socket")])
