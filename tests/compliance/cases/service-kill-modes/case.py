"""SendSIGHUP=, SendSIGKILL=no and the failure modes, one with the other; a stop during stop-watchdog."""
def p(n, *a): return f"/run/oracle/probe -n {n} " + " ".join(a)
S = {
 "hup-restart": "SendSIGHUP=yes\nExecStart=" + p("hup-restart", "ignore HUP on TERM 0 log up pause"),
 "hup-restart2": "SendSIGHUP=yes\nTimeoutStopSec=200ms\nExecStart=" + p("hup-restart2", "ignore TERM on HUP 0 log up pause"),
 "hup-stop": "SendSIGHUP=yes\nTimeoutStopSec=200ms\nExecStart=" + p("hup-stop", "ignore TERM on HUP 0 log up pause"),
 "hup-wd": "SendSIGHUP=yes\nWatchdogSec=60ms\nTimeoutStopSec=200ms\nExecStart=" + p("hup-wd", "ignore ABRT on HUP 0 log up pause"),
 "hup-rks": "SendSIGHUP=yes\nRestartKillSignal=SIGUSR1\nTimeoutStopSec=200ms\nExecStart=" + p("hup-rks", "ignore USR1 on HUP 0 log up pause"),
}
for m in ("terminate", "abort", "kill"):
    for k in ("yes", "no"):
        S[f"stop-{m}-{k}"] = f"TimeoutStopSec=60ms\nTimeoutStopFailureMode={m}\nSendSIGKILL={k}\nExecStopPost={p(f'stop-{m}-{k}', 'log post logenv SERVICE_RESULT')}\nExecStart=" + p(f"stop-{m}-{k}", "ignore TERM log up pause")
        S[f"ab-{m}-{k}"] = f"TimeoutStopSec=60ms\nTimeoutAbortSec=80ms\nTimeoutStopFailureMode={m}\nSendSIGKILL={k}\nExecStopPost={p(f'ab-{m}-{k}', 'log post logenv SERVICE_RESULT')}\nExecStart=" + p(f"ab-{m}-{k}", "ignore TERM ignore ABRT log up pause")
        S[f"xs-{m}-{k}"] = f"TimeoutStopSec=60ms\nTimeoutStopFailureMode={m}\nSendSIGKILL={k}\nExecStop={p(f'xs-{m}-{k}', 'log stop on-log TERM pause')}\nExecStart=" + p(f"xs-{m}-{k}", "on TERM 0 log up pause")
        S[f"pp-{m}-{k}"] = f"TimeoutStopSec=60ms\nTimeoutStopFailureMode={m}\nSendSIGKILL={k}\nExecStopPost={p(f'pp-{m}-{k}', 'log post pause')}\nExecStart=" + p(f"pp-{m}-{k}", "on TERM 0 log up pause")
        S[f"pi-{m}-{k}"] = f"TimeoutStopSec=60ms\nTimeoutStopFailureMode={m}\nSendSIGKILL={k}\nRestart=always\nRestartSec=1h\nExecStopPost={p(f'pi-{m}-{k}', 'log post ignore TERM ignore ABRT pause')}\nExecStart=" + p(f"pi-{m}-{k}", "on TERM 0 log up pause")
        S[f"st-{m}-{k}"] = f"Type=notify\nTimeoutStopSec=60ms\nTimeoutStartSec=60ms\nTimeoutStartFailureMode={m}\nSendSIGKILL={k}\nExecStopPost={p(f'st-{m}-{k}', 'log post logenv SERVICE_RESULT logenv EXIT_STATUS')}\nExecStart=" + p(f"st-{m}-{k}", "on TERM 5 log up pause")
        S[f"pre-{m}-{k}"] = f"TimeoutStopSec=60ms\nTimeoutStartSec=60ms\nTimeoutStartFailureMode={m}\nSendSIGKILL={k}\nExecStopPost={p(f'pre-{m}-{k}', 'log post logenv SERVICE_RESULT logenv EXIT_STATUS')}\nExecStartPre={p(f'pre-{m}-{k}', 'on TERM 5 log pre pause')}\nExecStart=/bin/true"
S["wd-stop"] = "WatchdogSec=60ms\nTimeoutAbortSec=1h\nExecStart=" + p("wd-stop", "ignore ABRT on TERM 0 log up pause")
def setup(t):
    for n, x in S.items(): t.unit(n + ".service", f"[Service]\n{x}\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in S) + "\n")
P = ("ActiveState","SubState","Result","ExecMainCode","ExecMainStatus","NRestarts")
def run(t):
    t.start("keep.target", *[n + ".service" for n in S if not n.startswith(("st-", "pre-"))])
    waiting = [t.bg("start", n + ".service") for n in S if n.startswith(("st-", "pre-"))]
    for n in S:
        t.wait_log(1, n + " ")
    for n in ("hup-restart", "hup-restart2", "hup-rks"):
        t.rec(n + " restart", t.restart(n + ".service"))
        t.wait(lambda: t.log(n + " ").count(n + " up") > 1)
    for job in waiting:
        job.wait()
    for n in S:
        if n.startswith(("st-", "pre-", "hup-wd")):
            t.wait(lambda: t.prop(n + ".service", "SubState") in ("dead", "failed"))
            t.rec(n + " before", t.show(n + ".service", *P))
    t.wait_prop("wd-stop.service", "SubState", "stop-watchdog")
    jobs = {n: t.bg("stop", n + ".service") for n in S}
    for n in S:
        t.rec(n + " stop", jobs[n].wait())
        t.rec(n, t.show(n + ".service", *P))
        t.rec(n + " log", t.log(n + " "))
