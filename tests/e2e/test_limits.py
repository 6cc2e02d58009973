"""Local limits slow a scan down; they never become the target's state, and never lose a port."""
import json
import resource
import signal
import subprocess
import time

from conftest import records_in


def limited(files):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


def test_64_descriptors_find_every_open_port(scan, world):
    served = world(prefix="127.85.0.0/22", ports=3, mix="refused=2,open_mute=1,silent=1", seed=5)
    truth = {(line["ip"], line["port"]): line["tcp"]["outcome"] for line in served.truth}
    options = (served.prefix, "-p", served.ports, "--all", "--rate", "0", "--connect-timeout", "100ms", "--concurrency", "5000")
    records, _ = scan(*options, preexec_fn=limited(64))
    assert {(record["ip"], record["port"]): record["outcome"] for record in records} == truth
    records, summary = scan(*options, "--engine", "epoll", "--workers", "1", preexec_fn=limited(64))
    assert {(record["ip"], record["port"]): record["outcome"] for record in records} == truth
    assert summary["in_flight_peak"] < 64


def test_an_asked_for_concurrency_that_does_not_fit_is_capped_with_a_line(sonde, world):
    served = world(prefix="127.85.0.0/28", ports=1, mix="open", seed=5)
    finished = sonde("scan", served.prefix, "-p", served.ports, "--concurrency", "5000", "--engine", "epoll", "--workers", "1",
                     "--progress", "none", preexec_fn=limited(100))
    assert len(finished.records) == 16
    assert "--concurrency 5000" in finished.err and "100 open files" in finished.err


def test_no_descriptors_at_all_is_exit_1(sonde):
    finished = sonde("scan", "127.0.0.1:1", "--progress", "none", preexec_fn=limited(5), code=1)
    assert "descriptors" in finished.err


def test_max_results_writes_exactly_so_many(scan, world):
    served = world(prefix="127.86.0.0/20", ports=1, mix="open", seed=5)
    for limit in (1, 100, 1000):
        records, summary = scan(served.prefix, "-p", served.ports, "--max-results", limit, code=3)
        assert len(records) == summary["records_written"] == limit
        assert summary["interrupted"]


def test_max_targets_and_max_runtime_stop_early(scan, world):
    served = world(prefix="127.86.0.0/20", ports=1, mix="open", seed=5)
    records, summary = scan(served.prefix, "-p", served.ports, "--max-targets", 77, code=3)
    assert len(records) == 77 == summary["targets_total"]
    records, summary = scan(served.prefix, "-p", served.ports, "--rate", "100", "--max-runtime", "500ms", code=3)
    assert 1 <= len(records) <= 60, "it stops, and keeps what it found"
    records, _ = scan(served.prefix, "-p", served.ports, "--max-targets", 4096)
    assert len(records) == 4096, "a limit that is not reached changes nothing"


def test_sigint_writes_what_was_found_and_cancels_the_rest(sonde_bin, world, tmp_path):
    served = world(prefix="127.87.0.0/22", ports=1, mix="open_mute=1,silent=1", seed=5)
    summary = tmp_path / "summary.json"
    process = subprocess.Popen([sonde_bin, "scan", served.prefix, "-p", served.ports, "--all", "--connect-timeout", "60s", "--timeout", "60s",
                                "--progress", "none", "--rate", "0", "--summary", summary], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 3
    outcomes = [record["outcome"] for record in records_in(out)]
    receipt = json.loads(summary.read_text())
    assert outcomes.count("cancelled") == receipt["outcomes"]["cancelled"] > 0
    assert receipt["abandoned"] == 0
    assert receipt["probes_started"] == receipt["probes_finished"] == sum(receipt["outcomes"].values()) == len(outcomes)


def test_a_second_sigint_exits_at_once(sonde_bin, world):
    served = world(prefix="127.87.0.0/24", ports=1, mix="quiet", seed=5)
    process = subprocess.Popen([sonde_bin, "scan", served.prefix, "-p", served.ports, "--connect-timeout", "60s", "--timeout", "60s", "--progress", "none"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=1.5) == 130
