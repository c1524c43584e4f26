"""not-found, masked, bad-setting, error, aliases, templates, dangling links; commands on them (socket-unit 24, 39-45, 38)."""
# socket-unit #40 #24
# socket-unit #41 #42 #43
# socket-unit #44
UNITS = ("missing.socket", "missing.service", "missing.target", "masked.socket", "masked.service", "empty.service", "bad.service", "bad.socket", "error.service", "alias.socket", "real.socket", "dangling.socket", "cross.service", "t@.socket", "t@.service", "t@i.socket",
         "t@a-b.socket", "t@.socket", "none@x.service", "nosuffix", "bad name.service", "a.nosuchtype", "x.mount", "real.timer", "talias@i.service", "instalias.service", "dir.service", "a@b@c.service", "runtime.service", "vendor.service", "low.service")


def setup(t):
    t.write("/run/systemd/system/runtime.service", "[Unit]\nDescription=run\n[Service]\nExecStart=/bin/true\n")
    t.write("/usr/lib/systemd/system/vendor.service", "[Unit]\nDescription=lib\n[Service]\nExecStart=/bin/true\n")
    for d in ("/run", "/usr/lib"):
        # socket-unit #38
        t.write(d + "/systemd/system/low.service", f"[Unit]\nDescription={d}\n[Service]\nExecStart=/bin/true\n")
        t.write(d + f"/systemd/system/low.service.d/{d[-3:]}.conf", f"[Service]\nEnvironment={d[-3:]}=1 LAST={d[-3:]}\n")
        t.write(d + "/systemd/system/low.service.d/same.conf", f"[Service]\nEnvironment=SAME={d[-3:]}\n")
    t.write("/etc/systemd/system/dir.service/x", "")


def run(t):
    for u in UNITS:
        template, alias = "@." in u, u in ("alias.socket", "real.socket")
        t.rec(u, t.show(u, "Id", "Names", "LoadState", "ActiveState", "SubState", *(["Description"] if "alias@" not in u else []), "FragmentPath", "DropInPaths", *([] if alias else ["UnitFileState"])))
        t.rec(u + " start", t.start(u))
        if u not in ("vendor.service", "runtime.service", "low.service", "talias@i.service", "bad.service"):
            t.rec(u + " is-active", t.is_active(u))
            t.rec(u + " is-failed", t.ctl("is-failed", u)[0:2])
            t.rec(u + " stop", t.stop(u))
            if t.prop(u, "LoadState") == "not-found":
                t.rec(u + " reset", t.reset_failed(u))
    t.rec("many", t.ctl("is-active", "real.service", "real.socket", "missing.service")[0:2])
    t.rec("restart missing", [t.restart("missing.service"), t.reload("missing.service"), t.ctl("try-restart", "missing.service")[0], t.ctl("try-restart", "real.service")[0], t.reload("real.service")])
    t.rec("codes", {c + " " + u: t.ctl(c, u)[0] for c in ("start", "stop", "restart", "reload", "status", "is-active", "is-failed", "show", "cat") for u in ("missing.service", "masked.service", "bad.service", "real.socket")})
