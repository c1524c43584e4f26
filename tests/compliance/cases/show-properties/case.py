"""What show tells of a socket, by default and with everything set, in every state; exit statuses of the questions about it."""
UNITS = {
    "plain.socket": "[Socket]\nListenStream=/run/plain\n", "plain.service": "[Service]\nExecStart=/bin/sleep 1h\n",
    "all.socket": """[Unit]
Description=all of it
[Socket]
ListenStream=127.0.0.1:7001
ListenFIFO=/run/all
BindIPv6Only=both
Backlog=9
TimeoutSec=1min 30s
BindToDevice=lo
SocketUser=alice
SocketGroup=staff
SocketMode=0620
DirectoryMode=0750
FlushPending=yes
Writable=yes
KeepAlive=yes
KeepAliveTimeSec=1h
KeepAliveIntervalSec=90
KeepAliveProbes=4
DeferAcceptSec=2
NoDelay=yes
Priority=2
ReceiveBuffer=64K
SendBuffer=1M
IPTOS=low-cost
IPTTL=9
PipeSize=128K
FreeBind=yes
Transparent=yes
Broadcast=yes
PassCredentials=yes
PassSecurity=yes
PassPacketInfo=yes
Timestamping=ns
RemoveOnStop=yes
Symlinks=/run/all.link
Mark=3
MaxConnections=7
MaxConnectionsPerSource=3
MessageQueueMaxMessages=4
MessageQueueMessageSize=5
TCPCongestion=reno
ReusePort=yes
SmackLabel=a
SmackLabelIPIn=b
SmackLabelIPOut=c
FileDescriptorName=all
SocketProtocol=udplite
TriggerLimitIntervalSec=5
TriggerLimitBurst=6
""",
    "all.service": "[Service]\nExecStart=/bin/sleep 1h\n", "acc.socket": "[Socket]\nListenStream=/run/acc\nAccept=yes\n", "acc@.service": "[Service]\nExecStart=/run/oracle/probe -n acc echo 3\n",
    "fail.socket": "[Socket]\nListenStream=/run/fail\nExecStartPre=/bin/false\n", "fail.service": "[Service]\nExecStart=/bin/true\n", "keep.target": "[Unit]\nAfter=plain.socket all.socket fail.socket\n",
}
PROPS = """BindIPv6Only Backlog TimeoutUSec BindToDevice SocketUser SocketGroup SocketMode DirectoryMode Accept FlushPending Writable KeepAlive KeepAliveTimeUSec KeepAliveIntervalUSec KeepAliveProbes
DeferAcceptUSec NoDelay Priority ReceiveBuffer SendBuffer IPTOS IPTTL PipeSize FreeBind Transparent Broadcast PassCredentials PassSecurity PassPacketInfo Timestamping RemoveOnStop Listen Symlinks Mark
MaxConnections MaxConnectionsPerSource MessageQueueMaxMessages MessageQueueMessageSize TCPCongestion ReusePort SmackLabel SmackLabelIPIn SmackLabelIPOut FileDescriptorName SocketProtocol
TriggerLimitIntervalUSec TriggerLimitBurst Result NConnections NAccepted NRefused Id Names Description LoadState ActiveState SubState FragmentPath Triggers Wants Before Conflicts BindsTo
ConditionResult AssertResult CanStart CanStop CanReload StartLimitIntervalUSec StartLimitBurst CollectMode ControlPID KillMode KillSignal SendSIGKILL SendSIGHUP Slice""".split()


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def run(t):
    t.start("keep.target")
    codes = lambda u: {q: t.ctl(q, u)[0] for q in ("is-active", "is-failed", "status", "show")}
    for n in ("plain", "all", "acc", "fail"):
        u = n + ".socket"
        t.rec(n, t.show(u, *PROPS))
        t.rec(n + " codes", codes(u))
        t.rec(n + " start", [t.start(u), t.show(u, "ActiveState", "SubState", "Result", "CanStart", "CanStop", "ControlPID"), codes(u)])
        t.rec(n + " active", t.show(u, *[p for p in PROPS if p not in ("FragmentPath",)]))
        t.rec(n + " stop", [t.stop(u), codes(u)])
