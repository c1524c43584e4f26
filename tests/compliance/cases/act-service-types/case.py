"""The socket while services of all types start, run, fail and stop; the descriptors each process gets."""
P = "/run/oracle/probe -n {} "
S = {
    "simple": f"ExecStart={P}log run dump wait-file /run/oracle/gate/{{}} accept 3 echo c", "exec": f"Type=exec\nExecStart={P}log run dump wait-file /run/oracle/gate/{{}} accept 3 echo c",
    "notify": f"Type=notify\nExecStart={P}log run dump wait-file /run/oracle/gate/{{}} ready accept 3 echo c", "oneshot": f"Type=oneshot\nExecStart={P}log run dump wait-file /run/oracle/gate/{{}} accept 3",
    "remain": f"Type=oneshot\nRemainAfterExit=yes\nExecStart={P}log run dump wait-file /run/oracle/gate/{{}} accept 3", "forking": f"Type=forking\nPIDFile=/run/{{}}.pid\nExecStart={P}log run dump daemon /run/{{}}.pid [ dump wait-file /run/oracle/gate/{{}} accept 3 echo c ]",
    "idle": f"Type=idle\nExecStart={P}log run dump wait-file /run/oracle/gate/{{}} accept 3 echo c", "fails": f"ExecStart={P}log run dump wait-file /run/oracle/gate/{{}} accept 3 exit 5", "condition": f"ExecCondition={P}log cond wait-file /run/oracle/gate/{{}} exit 1\nExecStart={P}log run",
}


def setup(t):
    for n, text in S.items():
        t.unit(f"{n}.socket", f"[Socket]\nListenStream=/run/{n}.s\nTriggerLimitBurst=3\nTriggerLimitIntervalSec=1h\n")
        t.unit(f"{n}.service", f"[Unit]\nStartLimitIntervalSec=0\n[Service]\n{text}\n".replace("{}", n))


def run(t):
    both = lambda n: [t.state(n + ".socket"), t.state(n + ".service")]
    settled = {"simple": "active/running", "exec": "active/running", "notify": "active/running", "oneshot": "inactive", "remain": "active/exited", "forking": "active/running", "idle": "active/running", "fails": "failed", "condition": "inactive"}
    for n in S:
        t.rec(n, t.start(n + ".socket"))
        c = t.unix(f"/run/{n}.s")
        t.wait_log(1, n)
        t.rec(n + " starting", [t.wait_state(n + ".socket", "active/running"), t.state(n + ".service") if n not in ("exec", "forking") else None])
        if n != "condition":
            t.rec(n + " descriptors", [t.brief_fds(n), t.dumps(n)])
        t.gate(n)
        if settled[n] == "active/running":
            t.rec(n + " client", c.ask("x"))
        t.rec(n + " settled", [t.wait_state(n + ".service", settled[n]), t.wait_state(n + ".socket", {"active/running": "active/running", "active/exited": "active/running"}.get(settled[n], "failed" if n == "condition" else "active/listening"))])
        t.rec(n + " stop", [t.stop(n + ".service"), t.wait_state(n + ".service", "failed" if n == "fails" else "inactive"), t.stop(n + ".socket"), both(n)])
