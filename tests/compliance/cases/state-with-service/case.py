"""Requires=, BindsTo=, PartOf= and After= between a service and its socket: what a stop, a restart and a failure of either does to the other."""
KINDS = {"none": "", "requires": "Requires={}.socket\nAfter={}.socket", "binds": "BindsTo={}.socket\nAfter={}.socket", "part": "PartOf={}.socket\nAfter={}.socket", "wants": "Wants={}.socket", "unordered": "Requires={}.socket"}


def setup(t):
    for n, text in KINDS.items():
        t.unit(f"{n}.socket", f"[Socket]\nListenStream=/run/{n}\n")
        t.unit(f"{n}.service", f"[Unit]\n{text}\n[Service]\nType=exec\nExecStart=/run/oracle/probe -n {n} dump serve\n".replace("{}", n))
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(f"{n}.socket {n}.service" for n in KINDS) + "\n")


def run(t):
    both = lambda n: [t.state(n + ".socket"), t.state(n + ".service")]
    t.start("keep.target")
    for n in KINDS:
        t.rec(n + " start service", [t.start(n + ".service"), both(n), t.brief_fds(n)])
        t.rec(n + " stop service", [t.stop(n + ".service"), both(n)])
        t.rec(n + " start socket", [t.start(n + ".socket"), both(n)])
        t.rec(n + " trigger", [t.unix("/run/" + n).ask("x"), both(n)])
        t.rec(n + " restart service", [t.restart(n + ".service"), both(n)])
        t.rec(n + " stop socket", [t.stop(n + ".socket"), t.wait(lambda: t.state(n + ".service").startswith("inactive"), 0.3) or "still", both(n)])
        t.rec(n + " stop both", [t.stop(n + ".socket", n + ".service"), both(n)])
        t.rec(n + " start both", [t.start(n + ".socket", n + ".service"), t.state(n + ".service")])
        t.rec(n + " kill", [t.signal_unit(n + ".service", 9), t.wait_state(n + ".service", "failed"), t.wait_state(n + ".socket", "active/listening" if n != "none" else "")])
        t.stop(n + ".socket", n + ".service")
        t.reset_failed(n + ".service")
