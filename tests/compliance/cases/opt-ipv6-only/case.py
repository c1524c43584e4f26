"""BindIPv6Only= in its words, on any, on loopback and on mapped addresses; which pairs of lines fit together."""
# socket-unit #64 #92
WORDS = ("default", "both", "ipv6-only", "yes", "no")
PAIRS = {"any": ("[::]:{}", "0.0.0.0:{}"), "turned": ("0.0.0.0:{}", "[::]:{}"), "loop": ("[::1]:{}", "127.0.0.1:{}"), "mapped": ("[::ffff:127.0.0.1]:{}", "127.0.0.1:{}"), "bare": ("{}", "0.0.0.0:{}")}
ROWS = [(w, p) for w in WORDS for p in PAIRS]


def setup(t):
    for i, (w, p) in enumerate(ROWS):
        a, b = (x.format(7001 + i) for x in PAIRS[p])
        t.unit(f"one-{w}-{p}.socket", f"[Socket]\nListenStream={a}\nBindIPv6Only={w}\n")
        t.unit(f"two-{w}-{p}.socket", f"[Socket]\nListenStream={a}\nListenDatagram={b}\nListenStream={b}\nBindIPv6Only={w}\n")
        for n in ("one", "two"):
            t.unit(f"{n}-{w}-{p}.service", "[Service]\nExecStart=/bin/sleep 1h\n")


def run(t):
    for i, (w, p) in enumerate(ROWS):
        one, two, port = f"one-{w}-{p}.socket", f"two-{w}-{p}.socket", 7001 + i
        t.rec(f"{w} {p}", [t.start(one), t.state(one), t.prop(one, "BindIPv6Only")])
        t.rec(f"{w} {p} option", [f["opts"].get("IPV6_V6ONLY") for f in t.held(lambda f: str(f.get("local")).endswith(f":{port}")) if f["domain"] == "inet6"])
        t.rec(f"{w} {p} reach", [t.tcp(f"127.0.0.1:{port}").error, t.tcp(f"[::1]:{port}").error])
        t.stop(one, one.replace("socket", "service"))
        t.rec(f"{w} {p} two", [t.start(two), t.state(two)])
        t.stop(two)
