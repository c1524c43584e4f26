"""RemoveOnStop= and its absence after a stop, after a failed start and after a failure; parents and their mode stay."""
# socket-unit #86 #88 #90 #89
UNITS = {
    f"{n}.socket": f"[Socket]\nListenStream=/run/{n}/a/b/socket\nListenMessageQueue=/{n}\nMessageQueueMaxMessages=1\nMessageQueueMessageSize=64\nSymlinks=/run/{n}/link /run/{n}/x/link\nRemoveOnStop={v}\nDirectoryMode=0700\n" for n, v in (("yes", "yes"), ("no", "no"))
}
UNITS |= {f"fifo-{n}.socket": f"[Socket]\nListenFIFO=/run/fifo-{n}/f\nListenStream=@fifo-{n}\nSymlinks=/run/fifo-{n}/link\nRemoveOnStop={n}\n" for n in ("yes", "no")}
UNITS |= {f"half-{n}.socket": f"[Socket]\nListenStream=/run/half-{n}/s\nListenDatagram=/run/half-{n}/d\nListenStream=10.99.99.99:7001\nListenStream=/run/half-{n}/never\nRemoveOnStop={n}\n" for n in ("yes", "no")}
UNITS |= {f"post-{n}.socket": f"[Socket]\nListenStream=/run/post-{n}/s\nExecStartPost=/bin/false\nRemoveOnStop={n}\n" for n in ("yes", "no")}
UNITS |= {f"trip-{n}.socket": f"[Socket]\nListenStream=/run/trip-{n}/s\nTriggerLimitBurst=1\nRemoveOnStop={n}\n" for n in ("yes", "no")}
UNITS |= {u.replace(".socket", ".service"): "[Service]\nExecStart=/bin/true\n" for u in UNITS}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def tree(t, n):
    import os
    found = {}
    for d, dirs, files in os.walk("/run/" + n):
        for p in [d, *(os.path.join(d, f) for f in files)]:
            found[p] = t.node(p)
    return found


def run(t):
    for n in ("yes", "no", "fifo-yes", "fifo-no", "half-yes", "half-no", "post-yes", "post-no", "trip-yes", "trip-no"):
        u = n + ".socket"
        t.rec(n, [t.start(u), t.state(u), tree(t, n), t.mq_node("/" + n)])
        if n.startswith("trip"):
            t.unix(f"/run/{n}/s")
            t.rec(n + " trips", [t.wait_state(u, "failed"), tree(t, n)])
        t.rec(n + " held", len(t.held(lambda f: str(f.get("local") or f.get("path") or "").startswith((f"/run/{n}/", "@" + n)))))
        t.rec(n + " stop", [t.stop(u), tree(t, n), t.mq_node("/" + n)])
        t.rec(n + " again", [t.start(u), t.state(u)])
