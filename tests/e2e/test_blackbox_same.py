"""sonde watch is what blackbox_exporter 0.23 is: both on one file of modules, asked the same, answer the same.

    SONDE_WATCH_COMMAND=prometheus-blackbox-exporter pytest tests/e2e/test_blackbox_same.py

sets the oracle against itself and shows what the table is worth. The world both live in is blackbox_world.py's, the table blackbox_cases.py's.
"""
import math
import pathlib
import re
import shutil

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from blackbox_cases import CASES, MODULES, SECRET
from blackbox_world import ORACLE, WATCH, ask_both, namespaces

pytestmark = [
    pytest.mark.skipif(shutil.which(ORACLE) is None, reason=f"{ORACLE} is not installed, with which sonde is to be compared"),
]

# What sonde says beyond the oracle: families of its own, phases of families that the oracle has, facts of certificates where the probe failed.
OWN_FAMILIES = {"probe_cause_info", "probe_tcp_duration_seconds"}
OWN_PHASES = {"probe_dns_duration_seconds", "probe_icmp_duration_seconds", "probe_grpc_duration_seconds"}
CERTIFICATE_FACTS = {"probe_ssl_earliest_cert_expiry", "probe_ssl_last_chain_expiry_timestamp_seconds", "probe_ssl_last_chain_info", "probe_tls_version_info"}
# Modules that no probe can come of: the oracle finds that out along the way and has told some series by then, sonde says so at the start.
BROKEN = {"http-bad-method", "http-bad-header-value", "http-compression-unknown", "tcp-source-bad", "dns-rcode-unknown", "dns-transport-unknown",
          "dns-source-bad", "dns-dot-over-udp", "icmp-payload-too-large", "icmp-source-bad", "tcp-tls-missing-key-file", "grpc-tls-missing-ca"}
# Where 0.23 is wrong and its series are not to be had: docs/decisions/0017-where-sonde-differs-from-blackbox.md.
DELIBERATE = {
    "http-brotli-cut": "0.23 takes a brotli stream that breaks off for a whole one",
    "http-deflate-with-zlib-header": "0.23 cannot read what RFC 9110 says deflate is",
}
IS_TIME = re.compile(r"_duration_seconds$|_lookup_time_seconds$")
MOST_SECONDS = 10  # no probe of the table may take longer


@pytest.fixture(scope="session")
def asked(tmp_path_factory):
    if not namespaces():
        pytest.skip("no network namespace can be made here, in which both programs have names and servers of their own")
    requests = [{"path": case.path, "query": case.query, "fields": case.fields, "method": case.method} for case in CASES]
    return ask_both(tmp_path_factory.mktemp("blackbox"), MODULES, requests)


@pytest.fixture(scope="session")
def answers(asked):
    """name of a case → {"oracle": answer, "sonde": answer}."""
    return dict(zip((case.name for case in CASES), asked[0]))


def test_all_lived_through_it(asked):
    assert not asked[1]


def series_in(text):
    """{(name, labels): value} and {family: type}."""
    families = list(text_string_to_metric_families(text))
    series = {(sample.name, frozenset(sample.labels.items())): sample.value for family in families for sample in family.samples}
    assert len(series) == sum(len(family.samples) for family in families), "a series is there twice"
    return series, {family.name: family.type for family in families}


def shown(series):
    return sorted(f"{name}{dict(labels)}" for name, labels in series)


def allowed_beyond(name, success):
    return name in OWN_FAMILIES or name in OWN_PHASES or (name in CERTIFICATE_FACTS and not success)


def compare_metrics(theirs, ours):
    """theirs: text of the oracle. Returns its probe_success."""
    expected, expected_types = series_in(theirs)
    found, found_types = series_in(ours)
    success = expected["probe_success", frozenset()]
    assert found["probe_success", frozenset()] == success, f"theirs:\n{theirs}\nours:\n{ours}"
    missing = expected.keys() - found.keys()
    beyond = {key for key in found.keys() - expected.keys() if not allowed_beyond(key[0], success)}
    assert not missing and not beyond, f"missing {shown(missing)}\nbeyond {shown(beyond)}"
    for (name, labels), value in expected.items():
        assert same_value(name, value, found[name, labels], success), f"{name}{dict(labels)}: theirs {value}, ours {found[name, labels]}"
    for family, kind in expected_types.items():
        assert found_types.get(family) == kind, family
    has_cause = any(name == "probe_cause_info" for name, _ in found)
    assert has_cause == (not success) or (WATCH == ORACLE and not has_cause)
    return success


def same_value(name, value, ours, success):
    if IS_TIME.search(name):
        happened = value > 0 or name in OWN_PHASES or name == "probe_dns_lookup_time_seconds"
        return 0 <= ours < MOST_SECONDS and (happened or ours == 0)
    if name in CERTIFICATE_FACTS and not success and value == 0:
        return True  # the oracle's gauge was registered and never set
    return ours == value or (math.isnan(ours) and math.isnan(value))


SECTIONS = ("Logs for the probe:", "Metrics that would have been returned:", "Module configuration:")


def sections_of(page):
    parts = re.split("^(?:" + "|".join(map(re.escape, SECTIONS)) + ")\n", page, flags=re.M)
    assert len(parts) == 4 and parts[0] == "", page
    return parts[1:]


def without_defaults(theirs, ours):
    """What the file does not have, the oracle tells all the same where it is empty."""
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return theirs
    return {key: without_defaults(value, ours.get(key)) for key, value in theirs.items() if key in ours or value not in ("", None)}


