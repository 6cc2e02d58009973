"""A scan of a world finds what the world says of itself, endpoint by endpoint."""
import pytest

pytestmark = pytest.mark.asan


@pytest.mark.parametrize("probe, mix", [("tcp", "default"), ("banner", "default"), ("tls", "default"), ("tls", "tls")])
def test_a_scan_finds_the_truth_of_a_world(scan, world, probe, mix):
    served = world(prefix="127.80.0.0/25", ports=2, mix=mix, seed=7)
    truth = {(line["ip"], line["port"]): line[probe] for line in served.truth}
    assert len(truth) == 256

    records, summary = scan(served.prefix, "-p", served.ports, "--probe", probe, "--all", "--rate", "0", "--connect-timeout",
                            "700ms", "--tls-timeout", "1500ms", "--read-timeout", "1500ms")
    found = {}
    for record in records:
        found[record["ip"], record["port"]] = {
            **{key: record[key] for key in ("outcome", "phase", "cause") if key in record},
            **{key: value for key, value in record.get("banner", {}).items() if key in ("protocol", "text")},
            **{key: value for key, value in record.get("tls", {}).items() if key == "version"}}
    assert len(records) == len(found) == summary["targets_total"]
    wrong = {endpoint: (found[endpoint], expected) for endpoint, expected in truth.items()
             if any(found[endpoint].get(key) != value for key, value in expected.items())}
    assert wrong == {}
