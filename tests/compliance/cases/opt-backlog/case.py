"""Backlog=: what the kernel is told, for streams and packets; how many wait."""
VALUES = {"default": "", "none": "Backlog=0", "one": "Backlog=1", "seven": "Backlog=7", "above": "Backlog=5000", "most": "Backlog=4294967295", "hex": "Backlog=0x10", "octal": "Backlog=010", "bad": "Backlog=9\nBacklog=x"}


def setup(t):
    for i, (n, line) in enumerate(VALUES.items()):
        t.unit(f"{n}.socket", f"[Socket]\nListenStream=127.0.0.1:{7001 + i}\nListenStream=/run/b/{n}\nListenSequentialPacket=/run/b/{n}.q\n{line}\n")
        t.unit(f"{n}.service", "[Service]\nExecStart=/bin/sleep 1h\n")


def run(t):
    for i, n in enumerate(VALUES):
        t.rec(n, [t.start(f"{n}.socket"), t.prop(f"{n}.socket", "Backlog")])
        t.rec(n + " held", [f["opts"].get("backlog") for f in t.held(f"127.0.0.1:{7001 + i}", f"/run/b/{n}", f"/run/b/{n}.q")])
    # A path with room for one: the service does not accept, so the next one has to wait.
    first = [t.unix("/run/b/none", timeout=0.2) for _ in range(3)]
    t.rec("none full", [c.error for c in first])
