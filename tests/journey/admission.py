"""Who may come in, and what happens at limits: rules about peers, exact counts, floods. $JOURNEY_LONG=1 makes the load test long."""

import collections
import contextlib
import errno
import json
import os
import random
import select
import socket
import statistics
import struct
import threading
import time

from bad_luck import CAT, echo
from world import ask, dial, local, need_root, read_all, takes, wait

LONG = bool(os.environ.get("JOURNEY_LONG"))
FREE = "TriggerLimitIntervalSec=0\nPollLimitIntervalSec=0\nBacklog=4096\n"
RESET = struct.pack("ii", 1, 0)


def come(source, port=6001, text=b"x", seconds=5.0):
    """A connection from an address of the loopback network."""
    s = socket.socket()
    s.settimeout(seconds)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((source, 0))
    s.connect(local(port))
    if text:
        try:
            s.sendall(text)
        except OSError:  # it was turned away before it could speak
            pass
    return s


def served(s):
    """Whether the echo comes; a close or reset is a refusal."""
    try:
        return s.recv(1) != b""
    except ConnectionResetError:
        return False


def reset(s):
    """Leaves without a word."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    s.close()


def status(p, unit="e.socket"):
    """The status as data."""
    return json.loads(p.ctl("status", "--json", unit).stdout)[0]


def rules(p, unit="e.socket"):
    """Rule → connections."""
    return {r["rule"]: r["count"] for r in status(p, unit)["rules"]}


def journey_prefixes_decide_before_anything_is_started(t):
    """X-AllowFrom=, X-DenyFrom= and files of them: the longest match, counted by rule, read again by a reload."""
    t.file("deny", "# who is not wanted\n127.0.2.0/24\n127.0.1.5\nnonsense\n")
    echo(t, extra=f"X-AllowFrom=127.0.0.0/16\nX-DenyFrom=127.0.1.0/24 {t.place}/deny\nX-AllowFrom=127.0.1.9/32\n")
    p = t.porterd()
    assert f"{t.place}/deny:4:1: 'nonsense' is not an address or prefix" in p.log()
    seen = {ip: served(come(ip)) for ip in ("127.0.0.1", "127.0.1.1", "127.0.1.5", "127.0.1.9", "127.0.2.1", "127.1.0.1")}
    assert [ip for ip, ok in seen.items() if ok] == ["127.0.0.1", "127.0.1.9"], seen
    assert p.prop("e.socket", "NAccepted") == "2" and p.prop("e.socket", "NRefused") == "4"
    assert rules(p) == {
        "X-AllowFrom=127.0.0.0/16": 1, "X-AllowFrom=127.0.1.9/32": 1, "X-DenyFrom=127.0.1.0/24": 1,
        "X-DenyFrom=127.0.1.5/32": 1, "X-DenyFrom=127.0.2.0/24": 1, "X-AllowFrom= has no prefix for it": 1}
    assert "X-DenyFrom=127.0.2.0/24: 1 refused" in p.ok("status", "e.socket")
    t.file("deny", "127.0.0.0/24\n")
    p.ok("daemon-reload")
    assert not served(come("127.0.0.1")) and served(come("127.0.2.1"))
    os.unlink(f"{t.place}/deny")
    p.ok("daemon-reload")
    assert not served(come("127.0.2.1")) and not served(come("127.0.1.9")), "a list that is gone opens no door"
    assert "X-DenyFrom= has a file that cannot be read" in rules(p)


def journey_mapped_addresses_are_ipv4(t):
    """A peer that comes over IPv4 to an IPv6 socket is judged by the rules for IPv4."""
    t.unit("e.socket", "[Socket]\nListenStream=6001\nBindIPv6Only=both\nAccept=yes\nX-DenyFrom=127.0.3.0/24 ::1\n")
    t.unit("e@.service", CAT)
    t.porterd()
    assert served(come("127.0.0.1")) and not served(come("127.0.3.7"))
    s = socket.socket(socket.AF_INET6)
    s.settimeout(5)
    s.connect(("::1", 6001))
    assert not served(s)


def journey_a_hundred_thousand_prefixes(t):
    """A long list: read at the start, and those who are on it are found."""
    lines = [f"{10 + n // 65536}.{n // 256 % 256}.{n % 256}.0/{24 + n % 9}" for n in range(100_000)]
    t.file("deny", "\n".join(lines) + "\n127.0.4.0/30\n")
    echo(t, extra=f"X-DenyFrom={t.place}/deny\nTriggerLimitIntervalSec=0\nPollLimitIntervalSec=0\n")
    echo(t, "plain", 6002, extra="TriggerLimitIntervalSec=0\nPollLimitIntervalSec=0\n")
    p = t.porterd()
    assert served(come("127.0.4.4")) and not served(come("127.0.4.3"))
    waits = {6001: [], 6002: []}
    for _ in range(60):
        for port, times in waits.items():
            start = time.monotonic()
            s = come("127.0.0.1", port)
            assert served(s)
            times.append(time.monotonic() - start)
            s.close()
    print("      median wait with 100,000 prefixes and with none, ms:",
          *[f"{statistics.median(x) * 1e3:.2f}" for x in waits.values()])
    assert p.alive()


def journey_users_of_a_path(t):
    """X-AllowPeerUser= and X-AllowPeerGroup=: who runs as somebody else is refused before anything is started."""
    need_root()
    paths = {name: f"{t.place}/{name}.sock" for name in ("user", "group", "ghost")}
    for name, rule in (("user", "X-AllowPeerUser=12345 nobody"), ("group", "X-AllowPeerGroup=4242"), ("ghost", "X-AllowPeerUser=no-such-user")):
        t.unit(f"{name}.socket", f"[Socket]\nListenStream={paths[name]}\nSocketMode=0666\nAccept=yes\n{rule}\n")
        t.unit(f"{name}@.service", CAT)
    p = t.porterd()

    def as_somebody(path, uid, gid, groups):
        """In a child with these ids: whether the echo comes."""
        pid = os.fork()
        if pid == 0:
            try:
                os.setgroups(groups)
                os.setresgid(gid, gid, gid)
                os.setresuid(uid, uid, uid)
                s = dial(path)
                try:
                    s.sendall(b"x")
                except OSError:
                    pass
                os._exit(0 if served(s) else 1)
            except BaseException:
                os._exit(2)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code in (0, 1), f"the child ended with {code}"
        return code == 0

    assert as_somebody(paths["user"], 12345, 100, [])
    assert as_somebody(paths["user"], 65534, 100, []), "nobody, by name"
    assert not as_somebody(paths["user"], 0, 0, []), "root is not named"
    assert not as_somebody(paths["user"], 12346, 12345, [12345])
    assert as_somebody(paths["group"], 12346, 4242, []), "the effective group"
    assert as_somebody(paths["group"], 12346, 100, list(range(5000, 5200)) + [4242]), "one of many supplementary groups"
    assert not as_somebody(paths["group"], 4242, 100, [4243])
    assert not as_somebody(paths["ghost"], 0, 0, []), "nobody is admitted as a user who does not exist"
    assert "there is no user no-such-user" in p.log()
    assert p.prop("user.socket", "NAccepted") == "2" and p.prop("group.socket", "NAccepted") == "2"
    assert rules(p, "group.socket") == {
        "X-AllowPeerUser= or X-AllowPeerGroup=": 2, "X-AllowPeerUser= and X-AllowPeerGroup= do not name it": 1}


def journey_no_room_means_wait(t):
    """MaxConnections=: porterd stops accepting, status says why, and who waits is served when somebody leaves."""
    echo(t, extra="MaxConnections=3\n")
    p = t.porterd()
    inside = [come("127.0.0.1") for _ in range(3)]
    assert all(served(s) for s in inside)
    late = [come(f"127.0.0.{n}", text=b"%d" % n) for n in range(2, 6)]
    assert not select.select(late, [], [], 0.5)[0], "they wait"
    told = p.ok("status", "e.socket")
    assert "paused: 3 connections are served" in told and "MaxConnections=3" in told, told
    before = p.cpu()
    time.sleep(1)
    assert p.cpu() - before < 0.3, "it does not spin while it waits"
    assert p.prop("e.socket", "NRefused") == "0"
    for n, s in enumerate(late, 2):
        inside.pop(0).close()
        s.settimeout(8)
        assert s.recv(9) == b"%d" % n, "in the order in which they came"
        inside.append(s)
    for s in inside:
        s.close()
    wait("all have left", lambda: p.prop("e.socket", "NConnections") == "0")
    assert "paused" not in p.ok("status", "e.socket")
    assert ask(local(6001), b"y") == b"y"


def journey_no_room_under_strict(t):
    """--strict-systemd refuses as systemd does, unless the unit says wait."""
    echo(t, "e", 6001, "MaxConnections=1\n")
    echo(t, "w", 6002, "MaxConnections=1\nX-OnMaxConnections=wait\n")
    p = t.porterd(args=("--all", "--strict-systemd"))
    for port in (6001, 6002):
        first = come("127.0.0.1", port)
        assert served(first)
        second = come("127.0.0.1", port)
        if port == 6001:
            assert not served(second) and p.prop("e.socket", "NRefused") == "1"
        else:
            assert not select.select([second], [], [], 0.5)[0]
            first.close()
            assert served(second)


def journey_rate_of_a_source(t):
    """X-ConnectionRatePerSource=: a burst passes, the rest is refused, others are not touched, and it grows back."""
    echo(t, extra="X-ConnectionRatePerSource=5/5s\n")
    p = t.porterd()
    assert sum(served(come("127.0.0.2")) for _ in range(20)) == 5
    assert sum(served(come("127.0.0.3")) for _ in range(5)) == 5
    wait("one has grown back", lambda: served(come("127.0.0.2")), 3)
    assert rules(p)["X-ConnectionRatePerSource="] >= 15


def journey_a_limit_may_fail_the_socket(t):
    """X-OnLimit=: fail does what systemd does, pause what porterd does, whatever the daemon is like."""
    limit = "TriggerLimitIntervalSec=2s\nTriggerLimitBurst=3\n"
    for strict in (False, True):
        echo(t, "f", 6001, limit + "X-OnLimit=fail\n")
        echo(t, "p", 6002, limit + "X-OnLimit=pause\n")
        p = t.porterd(args=("--all", "--strict-systemd") if strict else ("--all",), name=f"porterd-{strict}")
        for port in (6001, 6002):
            for _ in range(3):
                assert ask(local(port), b"x") == b"x"
        come("127.0.0.1", 6001).close()
        p.wait_state("f.socket", "failed")
        assert p.prop("f.socket", "Result") == "trigger-limit-hit"
        come("127.0.0.1", 6002).close()
        wait("it says why", lambda: "paused: trigger limit hit until" in p.ok("status", "p.socket"))
        assert ask(local(6002), b"y", 8) == b"y", "it comes back by itself"
        p.end()


@takes(60)
def journey_what_cannot_be_started_rests(t):
    """A program that is not there: the listener rests with growing back-off, says why and until when, and recovers."""
    echo(t, "a", 6001, service="[Service]\nExecStart=/nonexistent/program\nStandardInput=socket\n")
    t.unit("w.socket", "[Socket]\nListenStream=127.0.0.1:6002\n")
    t.unit("w.service", "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/nonexistent/program\n")
    p = t.porterd()
    for _ in range(4):
        assert ask(local(6001), seconds=8) == b""
    told = p.ok("status", "a.socket")
    assert "paused: cannot start an instance: " in told and "/nonexistent/program" in told and " until " in told, told
    waiting = dial(local(6002))
    time.sleep(2)
    starts = p.log().count("w.service: failed before exec") or p.log().count("/nonexistent/program")
    assert starts < 30, f"{starts} attempts in 2 s"
    told = wait("the socket rests", lambda: "paused" in p.ok("status", "w.socket") and p.ok("status", "w.socket"))
    assert "w.service failed: " in told and " until " in told, told
    program = t.script("late.py", "import socket\nc, _ = socket.socket(fileno=3).accept()\nc.sendall(b'late')\n")
    t.unit("w.service", f"[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart={program}\n")
    t.unit("a@.service", CAT)
    p.ok("daemon-reload")
    waiting.settimeout(10)
    assert waiting.recv(10) == b"late", "who waited is served"
    assert ask(local(6001), b"x", 10) == b"x"
    assert p.state("a.socket").startswith("active") and p.state("w.socket").startswith("active")


def journey_a_failing_client_stops_nobody(t):
    """An instance that was up and fails is its client's affair: the next one is served at once."""
    echo(t, service="[Service]\nExecStart=/bin/sh -c 'read x; echo $x; exit 7'\nStandardInput=socket\n")
    p = t.porterd()
    start = time.monotonic()
    for _ in range(10):
        assert ask(local(6001), b"x\n") == b"x\n"
    assert time.monotonic() - start < 5 and "paused" not in p.log()


