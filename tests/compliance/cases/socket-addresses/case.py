"""Which addresses are taken, and how they are shown (socket-unit 30, 46-63)."""
# socket-unit #49 #50 #51
STREAM = ("8080", "0", "65535", "65536", "-1", "127.0.0.1:0", "127.0.0.1", "127.0.0.1:65536", "::1", "[::1]", "[::1]:80", "[::1]:0", "[::]:80", "localhost:80", "*:80", "1.2.3:80", "8080 8081", '"8080"', "010", "0x1f90", "+8080", "[::1]:080",
          # socket-unit #46 #47 #48
          "0.0.0.0:80", "255.255.255.255:80", "[::ffff:1.2.3.4]:80", "[fe80::1]:80", "[fe80::1]:80%%lo", "[fe80::1]:80%lo", "[fe80::1]:80%%1", "[fe80::1%%lo]:80", "[::1%%lo]:80", "[fe80::1]:80%%nosuch0", "[1::2::3]:80", "[::1]:80x", "[::1] :80", "1.2.3.4:80 ",
          # socket-unit #52 #53 #54 #55
          "/run/a", "/run//b", "/run/a/", "/run/./c", "/run/x/../d", "/", "//", "run/a", "/var/run/a", "/var/run", "@", "@a", "@a b", "@" + "a" * 106, "@" + "a" * 107, "@/x/../y", "/run/" + "b" * 102, "/run/" + "b" * 103, "/run/%n", "@%Z", "%t/z", "/run/%i", "@x%%y", "/run/a b", "/run/\\x41", "/run/ü",
          # socket-unit #56
          "vsock::1234", "vsock:1234", "vsock:2:1234", "vsock:2:4294967296", "vsock::", "vsock", "127.0.0.1:http", "127.1:80", "1:80", "0x7f000001:80", "127.0.0.1:+80", "127.0.0.1:0x50", "127.0.0.1:010", "127.0.0.1: 80", "80/tcp", "8080,8081", "")
OTHER = {
    "ListenDatagram": ("8080", "127.0.0.1:80", "/run/a", "@a", "vsock::80", "[::1]:53"),
    # socket-unit #57
    "ListenSequentialPacket": ("/run/a", "@a", "127.0.0.1:80", "8080", "vsock::1"),
    # socket-unit #59
    "ListenFIFO": ("/run/f", "run/f", "/run/../f", "/run/x/../f", "/run//f/", "/", "@a", "/var/run/f", "/run/%n", "/run/a b", ""),
    "ListenSpecial": ("/dev/null", "dev/null", "/dev//null", "/dev/../null", "/run/%p", "/"),
    # socket-unit #61
    "ListenMessageQueue": ("/foo", "foo", "/foo/bar", "/", "/%p", "/a b", "//", "/x/../y"),
    # socket-unit #62
    "ListenNetlink": ("route", "route 3", "16", "route 0x11", "route x", "nosuch", "kobject-uevent 1", "audit", "route  7", "route 1 2", "-1", "99", "generic", "crypto 0", "route -1", "route 4294967296", "firewall 1", "0", "15 1", ""),
    "ListenUSBFunction": ("/run/ffs", "ffs", "/run/ffs/../x"),
}


def setup(t):
    i = 0
    for key, values in {"ListenStream": STREAM, **OTHER}.items():
        for v in values:
            t.unit(f"a{i}.socket", f"[Socket]\n{key}={v}\n")
            t.unit(f"a{i}.service", "[Service]\nExecStart=/bin/true\n")
            i += 1
    # socket-unit #30
    t.unit("reset.socket", "[Socket]\nListenStream=80\nListenFIFO=\nListenDatagram=81\n")
    t.unit("many.socket", "[Socket]\nListenStream=nonsense\n" + "".join(f"ListenStream={v}\n" for v in STREAM if v and len(v) < 50))


def run(t):
    i = 0
    rows = {}
    for key, values in {"ListenStream": STREAM, **OTHER}.items():
        for v in values:
            rows[f"a{i}.socket"] = f"{key}={v}"
            i += 1
    units = [*rows, "reset.socket", "many.socket"]
    out = t.ctl("show", *units, "-p", "Id,LoadState,Listen")[1]
    for block in out.strip().split("\n\n"):
        d = block.split("\n")
        u = next(l for l in d if l.startswith("Id="))[3:]
        t.rec(rows.get(u, u), sorted(d))
