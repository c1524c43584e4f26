"""Bad input: what people write into unit files, and what strangers send to sockets that are porterd's own."""

import os
import random
import socket
import subprocess
import time

from world import BIN, ask, local, wait

CAT = "[Service]\nExecStart=/bin/cat\nStandardInput=socket\nStandardError=null\n"


def echo(t, name="good", port=6001):
    """An echo socket that has to work whatever lies beside it."""
    t.unit(f"{name}.socket", f"[Socket]\nListenStream=127.0.0.1:{port}\nAccept=yes\n")
    t.unit(f"{name}@.service", CAT)


def journey_broken_unit_files(t):
    """Garbage beside good units: each is told with file and line, the good one works."""
    echo(t)
    t.unit("typo.socket", "[Socket]\nListenStrem=127.0.0.1:6002\n")
    t.unit("value.socket", "[Socket]\nListenStream=127.0.0.1:99999\n")
    t.unit("nothing.socket", "")
    t.unit("bytes.socket", bytes(random.Random(1).randrange(256) for _ in range(5000)))
    t.unit("nul.socket", b"[Socket]\nListenStream=127.0.0.1:6003\0\nAccept=yes\n")
    t.unit("long.socket", "[Socket]\nListenStream=" + "x" * 2_000_000 + "\n")
    t.unit("noend.socket", "[Socket]\nListenStream=127.0.0.1:6004 \\")
    t.unit("section.socket", "ListenStream=127.0.0.1:6005\n[Sock\n")
    os.mkdir(f"{t.units}/directory.socket")
    os.symlink("loop.socket", f"{t.units}/loop.socket")
    os.symlink("/nonexistent", f"{t.units}/dangling.socket")
    os.mkfifo(f"{t.units}/fifo.socket")
    t.unit("verify-me.socket", "[Socket]\nListenStream=127.0.0.1:6006\nAccept=maybe\n")
    p = t.porterd()
    assert ask(local(6001), b"x") == b"x"
    for name, line in (("typo.socket", 2), ("value.socket", 2), ("verify-me.socket", 3)):
        assert f"{name}:{line}" in p.log(), f"the log does not point at line {line} of {name}"
    p.ok("list-units", "--all")


def journey_verify_names_the_place(t):
    """porterctl verify: status 1, file, line, and a proposal for a misspelt name."""
    path = t.unit("typo.socket", "[Unit]\nDescription=x\n[Socket]\nListenStrem=127.0.0.1:6002\n")
    done = subprocess.run([f"{BIN}/porterctl", "verify", path], capture_output=True, text=True, timeout=10)
    said = done.stdout + done.stderr
    assert "ListenStrem" in said and "ListenStream" in said, said
    assert "typo.socket:4" in said, said
    assert done.returncode == 1, f"status {done.returncode}; a socket without an address cannot work"


def journey_no_units_at_all(t):
    """An empty directory: porterd is ready and waits. A directory that is not there: it says so."""
    p = t.porterd()
    p.ok("list-sockets")
    p.end()
    words = [f"{BIN}/porterd", "--unit-path", f"{t.place}/missing", "--runtime-dir", f"{t.place}/other", "--all"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=2)
        said = done.stderr
    except subprocess.TimeoutExpired as e:
        said = (e.stderr or b"").decode()
    assert f"{t.place}/missing" in said, said


def journey_wrong_command_line(t):
    """An unknown option: status 64 (or clap's 2), the option named, no half-started daemon."""
    done = subprocess.run([f"{BIN}/porterd", "--unit-pth", t.units], capture_output=True, text=True, timeout=10)
    assert done.returncode in (2, 64), done.returncode
    assert "--unit-pth" in done.stderr


def journey_runtime_directory_not_writable(t):
    """The runtime directory cannot be made: it says which, and why."""
    t.file("blocked", "a file")
    words = [f"{BIN}/porterd", "--unit-path", t.units, "--runtime-dir", f"{t.place}/blocked/run"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=10)
    assert done.returncode not in (0, 101), done.returncode
    assert "blocked" in done.stderr, done.stderr


