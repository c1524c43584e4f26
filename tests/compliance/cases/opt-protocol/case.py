"""SocketProtocol= on the kinds it fits and on those it does not; what a kernel without it makes of it."""
# socket-unit #107 #79
LISTEN = {"tcp": "ListenStream=127.0.0.1:{}", "tcp6": "ListenStream=[::1]:{}", "udp": "ListenDatagram=127.0.0.1:{}", "udp6": "ListenDatagram=[::1]:{}", "path": "ListenStream=/run/p/{}", "dgram": "ListenDatagram=/run/p/{}", "packet": "ListenSequentialPacket=/run/p/{}"}
WORDS = ("udplite", "sctp", "UDPLITE", "136", "0", "tcp", "")
ROWS = [(k, w) for w in WORDS for k in LISTEN]


def setup(t):
    for i, (k, w) in enumerate(ROWS):
        t.unit(f"r{i}.socket", f"[Socket]\n{LISTEN[k].format(7001 + i)}\nSocketProtocol={w}\n")
        t.unit(f"r{i}.service", "[Service]\nExecStart=/bin/true\n")


def run(t):
    for i, (k, w) in enumerate(ROWS):
        u = f"r{i}.socket"
        t.rec(f"{w} {k}", [t.start(u), t.state(u), t.prop(u, "SocketProtocol"), [[f["type"], f["protocol"]] for f in t.held(lambda f: str(f.get("local")).endswith(f":{7001 + i}") or f.get("local") == f"/run/p/{7001 + i}")]])
