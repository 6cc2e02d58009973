"""Killed at any moment and resumed: nothing missing, duplicates only from the last second, no half lines, ever."""
import json
import random
import signal
import subprocess
import time

from conftest import records_in


def whole_records(path):
    whole, end, torn = path.read_text().rpartition("\n")
    return records_in(whole + end), torn


def test_fifty_kills_lose_nothing(sonde_bin, sonde, world, tmp_path):
    served = world(prefix="127.82.0.0/17", ports=2, mix="refused=8,open_mute=1,ssh=1", seed=11)
    expected = {(line["ip"], line["port"]) for line in served.truth if line["tcp"]["outcome"] == "success"}
    output, checkpoint = tmp_path / "found.ndjson", tmp_path / "scan.ckpt"
    arguments = ["scan", served.prefix, "-p", served.ports, "--seed", "9", "--rate", "8k", "-o", output, "--checkpoint", checkpoint,
                 "--progress", "none"]
    rate_per_s = 8000
    chance = random.Random(4711)
    kills = 0
    while kills < 50:
        resume = ["--resume", checkpoint] if checkpoint.exists() else []
        process = subprocess.Popen([sonde_bin, *map(str, arguments), *map(str, resume)])
        try:
            process.wait(timeout=chance.uniform(0.0, 0.9))
            break  # it came to its end
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        if output.exists():
            whole_records(output)  # every whole line parses
    sonde(*arguments, *(["--resume", checkpoint] if checkpoint.exists() else []))
    records, tail = whole_records(output)
    assert tail == "", "a torn line"
    assert kills >= 20, "the scan ended before it was killed often enough to show anything"
    found = [(record["ip"], record["port"]) for record in records]
    assert set(found) == expected, "missing or foreign records"
    # A kill repeats at most what had ended since the last checkpoint: about a second's worth, of which one in five is a record.
    assert len(found) - len(set(found)) <= (kills + 1) * rate_per_s * 1.5 * 0.25


def test_a_stopped_scan_is_resumed_without_repetition(sonde_bin, sonde, world, tmp_path):
    served = world(prefix="127.83.0.0/18", ports=1, mix="refused=3,open_mute=1", seed=2)
    expected = {(line["ip"], line["port"]) for line in served.truth if line["tcp"]["outcome"] == "success"}
    output, checkpoint, summary = tmp_path / "found.ndjson", tmp_path / "scan.ckpt", tmp_path / "summary.json"
    arguments = ["scan", served.prefix, "-p", served.ports, "--rate", "5k", "-o", output, "--checkpoint", checkpoint, "--progress", "none",
                 "--summary", summary]
    process = subprocess.Popen([sonde_bin, *map(str, arguments)], stderr=subprocess.DEVNULL)
    time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 3
    receipt = json.loads(summary.read_text())
    assert receipt["interrupted"] and receipt["probes_started"] == receipt["probes_finished"] + receipt["abandoned"]
    sonde(*arguments, "--resume", checkpoint)
    records, tail = whole_records(output)
    assert tail == ""
    found = [(record["ip"], record["port"]) for record in records]
    assert sorted(found) == sorted(expected), "each open port exactly once"
    # With another seed, shard, port or target it is another scan.
    before = output.read_text()
    for change, word in ((["--seed", "1"], "seed"), (["--shard", "1/2"], "shard"), (["-p", "1"], "targets or ports"), (["--order", "sequential"], "order"),
                         (["--probe", "banner"], "probe"), (["127.99.0.1"], "targets or ports")):
        refused = sonde(*arguments, "--resume", checkpoint, *change, code=2)
        assert word in refused.err and refused.err.count("\n") == 1
    assert output.read_text() == before, "a refused resume leaves the output alone"


def test_exclusions_added_on_a_resume_are_honoured_at_once(sonde_bin, sonde, world, tmp_path):
    served = world(prefix="127.84.0.0/20", ports=1, mix="open", seed=2)
    output, checkpoint = tmp_path / "found.ndjson", tmp_path / "scan.ckpt"
    arguments = ["scan", served.prefix, "-p", served.ports, "--seed", "3", "-o", output, "--checkpoint", checkpoint, "--progress", "none"]
    sonde(*arguments, "--max-targets", "1000", code=3)
    assert len(whole_records(output)[0]) == 1000
    sonde(*arguments, "--resume", checkpoint, "--exclude", "127.84.8.0/21", code=0)
    records, _ = whole_records(output)
    late = {record["ip"] for record in records[1000:]}
    assert late and not any(8 <= int(ip.split(".")[2]) < 16 for ip in late)
    wanted = {f"127.84.{i}.{j}" for i in range(8) for j in range(256)}
    assert wanted <= {record["ip"] for record in records}
    assert "excludes more" in sonde(*arguments, "--resume", checkpoint, code=2).err, "an exclusion is not forgotten"
