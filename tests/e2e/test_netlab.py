"""The delay line between two namespaces (tests/netlab), and sonde over it."""
import pathlib
import socket
import statistics
import subprocess
import sys
import time

import pytest

from conftest import SONDE, records_in

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "netlab"))
import netlab  # noqa: E402
from netlab import Line  # noqa: E402

SO_SNDBUFFORCE = 32  # of Linux; the module socket lacks it


@pytest.fixture(autouse=True)
def possible():
    reason = netlab.why_not()
    if reason:
        pytest.skip(reason)
    if not netlab.LINE.is_file():
        pytest.fail(f"{netlab.LINE} is not there: build it", pytrace=False)


def listener(line, address=None):
    with line.inside(line.right):
        made = socket.create_server((address or line.right_address, 0), backlog=64,
                                    family=socket.AF_INET6 if ":" in (address or "") else socket.AF_INET)
    made.settimeout(20)
    return made


def client(line, kind=socket.SOCK_STREAM, family=socket.AF_INET):
    with line.inside(line.left):
        made = socket.socket(family, kind)
    made.settimeout(20)
    return made


def receiver(line):
    """A UDP socket on the right, and its address."""
    with line.inside(line.right):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    made.bind((line.right_address, 0))
    return made, made.getsockname()


def numbers_until_silence(sock, silence_s=1.0):
    """What came, as numbers, until nothing came for a while."""
    sock.settimeout(silence_s)
    seen = []
    try:
        while True:
            seen.append(int.from_bytes(sock.recv(2048)[:4], "big"))
    except TimeoutError:
        return seen


def connect_s(line, address):
    with client(line, family=socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as sock:
        started = time.monotonic()
        sock.connect(address[:2])
        return time.monotonic() - started


def accounted(counts):
    return sum(counts[key] for key in ("delivered", "lost", "queue_dropped", "in_flight_dropped", "unfinished"))


@pytest.mark.parametrize("rtt_ms", [20, 65])
def test_a_connect_takes_the_round_trip_and_not_less(rtt_ms):
    with Line(delay_ms=rtt_ms / 2) as line, listener(line) as server:
        took_ms = [connect_s(line, server.getsockname()) * 1000 for _ in range(9)]
    assert min(took_ms) >= rtt_ms
    assert statistics.median(took_ms) < rtt_ms + 25, "generous: the machine may be busy"
    for counts in line.counts.values():
        assert counts["packets"] == accounted(counts)
        assert counts["kernel_dropped"] == counts["write_failed"] == counts["lost"] == 0


def test_ipv6_passes_too():
    with Line(delay_ms=5, ipv6=True) as line, listener(line, line.right_address6) as server:
        assert connect_s(line, server.getsockname()) >= 0.010


def test_jitter_is_never_quicker_than_the_delay_less_the_jitter():
    with Line(delay_ms=10, jitter_ms=5) as line, listener(line) as server:
        took_ms = [connect_s(line, server.getsockname()) * 1000 for _ in range(20)]
    assert min(took_ms) >= 2 * (10 - 5)
    assert max(took_ms) - min(took_ms) > 1, "it varies"


def test_loss_takes_the_packets_that_the_seed_says():
    sent, loss, seed = 500, 0.1, 7
    with Line(delay_ms=1, loss=loss, seed=seed) as line:
        incoming, address = receiver(line)
        with incoming, client(line, socket.SOCK_DGRAM) as outgoing:
            for number in range(sent):
                outgoing.sendto(number.to_bytes(4, "big"), address)
            seen = numbers_until_silence(incoming)
    expected = [number for number in range(sent) if not netlab.is_lost(seed, number, loss)]
    assert seen == expected, "in order, and exactly those"
    assert 0 < len(expected) < sent
    assert line.counts["left_to_right"]["lost"] == sent - len(expected)


def test_a_rate_bounds_a_transfer():
    size = 128 << 10
    with Line(delay_ms=1, rate=256 << 10) as line, listener(line) as server:
        started = time.monotonic()
        with client(line) as sock:
            sock.connect(server.getsockname())
            peer, _ = server.accept()
            with peer:
                sock.sendall(b"x" * size)
                sock.shutdown(socket.SHUT_WR)
                got = 0
                while piece := peer.recv(65536):
                    got += len(piece)
        took_s = time.monotonic() - started
    assert got == size
    assert took_s >= size / (256 << 10)


def test_a_full_queue_drops_and_counts():
    sent = 200
    with Line(rate=50_000, queue=10) as line:
        incoming, address = receiver(line)
        with incoming, client(line, socket.SOCK_DGRAM) as outgoing:
            for number in range(sent):
                outgoing.sendto(number.to_bytes(4, "big") + bytes(1000), address)
            seen = numbers_until_silence(incoming)
    counts = line.counts["left_to_right"]
    assert counts["packets"] == sent == accounted(counts)
    assert counts["queue_dropped"] == sent - len(seen) > 0
    assert len(seen) >= 10 and seen == sorted(seen)


def test_packets_that_the_kernel_drops_are_counted_too():
    sent = 25_000  # the kernel keeps 20,000 for a line that does not come
    with Line() as line:
        incoming, address = receiver(line)
        with incoming, client(line, socket.SOCK_DGRAM) as outgoing:
            outgoing.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 28)
            with line.paused():
                for number in range(sent):
                    outgoing.sendto(number.to_bytes(4, "big"), address)
            numbers_until_silence(incoming)
    counts = line.counts["left_to_right"]
    assert counts["kernel_dropped"] > 0
    assert counts["packets"] + counts["kernel_dropped"] == sent


def test_what_a_killed_process_left_is_removed():
    ended = subprocess.Popen(["true"])
    ended.wait()
    name = f"{netlab.PREFIX}{ended.pid}-1-left"
    subprocess.run(["ip", "netns", "add", name], check=True)
    netlab.remove_orphans()
    assert name not in subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout


def test_nothing_is_left_behind():
    with Line() as line:
        assert netlab.namespaces() == sorted([line.left, line.right])
        shown = line.run_in(line.left, ["ip", "-o", "-4", "addr", "show"], capture_output=True, text=True, check=True).stdout
        assert line.left_address in shown
        process = line._process
    assert netlab.namespaces() == []
    assert process.returncode == 0
    devices = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    assert "line0" not in devices


def test_nothing_is_left_behind_by_a_block_that_fails():
    with pytest.raises(ZeroDivisionError), Line():
        1 / 0
    assert netlab.namespaces() == []
    broken = Line(delay_ms=1, jitter_ms=2)
    with pytest.raises(RuntimeError, match="--jitter is more than --delay"), broken:
        pass
    assert netlab.namespaces() == []


def test_sonde_measures_the_round_trip(sonde_bin):
    with Line(delay_ms=10) as line, listener(line) as server:
        port = server.getsockname()[1]
        done = line.run_in(line.left, [SONDE, "scan", line.right_address, "-p", port, "--probe", "tcp", "--format", "ndjson",
                                       "--progress", "none"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (record,) = records_in(done.stdout)
    assert record["outcome"] == "success"
    assert record["timing_us"]["connect"] >= 20_000
