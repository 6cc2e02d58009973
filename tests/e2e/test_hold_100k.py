"""A hundred thousand connections in one process with 20,000 descriptors, in a network namespace of their own: its sysctls are not
the machine's, and its sockets end with it."""
import json
import os
import resource
import subprocess
import sys

import pytest

COUNT = 100_000
FILES = 20_000

# The sink is ended while the connections are held in the second run: all of them must be told as dropped.
SCRIPT = r"""
import json, os, pathlib, signal, subprocess, sys
sonde, count, engine, kill = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4] == "kill"
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
pathlib.Path("/proc/sys/net/core/somaxconn").write_text("200000")
pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("1024 65535")
sink = subprocess.Popen([sonde, "world", "--sink", "4000", "--backlog", count], stderr=subprocess.PIPE, text=True)
while "ready" not in sink.stderr.readline():
    pass
hold = subprocess.Popen([sonde, "hold", "--count", count, "127.9.0.1-127.9.0.4", "-p", "4000", "--engine", engine, "--for", "1s" if not kill else "20s",
                         "--format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
if kill:
    established = 0
    while established < int(count):  # what the kernel says of this namespace: both ends
        line = next(l for l in open("/proc/net/sockstat") if l.startswith("TCP:")).split()
        established = (int(line[line.index("inuse") + 1]) - 1) // 2
    sink.kill()
out, err = hold.communicate(timeout=200)
sink.kill()
sink.wait()
print(json.dumps({"code": hold.returncode, "figures": json.loads(out), "err": err}))
"""


def limited():
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)


def hold(sonde_bin, engine, kill="keep"):
    done = subprocess.run(["unshare", "-n", sys.executable, "-c", SCRIPT, sonde_bin, str(COUNT), engine, kill], capture_output=True, text=True,
                          timeout=300, check=False, preexec_fn=limited)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and sysctls need root")


@needs_root
@pytest.mark.parametrize("engine", ["uring", "epoll"])
def test_a_hundred_thousand_are_held_and_none_is_lost(sonde_bin, engine):
    done = hold(sonde_bin, engine)
    figures = done["figures"]
    assert done["code"] == 0, done["err"]
    assert figures["established"] == figures["held"] == figures["timers_armed"] == COUNT
    assert figures["failed"] == {} and figures["dropped"] == 0
    assert figures["bytes_per_connection_user"] <= 256 + (0 if figures["engine"] == "uring" else 64)
    if engine == "epoll":
        assert figures["workers"] >= 5, "20,000 descriptors a worker"


@needs_root
def test_the_listener_killed_drops_a_hundred_thousand(sonde_bin):
    done = hold(sonde_bin, "uring", "kill")
    assert done["code"] == 0, done["err"]
    assert done["figures"]["established"] == done["figures"]["dropped"] == COUNT
    assert done["figures"]["held"] == done["figures"]["timers_armed"] == 0
