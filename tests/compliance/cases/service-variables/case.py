"""$X, ${X}, $$ and what is no variable; Environment=, files, PassEnvironment=, UnsetEnvironment= (service-unit 23-25, 35-47)."""
LINE = r"""/run/oracle/probe -n NAME dump -- """
CASES = {
    "words": "Environment=\"X=a b\"\nExecStart=" + LINE + "$X ${X} \"$X\" \"${X}\" '$X' a$X a${X}b $X/y ${X}/y",
    "unset": "ExecStart=" + LINE + "a $UNSET b ${UNSET} c a${UNSET}b",
    "dollars": "Environment=X=v\nExecStart=" + LINE + "$$ $${X} $$X $? $ ${X:-d} ${X:+d} ${X ${} $X$X ${X}${X} $1 ${1} $_ a$ $$$X",
    "inner-quotes": "Environment=\"X=p \\\"q r\\\" s\"\nExecStart=" + LINE + "$X ${X}",
    "inner-single": "Environment=\"X=p 'q r' s\\\\\\\\ t\"\nExecStart=" + LINE + "$X ${X}",
    "empty-value": "Environment=X=\nExecStart=" + LINE + "a $X b ${X} c",
    "assign": "Environment=A=1 A=2\nEnvironment=\"B=1 2\" C='3 4' \"D\"=5 E=6\\x207\nExecStart=" + LINE,
    "reset": "Environment=A=1\nEnvironment=\nEnvironment=B=2\nExecStart=" + LINE,
    "invalid": "Environment=1A=x OK=1 B A-B=2 =x \"Q=ok\" C=$B D=%n E=%%\nExecStart=" + LINE,
    "invalid-specifier": "Environment=A=%Z B=1\nExecStart=" + LINE,
    "unbalanced": "Environment=A=1 \"B=2\nExecStart=" + LINE,
    "file": "Environment=A=unit Z=unit\nEnvironmentFile=/etc/env.d/one\nExecStart=" + LINE + "${A}",
    "glob": "EnvironmentFile=/etc/env.d/*.env\nExecStart=" + LINE + "$A",
    "glob-none": "EnvironmentFile=/etc/env.d/*.nope\nExecStart=" + LINE,
    "glob-none-minus": "EnvironmentFile=-/etc/env.d/*.nope\nExecStart=" + LINE,
    "file-relative": "EnvironmentFile=etc/env.d/one\nExecStart=" + LINE,
    "file-directory": "EnvironmentFile=/etc/env.d\nExecStart=" + LINE,
    "file-directory-minus": "EnvironmentFile=-/etc/env.d\nExecStart=" + LINE,
    "file-reset": "EnvironmentFile=/missing\nEnvironmentFile=\nExecStart=" + LINE,
    "file-two": "EnvironmentFile=/etc/env.d/b.env\nEnvironmentFile=/etc/env.d/a.env\nExecStart=" + LINE,
    "file-bad-bytes": "EnvironmentFile=/etc/env.d/latin\nExecStart=" + LINE,
    "pass": "PassEnvironment=LEAKED PATH NOSUCH\nExecStart=" + LINE,
    "pass-loses": "PassEnvironment=LEAKED\nEnvironment=LEAKED=mine\nExecStart=" + LINE,
    "pass-unset": "PassEnvironment=LEAKED\nUnsetEnvironment=LEAKED\nExecStart=" + LINE,
    "unset-value": "Environment=A=1 B=1 C=1\nUnsetEnvironment=A=1 B=2 C 1X\nExecStart=" + LINE,
    "unset-base": "UnsetEnvironment=PATH INVOCATION_ID USER\nExecStart=" + LINE,
    "user": "User=alice\nExecStart=" + LINE + "$USER ${HOME} $SHELL $LOGNAME",
    "user-override": "User=alice\nEnvironment=HOME=/else USER=me PATH=/mine INVOCATION_ID=x\nExecStart=" + LINE,
    "path-program": "Environment=PATH=/nowhere\nExecStart=sh -c 'exec /run/oracle/probe -n NAME dump'",
    "search-path": "ExecSearchPath=/run/oracle:/bin\nExecStart=probe -n NAME dump",
    "search-path-none": "ExecSearchPath=/nowhere\nExecStart=sh -c 'exec /run/oracle/probe -n NAME dump'",
    "long-name": "Environment=" + "A" * 300 + "=1\nExecStart=" + LINE,
    "braces-in-path": "Environment=P=/run/oracle/probe\nExecStart=/run/oracle/probe -n ${NAME2}NAME dump -- ${P}",
    "path-variable": "Environment=P=probe\nExecStart=/run/oracle/${P} -n NAME dump",
    "locale": "Environment=LANG=C LC_ALL=C\nExecStart=" + LINE,
    "umlaut": "Environment=\"A=gr\u00fc\u00dfe\"\nExecStart=" + LINE + "$A",
    "newline": "Environment=\"A=one\\ntwo\"\nExecStart=" + LINE + "${A} $A",
}
FILE = r'''A=x "y"
B="x" y
C='a'b
D=a\
b
E="l1
l2"
F= v  
export G=1
H
I="\$x\n\"\\\`"
# comment \
; other
J=a#b
K='\$x'
L=$A
M=
N="a\
b"
O=a\tb
 P = q
1Q=x
R=a ; b
S="open
'''


def setup(t):
    for n, text in CASES.items():
        t.unit(f"{n}.service", "[Service]\nType=oneshot\n" + text.replace("NAME ", n + " ").replace("NAME'", n + "'") + "\n")
    t.write("/etc/env.d/one", FILE)
    t.write("/etc/env.d/a.env", "A=1\nONE=1\n")
    t.write("/etc/env.d/b.env", "A=2\nTWO=2\n")
    t.write("/etc/env.d/latin", b"A=1\nB=\xff\nC=3\n")


def run(t):
    for n in CASES:
        t.rec(n + " start", t.start(f"{n}.service"))
        t.rec(n, t.dump(n, sections=["argv", "env"], timeout=0.1))
        t.rec(n + " result", t.show(f"{n}.service", "LoadState", "Result"))