def compare_debug_pages(theirs, ours, module):
    (their_log, their_metrics, their_module), (our_log, our_metrics, our_module) = sections_of(theirs), sections_of(ours)
    compare_metrics(their_metrics, our_metrics)
    for log in (their_log, our_log):
        lines = log.strip().split("\n")
        assert all(re.match(r"ts=\S+Z (caller=\S+ )?module=\S+ target=\S+ level=(info|error|warn|debug) msg=", line) for line in lines), log
        assert "msg=\"Beginning probe\"" in lines[0]
    last = [re.search(r'msg="(Probe succeeded|Probe failed)" duration_seconds=', log.strip().split("\n")[-1])[1] for log in (their_log, our_log)]
    assert last[0] == last[1]
    assert SECRET not in our_module
    their_options, our_options = yaml.safe_load(their_module), yaml.safe_load(our_module)
    assert our_options["prober"] == their_options["prober"] and our_options["timeout"] == their_options["timeout"]
    prober = MODULES[module]["prober"]
    for key in MODULES[module][prober]:
        if key == "bearer_token":  # which the oracle shows as what it stands for
            assert their_options[prober]["authorization"] == {"type": "Bearer", "credentials": our_options[prober][key]}
        else:
            assert without_defaults(their_options[prober].get(key), our_options[prober].get(key)) == our_options[prober].get(key), key


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_answer(answers, case):
    theirs, ours = answers[case.name]["oracle"], answers[case.name]["sonde"]
    assert ours["status"] == theirs["status"], f"theirs {theirs['text'][:300]}\nours {ours['text'][:300]}"
    if case.up == "debug":
        assert ours["type"].partition(";")[0] == theirs["type"].partition(";")[0] == "text/plain"
        compare_debug_pages(theirs["text"], ours["text"], dict(case.query)["module"])
    elif case.up is True or case.up is False:
        assert theirs["status"] == 200, theirs["text"]
        assert ours["type"].partition(";")[0] == theirs["type"].partition(";")[0] == "text/plain"
        if case.name in DELIBERATE:
            assert f"probe_success {int(case.up)}\n" in theirs["text"] and f"probe_success {int(not case.up)}\n" in ours["text"]
            return
        if case.name in BROKEN:
            assert "probe_success 0\n" in theirs["text"] and "probe_success 0\n" in ours["text"] and "probe_cause_info{" in ours["text"]
            return
        assert compare_metrics(theirs["text"], ours["text"]) == case.up, f"not what the table says\n{theirs['text']}"
    else:
        assert SECRET not in ours["text"]
        assert theirs["status"] == case.up, theirs["text"]
        if case.path == "/probe":  # the reason of Go's parser is its own
            assert ours["text"].partition(": strconv")[0].rstrip("\n").startswith(theirs["text"].partition(": strconv")[0].rstrip("\n"))


THEIRS = """# TYPE probe_success gauge
probe_success 1
# TYPE probe_duration_seconds gauge
probe_duration_seconds 0.1
# TYPE probe_http_duration_seconds gauge
probe_http_duration_seconds{phase="tls"} 0
probe_http_duration_seconds{phase="connect"} 0.01
# TYPE probe_http_status_code gauge
probe_http_status_code 200
"""


@pytest.mark.parametrize("what, old, new", [
    ("a value", "status_code 200", "status_code 201"), ("a series less", 'probe_http_duration_seconds{phase="tls"} 0\n', ""), ("a label", 'phase="tls"', 'phase="TLS"'),
    ("a series more", 'probe_http_duration_seconds{phase="tls"} 0\n', 'probe_http_duration_seconds{phase="tls"} 0\nprobe_http_duration_seconds{phase="other"} 0\n'),
    ("a type", "status_code gauge", "status_code counter"), ("a verdict", "probe_success 1", "probe_success 0"), ("a time that was not", '"tls"} 0', '"tls"} 0.001'),
    ("a time below zero", "seconds 0.1", "seconds -0.1"), ("a time beyond all", "seconds 0.1", "seconds 1000"), ("a cause without a failure", "# TYPE probe_success gauge",
     "# TYPE probe_cause_info gauge\nprobe_cause_info 1\n# TYPE probe_success gauge"), ("a fact of a certificate, of a success", "# TYPE probe_success gauge",
     "# TYPE probe_ssl_earliest_cert_expiry gauge\nprobe_ssl_earliest_cert_expiry 1\n# TYPE probe_success gauge"),
])
def test_what_differs_is_found(what, old, new):
    assert compare_metrics(THEIRS, THEIRS) == 1
    assert old in THEIRS
    with pytest.raises((AssertionError, KeyError)):
        compare_metrics(THEIRS, THEIRS.replace(old, new))


def test_what_differs_on_purpose_is_written_down():
    page = (pathlib.Path(__file__).parents[2] / "docs/decisions/0017-where-sonde-differs-from-blackbox.md").read_text()
    assert DELIBERATE.keys() <= {case.name for case in CASES}
    assert all(f"`{name}`" in page for name in DELIBERATE)


def test_the_table_is_wide():
    """Of all probers, good and bad."""
    assert len(CASES) >= 180
    for prober in ("http", "tcp", "dns", "icmp", "grpc"):
        outcomes = {case.up for case in CASES if case.name.startswith(prober + "-")}
        assert {True, False, "debug"} <= outcomes
