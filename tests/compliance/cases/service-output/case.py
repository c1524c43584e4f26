"""StandardInput=, StandardOutput=, StandardError= in all their forms (service-unit 95-103, 144; socket-unit 157-163)."""
S = {
    "file": "StandardOutput=file:/run/out/file\nExecStart=/run/oracle/probe -n NAME print one\\n\nExecStart=/run/oracle/probe -n NAME print 2",
    "append": "StandardOutput=append:/run/out/append\nStandardError=append:/run/out/append\nExecStart=/run/oracle/probe -n NAME print one\\n print2 two\\n print three\\n",
    "truncate": "StandardOutput=truncate:/run/out/truncate\nExecStart=/run/oracle/probe -n NAME print one\\n\nExecStart=/run/oracle/probe -n NAME print 2",
    "same-file": "StandardOutput=file:/run/out/same\nStandardError=file:/run/out/same\nExecStart=/run/oracle/probe -n NAME print one print2 two print three",
    "umask": "User=alice\nUMask=0027\nStandardOutput=file:/run/out/umask\nExecStart=/bin/echo hello",
    "relative": "StandardOutput=file:out\nExecStart=/bin/echo x",
    "input": "StandardInput=file:/run/out/in\nStandardOutput=file:/run/out/copy\nExecStart=/bin/cat",
    "inout": "StandardInput=file:/run/out/inout\nStandardOutput=inherit\nExecStart=/run/oracle/probe -n NAME print XX",
    "text": "StandardInputText=a\nStandardInputText=b %n\\tc\nStandardInputData=YmMK\nStandardOutput=file:/run/out/text\nExecStart=/bin/cat",
    "text-null": "StandardInput=null\nStandardInputText=a\nStandardOutput=file:/run/out/text-null\nExecStart=/bin/cat",
    "data": "StandardInput=data\nStandardOutput=file:/run/out/data\nExecStart=/bin/cat",
    "data-bad": "StandardInput=data\nStandardInputData=!!!\nStandardOutput=file:/run/out/data-bad\nExecStart=/bin/cat",
    "null": "StandardOutput=null\nStandardError=inherit\nExecStart=/run/oracle/probe -n NAME dump",
    "error-only": "StandardError=file:/run/out/err\nExecStart=/run/oracle/probe -n NAME print2 err print out",
    "error-inherit": "StandardOutput=file:/run/out/both\nStandardError=inherit\nExecStart=/run/oracle/probe -n NAME print2 err print out",
    "output-only": "StandardOutput=file:/run/out/outonly\nExecStart=/run/oracle/probe -n NAME print2 err print out",
    "specifier": "StandardOutput=file:/run/out/%p.%%\nExecStart=/bin/echo x",
    "tty": "StandardInput=tty\nTTYPath=/dev/nonexistent\nExecStart=/bin/true",
    "directory": "StandardOutput=file:/run\nExecStart=/bin/true",
    "missing-in": "StandardInput=file:/run/out/none\nExecStart=/bin/true",
    "bad-word": "StandardOutput=nonsense\nStandardInput=nonsense\nExecStart=/bin/true",
    "reset": "StandardOutput=file:/run/out/reset\nStandardOutput=\nExecStart=/bin/echo x",
}


def setup(t):
    for n, text in S.items():
        t.unit(n + ".service", "[Service]\nType=oneshot\n" + text.replace("NAME", n) + "\n")
    t.write("/run/out/in", "from file\n")
    t.write("/run/out/inout", "0123456789")
    t.write("/run/out/file", "old contents of the file")
    t.write("/run/out/truncate", "old contents of the file")
    t.write("/run/out/append", "old\n")


def read(p):
    try:
        return open(p).read()
    except OSError as e:
        return e.errno


def run(t):
    for n in S:
        t.rec(n + " start", t.start(n + ".service"))
        t.rec(n, t.show(n + ".service", "LoadState", "Result", "StandardInput", "StandardOutput", "StandardError"))
    for f in ("file", "append", "truncate", "same", "umask", "copy", "inout", "text", "text-null", "data", "data-bad", "err", "both", "outonly", "specifier.%", "reset"):
        t.rec("contents " + f, [read("/run/out/" + f), t.node("/run/out/" + f)])
    t.rec("null", t.dump("null", sections=["fds"], std=True))
