"""Every record is valid against the schema that `sonde schema` prints, whatever the probe meets; csv has the fields that its page names."""
import copy
import json
import re
from concurrent.futures import ThreadPoolExecutor

import certificates
import jsonschema
import pytest
from conftest import records_in, schema_validator
from tls_servers import Park

MIXES = ["default", "every", "http", "open", "quiet", "stuck", "tls"]
IMPATIENT = ["--all", "--progress", "none", "--connect-timeout", "300ms", "--tls-timeout", "500ms", "--read-timeout", "700ms"]


@pytest.fixture(scope="module")
def schema(sonde_bin):
    return schema_validator(whole=True).schema


@pytest.fixture
def page(sonde):
    """The tables of the page: {heading: {path: whether csv has it by default}}; and whose fields a probe's records may have too."""
    sections = re.split(r"^## (.+)$", sonde("schema").out, flags=re.M)[1:]
    texts = dict(zip(sections[::2], sections[1::2]))
    tables = {heading: {path: mark == "●" for path, mark in re.findall(r"^\| `([^`]+)` \| \w+ \| (.*?) ?\|", text, re.M)}
              for heading, text in texts.items()}
    return tables, {heading: re.findall(r"the fields of \[(\w+)\]", text) for heading, text in texts.items()}


def probes_of(schema):
    return schema["properties"]["probe"]["enum"]


def knows_ports(schema, probe):
    (rule,) = (rule["then"] for rule in schema["allOf"] if rule["if"].get("properties", {}).get("probe") == {"const": probe})
    return "port" in rule.get("required", ())


def all_valid(finished):
    return records_in(finished.out, most_checked=len(finished.out))


# --- the schema itself ------------------------------------------------------------------------------------------------------


def test_page_and_schema_tell_the_same_fields(page, schema):
    def paths(properties, before=""):
        for name, value in properties.items():
            if "minProperties" in value:  # an object of fields; that of a JSON field is told as one
                yield from paths(value["properties"], f"{before}{name}.")
            else:
                yield before + name

    told, _ = page
    assert list(told) == ["Every record", *probes_of(schema)]
    assert sorted(paths(schema["properties"])) == sorted(path for table in told.values() for path in table)


GOOD = {"ts": "2026-11-22T21:26:36.123456Z", "ip": "127.0.0.1", "port": 443, "host": "site.test", "probe": "http", "outcome": "success",
        "phase": "done", "attempts": 1, "timing_us": {"dns": 210, "connect": 143, "tls": 2310, "first_byte": 512, "total": 3190},
        "tcp": {"rtt_us": 88, "retransmits": 0},
        "tls": {"version": "TLS1.3", "chain": [{"subject_cn": "a", "issuer_cn": "b", "sha256": "0" * 64}], "ciphers": {"TLS1.2": ["TLS_X"]},
                "certificate": {"san": ["site.test"], "expired": False}},
        "http": {"status": 200, "headers": {"server": "x", "set-cookie": ["a=1", "b=2"]}, "timing_us": {"total": 5},
                 "redirects": [{"status": 301, "url": "http://a/", "location": "/b", "ip": "::1", "timing_us": {"total": 1}}]}}

# What each lie puts where; None: it is taken away.
LIES = [("", "colour", "red"), ("", "ts", None), ("", "ts", "2026-11-22T21:26:36Z"), ("", "port", 65536), ("", "port", None), ("", "port", "443"),
        ("", "probe", "telepathy"), ("", "probe", "tcp"), ("", "probe", "tls"), ("", "outcome", "fine"), ("", "outcome", "timeout"), ("", "attempts", 0),
        ("", "error", "x"), ("", "cause", "syn_unanswered"), ("", "phase", "tls"), ("", "banner", {"text": "x"}), ("", "tcp", {}), ("timing_us", "total", -1),
        ("timing_us", "total", 1.5), ("timing_us", "lunch", 1), ("tls", "version", "TLS1.4"), ("tls", "colour", "red"), ("tls.certificate", "san", "site.test"),
        ("tls.certificate", "expired", "no"), ("tls.chain.0", "sha256", None), ("tls.chain.0", "sha256", "xyz"), ("tls.chain.0", "colour", "red"),
        ("tls.ciphers", "TLS1.4", []), ("http", "status", True), ("http.headers", "server", 1), ("http.headers", "set-cookie", ["one"]),
        ("http.redirects.0", "timing_us", {"lunch": 1}), ("http.redirects.0", "location", None)]


def test_a_good_record_is_valid(schema):
    schema_validator(whole=True).validate(GOOD)
    schema_validator(whole=False).validate({"port": 1, "outcome": "refused"})


@pytest.mark.parametrize("where, name, value", LIES)
def test_a_corrupted_record_is_not_valid(schema, where, name, value):
    record = copy.deepcopy(GOOD)
    at = record
    for step in where.split(".") if where else []:
        at = at[int(step) if step.isdigit() else step]
    if value is None:
        del at[name]
    else:
        at[name] = value
    with pytest.raises(jsonschema.ValidationError):
        schema_validator(whole=True).validate(record)
    with pytest.raises(AssertionError):
        records_in(json.dumps(record) + "\n")


# --- worlds -------------------------------------------------------------------------------------------------------------------


