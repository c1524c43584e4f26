"""Where sockets are: ports that the kernel chooses, names of ports."""

import os
import shutil
import subprocess
import time

from world import Skip, ask, dial, local, need, need_root, read_all, takes, wait

CAT = "[Service]\nExecStart=/bin/cat\nStandardInput=socket\nStandardError=null\n"
TELL = """
import os, socket
listener = socket.socket(fileno=3)
while True:
    connection, _ = listener.accept()
    names = sorted(n for n in os.environ if n.startswith("PORTER_ADDRESS_"))
    connection.sendall("\\n".join(f"{n}={os.environ[n]}" for n in names).encode())
    connection.close()
"""


def read(path):
    """A file's text, or None if it is not there."""
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return None


def journey_a_port_that_the_kernel_chooses(t):
    """ListenStream=0: the service, porterctl and the published file say which it is; gone with the socket."""
    published = f"{t.place}/made/any.address"
    t.unit("any.socket", f"[Socket]\nListenStream=127.0.0.1:0\nListenStream={t.place}/any.sock\nListenDatagram=0\n"
           f"X-PublishAddress={published}\n")
    t.unit("any.service", f"[Service]\nExecStart={t.script('tell', TELL)}\n")
    p = t.porterd()
    lines = read(published).splitlines()
    assert len(lines) == 3 and lines[1] == f"{t.place}/any.sock", lines
    assert os.stat(published).st_mode & 0o777 == 0o644
    assert os.listdir(f"{t.place}/made") == ["any.address"], "nothing else is left beside it"
    port = int(lines[0].removeprefix("127.0.0.1:"))
    assert 0 < port < 65536 and lines[2].startswith("[::]:") and not lines[2].endswith(":0"), lines
    told = ask(local(port)).decode().splitlines()
    assert told == [f"PORTER_ADDRESS_{n}={line}" for n, line in enumerate(lines)], told
    for words in (("list-sockets",), ("status", "any.socket"), ("show", "any.socket", "-p", "Listen")):
        said = p.ctl(*words).stdout
        assert lines[0] in said and lines[2] in said and "127.0.0.1:0 " not in said, f"{words}: {said}"
    assert lines[0] in p.log(), "the log says where it listens"
    p.ok("stop", "any.socket", "any.service")
    assert read(published) is None, "the file goes with the socket"
    p.ok("start", "any.socket")
    again = read(published).splitlines()
    assert ask(local(int(again[0].removeprefix("127.0.0.1:")))).decode().splitlines()[0].endswith(again[0])
    p.end()
    assert read(published) is None, "the file goes with porterd"


def journey_a_file_that_cannot_be_published_fails_the_start(t):
    """All or nothing: no port stays open without its file."""
    t.file("file", "not a directory")
    t.unit("no.socket", f"[Socket]\nListenStream=127.0.0.1:6060\nX-PublishAddress={t.place}/file/address\nAccept=yes\n")
    t.unit("no@.service", CAT)
    p = t.porterd()
    p.wait_state("no.socket", "failed")
    assert "X-PublishAddress=" in p.log() and "Not a directory" in p.log()
    try:
        ask(local(6060))
        raise AssertionError("the port is open")
    except ConnectionRefusedError:
        pass


def journey_ports_by_name(t):
    """/etc/services names a port; a strict porterd refuses the line as systemd does."""
    if "\nfinger" not in (read("/etc/services") or ""):
        raise Skip("/etc/services has no finger")
    t.unit("name.socket", "[Socket]\nListenStream=127.0.0.1:finger\nListenStream=127.0.0.1:6061\nAccept=yes\n")
    t.unit("name@.service", CAT)
    p = t.porterd()
    assert ask(local(79), b"x") == b"x"
    assert "127.0.0.1:79" in p.ok("list-sockets")
    p.end()
    p = t.porterd(args=("--all", "--strict-systemd"), name="strict")
    assert ask(local(6061), b"x") == b"x"
    listed = p.ok("list-sockets")
    assert ":79" not in listed and "finger" in wait("the line is reported", p.log), listed


def ip(words):
    """ip(8), in the namespace of the journeys."""
    subprocess.run(["ip", *words.split()], check=True, capture_output=True, timeout=10)


