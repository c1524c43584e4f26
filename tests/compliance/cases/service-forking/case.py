"""Type=forking: how the starter ends, which process is the main one, what its end means (service-unit 62-64)."""
def p(n, *a): return f"/run/oracle/probe -n {n} " + " ".join(a)
S = {
 "term": "ExecStart=" + p("term", "fork [ pause ] kill TERM"),
 "fail": "ExecStart=" + p("fail", "fork [ pause ] exit 3"),
 "minus": "ExecStart=-" + p("minus", "fork [ pause ] exit 3"),
 "minus-main": "ExecStart=-" + p("minus-main", "fork [ wait-file /run/oracle/gate/minus-main exit 4 ] exit 0"),
 "two": "ExecStart=" + p("two", "fork [ pause ] fork [ pause ] exit 0"),
 "none": "ExecStart=" + p("none", "exit 0"),
 "none-remain": "RemainAfterExit=yes\nExecStart=" + p("none-remain", "exit 0"),
 "noguess": "GuessMainPID=no\nExecStart=" + p("noguess", "fork [ wait-file /run/oracle/gate/noguess exit 5 ] exit 0"),
 "noguess-remain": "GuessMainPID=no\nRemainAfterExit=yes\nExecStart=" + p("noguess-remain", "fork [ wait-file /run/oracle/gate/noguess-remain exit 5 ] exit 0"),
 "guess-dies": "ExecStart=" + p("guess-dies", "fork [ wait-file /run/oracle/gate/guess-dies exit 5 ] exit 0"),
 "post-pid": "PIDFile=/run/post-pid.pid\nExecStart=" + p("post-pid", "fork [ pause ] exit 0") + "\nExecStartPost=/bin/sh -c 'echo $(pgrep -f \"^/run/oracle/probe -n post-pid\") > /run/post-pid.pid'",
 "post-nopid": "PIDFile=/run/post-nopid.pid\nTimeoutStartSec=200ms\nExecStart=" + p("post-nopid", "fork [ pause ] exit 0") + "\nExecStartPost=/bin/true\nExecStop=" + p("post-nopid", "log stop"),
 "post-nopid-gone": "PIDFile=/run/post-nopidx.pid\nTimeoutStartSec=2s\nExecStart=" + p("post-nopid-gone", "exit 0") + "\nExecStartPost=/bin/true\nExecStop=" + p("post-nopid-gone", "log stop"),
 "nopid-gone": "PIDFile=/run/nopidx.pid\nTimeoutStartSec=2s\nExecStart=" + p("nopid-gone", "exit 0") + "\nExecStop=" + p("nopid-gone", "log stop"),
 "late": "PIDFile=/run/late.pid\nExecStart=" + p("late", "fork [ wait-file /run/oracle/gate/late daemon /run/late.pid [ pause ] exit 0 ] exit 0"),
 "own": "PIDFile=/run/own.pid\nTimeoutStartSec=200ms\nExecStart=/bin/sh -c 'echo 1 > /run/own.pid'",
 "timeout": "TimeoutStartSec=100ms\nExecStart=" + p("timeout", "log up pause"),
 "post-fail": "ExecStart=" + p("post-fail", "fork [ pause ] exit 0") + "\nExecStartPost=/bin/false\nExecStop=" + p("post-fail", "log stop") + "\nExecStopPost=" + p("post-fail", "log post logenv MAINPID logenv SERVICE_RESULT logenv EXIT_CODE"),
 "env": "ExecStart=" + p("env", "logenv LISTEN_FDS logenv MAINPID logenv NOTIFY_SOCKET fork [ pause ] exit 0"),
 "sec": "SuccessExitStatus=7\nExecStart=" + p("sec", "fork [ wait-file /run/oracle/gate/sec exit 7 ] exit 7"),
}
def setup(t):
    for n, x in S.items(): t.unit(n + ".service", f"[Service]\nType=forking\n{x}\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in S) + "\n")
P = ("ActiveState","SubState","Result","ExecMainCode","ExecMainStatus","NRestarts")
def run(t):
    t.start("keep.target")
    for n in S:
        u = n + ".service"
        j = t.bg("start", u)
        if n == "late": t.hold(0.1); t.rec("late between", t.show(u, *P)); t.write("/run/oracle/gate/late", "")
        t.rec(n + " start", j.wait())
        t.rec(n + " main", t.prop(u, "MainPID") != "0")
        t.rec(n + " before", t.show(u, *P))
        if n in ("minus-main", "noguess", "noguess-remain", "guess-dies", "sec"):
            t.write(f"/run/oracle/gate/{n}", "")
            t.wait(lambda: t.prop(u, "SubState") in ("dead", "failed", "exited"))
            t.rec(n + " after", t.show(u, *P))
        t.rec(n + " stop", t.stop(u))
        t.rec(n, t.show(u, *P))
        t.rec(n + " log", t.log(n + " "))
