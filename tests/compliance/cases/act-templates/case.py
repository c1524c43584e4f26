"""Accept=yes: templates that change, are masked, have conditions, types, restarts, dependencies; what instances are called and do."""
def setup(t):
    T = {"cond": "[Unit]\nConditionPathExists=/nosuch\n[Service]\nExecStart=/run/oracle/probe -n cond echo 3\n",
     "assert": "[Unit]\nAssertPathExists=/nosuch\n[Service]\nExecStart=/run/oracle/probe -n assert echo 3\n",
     "oneshot": "[Service]\nType=oneshot\nExecStart=/run/oracle/probe -n oneshot echo 3\n",
     "forking": "[Service]\nType=forking\nExecStart=/run/oracle/probe -n forking fork [ echo 3 ]\n",
     "notify": "[Service]\nType=notify\nExecStart=/run/oracle/probe -n notify ready echo 3\n",
     "pre": "[Service]\nExecStartPre=/bin/false\nExecStart=/run/oracle/probe -n pre echo 3\n",
     "restart": "[Service]\nRestart=on-failure\nRestartSec=50ms\nStartLimitBurst=3\nExecStart=/run/oracle/probe -n restart log run exit 1\n[Unit]\nStartLimitBurst=3\n",
     "remain": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/run/oracle/probe -n remain echo 3\n",
     "reqf": "[Unit]\nRequires=nosuch.service\nAfter=nosuch.service\n[Service]\nExecStart=/run/oracle/probe -n reqf echo 3\n",
     "conf": "[Unit]\nConflicts=other.service\n[Service]\nExecStart=/run/oracle/probe -n conf echo 3\n",
     "collect": "[Unit]\nCollectMode=inactive-or-failed\n[Service]\nExecStart=/bin/false\n",
     "desc": "[Unit]\nDescription=d %i %p %n\n[Service]\nExecStart=/run/oracle/probe -n desc echo 3\n",
     "refuse": "[Unit]\nRefuseManualStart=yes\n[Service]\nExecStart=/run/oracle/probe -n refuse echo 3\n", "dash": "[Service]\nExecStart=-/nonexistent\n", "miss": "[Service]\nExecStart=/nonexistent\n",
     "chg": "[Service]\nExecStart=/run/oracle/probe -n chg log one echo 3\n", "gone": "[Service]\nExecStart=/run/oracle/probe -n gone echo 3\n"}
    for n, s in T.items():
        t.unit(n + "@.service", s)
        t.unit(n + ".socket", f"[Socket]\nListenStream=/run/{n}\nAccept=yes\n")
    t.unit("other.service", "[Service]\nExecStart=/bin/sleep 100\n")
    t.unit("chg@.service.d/x.conf", "[Service]\nEnvironment=A=%i\n")
def run(t):
    t.start("other.service")
    for n in ("cond", "assert", "oneshot", "forking", "notify", "pre", "restart", "remain", "reqf", "conf", "collect", "desc", "refuse", "dash", "miss", "chg", "gone"):
        u = n + ".socket"
        t.start(u)
        c = t.unix("/run/" + n)
        r = c.ask("x")
        i = f"{n}@0-2-0.service"
        if n == "restart":
            t.wait(lambda: len(t.log("restart")) >= 3 or None)
            t.wait_state(i, "failed")
        if r != "x": t.wait(lambda: (lambda s: s if not s.startswith("activ") else None)(t.state(i)))
        out = [r, t.state(u), t.counters(u), t.show(i, "LoadState", "ActiveState", "SubState", "Result", "Description", "Slice", "TriggeredBy", "CollectMode")]
        if n == "conf": out.append(t.state("other.service"))
        if n in ("chg", "gone"):
            if n == "chg": t.unit("chg@.service", "[Service]\nExecStart=/run/oracle/probe -n chg log two echo 3\n")
            else: t.rm("/etc/systemd/system/gone@.service")
            out += [t.daemon_reload(), c.ask("y"), t.counters(u), t.show(i, "LoadState", "ActiveState")]
            d = t.unix("/run/" + n)
            out += [d.ask("z"), t.log("chg") if n == "chg" else t.wait_state(u, "failed"), t.counters(u)]
            d.close()
        c.close()
        out += [t.stop(u), t.state(u)]
        t.rec(n, out)
