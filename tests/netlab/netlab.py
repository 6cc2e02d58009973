"""Two network namespaces with a delay line between them, for tests that need a path with a round trip, loss or a rate.

    with Line(delay_ms=10, loss=0.01, seed=1) as line:
        with line.inside(line.left):         # sockets made here live in that namespace
            socket.create_connection((line.right_address, 80))
        line.run_in(line.right, ["ip", "addr"])
    line.counts["left_to_right"]["lost"]     # once the block has ended

Needs root, /dev/net/tun and iproute2: why_not() says what is missing. Everything that a Line makes ends with its block; what
a killed process left is removed by the next one's why_not().
"""
import contextlib
import ctypes
import functools
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SONDE = pathlib.Path(os.environ.get("SONDE_BIN", ROOT / "build" / "release" / "sonde"))
LINE = SONDE.parent / "tests" / "netlab" / "netlab_line"
CLONE_NEWNET = 0x40000000
START_TIMEOUT_S = 20
PREFIX = "sonde-lab-"  # of the namespaces' names, before the process id
_number = itertools.count(1)
_libc = ctypes.CDLL(None, use_errno=True)
MASK = (1 << 64) - 1


def _ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


@functools.cache
def why_not():
    """Why this machine cannot have a line, or None. Tried once a process."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "there is no ip command (package iproute2)"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun (kernel module tun)"
    name = f"{PREFIX}{os.getpid()}-try"
    try:
        remove_orphans()
        _ip("netns", "add", name)
        _ip("-n", name, "tuntap", "add", "dev", "line0", "mode", "tun")
    except subprocess.CalledProcessError as error:
        return f"no network namespace or TUN device can be made here: {error.stderr.strip()}"
    finally:
        _ip("netns", "del", name, check=False)
    return None


def _all_namespaces():
    """(name, process id of its maker) of each that a Line made, whoever ran it."""
    names = [line.split()[0] for line in _ip("netns", "list").stdout.splitlines() if line.strip()]
    found = [(name, re.match(rf"{PREFIX}(\d+)-", name)) for name in names]
    return [(name, int(match[1])) for name, match in found if match]


def namespaces():
    """Names of the namespaces that this process has made and not yet removed."""
    return sorted(name for name, maker in _all_namespaces() if maker == os.getpid())


def remove_orphans():
    """Removes the namespaces whose maker is gone."""
    for name, maker in _all_namespaces():
        if not os.path.exists(f"/proc/{maker}"):
            _ip("netns", "del", name, check=False)


def _mix64(value):
    value = (value + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & MASK
    return value ^ value >> 31


def is_lost(seed, index, loss):
    """Whether the line loses the packet of that index, the first being 0; leftward the seed is one more."""
    return (_mix64(_mix64(seed) ^ index) >> 11) * 2.0**-53 < loss


class Line:
    left_address, right_address, prefix = "10.9.0.1", "10.9.0.2", 24
    left_address6, right_address6, prefix6 = "fd09::1", "fd09::2", 64

    def __init__(self, delay_ms=0, jitter_ms=0, loss=0, rate=None, queue=None, seed=1, reorder=False, ipv6=False):
        """delay_ms is one way, rate in bytes a second ("1M" is 2**20); `ipv6` adds addresses of that family."""
        name = f"{PREFIX}{os.getpid()}-{next(_number)}"
        self.left, self.right = f"{name}-left", f"{name}-right"
        self.counts = None
        ends = [(self.left, self.left_address, self.left_address6), (self.right, self.right_address, self.right_address6)]
        self._command = [str(LINE)]
        for option, (space, address, address6) in zip(("--left", "--right"), ends):
            more = f",{address6}/{self.prefix6}" if ipv6 else ""
            self._command += [option, f"{space}:{address}/{self.prefix}{more}"]
        self._command += ["--loss", str(loss), "--seed", str(seed), "--reorder", "yes" if reorder else "no"]
        for option, value in (("--delay", delay_ms and f"{delay_ms}ms"), ("--jitter", jitter_ms and f"{jitter_ms}ms"),
                              ("--rate", rate), ("--queue", queue)):
            if value:
                self._command += [option, str(value)]

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            for name in (self.left, self.right):
                _ip("netns", "add", name)
                undo.callback(_ip, "netns", "del", name)
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                             stderr=subprocess.PIPE, text=True)
            undo.callback(self._stop)
            late = threading.Timer(START_TIMEOUT_S, self._process.kill)
            late.start()
            ready = self._process.stdout.readline()
            late.cancel()
            if ready != "ready\n":
                raise RuntimeError(f"the line did not start: {self._process.stderr.read()}")
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self._undo.close()

    def _stop(self):
        """Ends the line; its counts are there afterwards."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            out, _ = self._process.communicate(timeout=START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            out, _ = self._process.communicate()
        self.counts = json.loads(out) if out.startswith("{") else None

    @contextlib.contextmanager
    def paused(self):
        """The line carries nothing while the block runs; packets wait in the kernel."""
        self._process.send_signal(signal.SIGSTOP)
        while pathlib.Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def inside(self, name):
        """The calling thread is in the namespace; what it opens stays there."""
        with open("/proc/thread-self/ns/net") as before, open(f"/var/run/netns/{name}") as there:
            self._enter(there)
            try:
                yield
            finally:
                self._enter(before)

    @staticmethod
    def _enter(name_space):
        if _libc.setns(name_space.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def run_in(self, name, argv, **options):
        """subprocess.run in the namespace."""
        options.setdefault("timeout", 60)
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(["ip", "netns", "exec", name, *map(str, argv)], **options)
