"""Three socket units for one service: the ones that listen are passed; stopping and starting one of them changes the next start only."""
# socket-unit #126
UNITS = {
    **{f"{n}.socket": f"[Socket]\nListenStream=/run/{n}\nListenDatagram=/run/{n}.d\nFileDescriptorName={n}\nService=main.service\n" for n in "abc"},
    "main.service": "[Unit]\nAfter=a.socket b.socket c.socket\n[Service]\nType=exec\nExecStart=/run/oracle/probe -n main dump pause\n",
}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def states(t):
    return [t.state(f"{n}.socket") for n in "abc"] + [t.state("main.service")]


def run(t):
    t.rec("start two", [t.start("a.socket", "b.socket"), states(t)])
    t.rec("service", [t.start("main.service"), states(t)])
    t.rec("two", t.named_fds("main", 0))
    t.rec("third is refused", [t.start("c.socket"), states(t)])
    t.rec("stop one", [t.stop("b.socket"), states(t)])
    t.rec("restart service", [t.restart("main.service"), states(t)])
    t.rec("one", t.named_fds("main", 1))
    t.rec("stop service", [t.stop("main.service"), states(t)])
    t.rec("start others", [t.start("b.socket", "c.socket"), states(t)])
    t.rec("service again", [t.start("main.service"), states(t)])
    t.rec("three", t.named_fds("main", 2))
    t.rec("restart one", [t.restart("c.socket"), states(t)])
    t.rec("triggers", [t.prop("main.service", "TriggeredBy"), t.prop("a.socket", "Triggers")])
