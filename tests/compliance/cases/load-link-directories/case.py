"""Links in .wants, .requires and .upholds of sockets over two directories; reverse properties; what starts what."""
S = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/run/oracle/probe -n log log NAME\n"
def setup(t):
    for n in ("a", "b", "c", "d", "e", "f", "g", "h"):
        t.unit(f"{n}.socket", f"[Socket]\nListenStream=/run/dep-{n}\n")
        t.unit(f"{n}.service", S.replace("NAME", n))
    t.unit("t@.socket", "[Socket]\nListenStream=/run/dep-t-%i\n")
    t.unit("t@.service", S.replace("NAME", "t-%i"))
    t.unit("x.target", "[Unit]\nWants=a.socket\n")
    t.unit("y.target", "[Unit]\nRequires=b.socket\nAfter=b.socket\n")

def run(t):
    P = ("Wants", "Requires", "Upholds", "Requisite", "BindsTo", "PartOf")
    for u in ("a.socket", "b.socket", "c.socket", "d.socket", "t@q.socket", "x.target"):
        t.rec(u, t.show(u, *P))
    t.rec("start a", [t.start("a.socket"), [t.state(n) for n in ("a.socket", "b.service", "c.service", "d.socket", "e.service", "t@zz.service")]])
    t.rec("start t@q", [t.start("t@q.socket"), t.state("t@q.socket"), t.state("e.service"), t.state("t@q.service")])