def journey_a_socket_waits_for_its_address(t):
    """X-BindRetry=address-up: ready without it, a reason in status, and open as soon as the address is there."""
    need_root()
    need("ip")
    t.unit("late.socket", "[Socket]\nListenStream=127.0.0.1:6070\nListenStream=192.0.2.7:6071\nAccept=yes\nX-BindRetry=address-up\n")
    t.unit("late@.service", CAT)
    t.unit("after.socket", "[Unit]\nAfter=late.socket\n[Socket]\nListenStream=127.0.0.1:6072\nAccept=yes\n")
    t.unit("after@.service", CAT)
    t.unit("group.socket", "[Socket]\nListenDatagram=6073\nX-MulticastGroup=239.1.2.3%late0\nX-BindRetry=address-up\n")
    t.unit("group.service", "[Service]\nExecStart=/bin/sleep 9\n")
    t.unit("hasty.socket", "[Socket]\nListenStream=192.0.2.7:6074\nAccept=yes\n")
    t.unit("hasty@.service", CAT)
    p = t.porterd()
    p.wait_state("hasty.socket", "failed")
    assert p.state("late.socket") == "activating/start-open", p.state("late.socket")
    said = p.ctl("status", "late.socket").stdout
    assert "waits for its address" in said and "192.0.2.7:6071" in said and "Cannot assign" in said and "X-BindRetry" not in said, said
    assert "start" in p.prop("late.socket", "Job") and p.state("after.socket").startswith("inactive"), "jobs wait"
    assert "No such device" in p.prop("group.socket", "WaitingReason")
    try:
        ask(local(6070))
        raise AssertionError("one port of the unit is open, another is not")
    except ConnectionRefusedError:
        pass
    # What changes and is of no use leaves it waiting, and costs little.
    before = p.cpu()
    for n in range(40):
        ip(f"addr add 198.51.100.{n + 1}/32 dev lo")
        ip(f"addr del 198.51.100.{n + 1}/32 dev lo")
    assert p.state("late.socket") == "activating/start-open" and p.cpu() - before < 1
    start = time.monotonic()
    ip("addr add 192.0.2.7/32 dev lo")
    p.wait_state("late.socket", "active/listening", seconds=3)
    took = time.monotonic() - start
    assert ask(("192.0.2.7", 6071), b"x") == b"x" and ask(local(6070), b"y") == b"y", took
    p.wait_state("after.socket", "active/listening", seconds=3)
    ip("link add late0 type veth peer name late1")
    p.wait_state("group.socket", "active/listening", seconds=3)
    assert p.log().count("waiting for its address") == 2, "told once for each socket"
    # Stopped while it waits.
    p.ok("stop", "late.socket")
    ip("addr del 192.0.2.7/32 dev lo")
    p.ok("--no-block", "start", "late.socket")
    p.wait_state("late.socket", "activating/start-open")
    p.ok("stop", "late.socket")
    assert p.state("late.socket") == "inactive/dead"
    ip("addr add 192.0.2.7/32 dev lo")
    time.sleep(0.5)
    assert p.state("late.socket") == "inactive/dead"
    ip("addr del 192.0.2.7/32 dev lo")
    ip("link del late0")


def journey_an_address_that_is_not_ready_yet(t):
    """IPv6: an address that is being checked for duplicates cannot be bound; the end of the check is a change."""
    need_root()
    need("ip")
    ip("link add dad0 type veth peer name dad1")
    try:
        t.unit("dad.socket", "[Socket]\nListenStream=[fd00:99::1]:6075\nListenStream=[fe80::9]:6076%%dad2\nAccept=yes\n"
               "X-BindRetry=address-up\n")
        t.unit("dad@.service", CAT)
        p = t.porterd()
        p.wait_state("dad.socket", "activating/start-open")
        ip("link set dad0 up")
        ip("link set dad1 up")
        ip("addr add fd00:99::1/64 dev dad0")
        wait("one is there", lambda: "[fe80::9]:6076%dad2 failed: No such device" in p.prop("dad.socket", "WaitingReason"))
        # An interface that an address names comes last; its file was read when there was none.
        ip("link add dad2 type veth peer name dad3")
        ip("addr add fe80::9/64 dev dad2")
        ip("link set dad2 up")
        ip("link set dad3 up")
        p.wait_state("dad.socket", "active/listening", seconds=8)
        assert "[fe80::9]:6076%dad2" in p.ok("list-sockets")
    finally:
        for link in ("dad0", "dad2"):
            subprocess.run(["ip", "link", "del", link], capture_output=True, timeout=10)


