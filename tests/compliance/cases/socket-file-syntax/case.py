"""Bytes, lines and sections of a .socket file (socket-unit 1-28)."""
S = "[Socket]\n"
FILES = {
    "crlf": b"[Unit]\r\nDescription=d\r\n[Socket]\r\nListenStream=7001\r\n",  # socket-unit #1
    "cr": b"[Socket]\rListenStream=7001\rBacklog=5\r",  # socket-unit #2
    "nul": b"[Socket]\nListenStream=7001\0ListenStream=7002\n",  # socket-unit #3
    "bom": b"\xef\xbb\xbf[Socket]\nListenStream=7001\n",  # socket-unit #4
    "bom-comment": b"\xef\xbb\xbf# x\n[Socket]\nListenStream=7001\n",
    "no-newline": b"[Socket]\nListenStream=7001",  # socket-unit #5
    "trailing-comment": b"[Socket]\nListenStream=7001 # web\n",  # socket-unit #6
    "continued-number": b"[Socket]\nListenStream=700\\\n1\n",  # socket-unit #7
    "continued-empty": b"[Socket]\nListenStream=7001\\\n\nBacklog=5\n",  # socket-unit #8
    "continued-comment": b"[Unit]\nDescription=a\\\n# c\n;c\n  b\n[Socket]\nListenStream=7001\n",  # socket-unit #9
    "backslash-blank": b"[Unit]\nDescription=a \\ \n[Socket]\nListenStream=7001\n",  # socket-unit #10
    "two-backslashes": b"[Unit]\nDescription=a\\\\\n[Socket]\nListenStream=7001\n",  # socket-unit #11
    "lower-section": b"[socket]\nListenStream=7001\n",  # socket-unit #12
    "lower-key": b"[Socket]\nlistenstream=7001\n",  # socket-unit #13
    "twice": b"[Socket]\nListenStream=7001\n[Unit]\nDescription=x\n[Socket]\nListenStream=7002\n",  # socket-unit #14
    "open-section": b"[Socket]\nListenStream=7001\n[Foo\n",  # socket-unit #15
    "tab-in-section": b"[Socket\t]\nListenStream=7001\n",  # socket-unit #16
    "empty-section": b"[]\n[Socket]\nListenStream=7001\n",  # socket-unit #17
    "x-section": b"[X-Vendor]\nA=b\n[Socket]\nX-Key=1\nListenStream=7001\n",  # socket-unit #18
    "service-section": b"[Socket]\nListenStream=7001\n[Service]\nExecStart=/bin/true\n",  # socket-unit #19
    "before-section": b"Backlog=4\n[Socket]\nListenStream=7001\n",  # socket-unit #20
    "no-equals": b"[Socket]\nnoequals\n=foo\nListenStream=7001\n",  # socket-unit #21
    "bad-bytes": b"[Unit]\nDescription=\xff\xfe\n[Socket]\nListenStream=7001\n",  # socket-unit #22
    "bad-bytes-comment": b"# \xff\xfe\n[Socket]\nListenStream=7001\n",  # socket-unit #23
    "empty-file": b"",  # socket-unit #24
    "newline-file": b"\n",
    "long-line": b"[Socket]\nListenStream=7001\nX-A=" + b"a" * (1 << 20) + b"\n",  # socket-unit #25
    "long-enough": b"[Socket]\nListenStream=7001\nX-A=" + b"a" * ((1 << 20) - 100) + b"\n",
    "reset-description": b"[Unit]\nDescription=a\nDescription=\n[Socket]\nListenStream=7001\n",  # socket-unit #26
    "backlog": b"[Socket]\nListenStream=7001\nBacklog=10\nBacklog=x\n",  # socket-unit #27
    "backlog-empty": b"[Socket]\nListenStream=7001\nBacklog=10\nBacklog=\n",
    "backlog-max": b"[Socket]\nListenStream=7001\nBacklog=4294967295\n",  # socket-unit #28
    "backlog-minus": b"[Socket]\nListenStream=7001\nBacklog=-1\n",
    "backlog-hex": b"[Socket]\nListenStream=7001\nBacklog=0x10\n",
    "blanks": b"  [Socket]  \n   ListenStream   =   7001   \n\tBacklog\t=\t7\t\n",
    "equals": b"[Socket]\nListenStream==7001\nListenStream=7002\n",
    "quotes": b"[Unit]\nDescription=\"a\"  'b'\n[Socket]\nListenStream=7001\n",
    "comment-backslash": b"[Socket]\n# comment \\\nListenStream=7001\nListenStream=7002\n",
    "backslash-at-end": b"[Socket]\nListenStream=7001\\",
    "backslash-section": b"[Socket]\nListenStream=7001\\\n[Unit]\nBacklog=9\n",
    "no-ports": b"[Socket]\nBacklog=1\n",
    "only-unit": b"[Unit]\nDescription=x\n",
    "include": b".include /etc/passwd\n[Socket]\nListenStream=7001\n",
    "semicolon-value": b"[Socket]\nListenStream=7001 ;x\nListenStream=7002\n",
    "brackets-after": b"[Socket] x\nListenStream=7001\n",
}


def setup(t):
    for n, b in FILES.items():
        t.unit(f"{n}.socket", b)
        t.unit(f"{n}.service", "[Service]\nExecStart=/bin/true\n")


def run(t):
    for n in FILES:
        t.rec(n, t.show(f"{n}.socket", "LoadState", "Description", "Listen", "Backlog", "ActiveState"))
    t.rec("start error", [t.start(f"{n}.socket") for n in ("open-section", "bad-bytes", "empty-file", "newline-file", "no-ports")])
