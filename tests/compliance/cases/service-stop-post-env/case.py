"""ExecStopPost= learns how the service ended; ExecStop= only runs after a start that got through (service-unit 43, 50, 65, 68, 69, 90)."""
PROBE = "/run/oracle/probe -n NAME "
STOP = "ExecStop=" + PROBE + "log stop logenv MAINPID logenv SERVICE_RESULT\nExecStopPost=" + PROBE + "log stop-post logenv SERVICE_RESULT logenv EXIT_CODE logenv EXIT_STATUS\n"
SERVICES = {
    "clean": "ExecStart=" + PROBE + "exit 0",
    "code": "ExecStart=" + PROBE + "exit 3",
    "killed": "ExecStart=" + PROBE + "kill KILL",
    "dumped": "ExecStart=" + PROBE + "kill ABRT",
    "missing": "ExecStart=/nonexistent",
    "user": "User=nosuch\nExecStart=" + PROBE + "exit 0",
    "accepted": "SuccessExitStatus=7\nExecStart=" + PROBE + "exit 7",
    "remain": "Type=oneshot\nRemainAfterExit=yes\nExecStart=" + PROBE + "log main",
    "oneshot": "Type=oneshot\nExecStart=" + PROBE + "log main",
    "second": "Type=oneshot\nExecStart=" + PROBE + "log one\nExecStart=" + PROBE + "log two exit 4\nExecStart=" + PROBE + "log three",
    "pre": "ExecStartPre=" + PROBE + "log pre exit 5\nExecStart=" + PROBE + "log main",
    "pre-minus": "ExecStartPre=-" + PROBE + "log pre exit 5\nExecStart=" + PROBE + "log main",
    "post": "ExecStart=" + PROBE + "pause\nExecStartPost=" + PROBE + "log post exit 6",
    "post-minus": "Type=oneshot\nExecStart=" + PROBE + "log main\nExecStartPost=-" + PROBE + "log post exit 6",
    "condition": "ExecCondition=" + PROBE + "log condition exit 1\nExecStartPre=" + PROBE + "log pre\nExecStart=" + PROBE + "log main",
    "condition-254": "ExecCondition=" + PROBE + "log condition exit 254\nExecStart=" + PROBE + "log main",
    "condition-255": "ExecCondition=" + PROBE + "log condition exit 255\nExecStart=" + PROBE + "log main",
    "condition-signal": "ExecCondition=" + PROBE + "log condition kill TERM\nExecStart=" + PROBE + "log main",
    "condition-minus": "ExecCondition=-" + PROBE + "log condition exit 1\nExecStart=" + PROBE + "log main",
    "condition-ok": "ExecCondition=" + PROBE + "log one\nExecCondition=" + PROBE + "log two\nExecStart=" + PROBE + "log main",
    "no-file": "EnvironmentFile=/missing\nExecStartPre=" + PROBE + "log pre\nExecStart=" + PROBE + "log main",
    "no-notify": "Type=notify\nExecStart=" + PROBE + "exit 0",
    "no-notify-code": "Type=notify\nExecStart=" + PROBE + "exit 9",
    "no-daemon": "Type=forking\nExecStart=" + PROBE + "exit 0",
    "only-stop": "Type=oneshot\nRemainAfterExit=yes",
}


def setup(t):
    for name, text in SERVICES.items():
        t.unit(name + ".service", "[Service]\n" + (text + "\n" + STOP).replace("NAME", name))
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in SERVICES) + "\n")


def run(t):
    t.start("keep.target")
    for name in SERVICES:
        u = name + ".service"
        t.rec(name + " start", t.start(u))
        if name in ("remain", "only-stop"):
            t.rec(name + " active", t.state(u))
            t.rec(name + " stop", t.stop(u))
        t.wait(lambda: t.prop(u, "ActiveState") in ("inactive", "failed"))
        t.rec(name, t.show(u, "ActiveState", "SubState", "Result", "ExecMainCode", "ExecMainStatus"))
        t.rec(name + " log", t.log(name + " "))
