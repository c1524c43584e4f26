"""ExecStartPre= and the like: prefixes, words, variables, specifiers, several on a line, what they run as and in."""
# socket-unit #108 #119 #115
P = "/run/oracle/probe -n {} dump"
H = {
    "plain": P, "at": "@" + P.replace("probe ", "probe other-name ").replace(" other-name", " zero"), "colon": ":" + P + " -- $HOME ${A} $$", "dollar": P + " -- $A ${A} '$A b' $$ %% %n %p %t ${NOPE} $NOPE",
    "user": P, "plus": "+" + P, "bang": "!" + P, "minus": "-/nonexistent", "two": P + " ; " + P + " -- second", "quoted": P + " -- 'a b' \"c d\" e\\sf \\x41 \\101",
    "false": "/bin/false", "minus-false": "-/bin/false", "shell": "/bin/sh -c 'echo $$A > /run/shell-out'", "relative-name": "true",
}
MORE = {"user": "User=alice\nGroup=users\nSupplementaryGroups=staff", "plus": "User=alice\nNoNewPrivileges=yes", "bang": "User=alice", "dollar": "Environment=A=1\\x202\nEnvironment=\"B=x y\"", "colon": "Environment=A=1", "shell": "Environment=A=from-env",
        "plain": "UMask=0077\nWorkingDirectory=/tmp\nLimitNOFILE=123\nNice=3\nOOMScoreAdjust=55\nEnvironmentFile=-/nope\nPassEnvironment=TERM"}


def setup(t):
    for n, line in H.items():
        command = line.replace("{}", n)
        t.unit(f"{n}.socket", f"[Socket]\nListenStream=/run/h/{n}\nExecStartPost={command}\n{MORE.get(n, '')}\n")
        t.unit(f"{n}.service", "[Service]\nExecStart=/bin/true\n")
    t.unit("order.socket", "[Socket]\nListenStream=/run/h/order\n" + "".join(f"{k}=/run/oracle/probe -n order log {k}-{i}\n" for i in (1, 2) for k in ("ExecStopPost", "ExecStartPost", "ExecStopPre", "ExecStartPre")))
    t.unit("order.service", "[Service]\nExecStart=/bin/true\n")
    t.unit("reset.socket", "[Socket]\nListenStream=/run/h/reset\nExecStartPre=/bin/false\nExecStartPre=\nExecStartPre=/run/oracle/probe -n reset log only\n")
    t.unit("reset.service", "[Service]\nExecStart=/bin/true\n")


def run(t):
    for n in H:
        t.rec(n, [t.start(f"{n}.socket"), t.state(f"{n}.socket")])
        for i in range(t.dumps(n)):
            d = t.dump(n, i, extra=["caps", "rlimit:NOFILE", "nice", "oom_score_adj", "cgroup"])
            # systemd gives a command that stays root the groups of User= on the way to looking them up; nobody asked for that.
            if n in ("plus", "bang"):
                d.pop("groups")
            t.rec(f"{n} dump {i}", d)
    t.rec("shell", open("/run/shell-out").read())
    t.rec("order", [t.start("order.socket"), t.stop("order.socket"), t.log("order")])
    t.rec("reset", [t.start("reset.socket"), t.log("reset"), t.state("reset.socket")])
