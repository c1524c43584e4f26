"""Cases about options of sockets: the same settings on every kind of socket, as the manager holds it and as a
service gets the connection.

    import sys; sys.path.insert(0, __file__.rsplit("/", 3)[0])
    from options import matrix
    setup, run = matrix({"on": "KeepAlive=yes", "off": "KeepAlive=no"})
"""
STREAMS = {"tcp4": "127.0.0.1:{}", "tcp6": "[::1]:{}", "path": "/run/opt/{}", "abstract": "@opt{}"}
DATAGRAMS = {"udp4": "127.0.0.1:{}", "udp6": "[::1]:{}", "path": "/run/opt/{}.d", "abstract": "@opt{}.d"}


def client(t, kind, address):
    return t.tcp(address) if kind.startswith("tcp") else t.unix(address)


def matrix(variants, datagrams=True, connections=True, net=None):
    """Two units per variant: one accepts on all kinds of streams, one has datagrams and netlink."""
    ports = {name: 7001 + i for i, name in enumerate(variants)}

    def setup(t):
        for name, lines in variants.items():
            listen = "".join(f"ListenStream={a}\n" for a in STREAMS.values()).format(*[ports[name]] * len(STREAMS))
            t.unit(f"{name}.socket", f"[Socket]\n{listen}Accept=yes\n{lines}\n")
            t.unit(f"{name}@.service", f"[Service]\nExecStart=/run/oracle/probe -n {name} dump print2 x echo 3\n")
            if datagrams:
                listen = "".join(f"ListenDatagram={a}\n" for a in DATAGRAMS.values()).format(*[ports[name]] * len(DATAGRAMS))
                t.unit(f"{name}-d.socket", f"[Socket]\n{listen}ListenNetlink=generic\n{lines}\n")
                t.unit(f"{name}-d.service", "[Service]\nExecStart=/bin/true\n")

    def run(t):
        for name in variants:
            t.rec(f"{name} start", [t.start(f"{name}.socket"), t.state(f"{name}.socket")])
            for kind, address in STREAMS.items():
                address = address.format(ports[name])
                t.rec(f"{name} {kind}", t.held(address))
            for n, (kind, address) in enumerate(STREAMS.items() if connections else ()):
                c = client(t, kind, address.format(ports[name]))
                t.rec(f"{name} {kind} echo", c.ask("x"))
                t.rec(f"{name} {kind} connection", t.opts(name, n))
                c.close()
            if datagrams:
                t.rec(f"{name} datagrams start", [t.start(f"{name}-d.socket"), t.state(f"{name}-d.socket")])
                for kind, address in DATAGRAMS.items():
                    t.rec(f"{name} {kind} datagram", t.held(address.format(ports[name])))
                t.rec(f"{name} netlink", t.held(lambda f: f.get("domain") == "netlink" and f.get("protocol") == 16))
                t.stop(f"{name}-d.socket")
            t.rec(f"{name} stop", [t.stop(f"{name}.socket"), t.state(f"{name}.socket")])

    return setup, run
