"""Processes that cannot be made (the environment file is gone), in every phase, as first or further command (service-unit 43)."""
def p(n, what, *acts): return f"/run/oracle/probe -n {n} log {what} " + " ".join(acts)
U = {
 "none": ("", lambda n: f"ExecStart={p(n,'start','pause')}\nExecStopPost={p(n,'post')}\n"),
 "pre": ("", lambda n: f"ExecStartPre={p(n,'pre')}\nExecStart={p(n,'start','pause')}\nExecStopPost={p(n,'post')}\n"),
 "pre2": ("x", lambda n: f"ExecStartPre={p(n,'pre','rm','/run/oracle/gate/env')}\nExecStartPre={p(n,'pre2')}\nExecStart={p(n,'start','pause')}\nExecStop={p(n,'stop')}\nExecStopPost={p(n,'post')}\n"),
 "cond": ("", lambda n: f"ExecCondition={p(n,'cond')}\nExecStart={p(n,'start','pause')}\nExecStopPost={p(n,'post')}\n"),
 "cond2": ("x", lambda n: f"ExecCondition={p(n,'cond','rm','/run/oracle/gate/env')}\nExecCondition={p(n,'cond2')}\nExecStart={p(n,'start','pause')}\nExecStopPost={p(n,'post')}\n"),
 "cond3": ("x", lambda n: f"ExecCondition={p(n,'cond','rm','/run/oracle/gate/env')}\nExecStart={p(n,'start','pause')}\nExecStopPost={p(n,'post')}\n"),
 "one": ("x", lambda n: f"Type=oneshot\nExecStart={p(n,'start','rm','/run/oracle/gate/env')}\nExecStart={p(n,'start2')}\nExecStop={p(n,'stop')}\nExecStopPost={p(n,'post')}\n"),
 "onepost": ("x", lambda n: f"Type=oneshot\nRemainAfterExit=yes\nExecStart={p(n,'start','rm','/run/oracle/gate/env')}\nExecStartPost={p(n,'spost')}\nExecStop={p(n,'stop')}\nExecStopPost={p(n,'post')}\n"),
 "post": ("x", lambda n: f"Type=notify\nExecStart={p(n,'start','rm','/run/oracle/gate/env','on','TERM','0','ready','pause')}\nExecStartPost={p(n,'spost')}\nExecStop={p(n,'stop')}\nExecStopPost={p(n,'post')}\n"),
 "post2": ("x", lambda n: f"Type=notify\nNotifyAccess=all\nExecStart={p(n,'start','on','TERM','0','ready','pause')}\nExecStartPost={p(n,'spost','rm','/run/oracle/gate/env')}\nExecStartPost={p(n,'spost2')}\nExecStop={p(n,'stop')}\nExecStopPost={p(n,'post')}\n"),
 "stop": ("x", lambda n: f"Type=notify\nExecStart={p(n,'start','rm','/run/oracle/gate/env','on','TERM','0','ready','pause')}\nExecStop={p(n,'stop')}\n"),
 "stoppost": ("x", lambda n: f"Type=notify\nExecStart={p(n,'start','rm','/run/oracle/gate/env','on','TERM','0','ready','pause')}\nExecStopPost={p(n,'post')}\n"),
 "stop2": ("x", lambda n: f"Type=notify\nExecStart={p(n,'start','on','TERM','0','ready','pause')}\nExecStop={p(n,'stop','rm','/run/oracle/gate/env')}\nExecStop={p(n,'stop2')}\n"),
 "stoppost2": ("x", lambda n: f"Type=notify\nExecStart={p(n,'start','on','TERM','0','ready','pause')}\nExecStopPost={p(n,'post','rm','/run/oracle/gate/env')}\nExecStopPost={p(n,'post2')}\nRestart=always\n"),
 "reload": ("x", lambda n: f"Type=notify\nExecStart={p(n,'start','rm','/run/oracle/gate/env','on','TERM','0','ready','pause')}\nExecReload={p(n,'reload')}\n"),
 "reload2": ("x", lambda n: f"Type=notify\nExecStart={p(n,'start','on','TERM','0','ready','pause')}\nExecReload={p(n,'reload','rm','/run/oracle/gate/env')}\nExecReload={p(n,'reload2')}\n"),
 "fork": ("", lambda n: f"Type=forking\nExecStart={p(n,'start')}\nExecStopPost={p(n,'post')}\n"),
 "restart": ("", lambda n: f"Restart=on-failure\nRestartSec=10ms\nExecStartPre={p(n,'pre')}\nExecStart={p(n,'start')}\n"),
 "restartcond": ("", lambda n: f"Restart=on-failure\nRestartSec=10ms\nExecCondition={p(n,'pre')}\nExecStart={p(n,'start')}\n"),
}
def setup(t):
    for n, (g, f) in U.items():
        t.unit(n + ".service", f"[Service]\nEnvironmentFile=/run/oracle/gate/{n}\n" + f(n).replace("/gate/env", f"/gate/{n}"))
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in U) + "\n")
def run(t):
    P = ("ActiveState","SubState","Result","ExecMainCode","ExecMainStatus","NRestarts")
    t.start("keep.target")
    for n, (g, f) in U.items():
        u = n + ".service"
        if g: t.write(f"/run/oracle/gate/{n}", "A=1\n")
        t.rec(n + " start", t.start(u))
        t.wait(lambda: t.prop(u, "SubState") in ("running", "failed", "dead", "exited"))
        if n.startswith("restart"): t.wait(lambda: t.show(u, "ActiveState", "NRestarts") == {"ActiveState": "failed", "NRestarts": "5"})
        t.rec(n, t.show(u, *P))
        if n.startswith("reload"):
            t.rec(n + " reload", t.reload(u))
            t.rec(n + " reloaded", t.show(u, *P))
        t.rec(n + " stop", t.stop(u))
        t.rec(n + " stopped", t.show(u, *P))
        t.rec(n + " log", t.log(n + " "))
