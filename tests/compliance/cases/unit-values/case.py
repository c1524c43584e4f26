"""[Unit] settings as shown, for services, sockets and targets."""
V = {
    "Description": "x %n%%", "Documentation": "man:x(1) http://x x", "StartLimitIntervalSec": "5 0 infinity x", "StartLimitBurst": "7 x", "StartLimitAction": "none x", "FailureAction": "none exit x", "SuccessAction": "none", "FailureActionExitStatus": "7 256", "CollectMode": "inactive inactive-or-failed x",
    "DefaultDependencies": "no x", "RefuseManualStart": "yes x", "RefuseManualStop": "yes", "StopWhenUnneeded": "yes", "JobTimeoutSec": "5 0 x", "RequiresMountsFor": "/x x", "ConditionPathExists": "/x x", "StartLimitInterval": "5",
}
PROPS = {"StartLimitIntervalSec": "StartLimitIntervalUSec", "StartLimitInterval": "StartLimitIntervalUSec", "JobTimeoutSec": "JobTimeoutUSec", "JobRunningTimeoutSec": "JobRunningTimeoutUSec", "ConditionPathExists": "Id", "IgnoreOnIsolate": "IgnoreOnIsolate"}
KINDS = {"service": "[Service]\nExecStart=/bin/true\n", "socket": "[Socket]\nListenStream=7001\nService=a.service\n", "target": ""}


def cells():
    i = 0
    for kind in KINDS:
        for k, vs in V.items():
            for v in ["", *vs.split(" ")]:
                yield f"v{i}.{kind}", k, v
                i += 1


def setup(t):
    for u, k, v in cells():
        t.unit(u, f"[Unit]\n{k}={v}\n" + KINDS[u.rpartition(".")[2]])
    t.unit("a.service", KINDS["service"])


def run(t):
    rows = {u: (k, v) for u, k, v in cells()}
    for kind in KINDS:
        for k in V:
            us = [u for u in rows if rows[u][0] == k and u.endswith(kind)]
            out = t.ctl("show", *us, "-p", "Id,LoadState," + PROPS.get(k, k))[1]
            for block in out.strip().split("\n\n"):
                d = sorted(" ".join(sorted(l.split())) if l.startswith(("After=", "Requires=", "Conflicts=")) else l for l in block.split("\n"))
                u = next((l for l in d if l.startswith("Id=")), "Id=?")[3:]
                t.rec(f"{kind} {k}={rows.get(u, ('', u))[1]}", [l for l in d if not l.startswith("Id=")])
