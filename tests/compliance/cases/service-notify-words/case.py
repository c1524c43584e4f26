"""Words of sd_notify in one message and in sequence: which counts, what they change, in which state (service-unit 54-59)."""
def p(n, *a): return f"/run/oracle/probe -n {n} " + " ".join(a)
S = {
 "last1": ("notify", "notify READY=1\\nSTOPPING=1 log sent pause"),
 "last2": ("notify", "notify STOPPING=1\\nREADY=1 log sent pause"),
 "last3": ("notify", "ready notify RELOADING=1\\nREADY=1 log sent pause"),
 "last4": ("notify", "ready notify READY=1\\nRELOADING=1 log sent pause"),
 "last5": ("notify", "ready notify STOPPING=1\\nRELOADING=1 log sent pause"),
 "last6": ("notify", "ready notify RELOADING=1\\nSTOPPING=1 log sent pause"),
 "rel-start": ("notify", "notify RELOADING=1 log sent ready log sent2 pause"),
 "rel-start2": ("notify", "notify RELOADING=1 notify READY=1 log sent pause"),
 "relrel": ("notify", "ready notify RELOADING=1 notify RELOADING=1 log sent pause"),
 "rel-ready": ("notify", "ready notify RELOADING=1 notify READY=1 log sent pause"),
 "stop-start": ("notify", "notify STOPPING=1 log sent sleep 50 ready pause"),
 "simple-rel": ("simple", "notify RELOADING=1 log sent pause"),
 "simple-stop": ("simple", "notify STOPPING=1 log sent pause"),
 "simple-stop-exit": ("simple", "notify STOPPING=1 exit 3"),
 "status": ("notify", "notify STATUS=one\\nREADY=1 log sent pause"),
 "status-two": ("notify", "notify STATUS=one\\nSTATUS=two\\nREADY=1 log sent pause"),
 "status-empty": ("notify", "notify STATUS=one notify STATUS= ready log sent pause"),
 "status-keep": ("notify", "notify STATUS=one ready exit 0"),
 "errno-num": ("notify", "notify ERRNO=5\\nREADY=1 log sent pause"),
 "errno-name": ("notify", "notify ERRNO=EIO\\nREADY=1 log sent pause"),
 "errno-bad": ("notify", "notify ERRNO=5 notify ERRNO=-5 notify ERRNO=99999 notify ERRNO=x ready log sent pause"),
 "errno-zero": ("notify", "notify ERRNO=5 notify ERRNO=0 ready log sent pause"),
 "access": ("notify", "notify NOTIFYACCESS=none ready log sent pause"),
 "wd-zero": ("wd", "notify WATCHDOG_USEC=0 log sent pause"),
 "wd-inf": ("wd", "notify WATCHDOG_USEC=18446744073709551615 log sent pause"),
 "wd-bad": ("wd", "notify WATCHDOG_USEC=x log sent pause"),
 "wd-usec-only": ("simple", "notify WATCHDOG_USEC=100000 log sent pause"),
 "wd-one-only": ("simple", "notify WATCHDOG=1 log sent pause"),
 "wd-trigger-only": ("simple", "notify WATCHDOG=trigger pause"),
 "wd-trigger-start": ("notify", "notify WATCHDOG=trigger pause"),
 "mainpid-self": ("notify", "notify MAINPID=1\\nREADY=1 log sent pause"),
 "mainpid-bad": ("notify", "notify MAINPID=x\\nREADY=1 log sent pause"),
 "mainpid-dead": ("notify", "notify MAINPID=99999\\nREADY=1 log sent pause"),
 "ready-0": ("notify", "notify READY=0 log sent sleep 50 notify READY=1 log sent2 pause"),
 "ready-sp": ("notify", "notify READY=1x log sent pause"),
 "crlf": ("notify", "notify READY=1\\n\\nSTATUS=x\\n log sent pause"),
 "ext-zero": ("notify", "notify EXTEND_TIMEOUT_USEC=0 log sent pause"),
 "ext-bad": ("notify", "notify EXTEND_TIMEOUT_USEC=x log sent pause"),
 "child-main": ("notify", "fork [ ready log sent pause ] pause"),
 "child-all": ("all", "fork [ ready log sent pause ] pause"),
 "child-exec": ("exec", "fork [ ready log sent pause ] pause"),
 "one-ready": ("oneshot", "ready log sent sleep 50 exit 0"),
 "fork-ready": ("forking", "ready log sent pause"),
}
T = {"notify": "Type=notify", "simple": "Type=simple\nNotifyAccess=main", "wd": "Type=simple\nWatchdogSec=200ms", "all": "Type=notify\nNotifyAccess=all", "exec": "Type=notify\nNotifyAccess=exec", "oneshot": "Type=oneshot\nNotifyAccess=all", "forking": "Type=forking\nNotifyAccess=all"}
def setup(t):
    for n, (k, a) in S.items():
        t.unit(n + ".service", f"[Service]\n{T[k]}\nTimeoutStartSec=600ms\nTimeoutStopSec=300ms\nExecStart={p(n, a)}\nExecStop={p(n, 'log stop')}\nExecStopPost={p(n, 'log post logenv SERVICE_RESULT logenv EXIT_CODE logenv EXIT_STATUS')}\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in S) + "\n")
P = ("ActiveState","SubState","Result","ExecMainCode","ExecMainStatus","StatusText","StatusErrno","NotifyAccess", "WatchdogUSec")
def run(t):
    t.start("keep.target")
    js = {n: t.bg("start", n + ".service") for n in S}
    for n in S:
        if n not in ("simple-stop-exit", "status-keep"):
            t.wait_log(1, n + (" post" if n.startswith("wd-trigger") else " sent"))
    t.hold(1)
    for n in S:
        t.wait(lambda: not t.prop(n + ".service", "SubState").startswith(("start", "stop", "final")))
    for n in S:
        u = n + ".service"
        t.rec(n + " late", t.show(u, *P))
        t.rec(n + " has main", t.prop(u, "MainPID") != "0")
        t.rec(n + " job", js[n].wait())
    for n in S:
        t.rec(n + " stop", t.stop(n + ".service"))
        t.rec(n + " stopped", t.show(n + ".service", *P))
        t.rec(n + " log", t.log(n + " "))
TIMEOUT=100
