"""`sonde scan` against the servers that people run: OpenSSH, Redis, nginx."""
import re

import pytest

pytestmark = pytest.mark.asan

SERVICES = [("sshd", "ssh"), ("redis", "redis"), ("nginx", "http")]


@pytest.mark.parametrize("server, protocol", SERVICES)
def test_banner_names_the_protocol(scan, request, server, protocol):
    port = request.getfixturevalue(server)
    records, summary = scan("127.0.0.1", "-p", port, "--probe", "banner")
    assert [record["outcome"] for record in records] == ["success"]
    assert records[0]["port"] == port
    assert records[0]["banner"]["protocol"] == protocol
    assert summary["outcomes"]["success"] == 1


def test_an_ssh_banner_is_the_line_that_the_server_sent(scan, sshd):
    (record,), _ = scan(f"127.0.0.1:{sshd}", "--probe", "banner")
    banner = record["banner"]
    assert re.fullmatch(r"SSH-2\.0-OpenSSH_\S+( .*)?", banner["text"])
    assert banner["product"] == banner["text"].split(" ")[0].removeprefix("SSH-2.0-")
    assert banner["bytes"] >= len(banner["text"]) + 1


def test_one_pass_over_all_services_gives_one_record_each(scan, sshd, redis, nginx, closed_port):
    ports = f"{sshd},{redis},{nginx},{closed_port}"
    records, summary = scan("127.0.0.1", "-p", ports, "--probe", "banner", "--all")
    found = {record["port"]: (record["outcome"], record.get("banner", {}).get("protocol")) for record in records}
    assert found == {sshd: ("success", "ssh"), redis: ("success", "redis"), nginx: ("success", "http"),
                     closed_port: ("refused", None)}
    assert len(records) == summary["targets_total"] == 4


def test_tcp_success_and_refusal_are_told_apart(scan, nginx, closed_port):
    records, summary = scan("127.0.0.1", "-p", f"{nginx},{closed_port}", "--all")
    by_port = {record["port"]: record for record in records}
    assert by_port[nginx]["outcome"] == "success" and by_port[nginx]["phase"] == "done"
    assert by_port[closed_port]["outcome"] == "refused" and by_port[closed_port]["phase"] == "connect"
    assert by_port[closed_port]["error"] and "error" not in by_port[nginx]
    assert summary["outcomes"]["success"] == summary["outcomes"]["refused"] == 1


def test_without_all_only_successes_are_written(scan, nginx, closed_port):
    records, summary = scan("127.0.0.1", "-p", f"{nginx},{closed_port}")
    assert [record["port"] for record in records] == [nginx]
    assert summary["outcomes"]["refused"] == 1


def test_a_record_has_what_the_contract_names(scan, nginx):
    (record,), _ = scan(f"127.0.0.1:{nginx}")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", record["ts"])
    assert (record["ip"], record["port"], record["probe"], record["attempts"]) == ("127.0.0.1", nginx, "tcp", 1)
    assert "host" not in record
    timing = record["timing_us"]
    assert all(isinstance(value, int) and value >= 0 for value in timing.values())
    assert sum(value for phase, value in timing.items() if phase != "total") <= timing["total"]


def test_a_name_is_resolved_and_kept(scan, dns, nginx):
    dns.names["shop.test"] = ["127.0.0.1"]
    (record,), _ = scan(f"shop.test:{nginx}", "--resolvers", dns.resolver)
    assert (record["host"], record["ip"], record["outcome"]) == ("shop.test", "127.0.0.1", "success")
    assert "dns" in record["timing_us"]


def test_a_name_that_does_not_exist_is_a_dns_error(scan, dns):
    (record,), summary = scan("gone.test:80", "--resolvers", dns.resolver, "--all")
    assert (record["host"], record["outcome"], record["phase"]) == ("gone.test", "dns_error", "dns")
    assert "ip" not in record
    assert summary["outcomes"]["dns_error"] == 1


def test_a_resolver_that_stays_silent_costs_the_dns_timeout_and_no_more(scan, dns):
    dns.silent.add("slow.test")
    (record,), _ = scan("slow.test:80", "--resolvers", dns.resolver, "--dns-timeout", "300ms", "--all")
    assert (record["outcome"], record["phase"]) in (("timeout", "dns"), ("dns_error", "dns"))
    assert 300_000 <= record["timing_us"]["total"] < 2_000_000
