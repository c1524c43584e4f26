"""Condition…= and Assert…=: all kinds that a container can judge, negation, triggers, reset, empty values."""
C = {
    "exists": "PathExists=/etc/passwd", "exists-not": "PathExists=!/etc/passwd", "missing": "PathExists=/missing", "missing-not": "PathExists=!/missing", "glob": "PathExistsGlob=/etc/pass*", "glob-none": "PathExistsGlob=/etc/nope*", "dir": "PathIsDirectory=/etc", "dir-file": "PathIsDirectory=/etc/passwd",
    "link": "PathIsSymbolicLink=/var/run", "link-not": "PathIsSymbolicLink=/etc", "mount": "PathIsMountPoint=/proc", "mount-not": "PathIsMountPoint=/proc/self", "rw": "PathIsReadWrite=/run", "rw-not": "PathIsReadWrite=/sys", "notempty": "DirectoryNotEmpty=/etc", "empty": "DirectoryNotEmpty=/run/lock", "file": "FileNotEmpty=/etc/passwd", "file-empty": "FileNotEmpty=/dev/null",
    "exec": "FileIsExecutable=/bin/sh", "exec-not": "FileIsExecutable=/etc/passwd", "user": "User=root", "user-uid": "User=0", "user-other": "User=alice", "user-system": "User=@system", "group": "Group=root", "group-other": "Group=alice", "host": "Host=oracle", "host-glob": "Host=or*", "host-other": "Host=x", "machine": "Host=0123456789abcdef0123456789abcdef",
    "virt": "Virtualization=container", "virt-vm": "Virtualization=vm", "virt-yes": "Virtualization=yes", "virt-no": "Virtualization=!yes", "arch-native": "Architecture=native", "arch-other": "Architecture=s390", "kernel": "KernelVersion=>=3.0", "kernel-old": "KernelVersion=<3.0", "kernel-glob": "KernelVersion=*.*", "cmdline": "KernelCommandLine=nonexistentword",
    "cap": "Capability=CAP_SYS_ADMIN", "cap-bad": "Capability=CAP_NOPE", "ac": "ACPower=true", "env-none": "Environment=NOPE", "cpus": "CPUs=>=1", "cpus-many": "CPUs=>100000", "memory": "Memory=>=1M", "memory-huge": "Memory=>=1P", "cgroup": "ControlGroupController=v2",
    "boot": "FirstBoot=no", "encrypt": "Encrypted=yes", "security": "Security=selinux", "update": "NeedsUpdate=/etc", "os": "OSRelease=ID=nosuchdistribution", "relative": "PathExists=relative", "specifier": "PathExists=/etc/%P", "feature": "CPUFeature=nosuch", "empty-value": "PathExists=",
}
MIXED = {
    "two-and": "ConditionPathExists=/etc\nConditionPathExists=/missing", "trigger-or": "ConditionPathExists=|/missing\nConditionPathExists=|/etc", "trigger-none": "ConditionPathExists=|/missing\nConditionPathExists=|/missing2", "trigger-and": "ConditionPathExists=/missing\nConditionPathExists=|/etc", "trigger-not": "ConditionPathExists=|!/missing",
    "reset": "ConditionPathExists=/missing\nConditionPathExists=", "reset-all": "ConditionPathExists=/missing\nConditionUser=", "assert": "AssertPathExists=/missing", "assert-ok": "AssertPathExists=/etc", "assert-and-condition": "AssertPathExists=/missing\nConditionPathExists=/missing", "not-pipe": "ConditionPathExists=!|/missing", "blank": "ConditionPathExists=! /missing",
}


def setup(t):
    # The manager under test is PID 1 on one side only, and may read the world's `container=` there.
    t.write("/run/.containerenv", "")
    for n, text in {**{k: "Condition" + v for k, v in C.items()}, **MIXED}.items():
        t.unit(n + ".service", f"[Unit]\n{text}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n")
    t.unit("keep.target", "[Unit]\nAfter=" + " ".join(n + ".service" for n in (*C, *MIXED)) + "\n")


def run(t):
    t.start("keep.target")
    names = [*C, *MIXED]
    t.rec("plain start", t.start(*[n + ".service" for n in names if "assert" not in n]))
    for n in names:
        if "assert" in n:
            t.rec(n + " start", t.ctl("start", n + ".service")[0])
        t.rec(n, t.show(n + ".service", "ActiveState", "ConditionResult", "AssertResult", "Result"))
