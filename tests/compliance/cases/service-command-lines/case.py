"""Command line grammar: quotes, escapes, semicolons, prefixes, what is refused (service-unit 1-14, 32, 34, 39)."""
GOOD = {
    "quotes": r"""/run/oracle/probe -n NAME dump -- "a b" 'c d' e\x20f "g"h""",
    "empty": '/run/oracle/probe -n NAME dump -- "" x',
    "escape": r"/run/oracle/probe -n NAME dump -- \a\b\n\t\\ \x41 \101 \u00e4 \U0001F600 \s",
    "bad-escape": r"/run/oracle/probe -n NAME dump -- \q \x4 \400 x",
    "semicolon": r"""/run/oracle/probe -n NAME dump -- a \; b ";" c;d ;""",
    "split": "/run/oracle/probe -n NAME dump -- a ; /run/oracle/probe -n NAME dump -- b",
    "at": "@/run/oracle/probe zero -n NAME dump -- b",
    "prefixes": "-@:+/run/oracle/probe zero -n NAME dump -- $HOME ${HOME} $$",
    "colon": ":/run/oracle/probe -n NAME dump -- $HOME ${HOME} $$",
    "plus": "+/run/oracle/probe -n NAME dump",
    "bang": "!/run/oracle/probe -n NAME dump",
    "bang-bang": "!!/run/oracle/probe -n NAME dump",
    "quoted-path": '"/run/oracle/probe" -n NAME dump -- x',
    "search": "sh -c 'exec /run/oracle/probe -n NAME dump -- \"$0\"'",
    "percent": "/run/oracle/probe -n NAME dump -- %% 5% %- %n",
    "specifier-blank": "/run/oracle/probe -n NAME dump -- %n",
    "adjacent": """/run/oracle/probe -n NAME dump -- 'a'"b"c 'it''s' "x'y" 'x"y'""",
    "comment": "/run/oracle/probe -n NAME dump -- a \\\n# comment\n; another\n   b",
    "in-quotes": '/run/oracle/probe -n NAME dump -- "x \\\n  y"',
    "two-backslashes": "/run/oracle/probe -n NAME dump -- a \\\\\nNice=3",
    "blank-after": "/run/oracle/probe -n NAME dump -- a \\ \nNice=3",
    "tabs": "/run/oracle/probe\t-n  NAME\t\tdump  --   a\tb  ",
    "dots": "/run/../run/oracle/./probe -n NAME dump",
    "slashes": "//run//oracle/probe -n NAME dump",
}
BAD = {
    "unbalanced": '/bin/echo "x', "minus-unbalanced": '-/bin/echo "x', "relative": "relative/path", "directory": "/bin/", "at-alone": "@/bin/sh",
    "bang-plus": "!+/bin/true", "plus-bang": "+!/bin/true", "minus-minus": "--/bin/true", "unknown-specifier": "/bin/echo %Z", "only-minus": "-", "nothing": "", "dotdot": "/bin/../../x/",
    "minus-relative": "-relative/path", "two": "/bin/true\nExecStart=/bin/true", "semicolon-simple": "/bin/true ; /bin/false", "reset": "/bin/true\nExecStart=", "nul-specifier-path": "/bin/%Z", "at-plus": "@+/bin/sh x",
    "triple-bang": "!!!/bin/true", "plus-plus": "++/bin/true", "too-bare": "no-such-program-anywhere", "tab-only": "\t", "quote-only": '""', "empty-quotes-arg": '"" x',
}


def setup(t):
    for n, line in GOOD.items():
        t.unit(f"{n}.service", f"[Service]\nType=oneshot\nUser=alice\nExecStart={line}\n".replace("NAME", n))
    for n, line in BAD.items():
        t.unit(f"bad-{n}.service", f"[Service]\nExecStart={line}\n")


def run(t):
    for n in GOOD:
        t.rec(n + " start", t.start(f"{n}.service"))
        t.rec(n, [t.dump(n, i, sections=["argv", "uid", "nice"], timeout=0.5) for i in range(2 if n == "split" else 1)])
    for n in BAD:
        t.rec("bad " + n, t.show(f"bad-{n}.service", "LoadState"))
        t.rec("bad start " + n, t.start(f"bad-{n}.service"))
