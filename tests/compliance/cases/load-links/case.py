"""Aliases, links, masks, templates by links in the units directory."""
UNITS = ("a.socket", "al1.socket", "al2.socket", "t@x.socket", "ta@x.socket", "ta2@y.socket", "ti@q.socket", "plain.socket", "t@fix.socket", "mask.socket", "maskrel.socket", "linkout.socket", "outinst@z.socket", "chain1.socket", "loop1.socket", "dirlink.socket", "al.d.socket", "t@x@y.socket", "bad name.socket", ".socket", "@.socket", "@x.socket", "a:b.socket", "a\\x2db.socket", "x.y.z.socket", "t@.socket", "noinst@.socket", "tabs\tx.socket", "t@a%b.socket", "t@ü.socket", "t@a\\x2fb.socket", "t@-a-b.socket", "hidden.socket", "wrongsuffix.socket", "fifo.socket", "exec.socket", "spec@a\\x20b.socket")
def run(t):
    for u in UNITS:
        t.rec(u, [t.show(u, "Id", "Names", "LoadState", "Listen", "Description", "DropInPaths", "Triggers", "Before", "Requires"), t.start(u), t.state(u)])
    t.rec("list", t.list_sockets())
    t.rec("reload", t.daemon_reload())
    for u in UNITS:
        t.rec("again " + u, [t.show(u, "Id", "Names", "LoadState"), t.is_active(u)])
