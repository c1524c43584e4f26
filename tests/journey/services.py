"""What happens to services: crashes, restarts, time-outs, readiness, the file descriptor store."""

import contextlib
import os
import signal
import subprocess
import time

from world import ask, dial, local, need_root, read_all, wait

SERVE = """
import os, socket, sys
door = socket.socket(fileno=3)
"""


def journey_a_crashing_service_comes_back(t):
    """SIGSEGV while a client waits: Restart= starts it again, the socket never stops listening."""
    program = t.script("crash.py", SERVE + """
import signal
c, _ = door.accept()
word = c.recv(10)
if word == b"die":
    os.kill(os.getpid(), signal.SIGSEGV)
c.sendall(b"alive %d" % os.getpid())
c.close()
signal.pause()
""")
    t.unit("c.socket", "[Socket]\nListenStream=127.0.0.1:6001\n")
    t.unit("c.service", f"[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart={program}\nRestart=on-failure\nRestartSec=50ms\nLimitCORE=0\n")
    p = t.porterd()
    assert ask(local(6001), b"die") == b""
    first = ask(local(6001), b"live")
    assert first.startswith(b"alive"), first
    assert p.prop("c.service", "NRestarts") == "1", p.prop("c.service", "NRestarts")
    assert p.state("c.socket").startswith("active")


def journey_ready_when_it_says_so(t):
    """Type=notify: start waits for READY=1; STATUS= is shown; STOPPING= is understood."""
    program = t.script("n.py", """
import os, socket, time
def say(text):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = os.environ["NOTIFY_SOCKET"]
    s.sendto(text, "\\0" + path[1:] if path[0] == "@" else path)
time.sleep(0.5)
say(b"STATUS=warming up")
time.sleep(0.3)
say(b"READY=1\\nSTATUS=serving")
time.sleep(60)
""")
    t.unit("n.service", f"[Service]\nType=notify\nExecStart={program}\n")
    p = t.porterd()
    start = time.monotonic()
    p.ok("start", "n.service")
    took = time.monotonic() - start
    assert took >= 0.7, f"start returned after {took:.2f} s, before READY=1"
    assert p.state("n.service") == "active/running"
    assert p.prop("n.service", "StatusText") == "serving"
    p.ok("stop", "n.service")


def journey_never_ready(t):
    """Type=notify without READY=1: TimeoutStartSec= ends it, start fails and says why."""
    t.unit("n.service", "[Service]\nType=notify\nExecStart=/bin/sleep 100\nTimeoutStartSec=500ms\n")
    p = t.porterd()
    done = p.ctl("start", "n.service")
    assert done.returncode == 1, done
    assert p.prop("n.service", "Result") == "timeout"
    wait("the process is gone", lambda: not p.children())


def journey_deaf_to_sigterm(t):
    """A service that ignores SIGTERM is killed after TimeoutStopSec=."""
    program = t.script("deaf.py", "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(100)\n")
    t.unit("deaf.service", f"[Service]\nExecStart={program}\nTimeoutStopSec=600ms\n")
    p = t.porterd()
    p.ok("start", "deaf.service")
    time.sleep(0.5)  # the program has to reach its second line
    start = time.monotonic()
    p.ctl("stop", "deaf.service")
    took = time.monotonic() - start
    assert 0.5 <= took < 4, f"stop took {took:.2f} s"
    wait("the process is gone", lambda: not p.children())
    assert p.prop("deaf.service", "Result") == "timeout"


def journey_watchdog(t):
    """WatchdogSec=: a service that falls silent is ended and started again."""
    program = t.script("dog.py", """
import os, socket, time
assert int(os.environ["WATCHDOG_USEC"]) == 400000
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
path = os.environ["NOTIFY_SOCKET"]
at = "\\0" + path[1:] if path[0] == "@" else path
s.sendto(b"READY=1", at)
for _ in range(5):
    s.sendto(b"WATCHDOG=1", at)
    time.sleep(0.1)
time.sleep(100)
""")
    t.unit("dog.service", f"[Service]\nType=notify\nExecStart={program}\nWatchdogSec=400ms\nRestart=on-watchdog\nRestartSec=10ms\nLimitCORE=0\n")
    p = t.porterd()
    p.ok("start", "dog.service")
    wait("it was started again", lambda: int(p.prop("dog.service", "NRestarts")) >= 1)


def journey_file_descriptor_store(t):
    """FDSTORE=1: what a service stored is there after its restart, under its name."""
    program = t.script("store.py", """
import array, os, socket, time
names = os.environ.get("LISTEN_FDNAMES", "").split(":")
path = os.environ["NOTIFY_SOCKET"]
at = "\\0" + path[1:] if path[0] == "@" else path
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(at)
if "treasure" in names:
    with os.fdopen(3 + names.index("treasure"), "r+b") as f:
        f.seek(0)
        text = f.read()
else:
    fd = os.memfd_create("x")
    os.write(fd, b"gold")
    s.sendmsg([b"FDSTORE=1\\nFDNAME=treasure"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    text = b"empty"
s.send(b"READY=1\\nSTATUS=" + text)
time.sleep(100)
""")
    t.unit("s.service", f"[Service]\nType=notify\nExecStart={program}\nFileDescriptorStoreMax=4\n")
    p = t.porterd()
    p.ok("start", "s.service")
    assert p.prop("s.service", "StatusText") == "empty"
    wait("it is stored", lambda: p.prop("s.service", "NFileDescriptorStore") == "1")
    p.ok("restart", "s.service")
    assert p.prop("s.service", "StatusText") == "gold"


