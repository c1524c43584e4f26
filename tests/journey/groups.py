"""Control groups of connections: one to themselves, taken over by the next connection, never with anything left in it."""

import os
import signal

from world import Skip, dial, local, wait

PROGRAM = """
import os, signal, socket, time
own = next(x[3:].strip() for x in open("/proc/self/cgroup") if x.startswith("0::"))
mount = next(x.split()[1] for x in open("/proc/self/mounts") if x.split()[2] == "cgroup2")
s = socket.socket(fileno=0)
s.sendall(own.encode() + b"\\n")
word = s.recv(20)
if word == b"freeze":
    open(mount + own + "/cgroup.freeze", "w").write("1")
    time.sleep(60)
if word == b"divide":
    os.mkdir(mount + own + "/below")
if word == b"stay":
    if os.fork() == 0:
        os.setsid()
        s.close()
        os.closerange(0, 3)
        time.sleep(60)
"""


def porterd(t, config="", wrap=()):
    """Instances that say in which group they are."""
    if not t.group:
        raise Skip("needs a cgroup2 hierarchy it may write to")
    t.unit("g.socket", "[Socket]\nListenStream=127.0.0.1:6001\nAccept=yes\n")
    t.unit("g@.service", f"[Service]\nExecStart={t.script('g.py', PROGRAM)}\nStandardInput=socket\nKillMode=process\n")
    path = t.file(f"{t.place}/porterd.toml", config)
    return t.porterd(args=("--all", "--config", path), wrap=wrap)


def visit(p, word=b"bye"):
    """A connection: its group's path, once it is over."""
    with dial(local(6001)) as s:
        group = s.makefile().readline().strip()
        s.sendall(word)
        if word == b"freeze":
            wait("the group is frozen", lambda: "frozen 1" in events(group), 5)
            with open(f"{mount()}{group}/cgroup.procs") as f:
                os.kill(int(f.readline()), signal.SIGKILL)
        s.makefile().read()
    wait("the instance is gone", lambda: p.ok("reset-failed") == "" and "g@" not in p.ok("list-units", "--all"))
    return group


def mount():
    """Where the hierarchy is."""
    with open("/proc/self/mounts") as f:
        return next(x.split()[1] for x in f if x.split()[2] == "cgroup2")


def events(group):
    """What the kernel says of a group."""
    with open(f"{mount()}{group}/cgroup.events") as f:
        return f.read()


def journey_a_group_is_taken_over_by_the_next_connection(t):
    """One after the other has the same group; at the same time each has its own; none is left at the end."""
    p = porterd(t)
    first = visit(p)
    assert first.endswith("/system.slice/system-g.slice/g@.service.1"), first
    assert visit(p) == first and visit(p) == first
    with dial(local(6001)) as one, dial(local(6001)) as two:
        groups = {one.makefile().readline().strip(), two.makefile().readline().strip()}
        assert len(groups) == 2 and first in groups, groups
        unit = next(x.split()[0] for x in p.ok("list-units", "--plain", "--no-legend").splitlines() if x.startswith("g@"))
        shown = p.prop(unit, "ControlGroup")
        assert any(shown.endswith(group) for group in groups), shown
    assert p.end() == 0
    assert not [d for d, _, _ in os.walk(t.group) if "g@" in d]


def journey_a_group_with_something_left_in_it_is_not_taken_over(t):
    """A process left behind, a frozen group, groups below: the next connection gets another one."""
    p = porterd(t)
    seen = [visit(p, word) for word in (b"stay", b"freeze", b"divide", b"bye", b"bye")]
    assert len(set(seen)) == 4 and seen[3] == seen[4], seen
    assert "populated 1" in events(seen[0])
    assert not os.path.exists(f"{mount()}{seen[1]}") and not os.path.exists(f"{mount()}{seen[2]}")
    # The next porterd finds the first one in use.
    p.end()
    assert visit(porterd(t)) not in seen[:1]


def journey_a_unit_gets_its_group_back(t):
    """A service that is started again soon finds its group; one that is not leaves none."""
    p = porterd(t)
    t.unit("u.service", "[Service]\nExecStart=/bin/sleep 60\n")
    p.ok("daemon-reload")
    p.ok("start", "u.service")
    group = mount() + p.prop("u.service", "ControlGroup").removeprefix(mount().removeprefix("/sys/fs/cgroup"))
    assert group.endswith("/system.slice/u.service") and os.path.isdir(group), group
    inode = os.stat(group).st_ino
    p.ok("stop", "u.service")
    p.ok("start", "u.service")
    assert os.stat(group).st_ino == inode
    before = p.fds()
    p.ok("stop", "u.service")
    wait("the group is gone", lambda: not os.path.exists(group), 16)
    assert p.fds() < before
    p.end()
    p = t.porterd(args=("--strict-systemd",))
    p.ok("start", "u.service")
    assert os.path.isdir(group)
    p.ok("stop", "u.service")
    wait("systemd's way: the group is gone at once", lambda: not os.path.exists(group), 2)


def journey_groups_named_after_their_instances(t):
    """instance_cgroups = "named": systemd's names, and no group outlives its connection."""
    p = porterd(t, 'instance_cgroups = "named"\n')
    group = visit(p)
    assert "/system-g.slice/g@0-127.0.0.1:6001-127.0.0.1:" in group, group
    assert not os.path.exists(f"{mount()}{group}")


def journey_no_groups_for_connections(t):
    """instance_cgroups = false: an instance is where porterd is."""
    p = porterd(t, "instance_cgroups = false\n")
    group = visit(p)
    assert "g@" not in group, group


def journey_where_clone3_is_forbidden(t):
    """A container's filter answers ENOSYS to clone3(2): clone(2) serves, and the child enters its group by itself."""
    forbid = t.script("forbid.py", """
import ctypes, os, struct, sys
CLONE3, ALLOW, ENOSYS = 435, 0x7fff0000, 0x00050000 | 38
load, equal, give = 0x20, 0x15, 0x06
code = [(load, 0, 0, 0), (equal, 0, 1, CLONE3), (give, 0, 0, ENOSYS), (give, 0, 0, ALLOW)]
text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(text)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execvp(sys.argv[1], sys.argv[1:])
""")
    p = porterd(t, wrap=("/usr/bin/env", forbid))
    first = visit(p)
    assert first.endswith("/g@.service.1") and visit(p) == first, first
    p.end()
