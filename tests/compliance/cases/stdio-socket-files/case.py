"""Streams that name a socket in the file system are connected to it."""
import os, socket
def setup(t):
    t.unit("out.service", "[Service]\nType=oneshot\nStandardOutput=file:/run/s.sock\nExecStart=/run/oracle/probe -n out dump print hello\n")
    t.unit("append.service", "[Service]\nType=oneshot\nStandardOutput=append:/run/s.sock\nExecStart=/run/oracle/probe -n append print hello\n")
    t.unit("in.service", "[Service]\nType=oneshot\nStandardInput=file:/run/s.sock\nStandardOutput=null\nExecStart=/run/oracle/probe -n in dump read 0\n")
    t.unit("both.service", "[Service]\nType=oneshot\nStandardInput=file:/run/s.sock\nStandardOutput=file:/run/s.sock\nStandardError=file:/run/s.sock\nExecStart=/run/oracle/probe -n both dump print hello read 0\n")
    t.unit("gone.service", "[Service]\nType=oneshot\nStandardInput=file:/run/gone.sock\nExecStart=/bin/true\n")
    t.unit("keep.target", "[Unit]\nAfter=out.service append.service in.service both.service gone.service\n")
def run(t):
    t.start("keep.target")
    l = socket.socket(socket.AF_UNIX); l.bind("/run/s.sock"); l.listen(); l.settimeout(5)
    g = socket.socket(socket.AF_UNIX); g.bind("/run/gone.sock"); g.close()
    for n in ("out", "append", "in", "both"):
        j = t.bg("start", n + ".service")
        try:
            c, _ = l.accept(); c.settimeout(5)
            if n in ("in", "both"): c.sendall(b"greetings\n")
            if n == "both": t.rec(n + " got", c.recv(100).decode())
            if n in ("in", "both"): c.shutdown(socket.SHUT_WR)
            rest = b""
            while True:
                b = c.recv(100)
                if not b: break
                rest += b
            t.rec(n + " rest", rest.decode())
        except OSError as e: t.rec(n + " error", str(e))
        t.rec(n, j.wait())
        t.rec(n + " log", t.log(n + " "))
    for n in ("out", "in", "both"): t.rec_dump(n, std=True)
    t.rec("gone", t.start("gone.service"))
    t.rec("gone status", t.show("gone.service", "Result", "ExecMainCode", "ExecMainStatus"))
