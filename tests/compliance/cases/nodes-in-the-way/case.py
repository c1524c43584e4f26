"""What lies at the path already, for every kind that has one; and what the kernel says about devices."""
# socket-unit #82 #83 #84 #85 #100 #101 #102
KINDS = {"stream": "ListenStream", "datagram": "ListenDatagram", "packet": "ListenSequentialPacket", "fifo": "ListenFIFO", "special": "ListenSpecial"}
WHAT = ("file", "dir", "fulldir", "link", "dangling", "dead", "fifo", "device", "nothing", "loop")


def make(path, what):
    import os
    import socket
    if what == "file":
        open(path, "w").write("text")
    elif what in ("dir", "fulldir"):
        os.mkdir(path)
        if what == "fulldir":
            open(path + "/x", "w").close()
    elif what in ("link", "dangling", "loop"):
        os.symlink({"link": "/run/way/target", "dangling": "/run/way/nowhere", "loop": path}[what], path)
    elif what == "dead":
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        s.close()
    elif what == "fifo":
        os.mkfifo(path, 0o666)
        os.chmod(path, 0o666)
    elif what == "device":
        os.mknod(path, 0o20666, os.makedev(1, 8))


def setup(t):
    import os
    os.makedirs("/run/way")
    make("/run/way/target", "file")
    os.mknod("/dev/messages", 0o20666, os.makedev(1, 11))
    for k, key in KINDS.items():
        for w in WHAT:
            make(f"/run/way/{k}-{w}", w)
            t.unit(f"{k}-{w}.socket", f"[Socket]\n{key}=/run/way/{k}-{w}\n")
            t.unit(f"{k}-{w}.service", "[Service]\nExecStart=/bin/sleep 1h\n")
    for n, path in {"null": "/dev/null", "zero": "/dev/zero", "messages": "/dev/messages", "proc": "/proc/self/mounts", "sys": "/sys/kernel/uevent_seqnum", "random": "/dev/urandom"}.items():
        t.unit(f"{n}.socket", f"[Socket]\nListenSpecial={path}\n")
        t.unit(f"{n}.service", f"[Service]\nType=exec\nExecStart=/run/oracle/probe -n {n} dump pause\n")


def run(t):
    for k in KINDS:
        for w in WHAT:
            u, path = f"{k}-{w}.socket", f"/run/way/{k}-{w}"
            t.rec(f"{k} {w}", [t.start(u), t.state(u), t.node(path)])
    t.rec("target", open("/run/way/target").read())
    for n in ("null", "zero", "proc", "sys", "random"):
        t.rec(n, [t.start(f"{n}.socket"), t.show(f"{n}.socket", "ActiveState", "Result")])
    # What the kernel said before anybody listened is readable at once.
    t.rec("messages", [t.start("messages.socket"), t.wait_state("messages.socket", "active/running"), t.brief_fds("messages")])
