"""TimeoutStartSec=, RuntimeMaxSec=, WatchdogSec= and what they leave as result; the values shown (service-unit 53, 55, 67, 70, 82, 83, 141)."""
SERVICES = {
    "pre": "TimeoutStartSec=100ms\nExecStartPre=/run/oracle/probe -n pre pause\nExecStart=/bin/true",
    "pre-minus": "TimeoutStartSec=100ms\nExecStartPre=-/run/oracle/probe -n pre-minus pause\nExecStart=/bin/true",
    "post": "TimeoutStartSec=100ms\nExecStartPost=/run/oracle/probe -n post pause\nExecStart=/run/oracle/probe -n post on TERM 0 pause",
    "notify": "Type=notify\nTimeoutStartSec=100ms\nExecStart=/run/oracle/probe -n notify pause",
    "notify-abort": "Type=notify\nTimeoutStartSec=100ms\nTimeoutStartFailureMode=abort\nExecStart=/run/oracle/probe -n notify-abort pause",
    "notify-kill": "Type=notify\nTimeoutStartSec=100ms\nTimeoutStartFailureMode=kill\nExecStart=/run/oracle/probe -n notify-kill on TERM 0 pause",
    "extend": "Type=notify\nTimeoutStartSec=300ms\nExecStart=/run/oracle/probe -n extend notify EXTEND_TIMEOUT_USEC=5000000 sleep 500 ready pause",
    "runtime": "RuntimeMaxSec=100ms\nExecStop=/run/oracle/probe -n runtime log stop\nExecStart=/run/oracle/probe -n runtime pause",
    "runtime-term": "RuntimeMaxSec=100ms\nExecStart=/run/oracle/probe -n runtime-term on TERM 0 pause",
    "watchdog": "WatchdogSec=100ms\nExecStart=/run/oracle/probe -n watchdog logenv WATCHDOG_USEC pause",
    "watchdog-signal": "WatchdogSec=100ms\nWatchdogSignal=SIGUSR1\nExecStart=/run/oracle/probe -n watchdog-signal on USR1 0 pause",
    "watchdog-trigger": "Type=notify\nWatchdogSec=1h\nExecStart=/run/oracle/probe -n watchdog-trigger ready notify WATCHDOG=trigger pause",
    "watchdog-usec": "Type=notify\nWatchdogSec=1h\nExecStart=/run/oracle/probe -n watchdog-usec notify WATCHDOG_USEC=100000 ready pause",
    "condition": "TimeoutStartSec=100ms\nExecCondition=/run/oracle/probe -n condition pause\nExecStart=/bin/true",
    "stop-post": "TimeoutStopSec=100ms\nExecStopPost=/run/oracle/probe -n stop-post pause\nExecStart=/bin/true",
}
VALUES = {
    "TimeoutStartSec": "0 5 infinity x", "TimeoutStopSec": "0 5 infinity 1min", "TimeoutSec": "0 7 infinity", "TimeoutAbortSec": "0 9 infinity", "RuntimeMaxSec": "0 5 infinity", "RuntimeRandomizedExtraSec": "3 x", "WatchdogSec": "0 3 infinity x", "RestartSec": "0 5 100ms infinity x -1",
    "TimeoutStartFailureMode": "abort kill x", "TimeoutStopFailureMode": "abort x",
}
SHOWN = ("TimeoutStartUSec", "TimeoutStopUSec", "TimeoutAbortUSec", "RuntimeMaxUSec", "RuntimeRandomizedExtraUSec", "WatchdogUSec", "RestartUSec", "TimeoutStartFailureMode", "TimeoutStopFailureMode")


def setup(t):
    for n, text in SERVICES.items():
        t.unit(n + ".service", f"[Service]\n{text}\n")
    for k, vs in VALUES.items():
        for i, v in enumerate(vs.split()):
            t.unit(f"v-{k}-{i}.service", f"[Service]\nExecStart=/bin/true\n{k}={v}\n")
    t.unit("v-oneshot.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
    t.unit("v-oneshot-sec.service", "[Service]\nType=oneshot\nTimeoutSec=3\nExecStart=/bin/true\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in SERVICES) + "\n")


def run(t):
    t.start("keep.target")
    jobs = {n: t.bg("start", n + ".service") for n in SERVICES}
    t.rec("starts", {n: jobs[n].wait() for n in SERVICES})
    for n in SERVICES:
        u = n + ".service"
        if n != "extend":
            t.wait(lambda: t.prop(u, "SubState") in ("dead", "failed"))
        t.rec(n, t.show(u, "ActiveState", "SubState", "Result", "ExecMainCode", "ExecMainStatus"))
        t.rec(n + " log", t.log(n + " "))
    for k, vs in VALUES.items():
        for i, v in enumerate(vs.split()):
            t.rec(f"{k}={v}", t.show(f"v-{k}-{i}.service", *SHOWN))
    t.rec("oneshot", [t.show(u, *SHOWN) for u in ("v-oneshot.service", "v-oneshot-sec.service")])
