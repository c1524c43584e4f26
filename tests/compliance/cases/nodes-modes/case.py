"""SocketMode= and DirectoryMode= on sockets, FIFOs and queues, against the umask and what is there already."""
# socket-unit #87 #94 #99 #65
MODES = ("0600", "0666", "0777", "0000", "0222", "1777", "4755", "07777")


def setup(t):
    import os
    os.makedirs("/run/there")
    for n, m, o in (("same", 0o640, 0), ("mode", 0o600, 0), ("owner", 0o640, 2001)):
        os.mkfifo("/run/there/" + n)
        os.chmod("/run/there/" + n, m)
        os.chown("/run/there/" + n, o, 0)
        t.unit(f"there-{n}.socket", f"[Socket]\nListenFIFO=/run/there/{n}\nSocketMode=0640\n")
        t.unit(f"there-{n}.service", "[Service]\nExecStart=/bin/true\n")
        t.unit(f"queue-{n}.socket", f"[Socket]\nListenMessageQueue=/there-{n}\nSocketMode=0640\nMessageQueueMaxMessages=3\nMessageQueueMessageSize=77\n")
        t.unit(f"queue-{n}.service", "[Service]\nExecStart=/bin/true\n")
    for i, m in enumerate(MODES):
        for k, l in (("s", "ListenStream"), ("d", "ListenDatagram"), ("f", "ListenFIFO")):
            t.unit(f"m{i}{k}.socket", f"[Socket]\n{l}=/run/d{i}{k}/a/n\nSocketMode={m}\nDirectoryMode={m}\nUMask=0077\n")
        t.unit(f"m{i}q.socket", f"[Socket]\nListenMessageQueue=/m{i}\nMessageQueueMaxMessages=1\nMessageQueueMessageSize=64\nSocketMode={m}\n")
        for k in "sdfq":
            t.unit(f"m{i}{k}.service", "[Service]\nExecStart=/bin/true\n")


def run(t):
    import ctypes
    import os
    libc = ctypes.CDLL(None)
    for n, m, o in (("same", 0o640, 0), ("mode", 0o600, 0), ("owner", 0o640, 2001)):
        q = libc.mq_open(f"/there-{n}".encode(), os.O_RDWR | os.O_CREAT, m, None)
        os.fchown(q, o, 0)
        os.fchmod(q, m)
        os.close(q)
    for n in ("same", "mode", "owner"):
        for k in ("there", "queue"):
            u = f"{k}-{n}.socket"
            t.rec(u, [t.start(u), t.state(u), t.node("/run/there/" + n), t.mq_node("/there-" + n)])
    t.rec("attributes stay", [{k: f.get(k) for k in ("mq", "maxmsg", "msgsize")} for f in t.held(lambda f: "there-same" in str(f.get("path")))])
    for i, m in enumerate(MODES):
        for k in "sdfq":
            u = f"m{i}{k}.socket"
            t.rec(f"{m} {k}", [t.start(u), t.state(u), t.mq_node(f"/m{i}") if k == "q" else [t.node(f"/run/d{i}{k}{p}") for p in ("", "/a", "/a/n")]])