@takes(60)
def journey_nodes_come_back(t):
    """X-HealNode=yes: removed, renamed, or with its whole directory gone, and nothing queued is lost."""
    sock, fifo = f"{t.place}/d/e/s.sock", f"{t.place}/d/f.fifo"
    t.unit("heal.socket", f"[Socket]\nListenStream={sock}\nListenFIFO={fifo}\nX-HealNode=yes\nRemoveOnStop=yes\nSocketMode=0640\n"
           "TriggerLimitBurst=0\n")
    slow = ("import socket, os, sys, time\nlistener = socket.socket(fileno=3)\ntime.sleep(2)\nlistener.setblocking(True)\n"
            "for _ in range(3):\n    connection, _ = listener.accept()\n    connection.sendall(b'served ' + connection.recv(9))\n"
            "    connection.close()\nos.set_blocking(4, True)\nwith open(sys.argv[1], 'wb') as f: f.write(os.read(4, 99))\n")
    got = f"{t.place}/got"
    t.unit("heal.service", f"[Service]\nExecStart={t.script('slow', slow)} {got}\n")
    p = t.porterd()
    before = os.lstat(sock).st_ino, os.lstat(fifo).st_ino
    first = dial(sock)
    first.sendall(b"one")
    writer = os.open(fifo, os.O_WRONLY)
    os.write(writer, b"written before ")
    p.wait_state("heal.service", "active")
    os.unlink(sock)
    wait("the socket is back", lambda: os.path.lexists(sock), 2)
    second = dial(sock)
    second.sendall(b"two")
    os.rename(fifo, f"{t.place}/away")
    wait("the FIFO is back", lambda: os.path.lexists(fifo), 2)
    again = os.open(fifo, os.O_WRONLY)
    os.write(again, b"and after")
    # In two steps: removed in place, what comes back would be in the way of rmdir.
    os.rename(f"{t.place}/d", f"{t.place}/gone")
    shutil.rmtree(f"{t.place}/gone")
    wait("both are back", lambda: os.path.lexists(sock) and os.path.lexists(fifo), 2)
    third = dial(sock)
    third.sendall(b"three")
    assert [read_all(c) for c in (first, second, third)] == [b"served one", b"served two", b"served three"]
    assert wait("what the FIFO held", lambda: os.path.exists(got) and read(got), 5) == "written before and after"
    assert (os.lstat(sock).st_ino, os.lstat(fifo).st_ino) == before, "the same nodes"
    assert os.lstat(sock).st_mode & 0o777 == 0o640
    assert p.log().count("with everything that was queued") >= 4, p.log()
    # Something else in its place is somebody's wish.
    os.unlink(f"{t.place}/away")
    p.wait_state("heal.service", "inactive")
    t.file("other", "mine")
    os.rename(f"{t.place}/other", sock)
    wait("it is told", lambda: "no longer ours" in p.log(), 2)
    assert read(sock) == "mine"
    os.unlink(sock)
    wait("the socket is back", lambda: os.path.lexists(sock), 2)
    # Again and again: at most ten times in ten seconds.
    for _ in range(30):
        if os.path.lexists(sock):
            os.unlink(sock)
        time.sleep(0.02)
    assert "again and again" in p.log() and not os.path.lexists(sock)
    wait("it comes back when the time is over", lambda: os.path.lexists(sock), 12)
    p.ok("stop", "heal.socket")
    left = [name for _, dirs, files in os.walk(f"{t.place}/d") for name in files]
    assert left == [] and os.listdir(f"{p.run_dir}/nodes") == [], f"nothing stays behind: {left}"


def journey_nodes_come_back_across_file_systems(t):
    """Where porterd's directory is on another file system, the second name is hidden beside the node."""
    need_root()
    place = f"/run/heal-{os.getpid()}"
    os.makedirs(place)
    if os.stat(place).st_dev == os.stat(t.place).st_dev:
        raise Skip("/run and the journey's directory are one file system")
    t.unit("far.socket", f"[Socket]\nListenStream={place}/s\nAccept=yes\nX-HealNode=yes\nRemoveOnStop=yes\n")
    t.unit("far@.service", CAT)
    p = t.porterd()
    assert sorted(os.listdir(place)) == [".s.porterd", "s"]
    os.unlink(f"{place}/s")
    wait("the socket is back", lambda: os.path.lexists(f"{place}/s"), 2)
    assert ask(f"{place}/s", b"x") == b"x"
    # With the directory both names are gone: a new socket, beside the old one with its queue.
    p.ok("stop", "far.socket")
    text = ("import os, socket, time\ncount = int(os.environ['LISTEN_FDS'])\ntime.sleep(1)\nfor fd in range(3, 3 + count):\n"
            "    listener = socket.socket(fileno=fd)\n    listener.settimeout(0.2)\n    try:\n"
            "        while True:\n            connection, _ = listener.accept()\n            connection.sendall(b'%d of %d' % (fd, count))\n"
            "            connection.close()\n    except TimeoutError:\n        pass\n")
    t.unit("both.socket", f"[Socket]\nListenStream={place}/b\nListenStream={place}/c\nX-HealNode=yes\nSocketMode=0600\n")
    t.unit("both.service", f"[Service]\nExecStart={t.script('both', text)}\n")
    p.ok("daemon-reload")
    p.ok("start", "both.socket")
    first = dial(f"{place}/b")
    p.wait_state("both.service", "active")
    os.rename(place, f"{place}-gone")
    shutil.rmtree(f"{place}-gone")
    wait("both are back", lambda: os.path.lexists(f"{place}/b") and os.path.lexists(f"{place}/c"), 2)
    assert p.log().count("a new socket is there") == 2 and os.lstat(f"{place}/b").st_mode & 0o777 == 0o600
    second = dial(f"{place}/b")
    assert read_all(first) == b"3 of 2", "queued before, served by the service that has the old one"
    assert read_all(second) == b"3 of 4", "the new one stands where the old one was"
    os.unlink(f"{place}/b")
    wait("it is back", lambda: os.path.lexists(f"{place}/b"), 2)
    assert read_all(dial(f"{place}/b")) == b"3 of 4"
    p.wait_state("both.service", "inactive")
    p.ok("restart", "both.socket")
    assert read_all(dial(f"{place}/b")) == b"3 of 2"
