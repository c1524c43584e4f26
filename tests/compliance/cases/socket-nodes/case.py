"""What is at the path before, who owns it after; taken names and ports; what a failed start leaves (socket-unit 82-97, 99-101, 103, 107)."""
S = {
    # socket-unit #82 #83 #84 #85
    "regular": "ListenStream=/run/n/regular", "directory": "ListenStream=/run/n/directory", "link": "ListenStream=/run/n/link", "dangling": "ListenStream=/run/n/dangling", "live": "ListenStream=/run/n/live", "deep": "ListenStream=/run/deep/a/b\nDirectoryMode=0700",
    # socket-unit #87 #94
    "mode": "ListenStream=/run/n/mode\nSocketMode=07777", "fifo-mode": "ListenFIFO=/run/n/fifo-mode\nSocketMode=07777", "fifo": "ListenFIFO=/run/n/fifo\nSocketMode=0620", "fifo-other-mode": "ListenFIFO=/run/n/fifo-there\nSocketMode=0600", "fifo-same": "ListenFIFO=/run/n/fifo-same\nSocketMode=0600",
    # socket-unit #95 #97
    "fifo-regular": "ListenFIFO=/run/n/regular2", "fifo-user": "ListenFIFO=/run/n/fifo-user\nSocketUser=daemon", "user": "ListenStream=/run/n/user\nSocketUser=bob", "group": "ListenStream=/run/n/group\nSocketGroup=daemon", "uid": "ListenStream=/run/n/uid\nSocketUser=54321", "gid": "ListenStream=/run/n/gid\nSocketGroup=54321",
    # socket-unit #90 #91 #66
    "nouser": "ListenStream=/run/n/nouser\nSocketUser=nosuch", "nogroup": "ListenStream=/run/n/nogroup\nSocketGroup=nosuch", "second": "ListenStream=/run/n/second\nListenStream=127.0.0.1:7009", "second-remove": "ListenStream=/run/n/second-r\nListenStream=127.0.0.1:7009\nRemoveOnStop=yes", "foreign": "ListenStream=10.99.99.99:7001",
    # socket-unit #92 #93
    "free": "ListenStream=10.99.99.99:7002\nFreeBind=yes", "transparent": "ListenStream=10.99.99.99:7003\nTransparent=yes", "both": "ListenStream=7004\nListenStream=0.0.0.0:7004", "both-only": "ListenStream=7005\nListenStream=0.0.0.0:7005\nBindIPv6Only=ipv6-only", "dup": "ListenStream=@dup\nListenStream=@dup",
    # socket-unit #93 #100 #101
    "dup-tcp": "ListenStream=127.0.0.1:7006\nListenStream=127.0.0.1:7006", "dup-reuse": "ListenStream=127.0.0.1:7007\nListenStream=127.0.0.1:7007\nReusePort=yes", "special-file": "ListenSpecial=/run/n/regular2", "special-null": "ListenSpecial=/dev/null", "special-dir": "ListenSpecial=/run", "special-link": "ListenSpecial=/run/n/speciallink",
    # socket-unit #103 #107
    "special-none": "ListenSpecial=/run/n/none", "congestion": "ListenStream=127.0.0.1:7008\nTCPCongestion=nosuch", "unix-options": "ListenStream=/run/n/opts\nNoDelay=yes\nIPTTL=3\nIPTOS=low-delay\nPassPacketInfo=yes\nTCPCongestion=reno", "sctp-unix": "ListenStream=/run/n/sctp\nSocketProtocol=sctp", "udplite-tcp": "ListenStream=127.0.0.1:7010\nSocketProtocol=udplite",
    # socket-unit #61 #89
    "device": "ListenStream=127.0.0.1:7011\nBindToDevice=lo", "mq": "ListenMessageQueue=/mq1\nMessageQueueMaxMessages=5", "mq-slash": "ListenMessageQueue=/foo/bar", "mq-root": "ListenMessageQueue=/", "links": "ListenStream=/run/n/target\nSymlinks=/run/n/taken /run/n/sym /run/newdir/sym", "links-remove": "ListenStream=/run/n/target2\nSymlinks=/run/n/taken2\nRemoveOnStop=yes",
    # socket-unit #52 #108
    "long": "ListenStream=/run/" + "l" * 102, "parent-file": "ListenStream=/run/n/regular2/x", "run-as": "ListenStream=/run/n/runas\nUser=daemon", "fifo-size": "ListenFIFO=/run/n/pipesize\nPipeSize=128K", "umask": "ListenStream=/run/n/umask\nUMask=0777", "mode0": "ListenStream=/run/n/mode0\nSocketMode=0",
}


def setup(t):
    import os
    for n, text in S.items():
        t.unit(f"{n}.socket", f"[Socket]\n{text}\n")
        t.unit(f"{n}.service", "[Service]\nExecStart=/bin/true\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(f"{n}.socket" for n in S) + "\n")
    for f in ("regular", "regular2", "linked", "taken", "taken2"):
        t.write("/run/n/" + f, f)
    os.mkdir("/run/n/directory")
    for a, b in (("link", "linked"), ("dangling", "nowhere"), ("speciallink", "/dev/null")):
        os.symlink(b, "/run/n/" + a)
    for f, m in (("fifo-there", 0o644), ("fifo-same", 0o600)):
        os.mkfifo("/run/n/" + f)
        os.chmod("/run/n/" + f, m)


def run(t):
    import os
    import socket
    live = socket.socket(socket.AF_UNIX)
    live.bind("/run/n/live")
    live.listen()
    tcp = socket.socket()
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind(("127.0.0.1", 7009))
    tcp.listen()
    before = set(os.listdir("/run/n"))
    t.start("keep.target")
    for n in S:
        t.rec(n, [t.start(f"{n}.socket"), t.state(f"{n}.socket")])
    nodes = lambda: {p: t.node("/run/n/" + p) for p in sorted(set(os.listdir("/run/n")) | before)}
    t.rec("nodes", nodes())
    t.rec("other nodes", [t.node(p) for p in ("/run/deep", "/run/deep/a", "/run/deep/a/b", "/run/newdir", "/run/newdir/sym", "/run/" + "l" * 102)])
    t.rec("linked file", open("/run/n/linked").read())
    t.rec("stop", [t.stop(f"{n}.socket") for n in ("fifo-user", "user", "links-remove", "fifo", "dup-reuse")])
    t.rec("start again", [[t.start(f"{n}.socket"), t.state(f"{n}.socket")] for n in ("fifo-user", "user", "links-remove", "fifo", "dup-reuse")])
    t.rec("nodes at the end", nodes())
    t.rec("reset", [t.reset_failed(f"{n}.socket") for n in ("directory", "foreign")])
    t.rec("after reset", [t.state(f"{n}.socket") for n in ("directory", "foreign")])
