"""The socket while its service waits for a restart, gives up, or is started by hand; reset-failed of either; a socket's own start limit."""
# socket-unit #129
UNITS = {
    "wait.socket": "[Socket]\nListenStream=/run/wait\n", "wait.service": "[Service]\nRestart=always\nRestartSec=1h\nExecStart=/run/oracle/probe -n wait log run accept 3 exit 1\n",
    "gives.socket": "[Socket]\nListenStream=/run/gives\n",
    "gives.service": "[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=1h\n[Service]\nRestart=always\nRestartSec=0\nExecStart=/run/oracle/probe -n gives log run exit 1\n",
    "fails.socket": "[Socket]\nListenStream=/run/fails\n", "fails.service": "[Service]\nExecStartPre=/bin/false\nExecStart=/bin/true\n[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=1h\n",
    "often.socket": "[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=1h\n[Socket]\nListenStream=/run/often\n", "often.service": "[Service]\nExecStart=/bin/true\n",
    "slow.socket": "[Socket]\nListenStream=/run/slow\n", "slow.service": "[Service]\nExecStartPre=/run/oracle/probe -n slow log pre wait-file /run/oracle/gate/slow\nExecStart=/run/oracle/probe -n slow log main serve\n",
    "keep.target": "[Unit]\nAfter=wait.socket wait.service gives.socket gives.service fails.socket fails.service often.socket slow.socket slow.service\n",
}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def run(t):
    both = lambda n: [t.state(n + ".socket"), t.state(n + ".service")]
    t.start("keep.target")
    t.rec("start", t.start("wait.socket", "gives.socket", "fails.socket", "slow.socket"))
    c = t.unix("/run/wait")
    t.rec("wait", [t.wait_state("wait.service", "activating/auto-restart"), t.wait_state("wait.socket", "active/listening"), c.recv()])
    # 252 lets the new client wait for the timer; 257 and later start at once.
    t.rec("wait stop", [t.stop("wait.service"), both("wait")])
    c = t.unix("/run/gives")
    t.rec("gives", [t.wait_state("gives.socket", "failed"), t.wait_state("gives.service", "failed"), len(t.log("gives"))])
    t.rec("gives start", [t.start("gives.socket"), both("gives"), t.unix("/run/gives").error, t.wait_state("gives.socket", "failed")])
    t.rec("gives reset socket", [t.reset_failed("gives.socket"), both("gives")])
    t.rec("gives reset both", [t.reset_failed("gives.service"), t.start("gives.socket"), both("gives"), t.unix("/run/gives").error, t.wait_state("gives.socket", "failed"), len(t.log("gives"))])
    t.unix("/run/fails")
    t.rec("fails", [t.wait_state("fails.socket", "failed"), both("fails")])
    t.rec("often", [[t.start("often.socket"), t.stop("often.socket")] for _ in range(3)])
    t.rec("often once more", [t.start("often.socket"), t.state("often.socket"), t.node("/run/often")])
    t.rec("often reset", [t.reset_failed("often.socket"), t.state("often.socket"), t.start("often.socket"), t.state("often.socket")])
    c = t.unix("/run/slow")
    t.wait_log(1, "slow")
    t.rec("slow", [both("slow"), t.unix("/run/slow").error])
    t.rec("slow stop socket", [t.stop("slow.socket"), both("slow")])
    t.gate("slow")
    t.rec("slow goes on", [t.wait_state("slow.service", "active/running"), t.wait_log(2, "slow"), t.brief_fds("slow")])
