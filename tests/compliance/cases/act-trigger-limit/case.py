"""TriggerLimitBurst= and its interval: which trigger is one too many, what a new start within the interval finds, what 0 means."""
# socket-unit #130 #132 #133 #156
SERVICE = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/run/oracle/probe -n {} log run\n"
UNITS = {
    "default.socket": "[Socket]\nListenStream=/run/default\n", "default.service": SERVICE.format("default"),
    "two.socket": "[Socket]\nListenDatagram=/run/two\nTriggerLimitBurst=2\nTriggerLimitIntervalSec=1h\n",
    "two.service": SERVICE.format("two").replace("log run", "recv 3"),
    "burst.socket": "[Socket]\nListenStream=/run/burst\nTriggerLimitBurst=0\n", "burst.service": SERVICE.format("burst"),
    "interval.socket": "[Socket]\nListenStream=/run/interval\nTriggerLimitIntervalSec=0\n", "interval.service": SERVICE.format("interval"),
    "accept.socket": "[Socket]\nListenStream=/run/accept\nAccept=yes\nMaxConnections=1\nTriggerLimitBurst=3\nTriggerLimitIntervalSec=1h\n",
    "accept@.service": "[Service]\nExecStart=/run/oracle/probe -n accept log run echo 3\n",
    "keep.target": "[Unit]\nAfter=default.socket default.service two.socket two.service burst.socket interval.socket accept.socket\n",
}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def run(t):
    t.start("keep.target")
    t.rec("start", [t.start(f"{n}.socket") for n in ("default", "two", "burst", "interval", "accept")])
    c = t.unix("/run/default")
    t.rec("default", [t.wait_state("default.socket", "failed"), c.recv(), len(t.log("default")), t.counters("default.socket")])
    # Two datagrams are taken, the third is one too many; so is the first after a new start within the interval.
    for n in ("1", "2"):
        t.rec("two " + n, [t.unix("/run/two", "dgram").send(n), t.wait(lambda: len(t.log("two")) == int(n)), t.wait_state("two.socket", "active/listening")])
    t.rec("two 3", [t.unix("/run/two", "dgram").send("3"), t.wait_state("two.socket", "failed"), t.counters("two.socket")])
    t.rec("two again", [t.start("two.socket"), t.state("two.socket"), t.unix("/run/two", "dgram").send("4"), t.wait_state("two.socket", "failed"), t.log("two")])
    t.rec("two after reset", [t.reset_failed("two.socket"), t.start("two.socket"), t.unix("/run/two", "dgram").send("5"), t.wait_state("two.socket", "failed")])
    # 0 is no limit: the loop goes on until somebody stops it.
    for n in ("burst", "interval"):
        c = t.unix(f"/run/{n}")
        t.rec(f"{n} goes on", [len(t.wait_log(40, n)) >= 40, t.show(f"{n}.socket", "ActiveState", "Result"), t.counters(f"{n}.socket"), t.stop(f"{n}.socket", f"{n}.service")])
    # A connection that MaxConnections= refuses counts as a trigger.
    first = t.unix("/run/accept")
    t.rec("accept", [first.ask("x"), t.unix("/run/accept").recv(), t.unix("/run/accept").recv(), t.counters("accept.socket"), t.state("accept.socket")])
    t.rec("accept one more", [t.unix("/run/accept").recv(), t.wait_state("accept.socket", "failed"), t.counters("accept.socket"), first.ask("still")])
