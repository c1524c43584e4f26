"""Service=: other names, instances, aliases, specifiers; several sockets for one; which service is then started."""
# socket-unit #70 #71
P = "[Service]\nExecStart=/run/oracle/probe -n {} log run serve\n"
UNITS = {
    "plain.socket": "[Socket]\nListenStream=/run/plain\n", "plain.service": P.format("plain"),
    "named.socket": "[Socket]\nListenStream=/run/named\nService=other.service\n", "also.socket": "[Socket]\nListenStream=/run/also\nService=other.service\n", "other.service": P.format("other"), "named.service": P.format("named"),
    "inst.socket": "[Socket]\nListenStream=/run/inst\nService=t@of.service\n", "t@.service": P.format("t-%i"),
    "spec.socket": "[Socket]\nListenStream=/run/spec\nService=t@%p.service\n",
    "last.socket": "[Socket]\nListenStream=/run/last\nService=plain.service\nService=other.service\nService=nonsense\n",
    "bare.socket": "[Socket]\nListenStream=/run/bare\nService=t@.service\n", "bare.service": P.format("bare"),
    "tpl@.socket": "[Socket]\nListenStream=/run/tpl-%i\nService=t@x-%i.service\n", "own@.socket": "[Socket]\nListenStream=/run/own-%i\n", "own@.service": P.format("own-%i"),
}


def setup(t):
    for name, text in UNITS.items():
        t.unit(name, text)


def run(t):
    names = {"plain": "plain", "named": "named", "also": "also", "inst": "inst", "spec": "spec", "last": "last", "bare": "bare", "tpl@a": "tpl-a", "own@b": "own-b"}
    for n, path in names.items():
        u = n + ".socket"
        t.rec(n, [t.prop(u, "Triggers"), t.start(u)])
        before = len(t.log())
        t.rec(n + " echo", [t.unix("/run/" + path).ask("x"), [line for line in t.log()[before:] if line.endswith(" run")], t.state(u)])
        t.stop(t.prop(u, "Triggers"))
    t.rec("triggered by", {u: t.prop(u + ".service", "TriggeredBy") for u in ("plain", "other", "t@of", "t@spec", "bare", "t@x-a", "own@b")})
