"""One unit with nine kinds of ports: nine descriptors in the order of the file, under one name, with the modes they should have."""
# socket-unit #123 #124
LISTEN = """[Socket]
ListenFIFO=/run/k/fifo
ListenStream=/run/k/stream
ListenDatagram=/run/k/datagram
ListenSequentialPacket=/run/k/packet
ListenStream=127.0.0.1:7001
ListenStream=[::1]:7001
ListenMessageQueue=/k
MessageQueueMaxMessages=1
MessageQueueMessageSize=64
ListenNetlink=route 1
ListenSpecial=/dev/random
"""
UNITS = {
    "a.socket": LISTEN.replace("ListenSpecial=/dev/random\n", ""),
    "a.service": "[Service]\nExecStart=/run/oracle/probe -n a dump pause\n",
    "b.socket": LISTEN.replace("/k", "/n").replace("7001", "7002"),
    "b.service": "[Service]\nNonBlocking=yes\nExecStart=/run/oracle/probe -n b dump pause\n",
}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def run(t):
    t.rec("start", [t.start("a.socket"), t.state("a.socket")])
    t.rec("listed", t.list_sockets())
    t.rec("write", t.fifo_write("/run/k/fifo", "x"))
    t.rec_dump("a", sections=["env", "fds"])
    # A device that is always readable triggers by itself.
    t.rec("start b", [t.start("b.socket"), t.wait_state("b.socket", "active/running")])
    t.rec_dump("b", sections=["env", "fds"])
