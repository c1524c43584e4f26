"""The manager runs out of descriptors while a client waits: under 252 the socket fails (porterd on its own rests and tries again)."""
# socket-unit #154
UNITS = {
    "a.socket": "[Socket]\nListenStream=/run/a\nAccept=yes\n", "a@.service": "[Service]\nExecStart=/run/oracle/probe -n a echo 3\n",
    "b.socket": "[Socket]\nListenStream=/run/b\n", "b.service": "[Service]\nExecStart=/run/oracle/probe -n b serve\n",
}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def run(t):
    import resource
    t.rec("start", t.start("a.socket", "b.socket"))
    soft, hard = resource.prlimit(t.manager_pid, resource.RLIMIT_NOFILE)
    resource.prlimit(t.manager_pid, resource.RLIMIT_NOFILE, (3, hard))
    c = t.unix("/run/a")
    t.rec("client", c.recv())
    resource.prlimit(t.manager_pid, resource.RLIMIT_NOFILE, (soft, hard))
    t.rec("state", [t.wait_state("a.socket", "failed"), t.counters("a.socket"), t.unix("/run/a").error])
    t.rec("other", [t.state("b.socket"), t.unix("/run/b").ask("x")])
    t.rec("again", [t.start("a.socket"), t.unix("/run/a").ask("y")])
