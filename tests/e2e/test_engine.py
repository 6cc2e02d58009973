"""Both engines give the same answers, io_uring may be forbidden, and the limit of open files is no limit of either."""
import errno
import json
import resource
import signal
import subprocess
import time

import pytest
from conftest import records_in
from syscall_faults import forbid

EVERY_ROLE = "default"


def limited(files, *more):
    """A preexec_fn: this limit of open files, and what else the child shall do to itself."""

    def apply():
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        for each in more:
            each()

    return apply


def essence(records):
    """What a record says of its target, without the times it took."""
    return sorted((record["ip"], record["port"], record["probe"], record["outcome"], record["phase"], record.get("cause"), record.get("error"),
                   record.get("banner", {}).get("protocol"), record.get("banner", {}).get("text")) for record in records)


def expected(served, probe="tcp"):
    return {(line["ip"], line["port"]): line[probe]["outcome"] for line in served.truth}


def outcomes(records):
    return {(record["ip"], record["port"]): record["outcome"] for record in records}


# --- the same answers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("probe", ["tcp", "tcp,banner"])
def test_both_engines_write_the_same_records(scan, world, probe):
    served = world(prefix="127.123.0.0/25", ports=2, mix=EVERY_ROLE, seed=12)
    found = {}
    for engine in ("epoll", "uring"):
        records, summary = scan(served.prefix, "-p", served.ports, "--probe", probe, "--all", "--rate", "0", "--connect-timeout", "700ms",
                                "--read-timeout", "1500ms", "--engine", engine)
        assert summary["engine"] == engine
        found[engine] = essence(records)
    assert found["epoll"] == found["uring"]
    assert len(found["uring"]) == 256 * (2 if "," in probe else 1)


# --- io_uring forbidden ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error, words", [(errno.EPERM, "Operation not permitted"), (errno.ENOSYS, "Function not implemented")])
def test_where_io_uring_is_forbidden_the_scan_goes_on_with_epoll_and_says_why(scan, sonde, world, error, words):
    served = world(prefix="127.123.1.0/26", ports=1, mix="refused=1,open_mute=1,ssh=1", seed=3)
    arguments = [served.prefix, "-p", served.ports, "--probe", "banner", "--all", "--rate", "0", "--read-timeout", "700ms"]
    records, summary = scan(*arguments, "--engine", "uring", preexec_fn=forbid("io_uring_setup", error))
    assert summary["engine"] == "epoll"
    assert essence(records) == essence(scan(*arguments, "--engine", "epoll")[0])
    told = sonde("scan", *arguments, "--engine", "uring", "--progress", "none", preexec_fn=forbid("io_uring_setup", error)).err
    assert told == f"sonde: io_uring cannot be used (io_uring_setup: {words}); going on with epoll\n"
    assert sonde("scan", *arguments, "--progress", "none", preexec_fn=forbid("io_uring_setup", error)).err == "", "auto asked for nothing"


def test_without_io_uring_workers_get_descriptor_tables_of_their_own(scan, world):
    served = world(prefix="127.123.2.0/23", ports=1, mix="open_mute=1,silent=3", seed=3)
    records, summary = scan(served.prefix, "-p", served.ports, "--all", "--rate", "0", "--concurrency", 400, "--connect-timeout", "1s",
                            preexec_fn=limited(100, forbid("io_uring_setup", errno.EPERM)))
    assert outcomes(records) == expected(served)
    assert summary["engine"] == "epoll" and summary["local_faults"] == 0
    assert summary["workers"] >= 5, "each carries fewer than a hundred"
    assert summary["in_flight_peak"] > 100


def test_without_io_uring_so_many_workers_carry_so_many_and_that_is_said(scan, sonde, world):
    served = world(prefix="127.123.4.0/24", ports=1, mix="open_mute=1", seed=3)
    arguments = [served.prefix, "-p", served.ports, "--workers", 3, "--concurrency", 5000]
    child = limited(100, forbid("io_uring_setup", errno.EPERM))
    records, summary = scan(*arguments, preexec_fn=child)
    assert len(records) == 256 and summary["workers"] == 3 and summary["local_faults"] == 0
    told = sonde("scan", *arguments, "--progress", "none", preexec_fn=child).err
    assert "--concurrency 5000 is more than 3 workers with 100 open files each carry; going on with 2" in told


def test_one_epoll_worker_carries_what_its_descriptors_allow(sonde, world):
    served = world(prefix="127.123.5.0/24", ports=1, mix="open_mute=1", seed=3)
    finished = sonde("scan", served.prefix, "-p", served.ports, "--engine", "epoll", "--workers", 1, "--concurrency", 5000, "--progress", "none",
                     preexec_fn=limited(1000))
    assert len(finished.records) == 256
    assert finished.err.count("\n") == 1
    assert "--concurrency 5000 is more than 1 worker with 1000 open files each carry; going on with 9" in finished.err


