"""Sockets and services in network namespaces: own ones, shared ones, named ones, and descriptors handed across (service-unit 124)."""
import os
import subprocess

P = "/run/oracle/probe -n NAME "
OWN = "PrivateNetwork=yes\n"
UNITS = {
    # The socket is where its service will be; a third unit shares it.
    "own": (OWN + f"ListenStream=127.0.0.1:7001\nExecStartPost={P}dump", "own.socket", OWN),
    # The host's socket, handed into a service that has no network.
    "host": ("ListenStream=127.0.0.1:7002\n", "", OWN),
    # Both have one, but nothing joins them.
    "apart": (OWN + "ListenStream=127.0.0.1:7003\n", "", OWN),
    # Joined, but the service does not ask for one.
    "unasked": (OWN + "ListenStream=127.0.0.1:7004\n", "unasked.socket", ""),
    "abstract": (OWN + "ListenStream=@abstract\nListenDatagram=127.0.0.1:7005\n", "abstract.socket", OWN),
    "path": (OWN + "ListenStream=/run/path\n", "", ""),
    "named": ("NetworkNamespacePath=/run/netns/oc\nListenStream=127.0.0.1:7006\n", "", "NetworkNamespacePath=/run/netns/oc\n"),
    "absent": ("NetworkNamespacePath=/run/netns/nosuch\nListenStream=127.0.0.1:7007\n", "", ""),
    "nofile": ("NetworkNamespacePath=/etc/passwd\nListenStream=127.0.0.1:7008\n", "", ""),
}


def setup(t):
    for n, (socket, joins, service) in UNITS.items():
        t.unit(f"{n}.socket", f"[Socket]\n{socket}".replace("NAME", n + "-hook"))
        unit = f"[Unit]\nJoinsNamespaceOf={joins}\n" if joins else ""
        t.unit(f"{n}.service", f"{unit}[Service]\n{service}ExecStart={P}dump serve\n".replace("NAME", n))
        t.unit(f"{n}-beside.service", f"[Unit]\nJoinsNamespaceOf={n}.socket\n[Service]\n{OWN}ExecStart={P}pause\n".replace("NAME", n + "-beside"))
    t.unit("each.socket", f"[Socket]\n{OWN}Accept=yes\nListenStream=127.0.0.1:7011\n")
    t.unit("each@.service", f"[Unit]\nJoinsNamespaceOf=each.socket\n[Service]\n{OWN}ExecStart={P}dump echo 3\n".replace("NAME", "each"))
    t.unit("each-beside.service", f"[Unit]\nJoinsNamespaceOf=each.socket\n[Service]\n{OWN}ExecStart={P}pause\n".replace("NAME", "each-beside"))
    t.unit("plus.service", f"[Service]\n{OWN}Type=oneshot\nExecStartPre={P}dump\nExecStart=+{P}dump\nExecStopPost={P}dump\n".replace("NAME", "plus"))
    t.unit("lost.service", f"[Service]\nNetworkNamespacePath=/run/netns/nosuch\nExecStart={P}dump\n".replace("NAME", "lost"))
    t.unit("odd.service", f"[Service]\nPrivateNetwork=maybe\nNetworkNamespacePath=run/x\nExecStart={P}dump pause\n".replace("NAME", "odd"))
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(f"{n}.socket" for n in (*UNITS, "each")) + " "
           + " ".join(f"{n}-beside.service" for n in UNITS) + " each-beside.service plus.service lost.service odd.service\n")


def network(t, unit):
    return os.readlink(f"/proc/{t.prop(unit, 'MainPID')}/ns/net")


def inside(t, unit, *words):
    """The words as a command in the network of a service."""
    done = subprocess.run(["nsenter", "-t", t.prop(unit, "MainPID"), "-n", *words], capture_output=True, text=True, timeout=10)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1:]


def ask(t, unit, port, text="hello"):
    script = f"exec 3<>/dev/tcp/127.0.0.1/{port} || exit 1; echo {text} >&3; head -n1 <&3"
    answer = inside(t, unit, "bash", "-c", script)
    return "refused" if "refused" in str(answer) else answer


def run(t):
    t.start("keep.target")
    subprocess.run(["ip", "netns", "add", "oc"], check=True)
    subprocess.run(["ip", "netns", "exec", "oc", "ip", "link", "set", "lo", "up"], check=True)
    for n in (*UNITS, "each"):
        t.rec(n + " start", t.start(n + ".socket"))
        t.rec(n, t.state(n + ".socket"))
    t.rec("own hook", t.dump("own-hook", 0, sections=["ns"]))
    for n in ("own", "apart", "unasked", "abstract", "path", "each"):
        t.rec(n + " beside", t.start(n + "-beside.service"))
    for n, port in (("own", 7001), ("apart", 7003), ("unasked", 7004), ("each", 7011)):
        t.rec(n + " from the host", t.tcp(f"127.0.0.1:{port}").error)
        t.rec(n + " from inside", ask(t, n + "-beside.service", port))
        t.rec(n + " sees", t.dump(n, 0, sections=["ns"], std=False))
        t.rec(n + " after", t.wait_state(n + ".socket", "active/"))
    t.rec("own lo", [line.split()[1:3] for line in inside(t, "own-beside.service", "ip", "-br", "addr").splitlines()])
    t.rec("own shares", network(t, "own.service") == network(t, "own-beside.service"))
    t.rec("apart does not", network(t, "apart.service") != network(t, "apart-beside.service"))
    t.rec("host answers", t.tcp("127.0.0.1:7002").ask("hello"))
    t.rec("host sees", t.dump("host", 0, sections=["ns"]))
    t.rec("host lo", [line.split()[:3] for line in inside(t, "host.service", "ip", "-br", "addr").splitlines()])
    t.rec("abstract from the host", t.unix("@abstract").error)
    t.rec("path answers", t.unix("/run/path").ask("hello"))
    t.rec("path sees", t.dump("path", 0, sections=["ns"]))
    done = subprocess.run(["ip", "netns", "exec", "oc", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/7006; echo hi >&3; head -n1 <&3"], capture_output=True, text=True, timeout=10)
    t.rec("named answers", done.stdout)
    t.rec("named sees", t.dump("named", 0, sections=["ns"]))
    t.rec("named is there", os.stat("/run/netns/oc").st_ino == os.stat(f"/proc/{t.prop('named.service', 'MainPID')}/ns/net").st_ino)
    # A restart of one that shares keeps the namespace, of one alone does not.
    before = network(t, "own.service"), network(t, "host.service")
    t.rec("restart", t.restart("own.service", "host.service"))
    after = network(t, "own.service"), network(t, "host.service")
    t.rec("restart keeps", [a == b for a, b in zip(before, after)])
    t.rec("plus", t.start("plus.service"))
    for i in range(3):
        t.rec(f"plus {i}", t.dump("plus", i, sections=["ns"]))
    t.rec("lost", [t.start("lost.service"), t.wait_state("lost.service", "failed"), t.prop("lost.service", "ExecMainStatus")])
    t.rec("odd", t.start("odd.service"))
    t.rec("odd sees", t.dump("odd", 0, sections=["ns"]))
    for n in ("own.socket", "named.service", "odd.service"):
        t.rec(n + " shows", t.show(n, "PrivateNetwork", "NetworkNamespacePath"))
    t.rec("own service shows", t.show("own.service", "PrivateNetwork", "JoinsNamespaceOf"))
    subprocess.run(["ip", "netns", "del", "oc"])
