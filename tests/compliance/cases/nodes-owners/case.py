"""SocketUser= and SocketGroup= alone and together, by name and number, on sockets, FIFOs and queues; a second start."""
# socket-unit #95 #96 #97 #98
OWNERS = {"user": "SocketUser=daemon", "other": "SocketUser=bob", "group": "SocketGroup=daemon", "both": "SocketUser=alice\nSocketGroup=sockgrp", "numbers": "SocketUser=2001\nSocketGroup=2100", "uid": "SocketUser=2002", "unknown": "SocketUser=54321", "ungroup": "SocketGroup=54321", "nobody": "SocketUser=nosuch", "reset": "SocketUser=daemon\nSocketUser="}
# 257 and later give the queue to the user as well.
KINDS = {"stream": "ListenStream=/run/o/{}.s", "fifo": "ListenFIFO=/run/o/{}.f", "queue": "ListenMessageQueue=/{}\nMessageQueueMaxMessages=1\nMessageQueueMessageSize=64", "abstract": "ListenStream=@{}"}


def setup(t):
    for o, lines in OWNERS.items():
        for k, listen in KINDS.items():
            t.unit(f"{o}-{k}.socket", f"[Socket]\n{listen.format(o)}\n{lines}\nSocketMode=0640\n")
            t.unit(f"{o}-{k}.service", "[Service]\nExecStart=/bin/true\n")


def run(t):
    node = lambda o, k: t.node(f"/run/o/{o}.{k[0]}") if k in ("stream", "fifo") else t.mq_node("/" + o) if k == "queue" else None
    for o in OWNERS:
        for k in KINDS:
            u = f"{o}-{k}.socket"
            t.rec(u, [t.start(u), t.state(u), node(o, k)])
            t.rec(u + " show", t.show(u, "SocketUser", "SocketGroup", "SocketMode"))
            t.rec(u + " stop", [t.stop(u), node(o, k)])
            t.rec(u + " again", [t.start(u), t.state(u), node(o, k)])
