"""sd_notify: NotifyAccess=, STATUS=, ERRNO=, MAINPID=, STOPPING=, RELOADING=, what is dropped (service-unit 54, 56, 57, 59, 60, 61)."""
S = {
    "status": "Type=notify\nExecStart=/run/oracle/probe -n status notify STATUS=hello\\nREADY=1\\nERRNO=5 pause",
    "status-twice": "Type=notify\nExecStart=/run/oracle/probe -n st notify STATUS=one notify READY=1 notify STATUS=two notify X=1 pause",
    "status-cleared": "Type=notify\nExecStart=/run/oracle/probe -n st notify STATUS=one notify STATUS= ready pause",
    "status-simple": "NotifyAccess=main\nExecStart=/run/oracle/probe -n st notify STATUS=simple log done pause",
    "simple-none": "ExecStart=/run/oracle/probe -n simple-none notify STATUS=ignored log done pause",
    "child-main": "Type=notify\nTimeoutStartSec=300ms\nExecStart=/run/oracle/probe -n cm fork [ ready pause ] pause",
    "child-all": "Type=notify\nNotifyAccess=all\nExecStart=/run/oracle/probe -n ca fork [ ready pause ] pause",
    "child-exits": "Type=notify\nNotifyAccess=all\nExecStart=/run/oracle/probe -n ce fork [ ready ] pause",
    "exec-control": "NotifyAccess=exec\nExecStartPre=/run/oracle/probe -n ec notify STATUS=from-pre\nExecStart=/run/oracle/probe -n ec pause",
    "main-control": "NotifyAccess=main\nExecStartPre=/run/oracle/probe -n mc notify STATUS=from-pre\nExecStart=/run/oracle/probe -n mc pause",
    "post-ready": "Type=notify\nNotifyAccess=all\nTimeoutStartSec=300ms\nExecStartPost=/run/oracle/probe -n pr ready\nExecStart=/run/oracle/probe -n pr pause",
    "ready-exits": "Type=notify\nExecStart=/run/oracle/probe -n re ready exit 0",
    "ready-fails": "Type=notify\nExecStart=/run/oracle/probe -n rf ready exit 3",
    "ready-zero": "Type=notify\nTimeoutStartSec=300ms\nExecStart=/run/oracle/probe -n rz notify READY=0 pause",
    "stopping": "Type=notify\nExecStart=/run/oracle/probe -n stopping on-log TERM ready wait-file /run/oracle/gate/stopping notify STOPPING=1 wait-file /run/oracle/gate/end exit 0",
    "errno-bad": "Type=notify\nExecStart=/run/oracle/probe -n eb notify ERRNO=x\\nREADY=1 pause",
    "errno-negative": "Type=notify\nExecStart=/run/oracle/probe -n en notify ERRNO=-4\\nREADY=1 pause",
    "mainpid-one": "Type=notify\nExecStart=/run/oracle/probe -n m1 notify MAINPID=1\\nREADY=1 pause",
    "mainpid-bad": "Type=notify\nExecStart=/run/oracle/probe -n mb notify MAINPID=x\\nREADY=1 pause",
    "reload-none": "ExecStart=/run/oracle/probe -n rn pause",
    "reload-exec": "ExecReload=/run/oracle/probe -n reload-exec log reload logenv SERVICE_RESULT\nExecReload=/bin/sh -c 'kill -HUP $MAINPID'\nExecStart=/run/oracle/probe -n reload-exec on-log HUP pause",
    "reload-fails": "ExecReload=/bin/false\nExecReload=/run/oracle/probe -n reload-fails log second\nExecStart=/run/oracle/probe -n rlf pause",
    "reload-hangs": "TimeoutStartSec=200ms\nExecReload=/run/oracle/probe -n rh2 pause\nExecStart=/run/oracle/probe -n rh pause",
    "reload-minus": "ExecReload=-/bin/false\nExecStart=/run/oracle/probe -n rm pause",
    "reloading": "Type=notify\nExecStart=/run/oracle/probe -n reloading ready wait-file /run/oracle/gate/r1 notify RELOADING=1 log reloading wait-file /run/oracle/gate/r2 ready log ready pause",
}
SKIP = ("reload-none", "stopping")


def setup(t):
    for n, text in S.items():
        t.unit(n + ".service", f"[Service]\n{text}\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in S) + "\n")


def run(t):
    t.start("keep.target")
    jobs = {n: t.bg("start", n + ".service") for n in S}
    t.rec("starts", {n: jobs[n].wait() for n in S})
    t.rec("status two", t.wait_prop("status-twice.service", "StatusText", "two"))
    t.rec("status simple", t.wait_prop("status-simple.service", "StatusText", "simple"))
    t.wait_log(1, "simple-none")
    for n in ("ready-exits", "ready-fails"):
        t.wait(lambda: t.prop(n + ".service", "SubState") in ("dead", "failed"))
    for n in S:
        t.rec(n, t.show(n + ".service", "ActiveState", "SubState", "Result", "StatusText", "StatusErrno", "NotifyAccess"))
    t.rec("watchdog", [t.prop(u + ".service", "WatchdogUSec") for u in ("status", "ready-fails")])
    t.rec("main of mainpid-one", t.prop("mainpid-one.service", "MainPID") not in ("0", "1"))
    t.gate("stopping")
    t.rec("stopping", t.wait_state("stopping.service", "deactivating"))
    t.gate("end")
    t.rec("stopped", t.wait_state("stopping.service", "inactive"))
    t.rec("stopping log", t.log("stopping"))
    for n in ("reload-none", "reload-exec", "reload-fails", "reload-hangs", "reload-minus"):
        t.rec(n, t.reload(n + ".service"))
        t.rec(n + " state", t.show(n + ".service", "ActiveState", "SubState", "Result", "ReloadResult", "CanReload"))
    t.rec("hup", t.wait_log(3, "reload-exec"))
    t.rec("reload log", t.log("reload-fails"))
    t.gate("r1")
    t.rec("reloading", t.wait_state("reloading.service", "reloading"))
    t.gate("r2")
    t.rec("reloaded", t.wait_state("reloading.service", "active/running"))
    t.rec("inactive reload", [t.stop("reload-exec.service"), t.reload("reload-exec.service"), t.ctl("reload-or-restart", "reload-exec.service")[0], t.state("reload-exec.service")])
