"""What the scenarios share: programs pinned to a core, their time and CPU time, machines' settings put back."""
import contextlib
import os
import pathlib
import resource
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "baseline"
RUN_TIMEOUT_S = 900
EXIT_IMPOSSIBLE = 77  # not on this machine; tells a test from a failure


def pinned(core, command):
    return ["taskset", "-c", str(core), *map(str, command)]


def two_cores(options):
    """options.client_core and .sink_core, or the first and last that there are."""
    cores = sorted(os.sched_getaffinity(0))
    if options.client_core not in cores or options.sink_core not in cores:
        options.client_core, options.sink_core = cores[0], cores[-1]


def enter_namespace():
    """Starts this driver again, with --inside, where it may do as it likes with the network: a namespace that ends with it."""
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    possible = subprocess.run([*unshare, "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if possible.returncode != 0:
        print(f"no network namespace can be made here: {possible.stderr.strip()}", file=sys.stderr)
        sys.exit(EXIT_IMPOSSIBLE)
    command = [*unshare, sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:], "--inside"]
    os.execvp(command[0], command)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ended(process):
    """Whatever happens, it is gone afterwards."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def serving(core, command, ready, stream="stderr"):
    """A server that says a line with `ready` in it when it is."""
    pipes = {"stdout": None, "stderr": None, stream: subprocess.PIPE}
    process = subprocess.Popen(pinned(core, command), stdin=subprocess.PIPE, text=True, **pipes)
    try:
        said = getattr(process, stream).readline()
        if ready not in said:
            raise SystemExit(f"{command[0]} did not start: {said}")
        yield process
    finally:
        ended(process)


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(command):
    """(seconds, CPU seconds, output) of a command, whole: its start and its end are in it."""
    cpu, begin = children_cpu(), time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=RUN_TIMEOUT_S, check=True)
    return time.monotonic() - begin, children_cpu() - cpu, done.stdout.decode()


def build_c(*names, libraries=()):
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in names:
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", BUILD / name, ROOT / f"bench/baseline/{name}.c", *libraries],
                       check=True)


def build_go(binary, folder):
    BUILD.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", "build", "-o", BUILD / binary, "."], cwd=ROOT / folder, check=True,
                   env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOCACHE": str(BUILD / "go-cache")})