PER_NET, PER_SOURCE, NETS, HOSTS = 10, 3, 40, 25


def net(ip):
    """Its /24."""
    return ip.rsplit(".", 1)[0]


def fill(p, nets):
    """With nobody inside: of fifteen from different addresses of a network exactly ten are served."""
    inside, refused = {}, 0
    for n in nets:
        here = [come(f"{n}.{host}") for host in range(1, 16)]
        good = [s for s in here if served(s)]
        assert len(good) == PER_NET, f"{len(good)} of 15 are served in {n}.0/24, not {PER_NET}"
        inside[n] = good
        refused += len(here) - len(good)
    assert p.prop("e.socket", "NConnections") == str(PER_NET * len(nets))
    return inside, refused


def empty(p):
    """Everybody has left, and porterd knows it."""
    wait("nobody is inside", lambda: p.prop("e.socket", "NConnections") == "0", 30)


def churn(count):
    """200 clients at a time come from a thousand addresses and leave in all ways; nobody has more than is allowed."""
    choose = random.Random(4711)
    sources = [f"127.{20 + n // 20}.{n % 20}.{host}" for n in range(NETS) for host in range(1, HOSTS + 1)]
    assert len(sources) == 1000
    open_, inside, mute = {}, {}, set()
    by_net, by_source = collections.Counter(), collections.Counter()
    started = good = bad = 0

    def leave(s, how):
        ip = open_.pop(s)
        mute.discard(s)
        if inside.pop(s, None):
            by_net[net(ip)] -= 1
            by_source[ip] -= 1
        if how == "half":
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_WR)
        reset(s) if how == "reset" else s.close()

    while started < count or open_:
        while started < count and len(open_) < 200:
            # Half of them crowd into five networks, so that the limits are felt.
            ip = choose.choice(sources[:125] if choose.random() < 0.5 else sources)
            s = socket.socket()
            s.setblocking(False)
            s.bind((ip, 0))
            code = s.connect_ex(local(6001))
            assert code in (0, errno.EINPROGRESS), os.strerror(code)
            open_[s] = ip
            mute.add(s)
            started += 1
            if choose.random() < 0.15:
                leave(s, "reset")  # before anybody has seen it
        # Those who are inside may be silent; the others are to hear something.
        outside = len(open_) - len(inside)
        readable, writable, _ = select.select(list(open_), list(mute), [], 10 if outside else 0.05)
        assert readable or writable or not outside, f"{outside} connections get no answer"
        for s in writable:
            mute.discard(s)
            with contextlib.suppress(OSError):  # it may be refused already
                s.send(b"x")
        for s in readable:
            if s not in open_:
                continue
            try:
                text = s.recv(64)
            except OSError:
                text = b""
            if not text:
                bad += 1
                leave(s, "close")
                continue
            ip = open_[s]
            if s not in inside:
                good += 1
                inside[s] = True
                by_net[net(ip)] += 1
                by_source[ip] += 1
                assert by_net[net(ip)] <= PER_NET, f"{by_net[net(ip)]} are served in {net(ip)}.0/24"
                assert by_source[ip] <= PER_SOURCE, f"{by_source[ip]} from {ip} are served"
            if choose.random() < 0.1:
                leave(s, choose.choice(["close", "reset", "half"]))
        # The house is kept nearly full; at the end everybody leaves.
        keep = 150 if started < count else 0
        for s in choose.sample(list(inside), max(0, len(inside) - keep)):
            leave(s, choose.choice(["close", "reset", "half"]))
    return good, bad


