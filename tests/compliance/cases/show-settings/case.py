"""What show tells of commands and their prefixes, streams, limits, moments, errors, changed files and settings nobody gave."""
import re

UNITS = {
    "plain.service": "[Service]\nExecStart=/bin/sleep 1h\n", "plain.socket": "[Socket]\nListenStream=/run/plain\n",
    "set.service": """[Service]
ExecCondition=/bin/true
ExecStartPre=-/bin/echo "a b" ; /bin/echo c
ExecStartPre=+/bin/true
ExecStart=@/bin/true foo bar
ExecStartPost=!/bin/true
ExecReload=-:/bin/echo $x
WorkingDirectory=/usr
StandardInput=data
StandardInputText=hello
StandardOutput=fd:foo
StandardError=fd
LimitNOFILE=100:200
LimitCPU=5min
LimitNICE=+5
LimitMEMLOCK=64K
CoredumpFilter=default shared-dax
SyslogLevel=debug
""",
    "end.service": "[Service]\nExecStart=/bin/sh -c 'exit 3'\n", "kill.service": "[Service]\nExecStart=/bin/sh -c 'kill -9 $$$$'\n",
    "quiet.service": "[Service]\nExecStart=/bin/sleep 1h\nStandardOutput=null\n", "cond.service": "[Unit]\nConditionPathExists=/nope\n[Service]\nExecStart=/bin/true\n",
    "hook.socket": "[Socket]\nListenStream=/run/hook\nExecStartPre=/bin/true\n", "hook.service": "[Service]\nExecStart=/bin/true\n",
    "bad.service": "[Service]\nType=oneshot\n", "masked.service": None, "t@.service": "[Service]\nExecStart=/bin/true %i\n", "i@.service": "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=keep.target\n",
    "keep.target": "[Unit]\nWants=plain.service\nAfter=set.service quiet.service end.service kill.service cond.service hook.socket bad.service masked.service\n",
}
EXEC = ["%s%s" % (c, x) for c in ("ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost") for x in ("", "Ex")]
STREAMS = "StandardInput StandardInputData StandardInputFileDescriptorName StandardOutput StandardOutputFileDescriptorName StandardError StandardErrorFileDescriptorName SyslogLevel SyslogPriority CoredumpFilter".split()
LIMITS = [f"Limit{r}{s}" for r in ("NOFILE", "CPU", "NICE", "MEMLOCK", "AS", "FSIZE", "DATA") for s in ("", "Soft")]
ORDER = ["After", "RequiresMountsFor"]
UNSET = """Following Job JobTimeoutUSec JobRunningTimeoutUSec JobTimeoutAction RebootArgument Markers Refs FreezerState CanClean NonBlocking Personality PrivateTmp PrivateDevices ProtectSystem ProtectHome DynamicUser MemoryMax
MemoryHigh CPUWeight IOWeight CPUQuotaPerSecUSec Delegate DevicePolicy SystemCallFilter RestrictAddressFamilies RestrictNamespaces RuntimeDirectory StateDirectory LogRateLimitIntervalUSec ReadOnlyPaths TimeoutCleanUSec""".split()
STAMPS = [f"{m}Timestamp{c}" for m in ("StateChange", "InactiveExit", "ActiveEnter", "ActiveExit", "InactiveEnter", "Condition", "Assert", "ExecMainStart", "ExecMainExit") for c in ("", "Monotonic")] + ["InvocationID"]


def setup(t):
    t.unit("end.service.d/a.conf", "[Service]\nNice=2\n")
    for name, text in UNITS.items():
        if text:
            t.unit(name, text)
    import os
    os.symlink("/dev/null", "/etc/systemd/system/masked.service")


def run(t):
    t.start("keep.target")
    happened = lambda u: [p for p, v in t.show(u, *STAMPS).items() if v not in (None, "", "0")]
    went = lambda u: [re.sub(r"\[\w+ [^]]*\]", "[t]", re.sub(r"pid=[1-9]\d*", "pid=<pid>", t.prop(u, p))) for p in ("ExecStart", "ExecStartEx")]
    t.rec("set", t.show("set.service", *EXEC, *STREAMS, *LIMITS, *ORDER))
    for u in ("plain.service", "quiet.service", "plain.socket", "hook.socket"):
        t.rec(u, t.show(u, *STREAMS, *LIMITS, *ORDER, *UNSET))
    t.rec("errors", {u: t.show(u, "LoadState", "LoadError", "Slice", "StandardOutput", "Job") for u in ("bad.service", "masked.service")})
    t.rec("no file", [t.show(u, "LoadState", "LoadError", "Slice", "StandardOutput", "Type", "TriggerLimitBurst", "TriggerLimitIntervalUSec") for u in ("gone.service", "gone.socket")])
    t.rec("moments", {u: happened(u) for u in ("plain.service", "keep.target", "set.service", "cond.service")})
    for u in ("end.service", "kill.service", "cond.service", "hook.socket"):
        t.start(u)
    t.rec("ends", [t.wait_state(u, "failed") for u in ("end.service", "kill.service")])
    t.rec("moments then", {u: happened(u) for u in ("end.service", "kill.service", "hook.socket")})
    t.rec("commands", {u: went(u) for u in ("plain.service", "end.service", "kill.service")})
    t.rec("dependencies", t.ctl("list-dependencies", "--plain", "plain.service", "plain.socket", "end.service")[1].splitlines())
    t.rec("files", [l.split()[:2] for l in t.ctl("list-unit-files", "--no-legend", "t@*", "i@*", "plain*")[1].splitlines()])
    changed = lambda: [t.prop(u, "NeedDaemonReload") for u in ("plain.service", "end.service", "hook.socket", "kill.service", "keep.target")]
    t.rec("unchanged", changed())
    t.unit("plain.service", "[Service]\nExecStart=/bin/sleep 2h\n")
    t.unit("end.service.d/x.conf", "[Service]\nNice=1\n")
    # A new directory is not looked into before it was read.
    t.unit("hook.socket.d/x.conf", "[Socket]\nNice=1\n")
    t.rm("/etc/systemd/system/kill.service")
    t.rec("changed", changed())
    t.daemon_reload()
    t.rec("read again", changed()[:3])
