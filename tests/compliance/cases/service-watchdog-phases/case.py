"""The watchdog of a service that is not up yet, or no more (service-unit 82)."""
SERVICES = {
    "start": ("Type=notify", "notify WATCHDOG_USEC=100000"),
    "start-trigger": ("Type=notify", "notify WATCHDOG=trigger"),
    "stop-usec": ("NotifyAccess=main", "notify STOPPING=1 notify WATCHDOG_USEC=100000"),
    "stop-ping": ("WatchdogSec=500ms", "notify STOPPING=1 notify WATCHDOG=1"),
    "stop-trigger": ("NotifyAccess=main", "notify STOPPING=1 notify WATCHDOG=trigger"),
    "off": ("WatchdogSec=500ms", "notify WATCHDOG_USEC=0 sleep 600 kill KILL"),
}


def setup(t):
    for n, (text, acts) in SERVICES.items():
        t.unit(n + ".service", f"[Service]\n{text}\nTimeoutSec=20s\nExecStart=/run/oracle/probe -n {n} on TERM 0 {acts} pause\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in SERVICES) + "\n")


def run(t):
    t.start("keep.target")
    jobs = {n: t.bg("start", n + ".service") for n in SERVICES}
    for n in SERVICES:
        t.rec(n, t.wait_state(n + ".service", "failed"))
        t.rec(n + " ended", t.show(n + ".service", "ExecMainCode", "ExecMainStatus", "WatchdogUSec"))
        jobs[n].wait()
