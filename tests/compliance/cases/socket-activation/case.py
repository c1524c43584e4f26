"""Accept=no: who is started when, what both units say, stop, restart, start while the service runs (socket-unit 109, 126-136, 138-141)."""
U = ("run", "hand", "exits", "cond", "remain", "shut", "fail", "stopper")


def both(t, n):
    return [t.state(n + ".socket"), t.state(n + ".service")]


def run(t):
    t.start("keep.target")
    t.rec("start", t.start(*[n + ".socket" for n in U]))
    t.rec("run", t.unix("/run/run").ask("x"))
    t.rec("run states", both(t, "run"))
    t.rec("start socket again", t.start("run.socket"))
    t.rec("stop socket", [t.stop("run.socket"), *both(t, "run")])
    # socket-unit #139
    t.rec("start socket while it runs", [t.start("run.socket"), *both(t, "run")])
    t.rec("client then", t.unix("/run/run").error)
    t.rec("stop service", [t.stop("run.service"), t.start("run.socket"), *both(t, "run")])
    t.rec("run again", t.unix("/run/run").ask("y"))
    # socket-unit #140
    t.rec("restart socket", [t.restart("run.socket"), *both(t, "run")])
    # socket-unit #127
    t.rec("hand", [t.start("hand.service"), *both(t, "hand")])
    t.rec("hand fds", t.brief_fds("hand"))
    t.rec("hand stop", [t.stop("hand.service"), *both(t, "hand")])
    t.rec("alone", [t.stop("hand.socket"), t.start("hand.service"), *both(t, "hand")])
    # socket-unit #128
    t.rec("alone env", {k: v for k, v in t.dump("hand", 1)["env"].items() if k.startswith("LISTEN")})
    t.rec("start socket then", [t.start("hand.socket"), *both(t, "hand")])
    c = t.unix("/run/exits")
    # socket-unit #129
    t.rec("exits", [t.wait_state("exits.socket", "failed"), t.wait_state("exits.service", "failed"), t.log("exits")])
    t.rec("exits client", [c.recv(), t.unix("/run/exits").error])
    t.rec("exits start", [t.start("exits.socket"), t.state("exits.socket")])
    t.unix("/run/exits")
    t.rec("exits again", t.wait_state("exits.socket", "failed"))
    t.rec("exits reset", [t.reset_failed("exits.socket", "exits.service"), t.start("exits.socket"), *both(t, "exits")])
    t.unix("/run/cond")
    # socket-unit #131
    t.rec("condition", [t.wait_state("cond.socket", "failed"), t.state("cond.service"), t.prop("cond.service", "ConditionResult")])
    # socket-unit #135
    t.rec("remain", [t.unix("/run/remain").error, t.wait_state("remain.service", "active/exited"), t.state("remain.socket"), t.unix("/run/remain").error])
    t.hold(0.2)
    t.rec("remain log", t.log("remain"))
    t.rec("remain stop", [t.stop("remain.socket", "remain.service"), *both(t, "remain")])
    t.unix("/run/shut")
    # socket-unit #136
    t.rec("shutdown", [t.wait_state("shut.socket", "failed"), t.state("shut.service")])
    t.unix("/run/fail")
    t.rec("fails once", [t.wait_state("fail.service", "failed"), t.wait_state("fail.socket", "active/listening")])
    c = t.unix("/run/stopper")
    t.wait_log(1, "stopper")
    # socket-unit #134
    t.rec("stop with a client in the queue", t.stop("stopper.service"))
    t.rec("starts at once", t.wait_log(2, "stopper"))
    # socket-unit #109
    t.rec("missing service", [t.start("missing.socket"), t.state("missing.socket")])
    t.rec("masked service", [t.start("masked.socket"), t.state("masked.socket")])
    t.rec("first the service", [t.start("pull.service"), t.state("pull.socket"), t.brief_fds("pull")])
    t.rec("stop pulled", [t.stop("pull.socket"), t.state("pull.service")])
