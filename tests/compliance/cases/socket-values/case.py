"""Effective values of every [Socket] setting, right and wrong (socket-unit 27, 28, 64-81)."""
VALUES = {
    "BindIPv6Only": "default both ipv6-only yes foo", "SocketMode": "600 0600 99 +600 10000 7777 0 0x1ff 66a", "DirectoryMode": "700 0 99 rwx", "Backlog": "0 7 -1 4294967296 1K",
    "TimeoutSec": "0 -1 5 1min infinity 1x 90s500ms 1.5 .5s 5,3", "MaxConnections": "0 1 64 -1 4294967295 4294967296 x", "MaxConnectionsPerSource": "0 5 -1", "KeepAlive": "yes no on 1 maybe", "KeepAliveTimeSec": "5 1min 0 -1 x 1500ms",
    "KeepAliveIntervalSec": "5 1500ms x", "KeepAliveProbes": "5 0 -1 4294967295", "NoDelay": "true x", "DeferAcceptSec": "5 1500ms x", "Priority": "3 -1 0 7 x 4294967296", "IPTOS": "low-delay throughput reliability low-cost 16 0 255 256 -1 none",
    "IPTTL": "5 255 256 -1 0 x", "Mark": "9 -1 0x10 0 x", "ReusePort": "yes x", "ReceiveBuffer": "1.5K 64K 0 -1 1Ki 1M 9E 99E 8 8B x", "SendBuffer": "2K x", "PassCredentials": "yes x", "PassSecurity": "yes x", "PassPacketInfo": "yes x",
    "Timestamping": "yes no us usec ns nsec off x μs", "TCPCongestion": "cubic nosuch", "Broadcast": "yes x", "FreeBind": "yes x", "Transparent": "yes x", "PipeSize": "8K 1M x -1", "MessageQueueMaxMessages": "5 0 -1 x", "MessageQueueMessageSize": "5 8K -1",
    "RemoveOnStop": "yes x", "Writable": "yes x", "FlushPending": "yes x", "FileDescriptorName": "ab foo:bar \xfc %p_x a\tb " + "a" * 255 + " " + "a" * 256, "SocketProtocol": "sctp 132 tcp udplite 0 -1", "BindToDevice": "* eth0 eth0:1 12 abcdefghijklmnop abcdefghijklmno .. . a/b",
    "TriggerLimitIntervalSec": "5 0 infinity x -1", "TriggerLimitBurst": "5 0 -1 x", "SmackLabel": "a", "SELinuxContextFromNet": "yes x", "Service": "x.service foo.target bad/name.service t@.service t@i.service x %p.service", "SocketUser": "root 0 65535 -1 nosuchuser no:such %u", "SocketGroup": "root 5 nosuch 65535",
    "Accept": "yes no on x", "Symlinks": "rel /run/l /run/%p", "SuccessExitStatus": "1", "PollLimitBurst": "5", "KillMode": "process mixed none x", "KillSignal": "SIGINT INT 9 99 x", "SendSIGKILL": "no x", "SendSIGHUP": "yes x", "User": "alice nosuch", "DefaultDependencies": "no",
}
PROPS = {"BindIPv6Only": "BindIPv6Only", "TimeoutSec": "TimeoutUSec", "KeepAliveTimeSec": "KeepAliveTimeUSec", "KeepAliveIntervalSec": "KeepAliveIntervalUSec", "DeferAcceptSec": "DeferAcceptUSec", "TriggerLimitIntervalSec": "TriggerLimitIntervalUSec", "Service": "Triggers", "SuccessExitStatus": "Id", "PollLimitBurst": "Id", "DefaultDependencies": "Id"}
PREFIX = {"FileDescriptorName": "", "Symlinks": "ListenStream=/run/sym\n"}


def cells():
    i = 0
    for k, vs in VALUES.items():
        for v in ["", *vs.split(" ")]:
            yield f"v{i}.socket", k, v
            i += 1


def setup(t):
    for u, k, v in cells():
        t.unit(u, "[Socket]\n" + PREFIX.get(k, "ListenStream=7001\n") + ("ListenStream=7001\n" if k == "FileDescriptorName" else "") + f"{k}={v}\n")
        t.unit(u.replace(".socket", ".service"), "[Service]\nExecStart=/bin/true\n")


def run(t):
    rows = {u: (k, v) for u, k, v in cells()}
    for k in VALUES:
        us = [u for u in rows if rows[u][0] == k]
        p = PROPS.get(k, k)
        out = t.ctl("show", *us, "-p", "Id,LoadState," + p)[1]
        for block in out.strip().split("\n\n"):
            d = sorted(block.split("\n"))
            u = next((l for l in d if l.startswith("Id=")), "Id=?")[3:]
            t.rec(f"{k}={rows.get(u, ('', u))[1]}", [l for l in d if not l.startswith("Id=")])
