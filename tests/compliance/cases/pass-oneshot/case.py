"""Every ExecStart= of a oneshot service gets the sockets, each with its own LISTEN_PID; the commands around them get none."""
# socket-unit #125
P = "/run/oracle/probe -n {} dump"
UNITS = {
    "a.socket": "[Socket]\nListenStream=127.0.0.1:7001\nListenStream=/run/a\nFileDescriptorName=web\n",
    "a.service": "[Service]\nType=oneshot\n"
    + "".join(f"{k}={P.format(n)}\n" for k, n in (("ExecCondition", "cond"), ("ExecStartPre", "pre"), ("ExecStart", "one"), ("ExecStartPost", "post"), ("ExecStopPost", "stop-post")))
    + "ExecStart=/run/oracle/probe -n two dump accept 3\n",
}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def run(t):
    t.rec("start", t.start("a.socket"))
    c = t.tcp("127.0.0.1:7001")
    t.rec("client", c.recv())
    for name in ("cond", "pre", "one", "two", "post", "stop-post"):
        d = t.dump(name, sections=["env"])
        t.rec(name, [{k: v for k, v in d["env"].items() if k.startswith("LISTEN")} if d != "no dump" else d, t.brief_fds(name)])
    t.rec("after", [t.wait_state("a.socket", "active/listening"), t.state("a.service"), t.dumps("one")])
