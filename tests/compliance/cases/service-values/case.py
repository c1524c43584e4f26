"""Effective values of settings of services, right and wrong, as shown (service-unit 16, 19, 22, 102, 111, 113)."""
V = {
    "Type": "simple exec forking oneshot notify idle x", "Restart": "no always on-success on-failure on-abnormal on-abort on-watchdog x", "RemainAfterExit": "yes 1 on true no x", "GuessMainPID": "no x", "PIDFile": "/run/x.pid x.pid /var/run/x.pid", "NotifyAccess": "none main exec all x", "SuccessExitStatus": "1 255 256 SIGTERM", "NonBlocking": "yes x",
    "RestartKillSignal": "SIGINT 9 x", "KillSignal": "SIGINT INT 2 x 0 65 RTMIN+1 SIGRTMAX", "FinalKillSignal": "SIGINT x", "WatchdogSignal": "SIGUSR1", "SendSIGKILL": "no x", "SendSIGHUP": "yes", "KillMode": "process mixed none control-group x", "FileDescriptorStoreMax": "5 0 -1 x", "OOMScoreAdjust": "100 -1000 1000 1001 x", "Nice": "5 -20 19 20 x",
    "UMask": "022 0077 7777 8 x", "LimitNOFILE": "100 100:200 infinity", "LimitCPU": "10 1min 1500ms", "LimitRTTIME": "5 5ms 5s", "LimitNICE": "10 -5 +5", "LimitAS": "1G 1G:2G", "LimitCORE": "0 infinity", "IOSchedulingClass": "idle best-effort realtime 2 x", "IOSchedulingPriority": "3 8 x", "CPUSchedulingPolicy": "batch idle rr x", "CPUSchedulingPriority": "5 0 100",
    "CPUSchedulingResetOnFork": "yes", "TimerSlackNSec": "5 5us 0 x", "IgnoreSIGPIPE": "no x", "NoNewPrivileges": "yes x", "SecureBits": "keep-caps noroot x", "CapabilityBoundingSet": "CAP_NET_RAW ~CAP_NET_RAW CAP_NOPE", "AmbientCapabilities": "CAP_NET_RAW", 
    "WorkingDirectory": "/tmp tmp ~ -/x /x/../y", "RootDirectory": "/srv srv", "User": "alice 0 a:b nosuch -1 65535", "Group": "staff 7 x/y", "SupplementaryGroups": "staff", "SyslogIdentifier": "x", "SyslogLevel": "err x", "SyslogLevelPrefix": "no x", "LogLevelMax": "notice x", "StandardInput": "null data socket tty fd fd:x file:/x file:x x", "StandardOutput": "inherit null socket journal kmsg file:/x append:/x truncate:/x fd:x journal+console x",
    "StandardError": "inherit null file:/x x", "TTYPath": "/dev/x x", "PassEnvironment": "A 1A", "UnsetEnvironment": "A B=1", "Environment": "A=1 1A=2", "EnvironmentFile": "/x -/x x", "TimeoutStopSec": "5 x", "StartLimitBurst": "3 x", "CPUAffinity": "0 0-1 x", "RestartPreventExitStatus": "1 SIGKILL", "ExitType": "main cgroup x", "Sockets": "a.socket b.service", "PermissionsStartOnly": "yes", "RootDirectoryStartOnly": "yes", "Slice": "x.slice x", "BusName": "a.b x",
}
PROPS = {"TimeoutStopSec": "TimeoutStopUSec", "Sockets": "TriggeredBy", "LimitNOFILE": "LimitNOFILE,LimitNOFILESoft", "LimitCPU": "LimitCPU,LimitCPUSoft", "LimitRTTIME": "LimitRTTIME", "EnvironmentFile": "EnvironmentFiles", "SuccessExitStatus": "Id"}


def cells():
    i = 0
    for k, vs in V.items():
        for v in ["", *vs.split(" ")][k.startswith("Limit"):]:
            yield f"v{i}.service", k, v
            i += 1


def setup(t):
    for u, k, v in cells():
        t.unit(u, f"[Service]\nExecStart=/bin/true\n{k}={v}\n")


def run(t):
    rows = {u: (k, v) for u, k, v in cells()}
    for k in V:
        us = [u for u in rows if rows[u][0] == k]
        out = t.ctl("show", *us, "-p", "Id,LoadState," + PROPS.get(k, k))[1]
        for block in out.strip().split("\n\n"):
            d = sorted(block.split("\n"))
            u = next((l for l in d if l.startswith("Id=")), "Id=?")[3:]
            t.rec(f"{k}={rows.get(u, ('', u))[1]}", [l for l in d if not l.startswith("Id=")])