@takes(900 if LONG else 120)
def journey_counts_are_exact(t):
    """200 clients from 1,000 addresses: limits per network and per source hold at every instant, and no count leaks."""
    echo(t, extra=f"MaxConnections=1000\nMaxConnectionsPerSource={PER_SOURCE}\nX-MaxConnectionsPerPrefix={PER_NET}/24\n{FREE}")
    p = t.porterd()
    nets = [f"127.{20 + n // 20}.{n % 20}" for n in range(0, NETS, 2)]
    inside, refused = fill(p, nets)
    assert sum(map(len, inside.values())) == 200
    assert rules(p) == {"X-MaxConnectionsPerPrefix=": refused} and refused == 100
    for n in nets:
        inside[n].pop().close()
    wait("one per network has left", lambda: p.prop("e.socket", "NConnections") == str(9 * len(nets)))
    for n in nets:
        more = [come(f"{n}.{host}") for host in (20, 21, 22)]
        assert [served(s) for s in more] == [True, False, False], f"one place was free in {n}.0/24"
        inside[n].append(more[0])
    for s in [s for all_ in inside.values() for s in all_]:
        s.close()
    empty(p)
    one = [served(s) for s in [come("127.20.0.1") for _ in range(5)]]
    assert sum(one) == PER_SOURCE, one
    empty(p)
    good, bad = churn(100_000 if LONG else 1500)
    empty(p)
    print(f"      {good} served, {bad} refused")
    assert good > 100 and bad > 10, "both happened"
    # If a count had leaked, fewer would be served now; if one had been lost, more.
    inside, _ = fill(p, nets)
    for s in [s for all_ in inside.values() for s in all_]:
        reset(s)
    empty(p)
    wait("no process is left", lambda: not p.children(), 20)


