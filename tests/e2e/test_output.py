"""Formats, fields, streams, names and the receipt."""
import csv
import io
import json
import time

import pytest

pytestmark = pytest.mark.asan


@pytest.fixture
def small(world):
    return world(prefix="127.89.0.0/28", ports=1, mix="every", seed=5)


def test_csv_has_a_header_and_a_row_each(sonde, small):
    finished = sonde("scan", small.prefix, "-p", small.ports, "--format", "csv", "--all", "--probe", "banner", "--connect-timeout", "300ms",
                     "--progress", "none")
    rows = list(csv.DictReader(io.StringIO(finished.out)))
    assert len(rows) == 16 and set(rows[0]) >= {"ip", "port", "outcome", "phase", "banner.protocol", "timing_us.total"}
    assert {row["ip"] for row in rows} == {line["ip"] for line in small.truth}


def test_fields_are_chosen_and_ordered(sonde, small):
    finished = sonde("scan", small.prefix, "-p", small.ports, "--fields", "timing_us.total,ip,outcome", "--all", "--connect-timeout", "300ms",
                     "--progress", "none", "--format", "ndjson")
    for record in finished.records:
        assert list(record) == ["timing_us", "ip", "outcome"] and list(record["timing_us"]) == ["total"]


def test_a_table_is_for_eyes(sonde, small):
    finished = sonde("scan", small.prefix, "-p", small.ports, "--format", "table", "--all", "--connect-timeout", "300ms", "--progress", "none")
    assert finished.out.splitlines()[0].split() == ["TARGET", "OUTCOME", "TIME", "DETAIL"]
    assert len(finished.out.splitlines()) == 1 + 16
    assert "\x1b" not in finished.out, "colours only on a terminal"


def test_a_table_tells_what_the_probe_found(sonde, small):
    finished = sonde("scan", small.prefix, "-p", small.ports, "--format", "table", "--probe", "banner", "--connect-timeout", "300ms",
                     "--read-timeout", "1500ms", "--progress", "none")
    rows = finished.out.splitlines()[1:]
    found = [line for line in small.truth if line["banner"]["outcome"] == "success"]
    assert len(rows) == len(found)
    for line in found:
        assert any(line["ip"] in row and f" {line['banner']['protocol']} " in row for row in rows), line


def test_progress_json_is_one_object_a_second_and_ends_with_the_end_state(sonde, world):
    served = world(prefix="127.89.16.0/22", ports=1, mix="open", seed=5)
    finished = sonde("scan", served.prefix, "-p", served.ports, "--rate", "500", "--progress", "json", "-o", "out")
    lines = [json.loads(line) for line in finished.err.splitlines()]
    assert len(lines) >= 2
    for line in lines:
        assert list(line) == ["elapsed_s", "done", "total", "percent", "rate_now", "rate_mean", "in_flight", "successes", "timeouts", "eta_s"]
    assert (lines[-1]["done"], lines[-1]["total"], lines[-1]["percent"], lines[-1]["successes"]) == (1024, 1024, 100, 1024)


def test_a_stream_is_probed_in_order_of_arrival_and_bad_lines_are_counted(scan, world):
    served = world(prefix="127.89.32.0/24", ports=1, mix="open", seed=5)
    port = served.ports
    lines = f"127.89.32.9:{port}\nnot a target\n127.89.32.3:{port} # x\n\n127.89.32.7\n127.89.32.9:{port}\n"
    records, summary = scan("-l", "-", "-p", port, "--workers", 1, "--rate", 50, stdin=lines)
    assert [record["ip"].split(".")[3] for record in records] == ["9", "3", "7", "9"]
    assert summary["lines_invalid"] == 1 and summary["targets_total"] is None


def test_streamed_shards_are_disjoint_and_together_complete(sonde):
    lines = "".join(f"10.1.{i}.{j}:80\n" for i in range(4) for j in range(200))
    parts = [sonde("scan", "-l", "-", "--dry-run", "--shard", f"{k}/3", stdin=lines).out.splitlines() for k in (1, 2, 3)]
    assert all(parts) and sorted(sum(parts, [])) == sorted(sonde("scan", "-l", "-", "--dry-run", stdin=lines).out.splitlines())


def test_names_are_resolved_excluded_and_retried(scan, dns, world):
    served = world(prefix="127.89.48.0/28", ports=1, mix="open", seed=5)
    dns.names.update({"a.test": ["127.89.48.1"], "b.test": ["127.89.48.2"], "c.test": ["127.89.48.3"], "v6.test": ["::1"]})
    records, summary = scan("a.test", "b.test", "c.test", "gone.test", "127.89.48.3", "127.89.48.4", "-p", served.ports, "--resolvers", dns.resolver,
                            "--exclude", "b.test,c.test,127.89.48.1", "--all")
    outcomes = {(record.get("host"), record.get("ip")): record["outcome"] for record in records}
    assert outcomes == {("a.test", "127.89.48.1"): "blocked", ("b.test", None): "blocked", ("c.test", None): "blocked", ("gone.test", None): "dns_error",
                        (None, "127.89.48.4"): "success"}, "an excluded name takes its address along"
    assert summary["outcomes"]["blocked"] == 3


def test_a_rate_is_kept(scan, world):
    served = world(prefix="127.89.64.0/22", ports=1, mix="open", seed=5)
    started = time.monotonic()
    _, summary = scan(served.prefix, "-p", served.ports, "--rate", "1000")
    assert summary["rate_mean"] <= 1030
    assert time.monotonic() - started >= 0.95


def test_a_pass_of_tcp_and_banner_gives_a_record_each(scan, world):
    served = world(prefix="127.89.80.0/28", ports=1, mix="ssh=1", seed=5)
    records, summary = scan(served.prefix, "-p", served.ports, "--probe", "tcp,banner")
    assert sorted(record["probe"] for record in records) == ["banner"] * 16 + ["tcp"] * 16
    assert summary["probes_finished"] == 32