# --- more than the limit of open files --------------------------------------------------------------------------------------------


def test_64_descriptors_and_io_uring_have_2000_in_flight(scan, world):
    served = world(prefix="127.124.0.0/20", ports=1, mix="silent=1,open_mute=1", seed=8)
    records, summary = scan(served.prefix, "-p", served.ports, "--all", "--rate", "0", "--concurrency", 2000, "--engine", "uring", "--per-prefix", 0,
                            "--connect-timeout", "1s", preexec_fn=limited(64))
    assert outcomes(records) == expected(served)
    assert summary["engine"] == "uring" and summary["local_faults"] == 0
    assert summary["in_flight_peak"] > 1000


def test_64_descriptors_and_auto_take_io_uring(scan, sonde, world):
    served = world(prefix="127.124.16.0/24", ports=1, mix="open_mute=1", seed=8)
    arguments = [served.prefix, "-p", served.ports, "--concurrency", 1000]
    assert scan(*arguments, preexec_fn=limited(64))[1]["engine"] == "uring"
    assert sonde("scan", *arguments, "--progress", "none", preexec_fn=limited(64)).err == "", "nothing has to be said"


@pytest.mark.parametrize("forbidden", [False, True], ids=["uring", "tables"])
def test_few_descriptors_hold_a_thousand(sonde, world, forbidden):
    served = world(prefix="127.124.17.0/30", ports=1, mix="open_mute=1", seed=8)
    child = limited(100 if forbidden else 64, *([forbid("io_uring_setup", errno.ENOSYS)] if forbidden else []))
    finished = sonde("hold", "--count", 1000, served.prefix, "--ports", served.ports, "--for", "300ms", "--format", "json", "--progress", "none",
                     preexec_fn=child)
    figures = json.loads(finished.out)
    assert (figures["established"], figures["held"], figures["local_faults"]) == (1000, 1000, 0), finished.err
    assert figures["engine"] == ("epoll" if forbidden else "uring")


# --- stopped ------------------------------------------------------------------------------------------------------------------------


def test_sigint_with_io_uring_cancels_and_reconciles(sonde_bin, world, tmp_path):
    served = world(prefix="127.124.32.0/22", ports=1, mix="open_mute=1,silent=1", seed=5)
    summary, output = tmp_path / "summary.json", tmp_path / "found.ndjson"
    process = subprocess.Popen([sonde_bin, "scan", served.prefix, "-p", served.ports, "--all", "--connect-timeout", "60s", "--timeout", "60s", "--engine", "uring",
                                "--progress", "none", "--rate", "0", "--summary", summary, "-o", output], stderr=subprocess.DEVNULL)
    opened = sum(line["tcp"]["outcome"] == "success" for line in served.truth)
    deadline = time.monotonic() + 30
    while not (output.exists() and output.read_text().count("\n") >= opened):  # from here on only the silent ones are in flight
        assert time.monotonic() < deadline, "the open ports are not found"
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 3
    receipt = json.loads(summary.read_text())
    found = outcomes(records_in(output.read_text()))
    assert found == {key: "cancelled" if outcome == "timeout" else outcome for key, outcome in expected(served).items()}
    assert receipt["abandoned"] == 0 and receipt["probes_started"] == receipt["probes_finished"] == 1024


def test_max_runtime_with_io_uring_stops_early(scan, world):
    served = world(prefix="127.124.36.0/22", ports=1, mix="open", seed=5)
    records, summary = scan(served.prefix, "-p", served.ports, "--rate", "100", "--max-runtime", "400ms", "--engine", "uring", code=3)
    assert 1 <= len(records) <= 60 and summary["interrupted"] and summary["engine"] == "uring"


def test_kills_with_io_uring_lose_nothing(sonde_bin, sonde, world, tmp_path):
    served = world(prefix="127.125.0.0/18", ports=1, mix="refused=3,open_mute=1", seed=11)
    wanted = {endpoint for endpoint, outcome in expected(served).items() if outcome == "success"}
    output, checkpoint = tmp_path / "found.ndjson", tmp_path / "scan.ckpt"
    arguments = ["scan", served.prefix, "-p", served.ports, "--seed", "9", "--rate", "6k", "-o", output, "--checkpoint", checkpoint, "--progress", "none",
                 "--engine", "uring"]
    kills = 0
    for _ in range(5):
        resume = ["--resume", checkpoint] if checkpoint.exists() else []
        process = subprocess.Popen([sonde_bin, *map(str, arguments), *map(str, resume)])
        try:
            process.wait(timeout=0.5)
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    sonde(*arguments, *(["--resume", checkpoint] if checkpoint.exists() else []))
    assert kills >= 3, "the scan ended before it was killed often enough to show anything"
    assert set(outcomes(records_in(output.read_text()))) == wanted
