"""Programs that people put behind sockets: OpenSSH, git, gunicorn, uuidd."""

import os
import re
import shutil
import subprocess

from world import CACHE, Skip, ask, local, need, need_root

SYSTEMD_UNITS = next((d for d in ("/lib/systemd/system", "/usr/lib/systemd/system") if os.path.isdir(d)), "/usr/lib/systemd/system")


def run(*words, **how):
    """A command that has to succeed; returns its output."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, **how)
    assert done.returncode == 0, f"{' '.join(words)}: status {done.returncode}: {done.stderr.strip()[-800:]}"
    return done.stdout


def keys(t):
    """Host key, user key and authorized_keys in the journey's directory."""
    for name in ("host", "user"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{t.place}/{name}")
    shutil.copy(f"{t.place}/user.pub", f"{t.place}/authorized")
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    return (f"-o HostKey={t.place}/host -o AuthorizedKeysFile={t.place}/authorized -o StrictModes=no -o UsePAM=no "
            "-o PermitRootLogin=yes -o PidFile=none")


def ssh(t, port, *command):
    """The real client, with only the journey's key."""
    return run("ssh", "-F", "none", "-i", f"{t.place}/user", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
               "-o", f"UserKnownHostsFile={t.place}/known", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-p", str(port), "root@127.0.0.1", *command)


def journey_ssh_per_connection(t):
    """sshd -i, one per connection, as ssh@.service does it."""
    need("ssh", "sshd", "ssh-keygen")
    need_root()
    options = keys(t)
    t.unit("ssh.socket", "[Unit]\nBefore=sockets.target\nConditionPathExists=!/etc/ssh/sshd_not_to_be_run\n"
                         "[Socket]\nListenStream=127.0.0.1:6022\nAccept=yes\n[Install]\nWantedBy=sockets.target\n")
    t.unit("ssh@.service", "[Unit]\nDescription=OpenBSD Secure Shell server per-connection daemon\nAfter=auditd.service\n"
                           f"[Service]\nEnvironmentFile=-/etc/default/ssh\nExecStart=-/usr/sbin/sshd -i $SSHD_OPTS {options}\n"
                           "StandardInput=socket\nRuntimeDirectory=sshd\nRuntimeDirectoryPreserve=yes\nRuntimeDirectoryMode=0755\n")
    t.porterd()
    assert ssh(t, 6022, "echo", "through", "$SSH_CONNECTION").startswith("through 127.0.0.1 ")
    big = ssh(t, 6022, "head -c 3000000 /dev/zero | tr '\\0' x")
    assert len(big) == 3_000_000


def journey_ssh_with_debians_own_units(t):
    """ssh.socket and ssh.service as openssh-server ships them; a drop-in moves the port and names the journey's keys."""
    need("ssh", "sshd", "ssh-keygen")
    need_root()
    shipped = f"{SYSTEMD_UNITS}/ssh.socket"
    if not os.path.exists(shipped):
        raise Skip(f"openssh-server ships no {shipped}")
    options = keys(t)
    services = [n for n in ("ssh.service", "ssh@.service") if os.path.exists(f"{SYSTEMD_UNITS}/{n}")]
    for n in ("ssh.socket", *services):
        shutil.copy(f"{SYSTEMD_UNITS}/{n}", t.units)
        if n != "ssh.socket":
            t.file(f"units/{n}.d/journey.conf", f"[Service]\nEnvironmentFile=\nEnvironment='SSHD_OPTS={options}'\n")
    t.file("units/ssh.socket.d/port.conf", "[Socket]\nListenStream=\nListenStream=127.0.0.1:6022\n")
    p = t.porterd(args=("ssh.socket",))
    assert ssh(t, 6022, "echo", "hello") == "hello\n"
    assert ssh(t, 6022, "echo", "again") == "again\n"
    p.ok("stop", "ssh.socket")


def journey_git_daemon_inetd(t):
    """git daemon --inetd behind Accept=yes: clone, and fetch what is new."""
    need("git")
    env = dict(os.environ, HOME=t.place, GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@b", GIT_COMMITTER_NAME="a",
               GIT_COMMITTER_EMAIL="a@b")
    run("git", "init", "-q", "-b", "main", f"{t.place}/src", env=env)
    for n in range(3):
        t.file(f"src/file{n}", "text\n" * 20000)
        run("git", "-C", f"{t.place}/src", "add", ".", env=env)
        run("git", "-C", f"{t.place}/src", "commit", "-q", "-m", f"change {n}", env=env)
    git = shutil.which("git")
    t.unit("git.socket", "[Socket]\nListenStream=127.0.0.1:6418\nAccept=yes\n")
    t.unit("git@.service", f"[Service]\nExecStart={git} daemon --inetd --export-all --base-path={t.place} {t.place}\nStandardInput=socket\n"
                           f"StandardError=null\nEnvironment=HOME={t.place} GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_COUNT=1 "
                           "GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=*\n")
    t.porterd()
    run("git", "clone", "-q", "git://127.0.0.1:6418/src", f"{t.place}/copy", env=env)
    assert run("git", "-C", f"{t.place}/copy", "rev-list", "--count", "HEAD", env=env).strip() == "3"
    t.file("src/file9", "new")
    run("git", "-C", f"{t.place}/src", "add", ".", env=env)
    run("git", "-C", f"{t.place}/src", "commit", "-q", "-m", "new", env=env)
    run("git", "-C", f"{t.place}/copy", "pull", "-q", env=env)
    assert os.path.exists(f"{t.place}/copy/file9")


def journey_gunicorn_on_listen_fds(t):
    """gunicorn finds its socket by LISTEN_FDS and serves the request that woke it."""
    gunicorn = next((g for g in (f"{CACHE}/venv/bin/gunicorn", "/usr/bin/gunicorn") if os.path.exists(g)), None)
    if not gunicorn:
        raise Skip("gunicorn could not be installed (pip, needs the network)")
    t.file("app.py", "def app(env, start):\n    start('200 OK', [('Content-Type', 'text/plain')])\n    return [b'woken ' + env['PATH_INFO'].encode()]\n")
    t.unit("web.socket", "[Socket]\nListenStream=127.0.0.1:6080\n")
    t.unit("web.service", f"[Service]\nType=notify\nNotifyAccess=main\nExecStart={gunicorn} --workers 2 --chdir {t.place} app:app\n"
                          "ExecReload=/bin/kill -s HUP $MAINPID\nKillMode=mixed\nTimeoutStopSec=5\n")
    p = t.porterd()
    request = b"GET /%s HTTP/1.0\r\nHost: x\r\n\r\n"
    answer = ask(local(6080), request % b"first", seconds=15)
    assert answer.endswith(b"woken /first"), answer
    p.wait_state("web.service", "active/running")
    p.ok("reload", "web.service")
    assert ask(local(6080), request % b"second", seconds=15).endswith(b"woken /second")
    p.ok("stop", "web.service")
    assert ask(local(6080), request % b"third", seconds=15).endswith(b"woken /third"), "the socket wakes it again"


def journey_uuidd_on_its_own_units(t):
    """uuid-runtime's unit files as they are shipped, sandbox and all."""
    need("uuidd")
    need_root()
    for n in ("uuidd.socket", "uuidd.service"):
        if not os.path.exists(f"{SYSTEMD_UNITS}/{n}"):
            raise Skip(f"uuid-runtime ships no {n}")
        shutil.copy(f"{SYSTEMD_UNITS}/{n}", t.units)
    p = t.porterd(args=("uuidd.socket",))
    assert p.prop("uuidd.socket", "ActiveState") == "active"
    for _ in range(3):
        out = run("/usr/sbin/uuidd", "-s", "/run/uuidd/request", "-t")
        assert re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-", out), out
    pid = p.prop("uuidd.service", "MainPID")
    with open(f"/proc/{pid}/status") as f:
        uid = next(x.split()[1] for x in f if x.startswith("Uid:"))
    import pwd
    assert pwd.getpwuid(int(uid)).pw_name == "uuidd"
    # What is not carried out yet is said, setting by setting.
    assert "SystemCallFilter= has no effect yet" in p.log()
