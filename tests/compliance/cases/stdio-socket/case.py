"""StandardInput=socket and fd:NAME: what the descriptors 0, 1 and 2 are, what is passed beside them, when it fails."""
# socket-unit #157 #158 #159 #160 #161 #162 #163
P = "ExecStart=/run/oracle/probe -n {} dump "
SERVICES = {
    "all": ("yes", "StandardInput=socket\n" + P + "cat"), "error": ("yes", "StandardInput=socket\nStandardError=null\n" + P + "cat"), "error-file": ("yes", "StandardInput=socket\nStandardError=file:/run/err\n" + P + "print2 oops cat"),
    "output": ("yes", "StandardOutput=socket\n" + P + "print hello"), "output-null": ("yes", "StandardInput=socket\nStandardOutput=null\n" + P + "write 0 hello"), "error-only": ("yes", "StandardOutput=null\nStandardError=socket\n" + P + "print2 hello"),
    "nonblock": ("yes", "StandardInput=socket\nNonBlocking=yes\n" + P + "cat"), "pre": ("yes", "StandardInput=socket\nExecStartPre=/run/oracle/probe -n {} print pre\nExecStopPost=/run/oracle/probe -n {} print post\n" + P + "print main"),
    "wait": ("no", "StandardInput=socket\nExecStartPre=/run/oracle/probe -n {} dump\n" + P + "accept 0 echo c"), "fd": ("no", "StandardInput=fd:fd\n" + P + "accept 0 echo c"), "fd-both": ("no", "StandardInput=fd:fd-both\nStandardOutput=fd:fd-both\n" + P + "accept 0 echo c"),
    "fd-inherit": ("no", "StandardInput=fd:fd-inherit\nStandardOutput=inherit\n" + P + "accept 0 echo c"), "fd-none": ("no", "StandardInput=fd:nosuch\n" + P + "accept 0 echo c"), "fd-connection": ("yes", "StandardInput=fd:connection\n" + P + "write 0 hello"),
    "store": ("no", "StandardInput=socket\nFileDescriptorStoreMax=2\nNotifyAccess=main\n" + P + "open /etc/passwd notify-fd FDSTORE=1 c close c accept 0 echo c"),
}


def setup(t):
    for n, (accept, text) in SERVICES.items():
        t.unit(f"{n}.socket", f"[Socket]\nListenStream=/run/{n}\nAccept={accept}\nFileDescriptorName={n}\nTriggerLimitBurst=4\nTriggerLimitIntervalSec=1h\n")
        t.unit(f"{n}{'@' if accept == 'yes' else ''}.service", "[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=1h\n[Service]\n" + text.replace("{}", n) + "\n")
    t.unit("two.socket", "[Socket]\nListenStream=/run/two\nListenStream=/run/two.b\n")
    for n in ("two", "none"):
        t.unit(n + ".service", "[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=1h\n[Service]\nType=exec\nStandardInput=socket\nExecStart=/bin/cat\n")
    t.unit("keep.target", "[Unit]\nAfter=two.socket two.service none.service " + " ".join(f"{n}.socket {n}.service" for n, (a, _) in SERVICES.items() if a == "no") + "\n")


def run(t):
    t.start("keep.target")
    for n, (accept, _) in SERVICES.items():
        t.rec(n + " start", t.start(n + ".socket"))
        c = t.unix("/run/" + n)
        if n in ("fd-both", "fd-none"):
            t.rec(n + " fails", [t.wait_state(n + ".socket", "failed"), t.state(n + ".service")])
            continue
        t.rec(n + " client", c.recv() if n in ("output", "output-null", "error-only", "fd-connection", "pre") else c.ask("x"))
        t.rec(n + " dump", t.dump(n, sections=["env", "fds"], std=True))
        if n == "wait":
            t.rec("wait main", t.dump(n, 1, sections=["env", "fds"], std=True))
        if n == "store":
            t.rec("stored", [t.prop("store.service", "NFileDescriptorStore"), t.restart("store.service"), t.brief_fds("store", 1)])
    t.rec("error file", open("/run/err").read())
    t.rec("two", [t.start("two.socket"), t.unix("/run/two").error, t.wait_state("two.socket", "failed"), t.state("two.service")])
    # Since 255 the child ends with status 0 instead.
    t.rec("none", [t.start("none.service"), t.state("none.service")])
