"""ListenNetlink= by word and number, with groups; which are joined; a message starts the service and is still there."""
# socket-unit #62
NET = "veth"
FAMILIES = ("route", "route 1", "route 17", "route 0x11", "0 1", "generic", "16", "kobject-uevent 1", "connector", "netfilter", "xfrm 1", "audit", "selinux 1")


def setup(t):
    for i, v in enumerate(FAMILIES):
        t.unit(f"n{i}.socket", f"[Socket]\nListenNetlink={v}\n")
        t.unit(f"n{i}.service", "[Service]\nExecStart=/bin/sleep 1h\n")
    t.unit("link.socket", "[Socket]\nListenNetlink=route 1\nReceiveBuffer=64K\nFileDescriptorName=link\n")
    t.unit("link.service", "[Service]\nExecStart=/run/oracle/probe -n link dump drain 3 log drained\n")


def run(t):
    import subprocess
    for i, v in enumerate(FAMILIES):
        u = f"n{i}.socket"
        t.rec(v, [t.prop(u, "Listen"), t.start(u), t.state(u)])
        held = t.held(lambda f: f.get("domain") == "netlink")
        numbers = {"route": 0, "0": 0, "generic": 16, "16": 16, "kobject-uevent": 15, "connector": 11, "netfilter": 12, "xfrm": 6, "audit": 9, "selinux": 7}
        mine = [f["opts"].get("groups") for f in held if f["protocol"] == numbers[v.split()[0]] and f["opts"].get("SO_REUSEADDR")]
        t.rec(v + " held", mine)
        t.stop(u)
    t.rec("link", [t.start("link.socket"), t.state("link.socket")])
    subprocess.run(["ip", "link", "set", "oc1", "down"], check=True)
    t.rec("link drained", [t.wait_log(1, "link")[-1], t.dump("link", sections=["env", "fds"])])
    t.rec("link again", t.wait_state("link.socket", "active/listening"))
