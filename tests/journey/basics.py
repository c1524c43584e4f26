"""The first things anybody tries."""

import os
import pty
import select
import shutil
import socket
import subprocess
import time

from world import BIN, ROOT, ask, dial, local, read_all, wait

CAT = "[Service]\nExecStart=/bin/cat\nStandardInput=socket\nStandardError=null\n"


def journey_examples_of_the_repository(t):
    """What README says: every example answers what its X-Try= line asks."""
    shutil.copytree(f"{ROOT}/units/examples", f"{t.place}/examples")
    p = t.porterd(units=f"{t.place}/examples")
    assert ask(local(7007), b"hello\n") == b"hello\n"
    assert b":" in ask(local(7013)), "the clock says the time"
    p.wait_state("clock.service", "active")
    p.wait_state("clock.service", "inactive", seconds=9)
    assert b":" in ask(local(7013)), "and says it again after it has slept"
    listed = p.ok("list-sockets")
    for unit in ("echo.socket", "clock.socket", "whoami.socket"):
        assert unit in listed, f"{unit} is not in list-sockets:\n{listed}"
    if os.geteuid() == 0:
        assert ask("/tmp/porterd-examples/whoami").startswith(b"connection 0-")
    tries = [x.split("=", 1)[1] for x in read(f"{t.place}/examples/echo.socket").splitlines() if x.startswith("X-Try=")]
    assert tries, "echo.socket says what to type"
    p.end()
    assert tries[0] in at_a_terminal(t, f"{t.place}/examples"), "porterd prints what to type"
    p = t.porterd(units=f"{t.place}/examples")
    done = subprocess.run(["bash", "-c", tries[0]], capture_output=True, text=True, timeout=10)
    assert done.stdout == "hello\n", f"{tries[0]} answered {done.stdout!r} {done.stderr!r}"


def at_a_terminal(t, units):
    """What porterd says when its standard error is a terminal, until it has said what to type."""
    ours, its = pty.openpty()
    words = [f"{BIN}/porterd", "--unit-path", units, "--runtime-dir", f"{t.place}/terminal", "--all"]
    daemon = subprocess.Popen(words, stderr=its, stdout=its, stdin=subprocess.DEVNULL)
    os.close(its)
    said, end = "", time.monotonic() + 5
    while said.count("try:") < 3 and time.monotonic() < end:
        if select.select([ours], [], [], 0.2)[0]:
            said += os.read(ours, 65536).decode()
    daemon.terminate()
    daemon.wait(10)
    os.close(ours)
    return said


def read(path):
    with open(path) as f:
        return f.read()


def journey_boot_from_sockets_target(t):
    """Without --all, sockets.target says what listens."""
    for name, port in (("wanted", 6001), ("unwanted", 6002)):
        t.unit(f"{name}.socket", f"[Socket]\nListenStream=127.0.0.1:{port}\nAccept=yes\n")
        t.unit(f"{name}@.service", CAT)
    os.makedirs(f"{t.units}/sockets.target.wants")
    os.symlink("../wanted.socket", f"{t.units}/sockets.target.wants/wanted.socket")
    shutil.copy(f"{ROOT}/units/sockets.target", t.units)
    p = t.porterd(args=())
    assert ask(local(6001), b"x") == b"x"
    try:
        dial(local(6002))
        raise AssertionError("unwanted.socket listens")
    except ConnectionRefusedError:
        pass
    assert p.ctl("is-active", "wanted.socket").returncode == 0
    assert p.ctl("is-active", "unwanted.socket").returncode == 3
    p.ok("start", "unwanted.socket")
    assert ask(local(6002), b"x") == b"x"


def journey_named_units_only(t):
    """Units on the command line start, others do not."""
    for name, port in (("a", 6001), ("b", 6002)):
        t.unit(f"{name}.socket", f"[Socket]\nListenStream=127.0.0.1:{port}\nAccept=yes\n")
        t.unit(f"{name}@.service", CAT)
    p = t.porterd(args=("b.socket",))
    assert ask(local(6002), b"x") == b"x"
    assert p.state("a.socket").startswith("inactive")


