"""Bad luck: things that fail while porterd runs. None of them may take a listening socket down for good."""

import os
import select
import signal
import socket
import struct
import subprocess
import time

from world import BIN, Porter, ask, dial, local, read_all, takes, wait

CAT = "[Service]\nExecStart=/bin/cat\nStandardInput=socket\nStandardError=null\n"


def echo(t, name="e", port=6001, extra="", service=CAT):
    """An echo socket."""
    t.unit(f"{name}.socket", f"[Socket]\nListenStream=127.0.0.1:{port}\nAccept=yes\n{extra}")
    t.unit(f"{name}@.service", service)


def journey_port_in_use(t):
    """A port somebody else has: that socket fails and says which address; the others work; later it can be started."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(local(6001))
    taken.listen()
    echo(t, "taken", 6001)
    echo(t, "free", 6002)
    p = t.porterd()
    assert ask(local(6002), b"x") == b"x"
    assert p.state("taken.socket").startswith("failed")
    assert "6001" in p.log() and "taken.socket" in p.log(), "the log names unit and address"
    done = p.ctl("start", "taken.socket")
    assert done.returncode == 1 and done.stderr.strip()
    taken.close()
    p.ok("start", "taken.socket")
    assert ask(local(6001), b"y") == b"y"


def journey_missing_program(t):
    """ExecStart= of a program that is not there: the caller sees the end, the log the path, the socket goes on."""
    echo(t, service="[Service]\nExecStart=/nonexistent/program\nStandardInput=socket\n")
    p = t.porterd()
    for _ in range(5):
        assert ask(local(6001)) == b""
    assert "/nonexistent/program" in p.log()
    assert p.state("e.socket").startswith("active")
    t.unit("e@.service", CAT)
    p.ok("daemon-reload")
    assert ask(local(6001), b"mended") == b"mended"


def journey_missing_program_does_not_spin(t):
    """Accept=no with a program that is not there: no busy loop while the connection waits, and it recovers."""
    t.unit("w.socket", "[Socket]\nListenStream=127.0.0.1:6001\n")
    t.unit("w.service", "[Service]\nExecStart=/nonexistent/program\n")
    p = t.porterd()
    s = dial(local(6001))
    time.sleep(0.5)
    before = p.cpu()
    time.sleep(3)
    used = p.cpu() - before
    assert used < 0.5, f"{used:.2f} s of processor time in 3 s"
    program = t.script("late.py", "import socket\nc, _ = socket.socket(fileno=3).accept()\nc.sendall(b'late')\n")
    t.unit("w.service", f"[Service]\nExecStart={program}\n")
    p.ok("daemon-reload")
    p.ctl("reset-failed", "w.service", "w.socket")
    if not p.state("w.socket").startswith("active"):
        raise AssertionError(f"the socket is {p.state('w.socket')}")
    s.settimeout(20)
    assert s.recv(10) == b"late", "the connection that waited is served"


def journey_missing_service(t):
    """A socket without its service is told at the start, and does not stop the others."""
    t.unit("lonely.socket", "[Socket]\nListenStream=127.0.0.1:6001\n")
    echo(t, "fine", 6002)
    p = t.porterd()
    assert ask(local(6002), b"x") == b"x"
    assert "lonely" in p.log()


@takes(60)
def journey_descriptors_run_out(t):
    """With too few descriptors for all who come: connections wait, none is lost, the listener stays."""
    echo(t, extra="MaxConnections=500\n")
    p = t.porterd(wrap=("prlimit", "--nofile=40:40"))
    many = [dial(local(6001)) for _ in range(100)]
    for n, s in enumerate(many):
        s.sendall(b"%d" % n)
    time.sleep(1)
    before = p.cpu()
    time.sleep(1)
    assert p.cpu() - before < 0.5, "it does not spin while it cannot accept"
    assert p.alive()
    waiting = dict(enumerate(many))
    end = time.monotonic() + 35
    while waiting:
        assert time.monotonic() < end, f"{len(waiting)} of 100 connections were never served"
        for s in select.select(list(waiting.values()), [], [], 1)[0]:
            n = next(k for k, v in waiting.items() if v is s)
            assert s.recv(10) == b"%d" % n, f"connection {n} is served when others have gone"
            waiting.pop(n).close()
    assert p.state("e.socket").startswith("active")
    assert ask(local(6001), b"after") == b"after"


def pids_group(t, pid):
    """A group with the pids controller around this process: version 2, or version 1 where that has the controller."""
    if t.group and os.path.exists(f"{t.group}/pids.max"):
        return t.group
    group = f"/sys/fs/cgroup/pids/{os.path.basename(t.place)}"
    if not os.access("/sys/fs/cgroup/pids/cgroup.procs", os.W_OK):
        from world import Skip
        raise Skip("needs the pids controller of control groups")
    os.makedirs(group, exist_ok=True)
    write(f"{group}/cgroup.procs", str(pid))
    return group


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def journey_too_many_processes(t):
    """fork fails (pids limit): the socket pauses and recovers."""
    echo(t)
    p = t.porterd()
    group = pids_group(t, p.pid)
    write(f"{group}/pids.max", "1")
    s = dial(local(6001))
    time.sleep(0.5)
    assert "cannot start a process" in p.log(), "the refused fork is told"
    write(f"{group}/pids.max", "max")
    s.close()
    wait("it answers again", lambda: ask(local(6001), b"x") == b"x", 20)
    assert p.state("e.socket").startswith("active")
    p.end()
    if group != t.group:
        wait("the group is empty", lambda: not open(f"{group}/cgroup.procs").read(), 5)
        os.rmdir(group)


def journey_too_fast(t):
    """The trigger limit of Accept=yes: the socket pauses, those who come meanwhile wait, and all are served."""
    echo(t, extra="TriggerLimitIntervalSec=1s\nTriggerLimitBurst=20\n")
    p = t.porterd()
    for n in range(60):
        assert ask(local(6001), b"%d" % n) == b"%d" % n, f"connection {n}"
    assert "trigger limit" in p.log()
    assert p.state("e.socket").startswith("active")


def journey_callers_who_vanish(t):
    """Three hundred connections reset before or while they are accepted."""
    echo(t, extra="MaxConnections=1000\n")
    p = t.porterd()
    for _ in range(300):
        s = dial(local(6001))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    assert ask(local(6001), b"still") == b"still"
    wait("no process is left", lambda: not p.children(), 15)
    assert p.state("e.socket") == "active/listening"


def journey_more_than_allowed(t):
    """MaxConnections= with X-OnMaxConnections=refuse: who comes too many is turned away, and when somebody leaves there is room."""
    echo(t, extra="MaxConnections=3\nX-OnMaxConnections=refuse\n")
    p = t.porterd()
    inside = [dial(local(6001)) for _ in range(3)]
    for s in inside:
        s.sendall(b"x")
        assert s.recv(1) == b"x"
    assert read_all(dial(local(6001))) == b"", "the fourth is turned away"
    assert p.prop("e.socket", "NRefused") == "1"
    inside.pop().close()
    wait("there is room again", lambda: ask(local(6001), b"y") == b"y")


def journey_one_source_too_many(t):
    """MaxConnectionsPerSource=: one address cannot take all the places."""
    echo(t, extra="MaxConnectionsPerSource=2\n")
    t.porterd()

    def come(source):
        s = socket.socket()
        s.settimeout(5)
        s.bind((source, 0))
        s.connect(local(6001))
        s.sendall(b"x")
        return s
    greedy = [come("127.0.0.2") for _ in range(2)]
    for s in greedy:
        assert s.recv(1) == b"x"
    third = come("127.0.0.2")
    assert read_all(third) == b""
    other = come("127.0.0.3")
    assert other.recv(1) == b"x"


def journey_killed_services(t):
    """kill -9 of every instance, again and again."""
    echo(t)
    p = t.porterd()
    for _ in range(5):
        some = [dial(local(6001)) for _ in range(10)]
        for s in some:
            s.sendall(b"x")
            assert s.recv(1) == b"x"
        for pid in p.children():
            os.kill(pid, signal.SIGKILL)
        for s in some:
            assert read_all(s) == b""
    wait("all are reaped", lambda: not p.children())
    assert ask(local(6001), b"x") == b"x"


def journey_restart_storm(t):
    """Restart=always of a program that ends at once: the start limit holds, porterd stays responsive."""
    t.unit("s.service", "[Unit]\nStartLimitIntervalSec=10\nStartLimitBurst=5\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=1ms\n")
    p = t.porterd()
    p.ctl("start", "s.service")
    p.wait_state("s.service", "failed")
    assert p.prop("s.service", "Result") == "start-limit-hit" or int(p.prop("s.service", "NRestarts")) <= 5
    p.ok("list-units")


def journey_second_daemon(t):
    """A second porterd on the same runtime directory refuses to start, and the first goes on."""
    echo(t)
    p = t.porterd()
    words = [f"{BIN}/porterd", "--unit-path", t.units, "--runtime-dir", p.run_dir, "--all"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=15)
    assert done.returncode != 0, "the second one started"
    assert p.run_dir in done.stderr, done.stderr
    assert ask(local(6001), b"x") == b"x"
    assert p.ctl("is-active", "e.socket").returncode == 0


def journey_after_kill_nine(t):
    """porterd itself killed with -9: the next one starts on the same directories."""
    path = f"{t.place}/sock"
    t.unit("u.socket", f"[Socket]\nListenStream={path}\nAccept=yes\n")
    t.unit("u@.service", CAT)
    echo(t)
    p = t.porterd()
    assert ask(path, b"x") == b"x"
    p.process.kill()
    p.process.wait(5)
    again = Porter(t)
    assert ask(path, b"y") == b"y"
    assert ask(local(6001), b"y") == b"y"
    assert again.ctl("is-active", "u.socket").returncode == 0


def journey_full_disk_for_the_log(t):
    """Standard error on /dev/full: porterd goes on."""
    echo(t)
    p = Porter(t, wrap=("sh", "-c", 'exec "$@" 2>/dev/full >/dev/full', "sh"))
    assert ask(local(6001), b"x") == b"x"
    assert p.ctl("is-active", "e.socket").returncode == 0


def journey_signals_nobody_meant(t):
    """SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGWINCH: porterd goes on."""
    echo(t)
    p = t.porterd()
    for s in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGWINCH):
        p.process.send_signal(s)
        time.sleep(0.05)
    assert p.alive(), f"it ended with {p.process.returncode}"
    assert ask(local(6001), b"x") == b"x"