def journey_forking_with_pid_file(t):
    """Type=forking: the main process is the one in PIDFile=."""
    pid_file = f"{t.place}/d.pid"
    program = t.script("daemon.py", f"""
import os, time
if os.fork():
    time.sleep(0.2)
    os._exit(0)
os.setsid()
open({pid_file!r}, "w").write(str(os.getpid()))
time.sleep(100)
""")
    t.unit("f.service", f"[Service]\nType=forking\nPIDFile={pid_file}\nExecStart={program}\n")
    p = t.porterd()
    p.ok("start", "f.service")
    with open(pid_file) as f:
        pid = f.read()
    assert p.prop("f.service", "MainPID") == pid
    os.kill(int(pid), signal.SIGKILL)
    p.wait_state("f.service", "failed")


def journey_stop_of_a_socket_stops_its_connections_service(t):
    """Stopping and starting again; the connections of Accept=yes instances are left alone, as under systemd."""
    t.unit("e.socket", "[Socket]\nListenStream=127.0.0.1:6001\nAccept=yes\n")
    t.unit("e@.service", "[Service]\nExecStart=/bin/cat\nStandardInput=socket\nStandardError=null\n")
    p = t.porterd()
    s = dial(local(6001))
    s.sendall(b"before")
    assert s.recv(10) == b"before"
    p.ok("restart", "e.socket")
    assert ask(local(6001), b"new") == b"new"
    instance = next(x.split()[0] for x in p.ok("list-units", "--plain", "--no-legend").splitlines() if "e@" in x)
    p.ok("stop", instance)
    assert read_all(s) == b""


def journey_everything_a_service_started_ends_with_it(t):
    """KillMode=control-group: grandchildren that moved away (setsid) end too. Without cgroups only by luck, so not asked."""
    if not t.group:
        from world import Skip
        raise Skip("needs a cgroup2 hierarchy it may write to")
    program = t.script("brood.py", """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        time.sleep(1000)
time.sleep(1000)
""")
    t.unit("b.service", f"[Service]\nExecStart={program}\n")
    p = t.porterd()
    p.ok("start", "b.service")

    def brood():
        out = []
        for d in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{d}/cmdline") as f:
                    if "brood.py" in f.read():
                        out.append(d)
            except OSError:
                pass
        return out
    wait("four processes run", lambda: len(brood()) == 4)
    p.ok("stop", "b.service")
    assert not brood(), f"left: {brood()}"


def journey_output_goes_into_the_kernel_log_and_on_the_console(t):
    """StandardOutput=kmsg, StandardError=journal+console where no journal forwards them: in porterd's log, and there too."""
    need_root()
    master, slave = os.openpty()
    subprocess.run(["mount", "--bind", os.ttyname(slave), "/dev/console"], check=True)
    t.cleanup(lambda: subprocess.run(["umount", "/dev/console"], check=True))
    token = f"journey-{os.getpid()}-{time.monotonic_ns()}"
    long = "x" * 2000
    program = t.script("words.sh", f'import sys\nprint("<4>{token} one")\nprint("{token} {long}")\nprint("{token} two", file=sys.stderr)\n')
    t.unit("w.service", f"[Service]\nType=oneshot\nExecStart={program}\nSyslogIdentifier=words\nStandardOutput=kmsg\nStandardError=journal+console\n")
    with open("/dev/kmsg", "rb", buffering=0) as kernel:
        os.set_blocking(kernel.fileno(), False)
        os.lseek(kernel.fileno(), 0, os.SEEK_END)
        p = t.porterd()
        p.ok("start", "w.service")
        wait("porterd's log has all lines", lambda: p.log().count(token) == 3)
        records = []
        with contextlib.suppress(BlockingIOError):
            while True:
                records.append(os.read(kernel.fileno(), 8192).decode())
    ours = [r for r in records if "words: " in r]
    # Priority 28 is facility daemon, level warning; a long line comes in parts.
    assert ours[0].startswith("28,") and f"words: {token} one" in ours[0], ours
    assert len(ours) == 4 and sum(r.count("x") for r in ours) >= 2000 and not any("two" in r for r in ours), ours
    os.set_blocking(master, False)
    assert os.read(master, 8192).decode().strip() == f"words: {token} two"
    assert p.prop("w.service", "StandardOutput") == "kmsg" and p.prop("w.service", "StandardError") == "journal+console"
    os.close(master)
    os.close(slave)