def journey_a_process_per_connection(t):
    """A hundred at once, two hundred after each other; then no process and no descriptor is left."""
    t.unit("echo.socket", "[Socket]\nListenStream=127.0.0.1:6001\nAccept=yes\nMaxConnections=200\nTriggerLimitIntervalSec=0\n")
    t.unit("echo@.service", CAT)
    p = t.porterd()
    ask(local(6001), b"warm")
    wait("the first instance is gone", lambda: not p.children())
    before = p.fds()
    many = [dial(local(6001)) for _ in range(100)]
    for n, s in enumerate(many):
        s.sendall(b"%d\n" % n)
    for n, s in enumerate(many):
        assert s.recv(100) == b"%d\n" % n
    assert len(p.children()) >= 100
    assert p.prop("echo.socket", "NConnections") == "100"
    for s in many:
        s.close()
    for n in range(200):
        assert ask(local(6001), b"%d" % n) == b"%d" % n
    wait("no process is left", lambda: not p.children())
    # Control groups are kept open for a while, for further connections.
    wait("no descriptor is left", lambda: p.fds() <= before, 16)
    assert p.prop("echo.socket", "NAccepted") == "301"
    left = [x for x in p.ok("list-units", "--all", "--plain", "--no-legend").splitlines() if "echo@" in x]
    assert not left, f"instances are remembered: {left}"


def journey_asleep_until_somebody_comes(t):
    """Accept=no: connections made while the service sleeps, starts and ends are all served."""
    served = t.script("serve.py", """
import os, select, socket, sys
assert os.environ["LISTEN_PID"] == str(os.getpid()) and os.environ["LISTEN_FDS"] == "1", os.environ
assert os.environ["LISTEN_FDNAMES"] == "sleepy.socket", os.environ
door = socket.socket(fileno=3)
for _ in range(3):
    if not select.select([door], [], [], 1)[0]:
        break
    c, _ = door.accept()
    c.sendall(b"%d\\n" % os.getpid())
    c.close()
""")
    t.unit("sleepy.socket", "[Socket]\nListenStream=127.0.0.1:6001\n")
    t.unit("sleepy.service", f"[Service]\nExecStart={served}\n")
    p = t.porterd()
    assert p.state("sleepy.socket") == "active/listening"
    assert not p.children()
    pids = {ask(local(6001)) for _ in range(12)}
    assert len(pids) >= 4 and b"" not in pids, f"every process serves three: {pids}"
    p.wait_state("sleepy.service", "inactive")
    p.wait_state("sleepy.socket", "active/listening")


def journey_af_unix_with_mode_and_symlink(t):
    """Path, mode, symlink; the node goes with RemoveOnStop=."""
    path, link = f"{t.place}/door/sock", f"{t.place}/link"
    t.unit("u.socket", f"[Socket]\nListenStream={path}\nSocketMode=0600\nSymlinks={link}\nAccept=yes\nRemoveOnStop=yes\n")
    t.unit("u@.service", CAT)
    p = t.porterd()
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert ask(link, b"through the link") == b"through the link"
    p.ok("stop", "u.socket")
    assert not os.path.exists(path) and not os.path.islink(link)
    p.ok("start", "u.socket")
    assert ask(path, b"again") == b"again"


def journey_datagrams(t):
    """A datagram wakes the service, which finds it in the socket."""
    program = t.script("udp.py", """
import os, select, socket
s = socket.socket(fileno=3)
while select.select([s], [], [], 1)[0]:
    data, who = s.recvfrom(2048)
    s.sendto(data.upper() + b" " + os.environ["LISTEN_FDNAMES"].encode(), who)
""")
    t.unit("d.socket", "[Socket]\nListenDatagram=127.0.0.1:6001\nFileDescriptorName=letters\n")
    t.unit("d.service", f"[Service]\nExecStart={program}\n")
    p = t.porterd()
    for _ in range(2):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(5)
        s.connect(local(6001))
        s.send(b"hello")
        assert s.recv(100) == b"HELLO letters"
        p.wait_state("d.service", "inactive")


def journey_several_sockets_one_service(t):
    """Three sockets, one of them AF_UNIX, all in one service, with their names."""
    program = t.script("names.py", """
import os, socket
names = os.environ["LISTEN_FDNAMES"].split(":")
fds = {n: 3 + i for i, n in enumerate(names)}
c, _ = socket.socket(fileno=fds["web"]).accept()
c.sendall(" ".join(sorted(names)).encode())
""")
    t.unit("one.socket", "[Socket]\nListenStream=127.0.0.1:6001\nFileDescriptorName=web\nService=many.service\n")
    t.unit("two.socket", f"[Socket]\nListenStream={t.place}/two\nFileDescriptorName=admin\nService=many.service\n")
    t.unit("many.service", f"[Service]\nExecStart={program}\nSockets=one.socket two.socket\n")
    t.porterd()
    assert ask(local(6001)) == b"admin web"


