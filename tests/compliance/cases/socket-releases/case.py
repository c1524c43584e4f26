"""What later releases of systemd read, and 252 does not, and the other way round (section 8 of the reference)."""
STREAM = ("vsock-stream:2:80", "vsock-dgram::80", "vsock-seqpacket:2:80", "vsock:any:80", "vsock:-1:80", "vsock:local:22", "vsock:host:22", "vsock:hypervisor:22", "vsock:2:4294967295", "vsock::4294967295", "vsock:0x2:010", "vsock:+2:80", "vsock:2: 80", "vsock: 2:80", "vsock::0", "vsock:2:80:1", "vsock::80 ", "127.0.0.1:http", "http", "127.0.0.1:0", "0")
OTHER = {
    "ListenDatagram": ("vsock-stream::80", "vsock-dgram::80", "vsock:local:80", "domain", "vsock:2:4294967295"),
    "ListenSequentialPacket": ("vsock-seqpacket::80", "vsock::80", "127.0.0.1:80", "[::1]:80", "80\nSocketProtocol=sctp", "127.0.0.1:80\nSocketProtocol=sctp"),
    "ListenFIFO": ("/dev/f", "/dev", "/proc/f", "/sys/f", "/sysx/f", "/../f", "/run/../f", "/..", "/./f", "/run/f/.", "/run/f/.."),
    "ListenSpecial": ("/../dev/null", "/dev/null/", "/proc/self/status", "/sys/x", "/run/.../x", "/./dev/null"),
    "ListenMessageQueue": ("/dev", "/proc", "/sys", "/dev/x", "/../q", "/./q", "/q/", "/.q", "/..q"),
    "ListenUSBFunction": ("/dev/ffs", "/../ffs", "/sys/ffs"),
    "Symlinks": ("/../x\nListenStream=/run/s", "/run/x/ /run//y\nListenStream=/run/s", "/run/../x\nListenStream=/run/s", "/dev/x\nListenStream=/run/s"),
    "ListenStream": ("/run/z\nMaxConnections=0", "/run/z\nMaxConnections=0\nAccept=yes", "80\nSocketProtocol=mptcp", "80\nSocketProtocol=MPTCP", "80\nSocketProtocol=262", "80\nSocketProtocol=SCTP", "80\nSocketProtocol=udplite",
        "/run/z\nAccept=yes\nDeferTrigger=yes", "/run/z\nPassPIDFD=yes\nAcceptFileDescriptors=no\nDeferTriggerMaxSec=5\nPassFileDescriptorsToExec=yes\nXAttrListen=user.a=b\nPollLimitBurst=3", "/run/%D-x", "/run/z\nExecStartPre=|/bin/true", "/run/z\nExecStartPre=!!/bin/true", "/run/z\nExecStartPre=!/bin/true", "/run/z\nExecStartPre=@/bin/true", "/run/z\nExecStartPre=!+/bin/true", "/run/z\nExecStartPre=-@:+/bin/true x", "/run/z\nExecStartPre=--/bin/true", "/dev/z", "/proc/z", "/sys/z"),
}
KEYS = ("ConditionVersion=>=1", "ConditionVersion=!>=1", "ConditionKernelModuleLoaded=nosuch", "ConditionPathIsSocket=/nosuch", "ConditionMachineTag=x", "ConditionFraction=0%", "AssertPathIsSocket=/nosuch", "WantsMountsFor=/run/x", "SurviveFinalKillSignal=yes", "ConditionKernelVersion=>=1", "ConditionKernelVersion=<1", "ConditionSecurity=nosuch", "ConditionCredential=x", "ConditionDirectoryNotEmpty=/etc", "ConditionNeedsUpdate=/etc", "ConditionCPUs=>=1", "ConditionMemory=>1", "ConditionEnvironment=PATH", "ConditionFirmware=uefi", "ConditionUser=root", "ConditionHost=oracle", "ConditionOSRelease=ID=debian", "ConditionMemoryPressure=100%", "ConditionControlGroupController=nosuch", "ConditionNull=false", "ConditionNull=true", "ConditionPathExists=|/nosuch\nConditionPathExists=|/etc", "ConditionFraction=100%")

def cells():
    i = 0
    for key, values in {"": STREAM, **OTHER}.items():
        for v in values:
            yield f"x{i}.socket", (key or "ListenStream") + "=" + v
            i += 1

def setup(t):
    for u, text in cells():
        t.unit(u, f"[Socket]\n{text}\n")
        t.unit(u.replace(".socket", ".service"), "[Service]\nExecStart=/bin/true\n")
    for i, k in enumerate(KEYS):
        t.unit(f"k{i}.socket", f"[Unit]\n{k}\n[Socket]\nListenStream=/run/k{i}\n")
        t.unit(f"k{i}.service", "[Service]\nExecStart=/bin/true\n")

def run(t):
    rows = dict(cells())
    out = t.ctl("show", *rows, "-p", "Id,LoadState,Listen,SocketProtocol,MaxConnections,Symlinks,ExecStartPre,RequiresMountsFor")[1]
    for block in out.strip().split("\n\n"):
        d = block.split("\n")
        u = next(l for l in d if l.startswith("Id="))[3:]
        t.rec(rows.get(u, u), sorted(l.split(" ; ")[0] for l in d if not l.startswith("Id=")))
    for i, k in enumerate(KEYS):
        t.rec(k, [t.start(f"k{i}.socket"), t.state(f"k{i}.socket"), t.show(f"k{i}.socket", "ConditionResult", "AssertResult", "LoadState")])
