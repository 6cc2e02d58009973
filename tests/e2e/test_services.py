"""`sonde scan` against the servers that people run: OpenSSH, Redis, nginx."""
import re
import socket

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


def test_an_ssh_server_tells_its_algorithms_and_none_are_asked_for_with_hello_none(scan, sshd):
    (record,), _ = scan(f"127.0.0.1:{sshd}", "--probe", "banner")
    told = record["banner"]["ssh"]
    assert set(told) == {"kex", "host_key", "ciphers", "macs"} and all(told.values())
    assert "curve25519-sha256" in told["kex"]
    assert "hello" not in record["banner"], "the server spoke first"
    (record,), _ = scan(f"127.0.0.1:{sshd}", "--probe", "banner", "--hello", "none")
    assert (record["outcome"], record["banner"]["protocol"]) == ("success", "ssh") and "ssh" not in record["banner"]


def test_the_hello_that_was_answered_is_named(scan, redis, nginx):
    (record,), _ = scan(f"127.0.0.1:{redis}", "--probe", "banner", "--hello", "redis,http")
    assert record["banner"]["hello"] == "redis" and "\nredis_version:" in record["banner"]["text"]
    (record,), _ = scan(f"127.0.0.1:{nginx}", "--probe", "banner")
    assert record["banner"]["hello"] == "http"


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


def test_a_long_answer_is_fetched_over_tcp(scan, dns, nginx):
    dns.names["many.test"] = ["127.0.0.1"] + [f"192.0.2.{i}" for i in range(1, 60)]
    (record,), _ = scan(f"many.test:{nginx}", "--resolvers", dns.resolver)
    assert (record["ip"], record["outcome"]) == ("127.0.0.1", "success")
    assert dns.over_tcp == 1


@pytest.mark.parametrize("version, ip", [("4", "127.0.0.1"), ("6", "::1"), ("prefer4", "127.0.0.1"), ("prefer6", "::1")])
def test_ip_version_chooses_the_address_of_a_name(scan, dns, version, ip):
    dns.names["both.test"] = ["127.0.0.1", "::1"]
    (record,), _ = scan("both.test:1", "--resolvers", dns.resolver, "--ip-version", version, "--all")
    assert (record["ip"], record["outcome"]) == (ip, "refused")
    assert len(dns.asked) == 1, "the other family is not asked for"


def test_an_unwanted_ip_version_is_no_address(scan, dns):
    dns.names["v6.test"] = ["::1"]
    (record,), _ = scan("v6.test:1", "--resolvers", dns.resolver, "--ip-version", "4", "--all")
    assert (record["outcome"], record["error"]) == ("dns_error", "the name has no address")


def test_a_name_is_asked_for_once_however_many_its_ports(scan, dns):
    dns.names["shop.test"] = ["127.0.0.1"]
    records, _ = scan("shop.test", "-p", "1-40", "--resolvers", dns.resolver, "--workers", "1", "--all")
    assert len(records) == 40 and {record["ip"] for record in records} == {"127.0.0.1"}
    assert dns.asked == ["shop.test"]


def test_a_silent_resolver_beside_a_good_one(scan, dns):
    names = {f"n{i}.test": [f"127.0.1.{i}"] for i in range(1, 100)}
    dns.names.update(names)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        records, _ = scan(*(f"{name}:1" for name in names), "--resolvers", f"127.0.0.1:{deaf.getsockname()[1]},{dns.resolver}", "--dns-timeout", "3s",
                          "--all")
    assert {record["host"]: record.get("ip") for record in records} == {name: addresses[0] for name, addresses in names.items()}


def test_a_resolver_that_is_not_there_is_this_machines_fault(scan):
    (record,), _ = scan("shop.test:80", "--resolvers", "127.0.0.1:1", "--all")
    assert (record["outcome"], record["phase"], record["error"]) == ("local_error", "dns", "no resolver can be reached")