def greetings(count):
    """How long an honest client waits for its echo, in seconds."""
    waits = []
    for _ in range(count):
        start = time.monotonic()
        s = come("127.0.0.1")
        assert served(s), "the honest client is refused"
        waits.append(time.monotonic() - start)
        s.close()
    return waits


def flood(stop, tally, rate):
    """Connections from one address, so many a second, kept until there are 200."""
    held, start = collections.deque(), time.monotonic()
    while not stop.is_set():
        if tally[0] > (time.monotonic() - start) * rate:
            time.sleep(0.001)
            continue
        s = socket.socket()
        s.setblocking(False)
        s.bind(("127.0.0.2", 0))
        s.connect_ex(local(6001))
        tally[0] += 1
        held.append(s)
        if len(held) > 200:
            held.popleft().close()


@takes(90)
def journey_a_flood_takes_nothing_from_others(t):
    """One address floods a door with limits per source, all other limits as they are: another client waits at most twice as long."""
    echo(t, extra="X-MaxConnectionsPerPrefix=8/32\n")
    p = t.porterd()
    ratios = []
    while len(ratios) < 4 and min(ratios, default=9) > 2:  # while the machine serves others, the figures mean little
        calm, busy = [], []
        for _ in range(3):
            calm += greetings(12)
            stop, tally = threading.Event(), [0]
            flooder = threading.Thread(target=flood, args=(stop, tally, 1500))
            flooder.start()
            try:
                time.sleep(0.3)
                busy += greetings(12)
            finally:
                stop.set()
                flooder.join()
            time.sleep(0.3)
        ratios.append(statistics.median(busy) / statistics.median(calm))
    print(f"      wait under flood / wait in calm: {', '.join(f'{r:.2f}' for r in ratios)}; {tally[0]} connections in the last flood")
    assert min(ratios) <= 2, ratios
    assert rules(p)["X-MaxConnectionsPerPrefix="] > 200
    assert p.log().count("refused") < 100, "refusals do not flood the log"


@takes(60)
def journey_ten_thousand_in_two_seconds(t):
    """The flood that makes systemd close the port, all limits as they are: afterwards the next client is served."""
    echo(t)
    p = t.porterd()
    start, held = time.monotonic(), []
    for n in range(10_000):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(local(6001))
        held.append(s)
        if len(held) > 500:
            held.pop(0).close()
        if n % 100 == 0:
            time.sleep(max(0, start + n / 5000 - time.monotonic()))
    spent = time.monotonic() - start
    for s in held:
        s.close()
    assert p.state("e.socket").startswith("active")
    begin = time.monotonic()
    assert ask(local(6001), b"x", 20) == b"x"
    print(f"      10,000 connects in {spent:.1f} s; the next client is served after {time.monotonic() - begin:.1f} s")
    assert time.monotonic() - begin < 6, "within the longest back-off"
    assert p.state("e.socket").startswith("active")
