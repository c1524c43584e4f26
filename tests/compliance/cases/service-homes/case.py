"""WorkingDirectory=~ and HOME for users with, without and with an unusable home; standard streams in pairs (service-unit 101, 103, 107)."""
HOMES = {
    "plain": "",
    "none": "WorkingDirectory=~",
    "none-minus": "WorkingDirectory=-~",
    "alice": "User=alice\nWorkingDirectory=~",
    "nobody": "User=nobody\nWorkingDirectory=~",
    "nobody-minus": "User=nobody\nWorkingDirectory=-~",
    "root": "User=root\nWorkingDirectory=~",
    "unset": "WorkingDirectory=~\nUnsetEnvironment=HOME",
    "own": "WorkingDirectory=~\nEnvironment=HOME=/tmp",
}
STREAMS = {
    "same": "StandardInput=file:/run/x\nStandardOutput=file:/run/x",
    "kinds": "StandardOutput=truncate:/run/y\nStandardError=append:/run/y",
    "text": "StandardInputText=gone\nStandardInputText=\nStandardInputText=a\\x20b %%\nStandardOutput=file:/run/z",
    "null": "StandardInput=null\nStandardInputText=a\nStandardOutput=file:/run/n",
}


def setup(t):
    for n, text in HOMES.items():
        t.unit(n + ".service", f"[Service]\nType=oneshot\n{text}\nExecStart=/run/oracle/probe -n {n} dump\nExecStopPost=+/run/oracle/probe -n {n}-post dump\n")
    for n, text in STREAMS.items():
        t.unit(n + ".service", f"[Service]\nType=oneshot\n{text}\nExecStart=/run/oracle/probe -n {n} read 0 print out print2 err\nExecStart=/run/oracle/probe -n {n} print more\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in [*HOMES, *STREAMS]) + "\n")


def run(t):
    t.start("keep.target")
    t.write("/run/x", "input")
    t.write("/run/y", "something old\n")
    for n in HOMES:
        t.rec(n, t.start(n + ".service"))
        t.rec(n + " state", t.show(n + ".service", "Result", "ExecMainCode", "ExecMainStatus"))
        for d in (n, n + "-post"):
            t.rec(d + " seen", t.dumps(d))
            if t.dumps(d):
                t.rec_dump(d, sections=["env", "cwd"])
    for n, path in zip(STREAMS, ("/run/x", "/run/y", "/run/z", "/run/n")):
        t.rec(n, t.start(n + ".service"))
        t.rec(n + " log", t.log(n + " "))
        with open(path) as f:
            t.rec(n + " file", f.read())
