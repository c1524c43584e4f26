"""File grammar combinations: continuations with comments, CR, NUL, BOM, keys with odd blanks, sections in odd places, resets across drop-ins."""
S = b"[Socket]\nListenStream=/run/base\n"
F = {
 "cont-comment-end": b"[Unit]\nDescription=a \\\n# c\n[Socket]\nListenStream=/run/base\n",
 "cont-eof-comment": S + b"Backlog=1\\\n#x",
 "cont-section": b"[Socket]\nListenStream=/run/base\\\n[Unit]\nDescription=x\n",
 "cont-key": b"[Socket]\nListen\\\nStream=/run/base\nListenStream=/run/b\n",
 "cont-blank": b"[Unit]\nDescription=a\\\n   \n  b\n" + S,
 "cont-tab": b"[Unit]\nDescription=a\\\n\tb\\\n\t\tc\n" + S,
 "cont-crlf": b"[Unit]\r\nDescription=a\\\r\nb\r\n[Socket]\r\nListenStream=/run/base\r\n",
 "cont-cr": b"[Unit]\rDescription=a\\\rb\r[Socket]\rListenStream=/run/base\r",
 "cont-nul": b"[Unit]\nDescription=a\\\0b\n" + S,
 "three-backslash": b"[Unit]\nDescription=a\\\\\\\nb\n" + S,
 "bom-mid": b"[Unit]\n\xef\xbb\xbfDescription=a\n" + S,
 "bom-twice": b"\xef\xbb\xbf\xef\xbb\xbf[Unit]\nDescription=a\n" + S,
 "bom-second-line": b"#x\n\xef\xbb\xbf[Socket]\nListenStream=/run/base\n",
 "nul-end": S + b"\0", "nul-only": b"\0", "nul-in-section": b"[Soc\0ket]\nListenStream=/run/base\n",
 "lfcr": b"[Socket]\n\rListenStream=/run/base\n\rBacklog=7\n\r", "ff": b"[Socket]\n\x0cListenStream=/run/base\n", "vt": b"[Socket]\nListenStream=/run/base\nBacklog=\x0b7\n",
 "nbsp": "[Socket]\nListenStream=/run/base\n\u00a0Backlog=7\n".encode(), "latin1": S + b"[Unit]\nDescription=\xe4\n", "latin1-x": S + b"X-A=\xe4\n", "surrogate": b"[Unit]\nDescription=\xed\xa0\x80\n" + S, "noncharacter": b"[Unit]\nDescription=\xef\xbf\xbf\n" + S, "overlong": b"[Unit]\nDescription=\xc0\xaf\n" + S, "control": b"[Unit]\nDescription=a\x01b\x7f\n" + S,
 "section-blank": b"[ Socket ]\nListenStream=/run/base\n", "section-dup-case": b"[SOCKET]\n[Socket]\nListenStream=/run/base\n", "section-nested": b"[[Socket]]\nListenStream=/run/base\n", "section-comment": b"[Socket] # x\nListenStream=/run/base\n", "section-bracket": b"[Soc]ket]\nListenStream=/run/base\n", "section-quote": b"['Socket']\n" + S, "section-bs": b"[Sock\\et]\n" + S, "section-empty-x": b"[X-]\nfoo\n" + S, "section-utf8": "[Sökt]\n".encode() + S,
 "key-quote": b"[Socket]\n\"ListenStream\"=/run/x\nListenStream=/run/base\n", "key-blank": b"[Socket]\nListen Stream=/run/x\nListenStream=/run/base\n", "key-colon": b"[Socket]\nListenStream:/run/x\nListenStream=/run/base\n", "key-x-empty": S + b"X-=\nX-\n", "value-cr": b"[Unit]\nDescription=a\rBacklog=1\n" + S,
 "install-bad": S + b"[Install]\nWantedBy=\nFoo=1\nAlias=x\n", "install-only": b"[Install]\nWantedBy=sockets.target\n", "section-unit-twice": b"[Unit]\nDescription=a\n" + S + b"[Unit]\nDescription=b\n",
 "desc-quotes": b"[Unit]\nDescription='a' \"b\" \\x20c\n" + S, "desc-trail": b"[Unit]\nDescription=a   \t\n" + S, "desc-eq": b"[Unit]\nDescription=a=b=c\n" + S, "desc-long": b"[Unit]\nDescription=" + b"a" * 5000 + b"\n" + S,
 "fatal-mid": b"[Socket]\nListenStream=/run/base\nSocketUser=a b:c\nListenStream=/run/later\nBacklog=9\n", "fatal-exec": b"[Socket]\nListenStream=/run/base\nExecStartPre=\nExecStartPre=x/y\nBacklog=9\n", "exec-dash-bad": b"[Socket]\nListenStream=/run/base\nExecStartPre=-x/y\nBacklog=9\n", "exec-reset": b"[Socket]\nListenStream=/run/base\nExecStartPre=/bin/a\nExecStartPre=\nExecStartPre=/bin/b ; /bin/c\n",
 "include": b".include /etc/x\n" + S, "shebang": b"#!/bin/sh\n" + S, "semicolon": b";[Socket]\n" + S, "two-eq": b"[Socket]\nListenStream==/run/base\nListenStream=/run/b\n", "only-eq": S + b"=\n", "bare-bracket": S + b"[\n", "close-bracket": S + b"]\n", "listen-empty-first": b"[Socket]\nListenFIFO=\nListenStream=/run/base\n", "listen-blank": b"[Socket]\nListenStream=   \nListenStream=/run/base\n",
}
DROP = {"reset": b"[Socket]\nListenStream=\nListenFIFO=/run/f\n", "bad": b"[Socket]\nBacklog=3\n[oops\nBacklog=4\n", "fatal": b"[Socket]\nBacklog=3\nSocketUser=a:b\nBacklog=4\n", "utf": b"[Socket]\nBacklog=3\nX=\xff\nBacklog=4\n", "mode": b"Backlog=3\n[Socket]\nSocketMode=0600\n", "accept": b"[Socket]\nAccept=yes\n", "svc": b"[Socket]\nService=other.service\n", "desc": b"[Unit]\nDescription=\n", "nosec": b"Backlog=3\n", "empty-listen": b"[Socket]\nListenStream=\n"}
def setup(t):
    for n, b in F.items():
        t.unit(f"g-{n}.socket", b); t.unit(f"g-{n}.service", "[Service]\nExecStart=/bin/true\n")
    for n, b in DROP.items():
        t.unit(f"dr{n}.socket", b"[Unit]\nDescription=base\n[Socket]\nListenStream=/run/base\n"); t.unit(f"dr{n}.service", "[Service]\nExecStart=/bin/true\n"); t.unit(f"dr{n}.socket.d/5.conf", b)
    # Names that begin with a dot, directories, and what is no .conf.
    t.unit("dirconf.socket", S); t.unit("dirconf.socket.d/a.conf/x", "x"); t.unit("dirconf.socket.d/.hidden.conf", "[Socket]\nBacklog=4\n"); t.unit("dirconf.socket.d/b.conf~", "[Socket]\nBacklog=5\n"); t.unit("dirconf.socket.d/é.conf", "[Socket]\nSocketMode=0611\n"); t.unit("dirconf.service", "[Service]\nExecStart=/bin/true\n")
    t.unit("other.service", "[Service]\nExecStart=/bin/true\n")
def run(t):
    for n in [*(f"g-{x}" for x in F), *(f"dr{x}" for x in DROP), "dirconf"]:
        t.rec(n, t.show(f"{n}.socket", "LoadState", "Description", "Listen", "Backlog", "SocketMode", "Accept", "Triggers", "DropInPaths", "ExecStartPre", "Names"))
