"""Who a command runs as, by prefix, User= and phase: ids, groups, capabilities, environment, limits (service-unit 107, 108)."""
BASE = "UMask=0027\nWorkingDirectory=/tmp\nLimitNOFILE=100:200\nNoNewPrivileges=yes\nCapabilityBoundingSet=CAP_NET_RAW CAP_SETUID CAP_SETGID CAP_CHOWN\nNice=3\nNotifyAccess=all\nEnvironment=A=b\n"
WHO = {
    "alice": "User=alice",
    "group": "User=alice\nGroup=disk",
    "in-root": "User=alice\nGroup=root",
    "supplementary": "User=alice\nSupplementaryGroups=disk",
    "nobody-named": "SupplementaryGroups=disk",
    "root": "User=root",
    "root-more": "User=0\nSupplementaryGroups=disk",
    "nobody": "User=nobody",
    "ambient": "User=alice\nAmbientCapabilities=CAP_NET_RAW\nSecureBits=noroot",
    "start-only": "User=alice\nPermissionsStartOnly=yes",
}
PREFIXES = {"plain": "", "plus": "+", "bang": "!", "two": "!!"}
PHASES = ("ExecStartPre", "ExecStart", "ExecStopPost")
SECTIONS = ["env", "cwd", "umask", "uid", "gid", "groups", "no_new_privs", "caps", "securebits", "nice", "rlimit:NOFILE"]


def setup(t):
    for w, text in WHO.items():
        for p, prefix in PREFIXES.items():
            commands = "".join(f"{k}={prefix}/run/oracle/probe -n {w}-{p}-{k} dump\n" for k in PHASES)
            t.unit(f"{w}-{p}.service", f"[Service]\nType=oneshot\n{BASE if w != 'nobody' else ''}{text}\n{commands}")


def run(t):
    for w in WHO:
        t.start(*[f"{w}-{p}.service" for p in PREFIXES])
        for p in PREFIXES:
            for k in PHASES:
                t.rec_dump(f"{w}-{p}-{k}", sections=SECTIONS)
