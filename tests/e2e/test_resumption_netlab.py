"""--resumption over paths with a round trip (tests/netlab), against nginx: the table shows the round trips that theory says.

From SYN to the first byte of the answer, TCP's own round trip counted in:

    TLS 1.3   full 3   PSK 3 (it saves a signature and no round trip)   0-RTT 2
    TLS 1.2   full 4   session resumed 3

A path is never quicker than its delay, so that n round trips are an exact lower bound of every run. Above it comes what
processors take: the quickest run may be 10 % and CPU_MS over its round trips. A busy machine only ever adds to a time, so the
quickest is the path's own, and it cannot hide a round trip, for each run has them all; where it is still over the bound after
RUNS runs there are more of them, up to MOST_RUNS. Tickets, verdicts and lower bounds are asserted of every run.
"""
import contextlib
import json
import pathlib
import subprocess
import sys

import pytest

from conftest import SONDE, program, records_in, server_process, wait_for_listener

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "netlab"))
import netlab  # noqa: E402
from netlab import Line  # noqa: E402

RUNS, MOST_RUNS = 7, 60
CPU_MS = 6  # of both ends and of the line, for one way: a third of the shorter round trip
FIRST_PORT, PORTS = 4001, 24
# Its tickets are two in TLS 1.3, one in TLS 1.2. An RSA key of 3072 bits: the signature that PSK saves is worth milliseconds.
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    {listen}
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    ssl_protocols {protocol}; ssl_early_data on; ssl_session_tickets on;
    return 200 "hello\\n";
  }}
}}
"""


@pytest.fixture(autouse=True)
def possible():
    reason = netlab.why_not()
    if reason:
        pytest.skip(reason)
    if not netlab.LINE.is_file():
        pytest.fail(f"{netlab.LINE} is not there: build it", pytrace=False)


@pytest.fixture(scope="module")
def key_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "30", "-keyout", folder / "key.pem", "-out",
                    folder / "cert.pem", "-subj", "/CN=server"], check=True, stderr=subprocess.DEVNULL, timeout=60)
    return folder


@contextlib.contextmanager
def nginx(line, folder, protocol):
    """On FIRST_PORT and those behind it, in the right namespace."""
    listen = " ".join(f"listen {line.right_address}:{port} ssl;" for port in range(FIRST_PORT, FIRST_PORT + PORTS))
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, listen=listen, protocol=protocol))
    command = [program("nginx"), "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]
    with contextlib.ExitStack() as running:
        with line.inside(line.right):  # what is started there stays there
            process = running.enter_context(server_process(command, folder / "output.log"))
        with line.inside(line.left):
            wait_for_listener(FIRST_PORT, process, line.right_address)
        yield


def sonde(line, *arguments):
    return line.run_in(line.left, [SONDE, *arguments], capture_output=True, text=True)


def three_ways(line):
    """What one scan of one target recorded of its TLS."""
    done = sonde(line, "scan", line.right_address, "-p", FIRST_PORT, "--probe", "tls", "--resumption", "--all", "--format", "ndjson",
                 "--progress", "none")
    assert done.returncode == 0, done.stderr
    (record,) = records_in(done.stdout)
    assert record["outcome"] == "success", record
    return record["tls"]


class Times:
    """The quickest of the runs, in milliseconds; that none was quicker than the path, at once."""

    def __init__(self, rtt_ms, rounds):
        """rounds: way → (round trips of the handshake, in all)."""
        self.rtt_ms, self.rounds = rtt_ms, rounds
        self.quickest = {(way, part): float("inf") for way in rounds for part in ("tls", "total")}

    def take(self, timing_us):
        assert set(timing_us) == set(self.rounds), "a way that was not gone has no time"
        for (way, part), quickest in self.quickest.items():
            took_ms = timing_us[way][part] / 1000
            assert took_ms >= self.rounds_of(way, part) * self.rtt_ms, f"{way} {part}: quicker than the path"
            self.quickest[way, part] = min(quickest, took_ms)

    def rounds_of(self, way, part):
        return self.rounds[way][0 if part == "tls" else 1]

    def over(self):
        """What took longer than its round trips explain."""
        return {key: took_ms for key, took_ms in self.quickest.items()
                if took_ms > self.rounds_of(*key) * self.rtt_ms * 1.1 + CPU_MS}

    def order_holds(self):
        total = {way: self.quickest[way, "total"] for way in self.rounds}
        return total["full"] >= total["psk"] > total.get("early_data", 0)


def runs_until_quick(line, times):
    """The records of RUNS runs, or of more."""
    found = []
    while len(found) < RUNS or (len(found) < MOST_RUNS and (times.over() or not times.order_holds())):
        found.append(three_ways(line))
        times.take(found[-1]["resumption"]["timing_us"])
    assert not times.over()
    assert times.order_holds(), times.quickest
    return found


@pytest.mark.parametrize("rtt_ms", [20, 65])
def test_tls13_full_and_psk_take_three_round_trips_and_early_data_two(sonde_bin, key_folder, rtt_ms):
    times = Times(rtt_ms, {"full": (1, 3), "psk": (1, 3), "early_data": (1, 2)})
    with Line(delay_ms=rtt_ms / 2) as line, nginx(line, key_folder, "TLSv1.3"):
        found = runs_until_quick(line, times)
    for tls in found:
        resumption = tls["resumption"]
        assert tls["version"] == "TLS1.3"
        assert (resumption["tickets"], resumption["psk"], resumption["early_data"]) == (2, "accepted", "accepted")
        assert resumption["alpn_kept"] is True


@pytest.mark.parametrize("rtt_ms", [20, 65])
def test_tls12_full_takes_four_round_trips_and_a_resumed_session_three(sonde_bin, key_folder, rtt_ms):
    times = Times(rtt_ms, {"full": (2, 4), "psk": (1, 3)})
    with Line(delay_ms=rtt_ms / 2) as line, nginx(line, key_folder, "TLSv1.2"):
        found = runs_until_quick(line, times)
    for tls in found:
        resumption = tls["resumption"]
        assert tls["version"] == "TLS1.2"
        assert (resumption["tickets"], resumption["psk"], resumption["early_data"]) == (1, "accepted", "not_offered")
        assert resumption["alpn_kept"] is True


def test_the_page_and_the_record_of_one_target_show_the_three_ways(sonde_bin, key_folder):
    with Line(delay_ms=10) as line, nginx(line, key_folder, "TLSv1.3"):
        target = f"{line.right_address}:{FIRST_PORT}"
        record = sonde(line, "tls", "--resumption", "--format", "json", target)
        page = sonde(line, "tls", "--resumption", "--format", "page", target)
    assert record.returncode == page.returncode == 0, record.stderr + page.stderr
    assert set(records_in(record.stdout)[0]["tls"]["resumption"]["timing_us"]) == {"full", "psk", "early_data"}
    assert "0-RTT" in page.stdout


@pytest.mark.parametrize("protocol", ["TLSv1.3", "TLSv1.2"])
def test_a_path_that_loses_packets_still_ends_in_a_verdict(sonde_bin, key_folder, tmp_path, protocol):
    loss, seed, sure = 0.01, 3, 150  # packets that each of these scans sends at least, either way
    assert any(netlab.is_lost(seed, index, loss) for index in range(sure)), "another seed"
    summary_file = tmp_path / "summary.json"
    with Line(delay_ms=10, loss=loss, seed=seed) as line, nginx(line, key_folder, protocol):
        done = sonde(line, "scan", line.right_address, "-p", f"{FIRST_PORT}-{FIRST_PORT + PORTS - 1}", "--probe", "tls",
                     "--resumption", "--all", "--format", "ndjson", "--progress", "none", "--summary", summary_file)
    assert done.returncode == 0, done.stderr
    assert line.counts["left_to_right"]["lost"] > 0
    records = records_in(done.stdout)
    summary = json.loads(summary_file.read_text())
    assert summary["probes_started"] == summary["probes_finished"] == len(records) == PORTS
    assert {record["port"] for record in records} == set(range(FIRST_PORT, FIRST_PORT + PORTS)), "one each"
    assert {record["outcome"] for record in records} <= {"success", "timeout"}
    succeeded = [record for record in records if record["outcome"] == "success"]
    assert len(succeeded) > PORTS / 2, "TCP repairs what the path loses"
    for record in succeeded:
        assert record["tls"]["resumption"]["psk"] in ("accepted", "not_offered", "rejected")
