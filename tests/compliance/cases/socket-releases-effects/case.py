"""What later releases do and 252 does not: descriptors for hooks, owners of queues, names and addresses of connections; SELinux without SELinux."""
def setup(t):
    t.unit("hook.socket", "[Socket]\nListenStream=/run/hook\nPassFileDescriptorsToExec=yes\nExecStartPost=/run/oracle/probe -n hook dump\n")
    t.unit("hook.service", "[Service]\nExecStart=/bin/true\n")
    t.unit("acc.socket", "[Socket]\nListenStream=/run/acc\nListenSequentialPacket=/run/accs\nAccept=yes\nFileDescriptorName=abc\nSELinuxContextFromNet=yes\nMaxConnectionsPerSource=1\n")
    t.unit("acc@.service", "[Service]\nExecStart=/run/oracle/probe -n acc dump echo 3\n")
    t.unit("owner.socket", "[Socket]\nListenMessageQueue=/own\nSocketUser=daemon\nSocketMode=0600\n")
    t.unit("owner.service", "[Service]\nExecStart=/bin/true\n")
def run(t):
    t.rec("start", [t.start(u) for u in ("hook.socket", "acc.socket", "owner.socket")])
    t.rec_dump("hook")
    t.rec("owner", [t.mq_node("/own"), t.stop("owner.socket"), t.start("owner.socket"), t.state("owner.socket")])
    c = t.unix("/run/acc", bindname="/run/client")
    t.rec("acc", c.ask("x"))
    t.rec_dump("acc")
    d = t.unix("/run/accs", "seqpacket")
    t.rec("acc2", d.ask("y"))
    t.rec_dump("acc", seq=1)
    c.close(); d.close()
