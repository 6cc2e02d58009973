"""Pings: over loopback, and over a line with delay and loss between two namespaces."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

from conftest import SONDE

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "netlab"))
import netlab  # noqa: E402
from netlab import Line  # noqa: E402


@pytest.fixture
def may_ping(sonde):
    done = sonde("scan", "127.0.0.1", "--probe", "icmp", "--all", "--format", "ndjson", code=None)
    if "ping is not permitted" in done.out:
        pytest.skip("this user may not ping: neither a ping socket nor a raw one")


@pytest.mark.asan
@pytest.mark.parametrize("engine", ["epoll", "uring"])
def test_each_host_of_loopback_answers(scan, may_ping, engine):
    records, summary = scan("127.0.77.0/24", "::1", "--probe", "icmp", "--engine", engine)
    assert summary["outcomes"]["success"] == len(records) == 257
    for record in records:
        assert "port" not in record
        ping = record["icmp"]
        assert (ping["sent"], ping["received"], ping["loss_percent"], ping["ttl"]) == (1, 1, 0, 64)
        assert ping["rtts_us"] == [ping["rtt_us"]["min"]]
        assert "connect" not in record["timing_us"]
    assert sorted({record["ip"] for record in records})[-1] == "::1"


def test_several_requests_to_each_at_an_interval(scan, may_ping):
    records, _ = scan("127.0.78.0/28", "--probe", "icmp", "--count", 5, "--interval", "20ms", "--size", 1000)
    for record in records:
        assert record["icmp"]["received"] == 5
        assert len(record["icmp"]["rtts_us"]) == 5
        assert record["timing_us"]["total"] >= 80_000


@pytest.mark.parametrize("arguments, complaint", [
    (["127.0.0.1:80"], "'127.0.0.1:80' names a port, and the probe knows none"),
    (["127.0.0.1", "-p", "80"], "icmp knows no ports"),
    (["127.0.0.1", "--probe", "icmp,tcp"], "cannot be one pass"),
    (["127.0.0.1", "--interval", "0.1ms"], "is not a time from 1ms to 60s"),
])
def test_what_makes_no_sense_is_said_before_anything_is_sent(sonde, arguments, complaint):
    assert complaint in sonde("scan", "--probe", "icmp", *arguments, code=2).err


def test_a_dry_run_shows_no_port(sonde):
    shown = sonde("scan", "127.0.0.9", "--probe", "icmp", "--dry-run").out
    assert json.loads(shown) == {"ip": "127.0.0.9", "port": None, "host": None}


def test_without_the_right_it_says_what_would_help(tmp_path):
    """In a namespace of its own: no group may use ping sockets, and the capability for raw ones is dropped."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to drop a capability")
    script = ("echo '1 0' > /proc/sys/net/ipv4/ping_group_range && exec setpriv --bounding-set -net_raw --inh-caps -net_raw "
              f"{SONDE} scan 127.0.0.1 --probe icmp --all --format ndjson --progress none")
    done = subprocess.run(["unshare", "--net", "sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    record = json.loads(done.stdout)
    assert record["outcome"] == "local_error"
    assert record["error"] == "ping is not permitted: it needs CAP_NET_RAW, or a group in net.ipv4.ping_group_range"


@pytest.fixture
def line_possible():
    reason = netlab.why_not()
    if reason:
        pytest.skip(reason)


def scan_over(line, *arguments):
    command = ["ip", "netns", "exec", line.left, SONDE, "scan", "--probe", "icmp", "--format", "ndjson", "--progress", "none"]
    done = subprocess.run([*map(str, command), *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(record) for record in done.stdout.splitlines()]


@pytest.mark.parametrize("target", ["right_address", "right_address6"])
def test_a_round_trip_is_that_of_the_line(line_possible, target):
    with Line(delay_ms=30, ipv6=True) as line:
        [record] = scan_over(line, getattr(line, target), "--count", 5, "--interval", "50ms")
        assert record["icmp"]["received"] == 5
        assert 60_000 <= record["icmp"]["rtt_us"]["min"] < 120_000
        assert record["icmp"]["ttl"] == 64


def test_what_the_line_loses_is_counted(line_possible):
    with Line(loss=0.3, seed=7) as line:
        [record] = scan_over(line, line.right_address, "--count", 200, "--interval", "5ms", "--read-timeout", "500ms")
        ping = record["icmp"]
        assert ping["sent"] == 200
        # Each of the two ways loses three in ten: 49 of 100 come back; five standard deviations to either side.
        assert 60 <= ping["received"] <= 135
        assert ping["rtts_us"].count(None) == 200 - ping["received"]
        assert ping["loss_percent"] == round(100 * (200 - ping["received"]) / 200 + 1e-9)


@pytest.mark.parametrize("route, code, error", [("unreachable", 1, "host unreachable"),
                                                ("prohibit", 13, "filtered by a firewall")])
def test_what_a_router_says_is_told(line_possible, route, code, error):
    with Line() as line:
        def ip(space, *words):
            subprocess.run(["ip", "-n", space, *words], check=True)

        ip(line.left, "route", "add", "10.77.0.0/24", "via", line.right_address)
        ip(line.right, "route", "add", route, "10.77.0.0/24")
        subprocess.run(["ip", "netns", "exec", line.right, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"], check=True)
        [record] = scan_over(line, "10.77.0.9", "--all")
        assert record["outcome"] == "unreachable"
        assert record["error"] == error
        assert record["icmp"]["error"] == {"type": 3, "code": code, "from": line.right_address}
        assert record["icmp"]["loss_percent"] == 100