def test_every_record_of_every_probe_over_every_world_is_valid(sonde, world, schema):
    mixes = re.findall(r"^  (\w+):", sonde("world", "--list-roles").out.partition("Mixes:")[2], re.M)
    assert {"default", "stuck", "tls"} <= set(mixes)
    with_ports = [probe for probe in probes_of(schema) if knows_ports(schema, probe)]

    def scan(job):
        served, probes = job
        ports = ["-p", served.ports] if probes[0] in with_ports else []
        return sonde("scan", served.prefix, *ports, "--probe", ",".join(probes), *IMPATIENT, "--format", "ndjson")

    worlds = [world(prefix=f"127.93.{i}.0/27", ports=2, mix=mix, seed=4) for i, mix in enumerate(mixes)]
    jobs = [(served, probes) for served in worlds for probes in [*([probe] for probe in probes_of(schema)), with_ports]]
    with ThreadPoolExecutor(8) as pool:
        for (served, probes), finished in zip(jobs, pool.map(scan, jobs)):
            records = all_valid(finished)
            assert len(records) == (64 if probes[0] in with_ports else 32) * len(probes), (served.arguments, probes)
            assert {record["probe"] for record in records} == set(probes)


# --- real servers -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def https(tmp_path_factory):
    """nginx with TLS; /away leads to another path."""
    leaf = certificates.leaf()
    with Park(tmp_path_factory.mktemp("https")) as park:
        port = park.nginx(f"listen PORT ssl http2; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {leaf.chain_file}; ssl_certificate_key {leaf.key};"
                          " add_header Set-Cookie a=1; add_header Set-Cookie b=2; location = /away { return 302 /home; }")
        park.ready()
        yield port


def test_what_real_servers_are_asked_by_every_probe_is_valid(sonde, schema, nginx, sshd, redis, https, closed_port):
    ports = f"{nginx},{sshd},{redis},{https},{closed_port}"
    for probe in probes_of(schema):
        if knows_ports(schema, probe):
            records = all_valid(sonde("scan", "127.0.0.1", "-p", ports, "--probe", probe, *IMPATIENT, "--tcp-info", "all", "--format", "ndjson"))
            assert len(records) == 5


def test_everything_that_tls_can_tell_is_valid(sonde, https):
    (record,) = all_valid(sonde("scan", f"127.0.0.1:{https}", "--probe", "tls", "--sni", "site.test", "--verify", "--ca", certificates.root().file, "--jarm",
                                "--pem", "--enumerate", "versions,ciphers,groups", "--resumption", *IMPATIENT, "--format", "ndjson"))
    assert {"chain", "jarm", "pem", "ciphers", "groups", "versions", "resumption", "verified"} <= record["tls"].keys()
    assert record["tls"]["chain"] and record["tls"]["ciphers"]["TLS1.2"]


def test_everything_that_http_can_tell_is_valid(sonde, https):
    asked = ["--scheme", "https", "--sni", "site.test", "--keep-body", "--dialogue", "--pem", "--expect-status", "200", "--expect-body", "hello"]
    (led,) = all_valid(sonde("scan", f"127.0.0.1:{https}", "--probe", "http", *asked, "--path", "/away", "--follow", 2, *IMPATIENT, "--format", "ndjson"))
    assert led["http"]["redirects"][0]["status"] == 302 and led["http"]["timing_us"]["total"] > 0
    assert led["tls"]["version"] == "TLS1.3" and led["tls"]["pem"] and led["http"]["expect"] == {"status": True, "body": True}
    assert led["http"]["headers"]["set-cookie"] == ["a=1", "b=2"] and led["http"]["dialogue"]
    (several,) = all_valid(sonde("scan", f"127.0.0.1:{https}", "--probe", "http", *asked, "--path", "/a", "--path", "/b", *IMPATIENT, "--format", "ndjson"))
    assert len(several["http"]["responses"]) == 2


def test_names_and_what_is_excluded_are_valid(sonde, schema, dns, nginx):
    dns.names.update({"shop.test": ["127.0.0.1"], "barred.test": ["127.0.0.2"]})
    for probe in probes_of(schema):
        if knows_ports(schema, probe):
            records = all_valid(sonde("scan", "shop.test", "gone.test", "barred.test", "-p", nginx, "--probe", probe, "--resolvers", dns.resolver,
                                      "--exclude", "127.0.0.2", *IMPATIENT, "--format", "ndjson"))
            assert {record["host"]: record["outcome"] for record in records}.items() >= {"gone.test": "dns_error", "barred.test": "blocked"}.items()


# --- csv ----------------------------------------------------------------------------------------------------------------------


def test_the_columns_of_csv_are_the_marked_fields_each_once(sonde, page, schema, closed_port):
    tables, shared = page
    with_ports = [probe for probe in probes_of(schema) if knows_ports(schema, probe)]
    for probes in [*([probe] for probe in with_ports), with_ports]:
        header = sonde("scan", f"127.0.0.1:{closed_port}", "--probe", ",".join(probes), "--format", "csv", *IMPATIENT).out.splitlines()[0].split(",")
        headings = ["Every record", *probes, *(other for probe in probes for other in shared[probe])]
        assert len(header) == len(set(header))
        assert set(header) == {path for heading in headings for path, marked in tables[heading].items() if marked}


def test_every_field_of_the_page_can_be_asked_for(sonde, page, schema, closed_port):
    tables, _ = page
    with_ports = [probe for probe in probes_of(schema) if knows_ports(schema, probe)]
    paths = [path for heading in ["Every record", *with_ports] for path in tables[heading]]
    finished = sonde("scan", f"127.0.0.1:{closed_port}", "--probe", ",".join(with_ports), "--fields", ",".join(paths), "--format", "csv", *IMPATIENT)
    assert finished.out.splitlines()[0].split(",") == paths
