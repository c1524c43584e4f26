"""Names of descriptors: FileDescriptorName=, the default, specifiers, blanks; what an accepted connection is called."""
# socket-unit #151 #78
NAMES = {"default": "", "name": "web", "blank": "a b", "specifier": "%p-%%", "colon": "a:b", "umlaut": "\u00fc", "long": "n" * 255, "longer": "n" * 256, "reset": "x\nFileDescriptorName="}


def setup(t):
    for n, v in NAMES.items():
        line = f"FileDescriptorName={v}\n" if v else ""
        t.unit(f"{n}.socket", f"[Socket]\nListenStream=/run/{n}\nListenDatagram=/run/{n}.d\n{line}")
        t.unit(f"{n}.service", f"[Service]\nType=exec\nExecStart=/run/oracle/probe -n {n} dump pause\n")
        t.unit(f"a{n}.socket", f"[Socket]\nListenStream=/run/a{n}\nAccept=yes\n{line}")
        t.unit(f"a{n}@.service", f"[Service]\nExecStart=/run/oracle/probe -n a{n} dump echo 3\n")


def run(t):
    for n in NAMES:
        t.rec(n, [t.start(f"{n}.socket"), t.prop(f"{n}.socket", "FileDescriptorName"), t.start(f"{n}.service"), t.dump(n, sections=["env"])])
        t.rec(f"{n} accepted", [t.start(f"a{n}.socket"), t.unix(f"/run/a{n}").ask("x"), t.dump(f"a{n}", sections=["env"])])
