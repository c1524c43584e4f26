"""A daemon-reload and the windows of limits: trigger limit of sockets, start limits of sockets and services."""
def setup(t):
    t.unit("trig.socket", "[Socket]\nListenStream=/run/trig\nTriggerLimitBurst=3\nTriggerLimitIntervalSec=100\n")
    t.unit("trig.service", "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/run/oracle/probe -n trig log run accept 3 exit 0\n")
    t.unit("acc.socket", "[Socket]\nListenStream=/run/acc\nTriggerLimitBurst=3\nTriggerLimitIntervalSec=100\nAccept=yes\n")
    t.unit("acc@.service", "[Service]\nExecStart=/run/oracle/probe -n acc echo 3\n")
    t.unit("start.socket", "[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=100\n[Socket]\nListenStream=/run/start\n")
    t.unit("start.service", "[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=100\n[Service]\nExecStart=/bin/true\nType=oneshot\n")
    t.unit("keep.target", "[Unit]\nWants=start.socket start.service trig.socket acc.socket\nAfter=start.socket start.service\n")

def one(t):
    c = t.unix("/run/trig")
    r = t.wait_state("trig.service", "inactive")
    t.wait_state("trig.socket", "active/listening")
    c.close()
    return t.state("trig.socket")

def run(t):
    t.start("keep.target")
    t.rec("reload", t.daemon_reload())
    out = []
    for i in range(6):
        n = len(t.log("trig"))
        c = t.unix("/run/trig")
        t.wait(lambda: len(t.log("trig")) > n or t.state("trig.socket").startswith("failed"))
        out.append(t.wait(lambda: t.state("trig.socket") if t.state("trig.socket").startswith(("failed", "active/listening")) else None))
        c.close()
        if i == 1:
            t.daemon_reload()
    t.rec("trigger", out)
    out = []
    for i in range(6):
        out.append(t.unix("/run/acc").ask("x"))
        if i == 1:
            t.daemon_reload()
    t.rec("accept", [out, t.state("acc.socket")])
    out = []
    for u in ("start.socket", "start.service"):
        for i in range(6):
            t.stop(u)
            out.append([t.start(u), t.state(u)])
            if i == 1:
                t.daemon_reload()
    t.rec("start", out)
