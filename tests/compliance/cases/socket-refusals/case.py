"""What makes a .socket file unusable, and what starting it then says (socket-unit 31, 63, 66-73, 109)."""
FILES = {
    # socket-unit #67 #68
    "accept-service": "ListenStream=7001\nAccept=yes\nService=x.service", "accept-service-empty": "ListenStream=7001\nAccept=yes\nService=x.service\nService=", "accept-zero": "ListenStream=7001\nAccept=yes\nMaxConnections=0",
    # socket-unit #69
    "zero": "ListenStream=7001\nMaxConnections=0", "accept-datagram": "ListenDatagram=7001\nAccept=yes", "accept-fifo": "ListenFIFO=/run/f\nAccept=yes", "accept-netlink": "ListenNetlink=route\nAccept=yes", "accept-mixed": "ListenStream=7001\nListenDatagram=7001\nAccept=yes",
    "accept-seqpacket": "ListenSequentialPacket=/run/q\nAccept=yes", "links-abstract": "ListenStream=@a\nSymlinks=/run/l", "links-two": "ListenStream=/run/a\nListenFIFO=/run/b\nSymlinks=/run/l", "links-one": "ListenStream=/run/a\nListenStream=7001\nSymlinks=/run/l",
    # socket-unit #72 #73 #31
    "links-fifo": "ListenFIFO=/run/a\nSymlinks=/run/l", "links-quoted": 'ListenStream=/run/a\nSymlinks="/run/a b" /run/c', "links-reset": 'ListenStream=/run/a\nListenFIFO=/run/b\nSymlinks=/run/c\nSymlinks=', "user": "ListenStream=7001\nSocketUser=no:such\nBacklog=3", "group": "ListenStream=7001\nSocketGroup=a b",
    "uid": "ListenStream=7001\nSocketUser=65535", "uid-minus": "ListenStream=7001\nSocketUser=-1", "hook": "ListenStream=7001\nExecStartPre=relative", "hook-minus": "ListenStream=7001\nExecStartPre=-relative", "hook-semicolon": "ListenStream=7001\nExecStartPre=/bin/true ; /bin/true",
    # socket-unit #70 #71 #109
    "hook-start": "ListenStream=7001\nExecStart=/bin/true", "two-services": "ListenStream=7001\nService=a.service\nService=b.service", "missing-service": "ListenStream=7001\nService=missing.service", "masked-service": "ListenStream=7001\nService=masked.service", "broken-service": "ListenStream=7001\nService=broken.service",
    # socket-unit #63
    "link-alias": "ListenStream=7001\nService=alias.service", "empty": "", "only-bad": "ListenStream=nonsense", "user-late": "Backlog=3\nSocketUser=no:such\nListenStream=7001",
}


def setup(t):
    for n, text in FILES.items():
        t.unit(f"{n}.socket", f"[Socket]\n{text}\n")
        t.unit(f"{n}.service", "[Service]\nExecStart=/bin/true\n")
        t.unit(f"{n}@.service", "[Service]\nExecStart=/bin/true\n")


def run(t):
    for n in FILES:
        u = f"{n}.socket"
        t.rec(n, t.show(u, "LoadState", "Listen", "Triggers", "Backlog", "MaxConnections", "Symlinks"))
        t.rec(n + " start", t.start(u))
        t.rec(n + " state", t.state(u))
        t.stop(u)
    t.rec("links", [t.node(p) for p in ("/run/a b", "/run/c", "/run/l", "/run/a")])
