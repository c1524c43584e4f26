"""How instances are called and described: IPv4, IPv6, IPv4 in IPv6, paths, sequential packets; what the service sees of its peer."""
# socket-unit #143 #144 #152 #153
TEMPLATE = """[Unit]
{d}[Service]
Environment=UNIT=%n I=%i
ExecStartPre=/run/oracle/probe -n {n} logenv REMOTE_ADDR
ExecStart=/run/oracle/probe -n {n} logenv UNIT logenv REMOTE_ADDR logenv REMOTE_PORT echo 3
ExecStopPost=/run/oracle/probe -n {n} logenv REMOTE_PORT
"""
ADDRESSES = {"four": "127.0.0.1:7001", "six": "[::1]:7002", "any": "7003", "path": "/run/path", "abstract": "@abstract"}


def setup(t):
    for n, a in ADDRESSES.items():
        t.unit(f"{n}.socket", f"[Socket]\nListenStream={a}\nAccept=yes\n")
        t.unit(f"{n}@.service", TEMPLATE.format(n=n, d=f"Description=serves %i of {n}\n" if n in ("four", "path") else ""))
    t.unit("packet.socket", "[Socket]\nListenSequentialPacket=/run/packet\nAccept=yes\n")
    t.unit("packet@.service", TEMPLATE.format(n="packet", d=""))
    t.unit("tpl@.socket", "[Socket]\nListenStream=/run/tpl-%i\nAccept=yes\n")
    t.unit("tpl@.service", TEMPLATE.format(n="tpl", d=""))


def run(t):
    clients = {
        "four": lambda: t.tcp("127.0.0.1:7001", sport=51001), "six": lambda: t.tcp("[::1]:7002", sport=51002), "any": lambda: t.tcp("127.0.0.1:7003", sport=51003),
        "path": lambda: t.unix("/run/path"), "abstract": lambda: t.unix("@abstract", bindname="peer"), "packet": lambda: t.unix("/run/packet", "seqpacket"), "tpl": lambda: t.unix("/run/tpl-a"),
    }
    for n, connect in clients.items():
        u = n + ("@a" if n == "tpl" else "") + ".socket"
        t.rec(n, t.start(u))
        c = connect()
        t.rec(n + " echo", c.ask("x"))
        log = t.wait_log(4, n)
        t.rec(n + " log", log)
        name = next((l.split("UNIT=")[1] for l in log if "UNIT=" in l), "none")
        t.rec(n + " instance", t.show(name, "Id", "Description", "TriggeredBy", "Slice", "ActiveState"))
        t.rec(n + " triggers", [t.prop(u, "Triggers"), t.counters(u)])
        c.close()
        t.rec(n + " gone", [t.wait_prop(u, "NConnections", "0"), t.wait_log(5, n)[4:], t.prop(u, "Triggers")])
    # By IPv6 on the same port it is an address of IPv6; numbers go on.
    c = t.tcp("[::1]:7003", sport=51004)
    t.rec("any by six", [c.ask("x"), [l for l in t.log("any") if "UNIT" in l]])
    t.rec("other user", [t.as_user(2001, 2001, lambda: t.unix("/run/path").ask("x")), [l for l in t.log("path") if "UNIT" in l]])
