"""The main job: a /16 of loopback with five ports, compared with its printed truth record by record."""
import json


def test_every_record_of_a_16_with_five_ports_is_the_truth(scan, sonde, world):
    served = world(prefix="127.81.0.0/16", ports=5, mix="default", seed=3)
    truth = {(line["ip"], line["port"]): line["tcp"] for line in served.truth}
    assert len(truth) == 327_680
    records, summary = scan(served.prefix, "-p", served.ports, "--all", "--rate", "0", "--connect-timeout", "1s", "--per-host", "0",
                            timeout=300)
    assert len(records) == summary["targets_total"] == 327_680
    found = {(record["ip"], record["port"]): {key: record[key] for key in ("outcome", "phase", "cause") if key in record}
             for record in records}
    assert len(found) == len(records), "no endpoint twice"
    assert found == truth
    assert summary["outcomes"]["local_error"] == 0


def test_dry_run_names_every_target_once_in_an_order_that_workers_do_not_change(sonde):
    arguments = ["scan", "127.81.0.0/20", "10.9.8.7", "-p", "1-3", "127.81.0.9:2", "--dry-run", "--seed", "5"]
    one = sonde(*arguments, "--workers", 1).out
    assert one == sonde(*arguments, "--workers", 4).out
    targets = [json.loads(line) for line in one.splitlines()]
    assert len({(target["ip"], target["port"]) for target in targets}) == len(targets) == (4096 + 1) * 3
    assert all(target["host"] is None for target in targets)
    parts = [sonde(*arguments, "--shard", f"{k}/3").out.splitlines() for k in (1, 2, 3)]
    assert sorted(sum(parts, [])) == sorted(one.splitlines())
    assert sonde(*arguments[:-1], 6).out != one
