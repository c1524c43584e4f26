"""How a service ends and what is said about it: exit codes, signals, missing programs, unknown users (service-unit 51, 52, 74, 76, 115)."""
PROBE = "/run/oracle/probe -n a "
SERVICES = {
    "exit-0": f"ExecStart={PROBE}exit 0",
    "exit-3": f"ExecStart={PROBE}exit 3",
    "exit-255": f"ExecStart={PROBE}exit 255",
    "minus-exit-3": f"ExecStart=-{PROBE}exit 3",
    "minus-signal": f"ExecStart=-{PROBE}kill KILL",
    "sig-term": f"ExecStart={PROBE}kill TERM",
    "sig-int": f"ExecStart={PROBE}kill INT",
    "sig-hup": f"ExecStart={PROBE}kill HUP",
    "sig-pipe": f"ExecStart={PROBE}kill PIPE",
    "sig-usr1": f"ExecStart={PROBE}kill USR1",
    "sig-kill": f"ExecStart={PROBE}kill KILL",
    "sig-segv": f"ExecStart={PROBE}kill SEGV",
    "sig-abrt": f"ExecStart={PROBE}kill ABRT",
    "ok-exit-3": f"SuccessExitStatus=3 SIGUSR1 TEMPFAIL\nExecStart={PROBE}exit 3",
    "ok-exit-75": f"SuccessExitStatus=3 SIGUSR1 TEMPFAIL\nExecStart={PROBE}exit 75",
    "ok-usr1": f"SuccessExitStatus=3 SIGUSR1 TEMPFAIL\nExecStart={PROBE}kill USR1",
    "ok-not-4": f"SuccessExitStatus=3 SIGUSR1 TEMPFAIL\nExecStart={PROBE}exit 4",
    "ok-partly-bad": f"SuccessExitStatus=300 NOSUCH 5 SIGNOPE\nExecStart={PROBE}exit 5",
    "ok-reset": f"SuccessExitStatus=3\nSuccessExitStatus=\nExecStart={PROBE}exit 3",
    "ok-by-name": f"SuccessExitStatus=EXIT_NO NOTRUNNING EXEC\nExecStart=/nonexistent/program",
    "one-term": f"Type=oneshot\nExecStart={PROBE}kill TERM",
    "one-term-ok": f"Type=oneshot\nSuccessExitStatus=SIGTERM\nExecStart={PROBE}kill TERM",
    "one-exit-1": f"Type=oneshot\nExecStart={PROBE}exit 1",
    "one-minus": f"Type=oneshot\nExecStart=-{PROBE}exit 1",
    "one-missing": "Type=oneshot\nExecStart=/nonexistent/program",
    "one-minus-missing": "Type=oneshot\nExecStart=-/nonexistent/program",
    "missing": "ExecStart=/nonexistent/program",
    "minus-missing": "ExecStart=-/nonexistent/program",
    "exec-missing": "Type=exec\nExecStart=/nonexistent/program",
    "exec-minus-missing": "Type=exec\nExecStart=-/nonexistent/program",
    "not-executable": "ExecStart=/etc/passwd",
    "exec-not-executable": "Type=exec\nExecStart=/etc/passwd",
    "bad-user": f"User=nosuch\nExecStart={PROBE}exit 0",
    "bad-group": f"Group=nosuch\nExecStart={PROBE}exit 0",
    "bad-uid": f"User=54321\nExecStart={PROBE}exit 0",
    "bad-gid": f"Group=54321\nExecStart={PROBE}exit 0",
    "bad-supplementary": f"SupplementaryGroups=nosuch\nExecStart={PROBE}exit 0",
    "exec-bad-user": f"Type=exec\nUser=nosuch\nExecStart={PROBE}exit 0",
    "no-directory": f"WorkingDirectory=/missing\nExecStart={PROBE}exit 0",
    "minus-no-directory": f"WorkingDirectory=-/missing\nExecStart={PROBE}exit 0",
    "no-home": f"User=nobody\nWorkingDirectory=~\nExecStart={PROBE}exit 0",
    "file-as-directory": f"WorkingDirectory=/etc/passwd\nExecStart={PROBE}exit 0",
    "empty-root": "RootDirectory=/home/alice\nExecStart=/bin/true",
    "no-environment": f"EnvironmentFile=/missing\nExecStart={PROBE}exit 0",
    "minus-no-environment": f"EnvironmentFile=-/missing\nExecStart={PROBE}exit 0",
    "no-output": f"StandardOutput=file:/missing/x\nExecStart={PROBE}exit 0",
    "no-input": f"StandardInput=file:/missing/x\nExecStart={PROBE}exit 0",
    "no-fd": f"StandardInput=fd:nosuch\nExecStart={PROBE}exit 0",
    "no-socket-in": f"StandardInput=socket\nExecStart={PROBE}exit 0",
    "no-socket-out": f"StandardOutput=socket\nExecStart={PROBE}exit 0",
    "bad-limit": f"LimitNOFILE=200:100\nExecStart={PROBE}exit 0",
    "minus-read-only": f"ReadOnlyPaths=-/missing\nExecStart={PROBE}exit 0",
    "bad-nice": f"Nice=100\nExecStart={PROBE}exit 0",
    "exit-names": f"ExecStart={PROBE}exit 217",
}


def setup(t):
    for name, text in SERVICES.items():
        t.unit(name + ".service", "[Service]\n" + text + "\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in SERVICES) + "\n")


def run(t):
    t.start("keep.target")
    for name in SERVICES:
        u = name + ".service"
        t.rec(name + " start", t.start(u))
        t.wait(lambda: t.prop(u, "ActiveState") in ("inactive", "failed"))
        t.rec(name, t.show(u, "ActiveState", "SubState", "Result", "ExecMainCode", "ExecMainStatus", "NRestarts"))
