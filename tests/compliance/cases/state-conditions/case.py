"""Conditions and assertions of a socket: the start succeeds or fails, the unit stays as it was."""
# socket-unit #112
UNITS = {
    "unmet.socket": "[Unit]\nConditionPathExists=/missing\n[Socket]\nListenStream=/run/unmet\nExecStartPre=/run/oracle/probe -n unmet log pre\n",
    "met.socket": "[Unit]\nConditionPathExists=/etc\n[Socket]\nListenStream=/run/met\n",
    "assert.socket": "[Unit]\nAssertPathExists=/missing\n[Socket]\nListenStream=/run/assert\n",
    "needs.socket": "[Unit]\nRequires=assert.socket\nAfter=assert.socket\n[Socket]\nListenStream=/run/needs\n",
    "wants.socket": "[Unit]\nWants=assert.socket\nAfter=assert.socket\n[Socket]\nListenStream=/run/wants\n",
    "later.socket": "[Unit]\nConditionPathExists=/run/later-file\n[Socket]\nListenStream=/run/later\n",
    "keep.target": "[Unit]\nAfter=unmet.socket met.socket assert.socket later.socket\n",
}
UNITS |= {u.replace(".socket", ".service"): "[Service]\nExecStart=/bin/true\n" for u in UNITS if u.endswith(".socket")}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def run(t):
    t.start("keep.target")
    for n in ("unmet", "met", "assert", "needs", "wants", "later"):
        u = n + ".socket"
        t.rec(n, [t.ctl("start", u)[0], t.state(u), t.show(u, "ConditionResult", "AssertResult"), t.node("/run/" + n), t.is_active(u)])
    t.write("/run/later-file", "")
    t.rec("later met", [t.start("later.socket"), t.state("later.socket"), t.prop("later.socket", "ConditionResult")])
    t.rm("/run/later-file")
    # What runs is not asked again; a restart asks.
    t.rec("start again", [t.start("later.socket"), t.state("later.socket")])
    t.rec("restart", [t.restart("later.socket"), t.state("later.socket"), t.node("/run/later")])
    t.rec("hooks of the unmet", t.log("unmet"))
