"""Sockets through their states: commands that get the ports, and triggers that wait."""

import os

from world import ask, dial, local, read_all


def journey_commands_get_the_ports(t):
    """PassFileDescriptorsToExec=: commands see LISTEN_FDS, and the door still works afterwards, with Accept=yes too."""
    say = t.script("say.py", """
import os, socket, sys
names = os.environ.get("LISTEN_FDNAMES", "-")
mine = os.environ.get("LISTEN_PID") == str(os.getpid())
ports = [socket.socket(fileno=3 + i).getsockname()[1] for i in range(int(os.environ.get("LISTEN_FDS", 0)))]
print(sys.argv[1], names, mine, *ports, file=open(sys.argv[2], "a"))
""")
    out = os.path.join(t.place, "said")
    hooks = "".join(f"Exec{when}={say} {when} {out}\n" for when in ("StartPre", "StartPost", "StopPre", "StopPost"))
    t.unit("h.socket", f"[Socket]\nListenStream=127.0.0.1:6101\nListenStream=127.0.0.1:6102\nAccept=yes\nFileDescriptorName=door\n"
                       f"PassFileDescriptorsToExec=yes\n{hooks}")
    t.unit("h@.service", "[Service]\nExecStart=/bin/echo served\nStandardInput=socket\n")
    p = t.porterd()
    # Its ports were made blocking for the command; accepting must not hang on that.
    for port in (6101, 6102, 6101):
        assert ask(local(port)) == b"served\n"
    p.ok("stop", "h.socket")
    said = open(out).read().splitlines()
    assert said == ["StartPre - False", "StartPost door:door True 6101 6102", "StopPre door:door True 6101 6102",
                    "StopPost door:door True 6101 6102"], said


def journey_a_trigger_waits_for_who_is_in_the_way(t):
    """DeferTrigger=patient: the conflicting service lives on, the client waits, and is served when that has ended."""
    program = t.script("serve.py", "import socket\nc, _ = socket.socket(fileno=3).accept()\nc.sendall(b'late')\n")
    t.unit("d.socket", "[Socket]\nListenStream=127.0.0.1:6111\nDeferTrigger=patient\n")
    t.unit("d.service", f"[Unit]\nConflicts=busy.service\n[Service]\nExecStart={program}\n")
    t.unit("busy.service", "[Service]\nExecStart=/bin/sleep 60\n")
    p = t.porterd()
    p.ok("start", "busy.service")
    client = dial(local(6111))
    p.wait_state("d.socket", "active/deferred")
    assert p.state("busy.service") == "active/running"
    assert "busy.service" in p.log()
    p.ok("stop", "busy.service")
    assert read_all(client) == b"late"


def journey_a_reload_loses_nobody(t):
    """A connection waits in the queue over a reload that changes options, takes an address and adds another."""
    program = t.script("last.py", """
import os, socket
# Passed in the order of the file: the last one is the address that stayed.
c, _ = socket.socket(fileno=2 + int(os.environ["LISTEN_FDS"])).accept()
c.sendall(b"served")
""")
    node = os.path.join(t.place, "node")
    text = f"[Socket]\nListenStream=127.0.0.1:6121\nListenStream=127.0.0.1:6122\nListenStream={node}\n"
    # Traffic waits for who is in the way, so that it is still in the queue when the files are read again.
    t.unit("r.service", f"[Unit]\nConflicts=busy.service\n[Service]\nExecStart={program}\n")
    t.unit("busy.service", "[Service]\nExecStart=/bin/sleep 60\n")
    t.unit("r.socket", text + "DeferTrigger=patient\n")
    p = t.porterd()
    p.ok("start", "busy.service")
    client = dial(local(6121))
    p.wait_state("r.socket", "active/deferred")
    t.unit("r.socket", f"[Socket]\nListenStream=127.0.0.1:6123\nListenStream={node}\nListenStream=127.0.0.1:6121\n"
                       "DeferTrigger=patient\nKeepAlive=yes\nBacklog=5\nSocketMode=0600\nReusePort=yes\n")
    p.ok("daemon-reload")
    assert os.stat(node).st_mode & 0o777 == 0o600
    told = [line for line in p.log().splitlines() if "its file changed" in line]
    assert len(told) == 1, told
    for words in ("listens on 127.0.0.1:6123 (Stream) too", "does not listen on 127.0.0.1:6122 (Stream) any more",
                  "Backlog=, KeepAlive=, SocketMode= changed", "ReusePort= will count after a restart"):
        assert words in told[0], told[0]
    try:
        dial(local(6122)).close()
        raise AssertionError("the address that was taken out still answers")
    except ConnectionRefusedError:
        pass
    p.ok("stop", "busy.service")
    assert read_all(client) == b"served"
    p.ok("stop", "r.service")
    # A mistake takes nothing away.
    t.unit("r.socket", "[Socket]\nListenStream=127.0.0.1:6123\nSocketUser=no:such\n")
    p.ok("daemon-reload")
    assert "goes on with the settings it had" in p.log()
    client = dial(local(6121))
    assert p.prop("r.socket", "LoadState") == "bad-setting"
    client.close()
