"""`sonde scan --live`: what its page is sent while the scan runs, and that the last frame is what the summary says."""
import base64
import collections
import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import urllib.error
import urllib.request

import pytest

from conftest import free_port

pytestmark = pytest.mark.asan

WAIT_S = 30


# --- a small client: RFC 6455 without what the server never sends, and protobuf's wire format -------------------------------


class WebSocket:
    def __init__(self, port, path="/api/v1/stream"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self.file = self.socket.makefile("rb")
        head = b"".join(iter(self.file.readline, b"\r\n")).decode()
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        assert head.startswith("HTTP/1.1 101") and f"Sec-WebSocket-Accept: {accept}" in head, head

    def frames(self):
        """The binary messages until the server closes; pings are not answered, for the tests are short."""
        while True:
            first, length = self.file.read(2)
            assert first & 0x80 and not length & 0x80, "whole and unmasked"
            if length == 126:
                (length,) = struct.unpack(">H", self.file.read(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self.file.read(8))
            payload = self.file.read(length)
            if first & 15 == 8:
                return
            if first & 15 == 2:
                yield payload


def fields_of(message):
    """{field number: [values]}: integers as they are, everything else as bytes."""
    fields, at = collections.defaultdict(list), 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while at < len(message):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            value = varint()
        else:
            length = {1: 8, 5: 4}.get(kind) or varint()
            value = message[at:at + length]
            at += length
        fields[tag >> 3].append(value)
    return fields


def batch_of(frame):
    """What of a MetricsBatch the tests look at; the numbers are those of the .proto files."""
    batch = fields_of(frame)
    scan = fields_of(batch[16][0])
    live = fields_of(scan[23][0])
    one = lambda fields, number: fields.get(number, [0])[0]  # noqa: E731
    return {
        "sequence": one(batch, 1), "first": one(batch, 3), "records": one(scan, 1),
        "outcomes": {name[1][0].decode(): name[2][0] for name in map(fields_of, scan[2])},
        "finished": one(live, 1), "interrupted": one(live, 2), "done": one(live, 4), "total": one(live, 5), "attempts": one(live, 9),
    }


@pytest.fixture
def live(sonde_bin, tmp_path):
    """Starts a scan with --live on a free port; gives the process and the port that it says."""
    started = []

    def start(*arguments, listen="127.0.0.1:0"):
        process = subprocess.Popen([sonde_bin, "scan", "--live", listen, "--progress", "none", "--summary", tmp_path / "summary.json",
                                    "-o", tmp_path / "out.ndjson", *map(str, arguments)],
                                   stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        started.append(process)
        said = []
        for line in process.stderr:
            said.append(line)
            if found := re.match(r"sonde: the scan is shown at http://[^ ]+:(\d+)/\n", line):
                return process, int(found[1]), said
        raise AssertionError("".join(said))

    yield start
    for process in started:
        process.kill()
        process.communicate()


def summary_of(process, tmp_path, code=0):
    _, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == code, errors
    return json.loads((tmp_path / "summary.json").read_text())


def nonzero(outcomes):
    return {name: count for name, count in outcomes.items() if count}


@pytest.mark.parametrize("all_records", [True, False], ids=["all", "successes"])
def test_the_last_frame_is_what_the_summary_says(live, world, tmp_path, all_records):
    served = world(prefix="127.92.0.0/23", ports=2, mix="every", seed=9)
    process, port, _ = live(served.prefix, "-p", served.ports, "--probe", "banner", "--rate", 500,
                            "--connect-timeout", "300ms", "--read-timeout", "700ms", "--workers", 2, *(["--all"] if all_records else []))
    frames = [batch_of(frame) for frame in WebSocket(port).frames()]
    summary = summary_of(process, tmp_path)
    assert len(frames) >= 2 and frames[0]["first"] and not any(frame["first"] for frame in frames[1:])
    assert [frame["sequence"] for frame in frames] == list(range(1, len(frames) + 1))
    for earlier, later in zip(frames, frames[1:]):
        assert earlier["records"] <= later["records"] and not earlier["finished"]
        assert sum(earlier["outcomes"].values()) == earlier["records"]
    last = frames[-1]
    assert last["finished"] and not last["interrupted"]
    assert last["records"] == summary["probes_finished"] == 1024
    assert last["outcomes"] == nonzero(summary["outcomes"])
    assert last["done"] == last["total"] == summary["targets_total"]


def test_a_scan_that_is_cut_says_so_and_its_counts_still_agree(live, world, tmp_path):
    served = world(prefix="127.92.16.0/22", ports=1, mix="open", seed=9)
    process, port, _ = live(served.prefix, "-p", served.ports, "--probe", "banner", "--rate", 300, "--all", "--read-timeout", "500ms")
    viewer, frames = WebSocket(port).frames(), []
    for frame in viewer:
        frames.append(batch_of(frame))
        if len(frames) == 2:
            process.send_signal(signal.SIGINT)
    summary = summary_of(process, tmp_path, code=3)
    assert frames[-1]["finished"] and frames[-1]["interrupted"]
    assert frames[-1]["records"] == summary["probes_finished"] < 1024
    assert frames[-1]["outcomes"] == nonzero(summary["outcomes"])


def test_the_dashboard_is_served_and_nothing_else(live, world):
    served = world(prefix="127.92.32.0/24", ports=1, mix="open", seed=9)
    _, port, _ = live(served.prefix, "-p", served.ports, "--rate", 50)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=WAIT_S) as page:
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert b"<!doctype html>" in page.read()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/checks", timeout=WAIT_S)


def test_a_viewer_that_reads_nothing_holds_nobody_up(live, world, tmp_path):
    served = world(prefix="127.92.48.0/24", ports=1, mix="open", seed=9)
    process, port, _ = live(served.prefix, "-p", served.ports, "--rate", 200)
    viewer = WebSocket(port)
    summary_of(process, tmp_path)
    assert batch_of(list(viewer.frames())[-1])["finished"], "it is all in the kernel, for whoever reads later"


def test_bad_addresses_are_refused_before_anything_is_sent(sonde):
    for listen, says in (("nonsense", "--live: 'nonsense' is not [ADDRESS]:PORT"), ("127.0.0.1:99999", "--live: '127.0.0.1:99999' is not")):
        assert says in sonde("scan", "127.0.0.1", "-p", "1", "--live", listen, code=2).err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        finished = sonde("scan", "127.0.0.1", "-p", "1", "--live", f"127.0.0.1:{taken.getsockname()[1]}", code=2)
        assert "--live: 127.0.0.1" in finished.err and "in use" in finished.err
    assert "--live: a dry run has nothing to show" in sonde("scan", "127.0.0.1", "-p", "1", "--live", ":0", "--dry-run", code=2).err


def test_an_address_that_others_reach_is_told(sonde, closed_port):
    finished = sonde("scan", "127.0.0.1", "-p", closed_port, "--live", f"0.0.0.0:{free_port()}", "--progress", "none")
    assert "--live: 0.0.0.0 is not an address of this machine alone: whoever reaches it sees the scan" in finished.err
    finished = sonde("scan", "127.0.0.1", "-p", closed_port, "--live", "127.9.9.9:0", "--progress", "none")
    assert "alone" not in finished.err
