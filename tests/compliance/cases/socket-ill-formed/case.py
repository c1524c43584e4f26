"""Ill-formed values of every [Socket] setting, after a good one: what the unit is then, and which value counts (socket-unit 1.3, 1.4)."""
import os
import re

CLASSES = ("empty", "small", "large", "wrong", "garbage", "bytes", "long")
LONG = 70000


def cells():
    with open(os.path.join(os.path.dirname(__file__), "table.txt")) as f:
        table = [line.rstrip("\n") for line in f if not line.startswith("#")]
    repeat = lambda text: re.sub(r"\{(.)\*(\d+)\}", lambda m: m[1] * int(m[2]), text).replace("\\x7f", "\x7f")
    for name, prop, good, small, large, wrong, garbage, unit in ([c.strip() for c in row.split("|")] for row in table):
        values = ("", repeat(small), repeat(large), wrong, repeat(garbage), b"\xff\xfe", unit * (LONG // len(unit)))
        for kind, value in zip(CLASSES, values):
            yield name, prop, kind, good.encode(), value if isinstance(value, bytes) else value.encode()


CELLS = list(cells())


def setup(t):
    for i, (name, _, _, good, value) in enumerate(CELLS):
        key = name.encode()
        t.unit(f"i{i}.socket", b"[Socket]\nListenStream=/run/base\n" + key + b"=" + good + b"\n" + key + b"=" + value + b"\n")
        t.unit(f"i{i}.service", "[Service]\nExecStart=/bin/true\n")
    t.unit("good.service", "[Service]\nExecStart=/bin/true\n")


def brief(line):
    return line if len(line) < 300 else f"{line[:40]}... {len(line)}"


def run(t):
    for name in dict.fromkeys(c[0] for c in CELLS):
        rows = {f"i{i}.socket": c for i, c in enumerate(CELLS) if c[0] == name}
        prop = next(iter(rows.values()))[1]
        out = t.ctl("show", *rows, "-p", ",".join(["Id", "LoadState", *([prop] if prop else [])]))[1]
        for block in out.strip().split("\n\n"):
            lines = block.split("\n")
            unit = next((line[3:] for line in lines if line.startswith("Id=")), "none")
            t.rec(f"{name} {rows[unit][2]}", sorted(brief(line) for line in lines if not line.startswith("Id=")))
