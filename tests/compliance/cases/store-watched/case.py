"""A stored descriptor whose other end is gone is taken out, unless FDPOLL=0; messages that are too long or hold a NUL are dropped."""
# socket-unit #166 #170
SCRIPT = """import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
a = os.environ["NOTIFY_SOCKET"]
s.connect("\\0" + a[1:] if a[0] == "@" else a)
for m in (b"STATUS=fits" + b" " * (4096 - 11), b"STATUS=" + b"x" * 4090, b"STATUS=a\\0b", b"STATUS=nul-at-the-end\\0", b"READY=1"):
    if sys.argv[1] == m[7:8].decode() or m == b"READY=1":
        s.send(m)
import time
time.sleep(3600)
"""
UNITS = {
    "a.socket": "[Socket]\nListenStream=/run/a\n",
    "a.service": "[Service]\nType=notify\nFileDescriptorStoreMax=5\nExecStart=/run/oracle/probe -n a dump accept 3 notify-fd FDSTORE=1\\nFDNAME=watched c accept 3 notify-fd FDSTORE=1\\nFDPOLL=0\\nFDNAME=kept c log stored ready pause\n",
    **{f"m{c}.service": f"[Service]\nType=notify\nTimeoutStartSec=2\nExecStart=/usr/bin/python3 /run/send.py {c}\n" for c in "fxan"},
}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)
    t.write("/run/send.py", SCRIPT)


def run(t):
    t.rec("start", t.start("a.socket"))
    c1 = t.unix("/run/a")
    t.rec("one", t.wait_prop("a.service", "NFileDescriptorStore", "1"))
    c2 = t.unix("/run/a")
    t.rec("two", [t.wait_log(3, "a"), t.wait_prop("a.service", "NFileDescriptorStore", "2")])
    c1.close(), c2.close()
    # The program has both descriptors too; only the other end counts.
    t.rec("gone", t.wait_prop("a.service", "NFileDescriptorStore", "1"))
    for c in "fxan":
        t.rec("message " + c, [t.start(f"m{c}.service"), (t.prop(f"m{c}.service", "StatusText") or "")[:40].strip()])
