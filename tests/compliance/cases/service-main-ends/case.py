"""The main process ends, well or not, while a command of a start, reload or stop still runs (service-unit 90)."""
W = "wait-file /run/oracle/gate/"
def p(n, *a): return f"/run/oracle/probe -n {n} " + " ".join(a)
U = {}
for code in ("0", "3"):
    for rem in ("", "remain"):
        for rst in ("", "restart"):
            U[f"reload-{code}-{rem}-{rst}"] = ("reload", code, rem, rst)
            U[f"post-{code}-{rem}-{rst}"] = ("post", code, rem, rst)
            U[f"stop-{code}-{rem}-{rst}"] = ("stop", code, rem, rst)
            U[f"postfail-{code}-{rem}-{rst}"] = ("postfail", code, rem, rst)
            U[f"reloadfail-{code}-{rem}-{rst}"] = ("reloadfail", code, rem, rst)
def setup(t):
    for n, (k, code, rem, rst) in U.items():
        x = f"Type=notify\nExecStart={p(n, 'log', 'start', 'ready', W + n + '-main', 'log', 'mainend', 'exit', code)}\n"
        end = "exit 4" if k.endswith("fail") else "exit 0"
        if k.startswith("reload"): x += f"ExecReload={p(n, 'log reload', W + n + '-ctl', end)}\n"
        if k.startswith("post"): x += f"ExecStartPost={p(n, 'log post', W + n + '-ctl', end)}\n"
        if k.startswith("stop"): x += f"ExecStop={p(n, 'log stop', W + n + '-ctl', end)}\n"
        else: x += f"ExecStop={p(n, 'log stop logenv MAINPID')}\n"
        x += f"ExecStopPost={p(n, 'log stoppost logenv SERVICE_RESULT logenv EXIT_STATUS')}\n"
        if rem: x += "RemainAfterExit=yes\n"
        if rst: x += "Restart=always\nRestartSec=1h\n"
        t.unit(n + ".service", "[Service]\n" + x)
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in U) + "\n")
P = ("ActiveState","SubState","Result","ExecMainCode","ExecMainStatus","NRestarts")
def run(t):
    running = [n for n in U if not U[n][0].startswith("post")]
    t.start("keep.target", *[n + ".service" for n in running])
    jobs = {n: t.bg({"s": "stop", "r": "reload", "p": "start"}[U[n][0][0]], n + ".service") for n in U}
    for n in U:
        t.wait_log(2, n + " ")
        t.write(f"/run/oracle/gate/{n}-main", "")
    for n in U:
        t.wait(lambda: f"{n} mainend" in t.log(n + " ") and t.prop(n + ".service", "MainPID") == "0")
        t.rec(n + " between", t.show(n + ".service", *P))
        t.write(f"/run/oracle/gate/{n}-ctl", "")
    for n in U:
        u = n + ".service"
        t.rec(n + " job", jobs[n].wait())
        t.wait(lambda: t.prop(u, "SubState") in ("dead", "failed", "exited", "auto-restart"))
        t.rec(n, t.show(u, *P))
        t.rec(n + " log", t.log(n + " "))
    t.stop(*[n + ".service" for n in U])
    t.rec("stopped", {n: t.show(n + ".service", *P) for n in U})
