"""KillMode=, KillSignal=, SendSIGHUP=, FinalKillSignal=, processes that do not listen, TimeoutStopSec= (service-unit 84-91)."""
SERVICES = {
    "plain": "ExecStart=/run/oracle/probe -n plain fork [ pause ] on TERM 0 log up pause",
    "signals": "KillSignal=SIGUSR1\nRestartKillSignal=SIGUSR2\nExecStart=/run/oracle/probe -n signals on-log TERM on USR1 0 on USR2 0 on-log HUP log up pause",
    "hup": "SendSIGHUP=yes\nTimeoutStopSec=500ms\nExecStart=/run/oracle/probe -n hup on-log TERM on HUP 4 log up pause",
    "stubborn": "TimeoutStopSec=100ms\nExecStart=/run/oracle/probe -n stubborn ignore TERM log up pause",
    "final": "TimeoutStopSec=100ms\nFinalKillSignal=SIGINT\nExecStart=/run/oracle/probe -n final ignore TERM on INT 0 log up pause",
    "no-kill": "TimeoutStopSec=100ms\nSendSIGKILL=no\nExecStart=/run/oracle/probe -n no-kill ignore TERM log up pause",
    "process": "KillMode=process\nExecStart=/run/oracle/probe -n process fork [ pause ] log up pause",
    "mixed": "KillMode=mixed\nExecStart=/run/oracle/probe -n mixed fork [ on-log TERM pause ] log up pause",
    "none": "KillMode=none\nTimeoutStopSec=100ms\nExecStop=/run/oracle/probe -n none log stop\nExecStart=/run/oracle/probe -n none log up pause",
    "session": "ExecStart=/run/oracle/probe -n session fork [ setsid fork [ pause ] pause ] log up pause",
    "exit-5": "ExecStart=/run/oracle/probe -n exit-5 on TERM 5 log up pause",
    "killed": "ExecStart=/run/oracle/probe -n killed log up pause",
    "int": "KillSignal=SIGINT\nExecStart=/run/oracle/probe -n int log up pause",
    "usr1": "KillSignal=SIGUSR1\nExecStart=/run/oracle/probe -n usr1 log up pause",
    "with-stop": "ExecStop=/run/oracle/probe -n with-stop log stop logenv MAINPID2\nExecStop=/run/oracle/probe -n with-stop log stop-two exit 3\nExecStopPost=/run/oracle/probe -n with-stop log post logenv SERVICE_RESULT logenv EXIT_CODE logenv EXIT_STATUS\nExecStart=/run/oracle/probe -n with-stop log up pause",
    "stop-hangs": "TimeoutStopSec=100ms\nExecStop=/run/oracle/probe -n stop-hangs log stop pause\nExecStopPost=/run/oracle/probe -n stop-hangs log post logenv SERVICE_RESULT\nExecStart=/run/oracle/probe -n stop-hangs log up pause",
    "post-fails": "ExecStopPost=/run/oracle/probe -n post-fails log post exit 6\nExecStart=/run/oracle/probe -n post-fails log up pause",
    "post-minus": "ExecStopPost=-/run/oracle/probe -n post-minus log post exit 6\nExecStart=/run/oracle/probe -n post-minus log up pause",
    "abort": "TimeoutStopSec=100ms\nTimeoutStopFailureMode=abort\nExecStart=/run/oracle/probe -n abort ignore TERM log up pause",
    "kill": "TimeoutStopSec=100ms\nTimeoutStopFailureMode=kill\nExecStart=/run/oracle/probe -n kill ignore TERM log up pause",
}


def setup(t):
    for n, text in SERVICES.items():
        t.unit(n + ".service", f"[Service]\n{text}\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in SERVICES) + "\n")


def run(t):
    t.start("keep.target", *[n + ".service" for n in SERVICES])
    for n in SERVICES:
        u = n + ".service"
        t.wait_log(1, n + " up")
        if n == "signals":
            t.rec("restart", t.restart(u))
            t.wait(lambda: t.log(n + " ").count("signals up") == 2)
        t.rec(n + " stop", t.stop(u))
        t.rec(n, t.show(u, "ActiveState", "SubState", "Result", "ExecMainCode", "ExecMainStatus"))
        if n != "hup":  # which of the two signals is handled first is the kernel's choice
            t.rec(n + " log", t.log(n + " "))
        t.rec(n + " alive", t.wait_alive(n, {"process": 1, "none": 1, "no-kill": 1}.get(n, 0), timeout=1))
    t.rec("again", {n: t.start(n + ".service") for n in ("process", "none")})
    t.rec("again states", {n: t.show(n + ".service", "ActiveState") for n in ("process", "none")})
