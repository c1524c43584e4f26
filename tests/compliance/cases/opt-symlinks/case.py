"""Symlinks=: what is in the way, what stays, what RemoveOnStop= replaces and removes; quotes, specifiers, reset, several lines."""
# socket-unit #72 #73 #89
WAY = ("nothing", "same", "other", "file", "dir", "socket")


def setup(t):
    import os
    import socket
    os.makedirs("/run/l")
    for remove in ("yes", "no"):
        for w in WAY:
            link = f"/run/l/{w}-{remove}.link"
            if w in ("same", "other"):
                os.symlink(f"/run/l/{w}-{remove}" if w == "same" else "/nowhere", link)
            elif w == "file":
                open(link, "w").close()
            elif w == "dir":
                os.mkdir(link)
            elif w == "socket":
                socket.socket(socket.AF_UNIX).bind(link)
            t.unit(f"{w}-{remove}.socket", f"[Socket]\nListenStream=/run/l/{w}-{remove}\nSymlinks=/run/l/{w}-{remove}.link /run/l/{w}-{remove}.more\nRemoveOnStop={remove}\n")
            t.unit(f"{w}-{remove}.service", f"[Service]\nExecStart=/run/oracle/probe -n {w}-{remove} serve\n")
    t.unit("words.socket", '[Socket]\nListenFIFO=/run/l/words\nSymlinks=/run/l/a "/run/l/b c"\nSymlinks=/run/l/%p-%% relative /run/l/d\\x20e\nSymlinks=/run//l/./f/\n')
    t.unit("words.service", "[Service]\nExecStart=/bin/true\n")
    t.unit("reset.socket", "[Socket]\nListenStream=/run/l/reset\nListenStream=/run/l/reset2\nSymlinks=/run/l/r1\nSymlinks=\n")
    t.unit("reset.service", "[Service]\nExecStart=/bin/true\n")


def run(t):
    import os
    links = lambda n: {f: t.node("/run/l/" + f) for f in sorted(os.listdir("/run/l")) if f.startswith(n)}
    for remove in ("yes", "no"):
        for w in WAY:
            n = f"{w}-{remove}"
            t.rec(n, [t.start(n + ".socket"), t.state(n + ".socket"), links(n), t.unix(f"/run/l/{n}.more").ask("x")])
            t.rec(n + " stop", [t.stop(n + ".socket", n + ".service"), links(n)])
    before = set(os.listdir("/run/l"))
    t.rec("words", [t.prop("words.socket", "Symlinks"), t.start("words.socket"), {f: t.node("/run/l/" + f) for f in sorted(set(os.listdir("/run/l")) - before)}])
    t.rec("reset", [t.load("reset.socket"), t.prop("reset.socket", "Symlinks"), t.start("reset.socket"), t.node("/run/l/r1")])
