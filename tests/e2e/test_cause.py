"""Why a probe timed out: `cause` and `tcp` in records of real connections, and what asking for them costs."""
import csv
import io

import pytest

PATIENCE = ["--rate", "0", "--connect-timeout", "1500ms", "--read-timeout", "2s"]

# What a banner probe must say of each way to be silent. The hello that it sends into the silence is the request.
STUCK = {
    "silent": ("connect", "syn_unanswered", "no answer to the SYN"),
    "open_mute": ("first_byte", "acked_no_reply", "silent, also to a hello"),
    "half_line": ("read", "partial_reply", "a greeting or answer was not finished"),
    "deaf": ("first_byte", "request_unacked", "connected, but the request was never acknowledged"),
}


@pytest.fixture
def stuck(world):
    """A world of nothing but timeouts, and the role of each of its addresses."""
    served = world(prefix="127.94.0.0/26", ports=1, mix="stuck", seed=1)
    roles = {line["ip"]: line["role"] for line in served.truth}
    assert set(roles.values()) == set(STUCK)
    return served, roles


@pytest.mark.asan
def test_every_way_to_time_out_is_told_apart(scan, stuck):
    served, roles = stuck
    records, summary = scan(served.prefix, "-p", served.ports, "--probe", "banner", "--all", *PATIENCE)
    assert summary["outcomes"]["timeout"] == len(records) == 64
    for record in records:
        role = roles[record["ip"]]
        assert (record["phase"], record["cause"], record["error"]) == STUCK[role]
        # Only the two that the host did not acknowledge were sent again (a SYN after 1 s, a hello after 200 ms or more).
        assert (record["tcp"]["retransmits"] > 0) == (role in ("silent", "deaf")), record
        assert ("rtt_us" in record["tcp"]) == (role != "silent"), "no round trip without a handshake"
    assert summary["tcp_info_reads"] == 64


def test_none_asks_nothing_and_all_asks_of_every_connection(scan, world, stuck):
    served, roles = stuck
    records, summary = scan(served.prefix, "-p", served.ports, "--probe", "banner", "--all", "--tcp-info", "none", *PATIENCE)
    assert summary["tcp_info_reads"] == 0
    assert not any("tcp" in record for record in records)
    assert {roles[record["ip"]]: record.get("cause") for record in records} == {
        "silent": "syn_unanswered", "half_line": "partial_reply", "open_mute": None, "deaf": None}

    healthy = world(prefix="127.94.3.0/28", ports=1, mix="ssh=1,refused=1,reset_mid_banner=1", seed=1)
    records, summary = scan(healthy.prefix, "-p", healthy.ports, "--probe", "banner", "--all", "--tcp-info", "all")
    for record in records:
        assert (record.get("tcp", {}).get("rtt_us", 0) > 0) == (record["outcome"] in ("success", "reset"))
        assert "cause" not in record
    assert summary["tcp_info_reads"] == sum("tcp" in record for record in records) == 16 - summary["outcomes"]["refused"]


def test_timeouts_without_a_record_are_not_asked_about(scan, stuck):
    served, _ = stuck
    records, summary = scan(served.prefix, "-p", served.ports, "--probe", "banner", *PATIENCE)
    assert records == [] and summary["outcomes"]["timeout"] == 64
    assert summary["tcp_info_reads"] == 0


def test_csv_has_cause_and_tcp_as_columns(sonde, stuck):
    served, roles = stuck
    out = sonde("scan", served.prefix, "-p", served.ports, "--probe", "banner", "--all", "--format", "csv", "--progress", "none",
                "--fields", "ip,cause,tcp", *PATIENCE).out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 64 and list(rows[0]) == ["ip", "cause", "tcp.rtt_us", "tcp.retransmits"]
    assert all(row["cause"] == STUCK[roles[row["ip"]]][1] for row in rows)
    assert all((row["tcp.rtt_us"] == "") == (roles[row["ip"]] == "silent") for row in rows)


@pytest.mark.parametrize("value, hint", [("timeout", "did you mean 'timeouts'?"), ("yes", "all, timeouts, none")])
def test_a_wrong_word_is_refused_with_the_right_ones(sonde, value, hint):
    finished = sonde("scan", "127.0.0.1:1", "--tcp-info", value, code=2)
    assert "--tcp-info" in finished.err and hint in finished.err
