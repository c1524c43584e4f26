"""The descriptor store: names, order, limits, removal, what a restart keeps and a stop does not (service-unit 105, 143; socket-unit 164-169)."""
PUSH = "open /etc/passwd notify-fd FDSTORE=1\\nFDNAME=one 3 open /etc/group notify-fd FDSTORE=1\\nFDNAME=two 4 open /etc/hosts notify-fd FDSTORE=1 5 open /etc/hostname notify-fd FDSTORE=1\\nFDNAME=a:b 6"
S = {
    # socket-unit #164
    "many": "FileDescriptorStoreMax=10\nExecStart=/run/oracle/probe -n @N dump " + PUSH + " ready pause",
    # socket-unit #168
    "one": "FileDescriptorStoreMax=1\nExecStart=/run/oracle/probe -n @N dump " + PUSH + " ready pause",
    "none": "ExecStart=/run/oracle/probe -n @N dump " + PUSH + " ready pause",
    # socket-unit #167
    "removed": "FileDescriptorStoreMax=10\nExecStart=/run/oracle/probe -n @N dump " + PUSH + " notify FDSTOREREMOVE=1\\nFDNAME=one notify FDSTOREREMOVE=1 ready pause",
    # socket-unit #165
    "same": "FileDescriptorStoreMax=10\nExecStart=/run/oracle/probe -n @N dump open /etc/passwd notify-fd FDSTORE=1\\nFDNAME=one 3 notify-fd FDSTORE=1\\nFDNAME=two 3 ready pause",
    "poll": "FileDescriptorStoreMax=10\nExecStart=/run/oracle/probe -n @N dump open /run/oracle/out/log notify-fd FDSTORE=1\\nFDPOLL=0\\nFDNAME=p 3 ready pause",
    "word": "FileDescriptorStoreMax=10\nExecStart=/run/oracle/probe -n @N dump open /etc/passwd notify-fd FDSTORE=0\\nFDNAME=p 3 ready pause",
    "socket": "FileDescriptorStoreMax=10\nSockets=socket.socket\nExecStart=/run/oracle/probe -n @N dump open /etc/passwd notify-fd FDSTORE=1\\nFDNAME=kept 3 ready pause",
}


def setup(t):
    for n, text in S.items():
        t.unit(n + ".service", "[Service]\nType=notify\n" + text.replace("@N", n) + "\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in S) + "\n")


def run(t):
    t.start("keep.target")
    t.rec("socket", t.start("socket.socket"))
    for n in S:
        u = n + ".service"
        t.rec(n + " start", t.start(u))
        t.rec(n + " stored", t.show(u, "NFileDescriptorStore", "FileDescriptorStoreMax"))
        t.rec(n + " restart", t.restart(u))
        t.rec(n + " env", {k: v for k, v in t.dump(n, 1)["env"].items() if k.startswith("LISTEN")})
        t.rec(n + " fds", t.brief_fds(n, 1))
        t.rec(n + " stop", t.stop(u))
        # socket-unit #169
        t.rec(n + " empty", t.prop(u, "NFileDescriptorStore"))
        t.rec(n + " start again", t.start(u))
        t.rec(n + " fds again", t.brief_fds(n, 2))
