"""FlushPending= on every kind: what the service left behind is thrown away; without it the service is started again."""
# socket-unit #137 #138
KINDS = {"udp": "ListenDatagram=127.0.0.1:{}", "dgram": "ListenDatagram=/run/f/{}", "tcp": "ListenStream=127.0.0.1:{}", "stream": "ListenStream=/run/f/{}", "packet": "ListenSequentialPacket=/run/f/{}", "fifo": "ListenFIFO=/run/f/{}"}
ROWS = [(kind, flush) for kind in KINDS for flush in ("yes", "no")]


def setup(t):
    for i, (kind, flush) in enumerate(ROWS):
        n = f"{kind}-{flush}"
        t.unit(f"{n}.socket", f"[Socket]\n{KINDS[kind].format(7001 + i)}\nFlushPending={flush}\nTriggerLimitBurst=3\nTriggerLimitIntervalSec=1h\n")
        t.unit(f"{n}.service", f"[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/run/oracle/probe -n {n} log run wait-file /run/oracle/gate/{n}\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(f"{k}-{f}.socket {k}-{f}.service" for k, f in ROWS) + "\n")


def run(t):
    t.start("keep.target")
    for i, (kind, flush) in enumerate(ROWS):
        n, path = f"{kind}-{flush}", f"/run/f/{7001 + i}"
        t.rec(n, t.start(f"{n}.socket"))
        if kind == "fifo":
            t.rec(n + " write", [t.fifo_write(path, "x"), t.fifo_write(path, "y")])
            clients = []
        elif kind in ("udp", "tcp"):
            clients = [t.connect(kind, f"127.0.0.1:{7001 + i}") for _ in range(2)]
        else:
            clients = [t.unix(path, {"dgram": "dgram", "stream": "stream", "packet": "seqpacket"}[kind]) for _ in range(2)]
        if kind in ("udp", "dgram"):
            t.rec(n + " send", [c.send("x") for c in clients])
        t.wait_log(1, n)
        t.gate(n)
        want = "active/listening" if flush == "yes" else "failed"
        t.rec(n + " ends", t.wait_state(f"{n}.socket", want))
        if flush == "yes" and kind in ("tcp", "stream", "packet"):
            t.rec(n + " clients", [c.recv() for c in clients])
        if flush == "yes":
            t.hold(0.1)
        t.rec(n + " runs", len(t.log(n + " ")))
        if flush == "yes" and kind in ("tcp", "udp"):
            t.rec(n + " next", [t.connect(kind, f"127.0.0.1:{7001 + i}").send("z"), len(t.wait_log(2, n + " "))])
