"""What a journey has at hand: directories, a porterd to start, clients, waiting with a bound."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get("PORTERD_BIN", os.path.join(ROOT, "target/debug")))
CACHE = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "journey")
AS_ROOT = os.geteuid() == 0
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable


class Skip(Exception):
    """The journey cannot be made here; the text says why."""


@contextlib.contextmanager
def limit(seconds):
    """Nothing here may hang: SIGALRM ends it."""
    def late(*_):
        raise TimeoutError(f"not done after {seconds} s")
    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def takes(seconds):
    """Decorator: how long a journey may last, if longer than usual."""
    def mark(journey):
        journey.seconds = seconds
        return journey
    return mark


def wait(what, condition, seconds=8.0):
    """Waits until condition() is true; returns its value. `what` is for the message."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not so after {seconds:g} s (last value: {value!r})")
        time.sleep(0.02)


def need(*programs):
    """Skips the journey unless these programs are there."""
    for p in programs:
        if not shutil.which(p, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            raise Skip(f"{p} is not installed")


def need_root():
    """Skips the journey unless it runs as root."""
    if not AS_ROOT:
        raise Skip("needs root")


def cgroup2():
    """Own directory in the cgroup2 hierarchy, or None."""
    mount = None
    with open("/proc/self/mounts") as f:
        for line in f:
            words = line.split()
            if words[2] == "cgroup2":
                mount = words[1]
    with open("/proc/self/cgroup") as f:
        own = next((x[3:].strip() for x in f if x.startswith("0::")), "/")
    return mount and mount + own.rstrip("/")


def prepare_outside():
    """As root, still in the machine's namespaces: what needs the real network."""
    # Made last: what an interrupted run has left is made anew.
    complete = f"{CACHE}/venv/complete"
    if not os.path.exists(complete):
        shutil.rmtree(f"{CACHE}/venv", ignore_errors=True)
        os.makedirs(CACHE, exist_ok=True)
        try:
            subprocess.run([PYTHON, "-m", "venv", f"{CACHE}/venv"], check=True, capture_output=True, timeout=60)
            subprocess.run([f"{CACHE}/venv/bin/pip", "install", "-q", "gunicorn"], check=True, capture_output=True, timeout=90)
            with open(complete, "w"):
                pass
        except (OSError, subprocess.SubprocessError) as e:
            print(f"note: no gunicorn in {CACHE}/venv: {e}")


def prepare_inside():
    """In the namespaces: loopback up, /run and /tmp empty."""
    if not AS_ROOT:
        return
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fcntl.ioctl(s, 0x8914, struct.pack("16sh22x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING
    s.close()
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)


class Porter:
    """A running porterd."""

    def __init__(self, world, units=None, args=("--all",), env=None, wrap=(), ready=True, name="porterd"):
        self.world, self.run_dir = world, f"{world.place}/run-{name}"
        self.log_path = f"{world.place}/{name}.log"
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify_path = f"{world.place}/{name}.ready"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(notify_path)
        self.notify.bind(notify_path)
        words = [f"{BIN}/porterd", "--unit-path", units or world.units, "--runtime-dir", self.run_dir, *args]
        if world.group:
            words = ["sh", "-c", f'echo $$ >{world.group}/cgroup.procs; exec "$@"', "sh", *words]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*wrap, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=dict(os.environ, NOTIFY_SOCKET=notify_path, **(env or {})))
        world.porters.append(self)
        self.pid = self.process.pid
        if ready:
            self.wait_ready()

    def wait_ready(self, seconds=15):
        """Waits for READY=1."""
        self.notify.settimeout(0.1)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(TimeoutError):
                if b"READY=1" in self.notify.recv(65536).split(b"\n"):
                    return
            if self.process.poll() is not None:
                raise AssertionError(f"porterd ended with {self.process.returncode} before it was ready")
        raise AssertionError(f"porterd did not say READY=1 within {seconds} s")

    def log(self):
        """What it has said so far."""
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def ctl(self, *args, seconds=20):
        """porterctl; returns the finished process."""
        return subprocess.run([f"{BIN}/porterctl", "--runtime-dir", self.run_dir, *args], capture_output=True, text=True, timeout=seconds)

    def ok(self, *args, seconds=20):
        """porterctl that has to succeed; returns its output."""
        done = self.ctl(*args, seconds=seconds)
        assert done.returncode == 0, f"porterctl {' '.join(args)}: status {done.returncode}: {done.stderr.strip()}"
        return done.stdout

    def prop(self, unit, name):
        """One property."""
        return self.ok("show", unit, "-p", name).strip().removeprefix(name + "=")

    def state(self, unit):
        """`active/listening` and the like."""
        got = dict(x.split("=", 1) for x in self.ok("show", unit, "-p", "ActiveState,SubState").splitlines())
        return f"{got.get('ActiveState')}/{got.get('SubState')}"

    def wait_state(self, unit, want, seconds=8.0):
        """Waits until the state begins with `want`."""
        return wait(f"state of {unit} is {want}", lambda: self.state(unit).startswith(want) and self.state(unit), seconds)

    def fds(self):
        """How many descriptors it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def children(self):
        """Pids of its children, zombies too."""
        out = []
        for d in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{d}/stat") as f:
                    if f.read().rsplit(")", 1)[1].split()[1] == str(self.pid):
                        out.append(int(d))
        return out

    def cpu(self):
        """Processor time it has used, seconds."""
        with open(f"/proc/{self.pid}/stat") as f:
            words = f.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def alive(self):
        """Whether it still runs."""
        return self.process.poll() is None

    def end(self, seconds=15):
        """SIGTERM; returns its exit status."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def close(self):
        """Makes sure that nothing is left."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        self.notify.close()


class World:
    """One journey's directories and daemons."""

    def __init__(self, place, name):
        self.place, self.porters, self.closers = place, [], []
        self.units = f"{place}/units"
        os.mkdir(self.units)
        os.chmod(place, 0o755)
        self.group = None
        parent = AS_ROOT and cgroup2()
        if parent:
            self.group = f"{parent}/{name}.{os.getpid()}.{time.monotonic_ns() % 10**9}"
            try:
                os.mkdir(self.group)
            except OSError:
                self.group = None

    def unit(self, name, text, directory=None):
        """Writes a unit file; returns its path."""
        return self.file(f"{directory or self.units}/{name}", text)

    def file(self, path, text, mode=0o644):
        """Writes a file, with its directories."""
        path = os.path.join(self.place, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)
        return path

    def script(self, name, text):
        """Writes a Python program; returns its path."""
        return self.file(name, f"#!{PYTHON}\n{text}", 0o755)

    def porterd(self, **how):
        """Starts a porterd on this world's units and waits until it is ready."""
        return Porter(self, **how)

    def cleanup(self, function):
        """To be called at the end."""
        self.closers.append(function)

    def close(self):
        """Ends everything the journey has started."""
        for p in self.porters:
            with contextlib.suppress(Exception):
                p.close()
        for function in self.closers:
            with contextlib.suppress(Exception):
                function()
        if self.group:
            with contextlib.suppress(OSError):
                with open(f"{self.group}/cgroup.kill", "w") as f:
                    f.write("1")
            for _ in range(100):
                for d, _dirs, _files in sorted(os.walk(self.group), reverse=True):
                    with contextlib.suppress(OSError):
                        os.rmdir(d)
                if not os.path.exists(self.group):
                    break
                time.sleep(0.02)


def dial(address, seconds=5.0):
    """A connection to ("host", port) or to a path."""
    s = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(seconds)
    s.connect(address)
    return s


def ask(address, text=b"", seconds=5.0):
    """Connects, says something, reads to the end; a reset counts as the end."""
    with dial(address, seconds) as s:
        if text:
            with contextlib.suppress(OSError):  # it may be turned away before it can speak
                s.sendall(text)
                s.shutdown(socket.SHUT_WR)
        return read_all(s)


def read_all(s):
    """Everything until end of file or reset."""
    out = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := s.recv(65536):
            out += piece
    return out


def local(port):
    """A TCP address on the loopback device."""
    return ("127.0.0.1", port)