def journey_garbage_on_the_control_socket(t):
    """Random bytes, huge lines, half messages, clients who never read: porterctl still gets its answer."""
    echo(t)
    p = t.porterd()
    chance = random.Random(7)
    held = []
    for n in range(60):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(2)
        s.connect(f"{p.run_dir}/control")
        junk = (bytes(chance.randrange(256) for _ in range(200)), b'{"method":"org.porterd.List"', b"\0" * 500, b"[" * 100_000 + b"\0",
                b'{"method":42}\0', b'{"method":"org.porterd.Nope","parameters":{}}\0', b"x" * 3_000_000)[n % 7]
        try:
            s.sendall(junk)
        except OSError:
            pass  # it may hang up on us
        held.append(s)
    p.ok("list-sockets")
    assert ask(local(6001), b"x") == b"x"
    for s in held:
        s.close()
    p.ok("list-sockets")
    before = p.cpu()
    time.sleep(0.5)
    assert p.cpu() - before < 0.25, "it does not spin afterwards"


def journey_garbage_notifications(t):
    """A service that sends ten thousand bad datagrams, then a stranger who claims READY=1: neither confuses porterd."""
    program = t.script("noisy.py", """
import array, os, random, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
path = os.environ["NOTIFY_SOCKET"]
s.connect("\\0" + path[1:] if path[0] == "@" else path)
r = random.Random(3)
null = os.open("/dev/null", os.O_RDWR)
words = [b"", b"=", b"\\n" * 300, b"READY", b"READY=2", b"MAINPID=-1", b"MAINPID=99999999999999999999", b"ERRNO=x", b"WATCHDOG_USEC=-5",
         b"FDSTORE=1", b"FDNAME=" + b"a" * 300, b"EXTEND_TIMEOUT_USEC=" + b"9" * 40, b"STATUS=\\xff\\xfe", b"BARRIER=1"]
for n in range(10000):
    try:
        if n % 50 == 0:
            s.sendmsg([b"FDNAME=x\\nnonsense"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * 100))])
        elif n % 2:
            s.send(bytes(r.randrange(256) for _ in range(r.randrange(200))))
        else:
            s.send(words[n // 2 % len(words)])
    except OSError:
        time.sleep(0.001)
s.send(b"READY=1\\nSTATUS=calm again")
time.sleep(100)
""")
    t.unit("noisy.service", f"[Service]\nType=notify\nExecStart={program}\nTimeoutStartSec=60\n")
    t.unit("quiet.service", "[Service]\nType=notify\nExecStart=/bin/sleep 100\nTimeoutStartSec=30\n")
    echo(t)
    p = t.porterd()
    before = p.fds()
    p.ok("start", "--no-block", "quiet.service")
    p.ok("start", "--no-block", "noisy.service")
    assert ask(local(6001), b"x") == b"x", "others are served meanwhile"
    p.wait_state("noisy.service", "active", 30)
    assert p.prop("noisy.service", "StatusText") == "calm again"
    pid = p.prop("quiet.service", "MainPID")
    with open(f"/proc/{pid}/environ") as f:
        path = next(x.split("=", 1)[1] for x in f.read().split("\0") if x.startswith("NOTIFY_SOCKET="))
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        s.sendto(b"READY=1", "\0" + path[1:] if path[0] == "@" else path)
    except OSError:
        pass
    time.sleep(0.5)
    assert p.state("quiet.service").startswith("activating"), "a stranger's READY=1 counts for nobody"
    wait("no descriptor is left", lambda: p.fds() <= before + 12)


def journey_unit_files_change_under_way(t):
    """Files that appear, break and vanish between reloads."""
    echo(t)
    p = t.porterd()
    for n in range(10):
        t.unit(f"u{n}.socket", f"[Socket]\nListenStream=127.0.0.1:{6100 + n}\nAccept=yes\n" if n % 3 else "[Socket]\nrubbish\n")
        t.unit(f"u{n}@.service", CAT)
        p.ctl("daemon-reload")
        p.ctl("start", f"u{n}.socket")
        if n > 1:
            os.unlink(f"{t.units}/u{n - 1}.socket")
    p.ok("daemon-reload")
    assert ask(local(6001), b"x") == b"x"
    p.ok("list-units", "--all")


def journey_names_that_are_no_names(t):
    """Unit names nobody should send: refused with words, no crash."""
    echo(t)
    p = t.porterd()
    for name in ("", "x", "../../etc/passwd", "a" * 300 + ".socket", "good.socket\nbad", "@.service", "good@.service", "\udcff.socket".encode("utf-8", "surrogateescape")):
        done = p.ctl("start", name)
        assert done.returncode != 0, f"start {name!r} succeeded"
    assert p.alive() and ask(local(6001), b"x") == b"x"