def journey_reload_keeps_listening(t):
    """daemon-reload: the listener stays the same socket, new units appear, settings change."""
    t.unit("e.socket", "[Socket]\nListenStream=127.0.0.1:6001\nAccept=yes\n")
    t.unit("e@.service", "[Service]\nExecStart=/bin/echo one\nStandardInput=socket\n")
    p = t.porterd()
    assert ask(local(6001)) == b"one\n"
    before = listener_inode(6001)
    t.unit("e@.service", "[Service]\nExecStart=/bin/echo two\nStandardInput=socket\n")
    t.unit("new.socket", "[Socket]\nListenStream=127.0.0.1:6002\nAccept=yes\n")
    t.unit("new@.service", CAT)
    stop = time.monotonic() + 1
    answers = set()
    p.ok("daemon-reload")
    while time.monotonic() < stop:
        answers.add(ask(local(6001)))
    assert answers == {b"two\n"}, answers
    assert listener_inode(6001) == before, "the listening socket was not closed"
    p.ok("start", "new.socket")
    assert ask(local(6002), b"x") == b"x"


def listener_inode(port):
    """Inode of the TCP listener on a port of 127.0.0.1."""
    with open("/proc/net/tcp") as f:
        for line in f:
            words = line.split()
            if words[1].endswith(f":{port:04X}") and words[3] == "0A":
                return words[9]
    raise AssertionError(f"nobody listens on {port}")


def journey_orderly_end(t):
    """SIGTERM: services are stopped, connections ended, status 0, nothing left behind."""
    mark = f"{t.place}/stopped"
    program = t.script("polite.py", f"""
import signal, socket, sys, time
def end(*_):
    open({mark!r}, "w").write("yes")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
c, _ = socket.socket(fileno=3).accept()
c.sendall(b"here")
while True:
    time.sleep(1)
""")
    t.unit("p.socket", "[Socket]\nListenStream=127.0.0.1:6001\n")
    t.unit("p.service", f"[Service]\nExecStart={program}\n")
    t.unit("e.socket", "[Socket]\nListenStream=127.0.0.1:6002\nAccept=yes\n")
    t.unit("e@.service", CAT)
    p = t.porterd()
    a, b = dial(local(6001)), dial(local(6002))
    assert a.recv(10) == b"here"
    b.sendall(b"x")
    assert b.recv(10) == b"x"
    children = p.children()
    assert p.end() == 0
    assert os.path.exists(mark), "the service was asked to end, not killed"
    assert read_all(b) == b""
    assert not [c for c in children if os.path.exists(f"/proc/{c}")], "a process outlived porterd"
    for port in (6001, 6002):
        try:
            dial(local(port))
            raise AssertionError(f"somebody still listens on {port}")
        except ConnectionRefusedError:
            pass


def journey_no_daemon(t):
    """porterctl without a daemon says so, with the path it tried."""
    done = subprocess.run([f"{BIN}/porterctl", "--runtime-dir", f"{t.place}/nowhere", "list-sockets"], capture_output=True, text=True, timeout=10)
    assert done.returncode != 0
    assert "nowhere" in done.stderr, done.stderr


def journey_asleep_means_asleep(t):
    """With twenty idle sockets, and after some traffic, porterd does not wake once in two seconds."""
    for n in range(20):
        t.unit(f"e{n}.socket", f"[Socket]\nListenStream=127.0.0.1:{6001 + n}\nAccept=yes\n")
        t.unit(f"e{n}@.service", CAT)
    p = t.porterd()
    for n in range(20):
        ask(local(6001 + n), b"x")
    wait("no process is left", lambda: not p.children())
    time.sleep(1.5)

    def switches():
        with open(f"/proc/{p.pid}/status") as f:
            return int(next(x.split()[1] for x in f if x.startswith("voluntary_ctxt_switches")))
    before = switches()
    time.sleep(2)
    woke = switches() - before
    assert woke == 0, f"porterd woke {woke} times"
