"""`sonde report` against a count of the same lines in plain Python: real scans, hostile lines, what is no record at all."""
import collections
import gzip
import html.parser
import json
import re

import pytest

pytestmark = pytest.mark.asan

OUTCOMES = ("success", "refused", "timeout", "reset", "closed", "unreachable", "dns_error", "tls_error", "protocol_error", "local_error",
            "blocked", "cancelled")
BREAKOUT = "</script><script>alert(1)</script><!-- \u2028\u2029 <img src=x onerror=alert(1)> \u202e"


def table(counted):
    """{name: count} of a list of Counted, or of a CountTable without others."""
    if isinstance(counted, dict):
        assert "others" not in counted
        counted = counted.get("rows", [])
    return {row.get("name", ""): int(row["count"]) for row in counted}


def is_record(line):
    try:
        record = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} in {line}"))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and {"ip", "host", "probe", "outcome"} & set(record) else None


def naive(lines):
    """What a report must say, by counting one record after the other."""
    counts = collections.defaultdict(collections.Counter)
    ports = collections.defaultdict(collections.Counter)
    records = [record for record in map(is_record, lines) if record is not None]
    for record in records:
        outcome = record.get("outcome") if record.get("outcome") in OUTCOMES else "unknown"
        counts["outcomes"][outcome] += 1
        counts["probes"][record.get("probe", "")] += 1
        ports[record.get("port", 0)][outcome] += 1
        if outcome != "success":
            counts["errors"][record.get("phase", "unknown"), outcome, record.get("cause", "")] += 1
        for phase, us in record.get("timing_us", {}).items():
            counts["latency"]["done" if phase == "total" else phase] += 1
            counts["longest"]["done" if phase == "total" else phase] = max(us, counts["longest"]["done" if phase == "total" else phase])
        tls = record.get("tls", {})
        version = tls.get("version") or record.get("banner", {}).get("tls")
        counts["tls"].update([version] if version else [])
        counts["ciphers"].update([tls["cipher"]] if "cipher" in tls else [])
        counts["issuers"].update([tls["certificate"]["issuer_cn"]] if "issuer_cn" in tls.get("certificate", {}) else [])
        counts["protocols"].update([record["banner"]["protocol"]] if "protocol" in record.get("banner", {}) else [])
        counts["statuses"].update([str(record["http"]["status"])] if "status" in record.get("http", {}) else [])
        counts["servers"].update([record["http"]["headers"]["server"]] if "server" in record.get("http", {}).get("headers", {}) else [])
    return records, counts, ports


def compare(report, lines):
    records, counts, ports = naive(lines)
    assert int(report["records"]) == len(records)
    assert table(report["outcomes"]) == counts["outcomes"]
    assert table(report["probes"]) == counts["probes"]
    listed = {row.get("port"): table(row["outcomes"]) for row in report.get("ports", [])}
    assert listed == {port: dict(outcomes) for port, outcomes in ports.items() if port != 0}
    assert int(report.get("ports_others", 0)) == sum(ports[0].values())
    errors = {(row["phase"], row["outcome"], row.get("cause", "")): int(row["count"]) for row in report.get("errors", [])}
    assert errors == counts["errors"]
    for row in report["latency"]:
        assert int(row["count"]) == counts["latency"][row["phase"]] == sum(map(int, row["buckets"]))
        assert int(row.get("max_us", 0)) == counts["longest"][row["phase"]]
    assert table(report.get("tls", {}).get("versions", {})) == counts["tls"]
    assert table(report.get("tls", {}).get("ciphers", {})) == counts["ciphers"]
    assert table(report.get("tls", {}).get("issuers", {})) == counts["issuers"]
    services = report.get("services", {})
    assert table(services.get("protocols", {})) == counts["protocols"]
    assert table(services.get("http_statuses", {})) == counts["statuses"]
    assert table(services.get("http_servers", {})) == counts["servers"]
    places = report["map"]
    assert sum(int(places.get(part, 0)) for part in ("v4", "v6", "without_address")) == len(records)
    assert sum(map(int, report["series"].get("records", []))) + int(report["series"].get("untimed", 0)) == len(records)


@pytest.fixture
def records_file(scan, world, tmp_path):
    """Records of every kind of host by every kind of probe."""
    lines = []
    for mix, net in (("every", 0), ("tls", 1), ("http", 2)):
        served = world(prefix=f"127.91.{net}.0/26", ports=2, mix=mix, seed=3)
        records, _ = scan(served.prefix, "-p", served.ports, "--probe", "banner,tls,http", "--all", "--verify", "--connect-timeout", "300ms",
                          "--read-timeout", "700ms", "--tls-timeout", "700ms")
        lines += [json.dumps(record) for record in records]
    path = tmp_path / "records.ndjson"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_scan_is_counted_as_one_counts_by_hand(sonde, records_file):
    lines = records_file.read_text().splitlines()
    assert len(lines) > 1000
    report = json.loads(sonde("report", records_file, "--format", "json").out)
    compare(report, lines)
    assert report["sources"] == [str(records_file)] and "lines_invalid" not in report
    assert {kind["kind"] for kind in report["strange"]} >= {"self_signed"}
    slowest = max(json.loads(line)["timing_us"]["total"] for line in lines if '"success"' in line)
    assert int(report["slowest"][0]["total_us"]) == slowest


def test_standard_input_and_several_files_are_one_report(sonde, tmp_path):
    lines = ['{"ip":"127.0.0.1","port":80,"probe":"tcp","outcome":"success","timing_us":{"total":5}}',
             '{"ip":"::1","probe":"tcp","outcome":"timeout","phase":"connect","cause":"syn_unanswered","timing_us":{"total":7}}']
    (tmp_path / "one").write_text(lines[0])
    (tmp_path / "two").write_text(lines[1] + "\n")
    both = json.loads(sonde("report", "one", "two", "--format", "json").out)
    piped = json.loads(sonde("report", "-", "--format", "json", stdin="\n".join(lines)).out)
    compare(both, lines)
    compare(piped, lines)
    assert piped["sources"] == ["standard input"]
    assert table(piped["map"]["v6_prefixes"]) == {"::/48": 1}


HOSTILE = [
    '{"ip":"127.0.0.1","port":80,"probe":"tcp","outcome":"success","new_field":{"deep":[1,2,{"x":null}]},"timing_us":{"total":3}}',
    json.dumps({"ip": "127.0.0.2", "port": 443, "probe": BREAKOUT, "outcome": "success", "timing_us": {"total": 3},
                "tls": {"version": BREAKOUT, "cipher": BREAKOUT, "certificate": {"issuer_cn": BREAKOUT}},
                "http": {"status": 200, "title": BREAKOUT, "headers": {"server": BREAKOUT}}, "banner": {"protocol": BREAKOUT, "product": BREAKOUT}},
               ensure_ascii=False),
    '{"ip":"127.0.0.3","port":1,"probe":"tcp","outcome":"of a later version","phase":"connect"}',
    '{"host":"never.resolved.test","probe":"tcp","outcome":"dns_error","phase":"dns"}',
    '{"outcome":"refused","phase":"connect","port":65535}',
    '{"ip":"127.0.0.4","port":80,"probe":"tcp","outcome":"suc',
    '{"port":80}', "[]", "null", "7", "{", '{"ip":"127.0.0.1"}}', '{"ip":"127.0.0.1" "port":80}', "[" * 3000, "\x00", "records",
    '{"ip":"127.0.0.5","outcome":"timeout","phase":"read","probe":"' + "x" * 100_000 + '"}',
]


def test_hostile_lines_are_counted_or_told_and_nothing_breaks_out_of_the_page(sonde, tmp_path):
    path = tmp_path / "hostile.ndjson"
    path.write_bytes(b"\n\n".join(line.encode() for line in HOSTILE) + b"\r\n\xff\xfe\n")
    finished = sonde("report", path, "--format", "json")
    report = json.loads(finished.out)
    lines = [line.replace("x" * 100_000, "x" * 128).replace(BREAKOUT, cut(BREAKOUT)) for line in HOSTILE]
    records, _, _ = naive(lines)
    assert int(report["records"]) == len(records) == 6
    assert int(report["lines_invalid"]) == len(HOSTILE) - 6 + 1
    assert table(report["outcomes"]) == naive(lines)[1]["outcomes"]
    assert report["first_invalid"][0] == {"source": str(path), "line": "11", "error": "not JSON, or cut off"}
    assert len(report["first_invalid"]) == 10
    assert "hostile.ndjson:11: not JSON" in finished.err
    assert not set("<>&\u2028\u2029") & set(finished.out)

    sonde("report", path, "-o", "page.html")
    page = (tmp_path / "page.html").read_text()
    seen = Page(page)
    assert seen.scripts == 2, "the program's and the data's"
    assert json.loads(seen.data)["records"] == report["records"]
    assert "alert(1)" not in page.replace(seen.data, "")


def cut(text, most=128):
    return text.encode()[:most].decode(errors="ignore")


class Page(html.parser.HTMLParser):
    """What a browser sees of a page: its scripts, its data, its policy, what it would load."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.data, self.policy, self.loads, self.in_data = 0, "", "", [], False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.scripts += tag == "script"
        self.in_data = attributes.get("id") == "report-data"
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
        self.loads += [attributes[name] for name in ("src", "href", "srcset", "action") if name in attributes]

    def handle_endtag(self, tag):
        self.in_data = False

    def handle_data(self, data):
        if self.in_data:
            self.data += data


def test_the_page_is_one_file_and_may_load_nothing(sonde, tmp_path):
    (tmp_path / "r").write_text('{"ip":"127.0.0.1","outcome":"success"}\n')
    finished = sonde("report", "r")
    assert finished.out == "" and finished.err == "sonde: report.html: 1 record\n"
    seen = Page((tmp_path / "report.html").read_text())
    assert seen.loads == ["data:,"]
    assert re.fullmatch(r"default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'; img-src data:; "
                        r"base-uri 'none'; form-action 'none'", seen.policy)
    on_stdout = sonde("report", "r", "-o", "-").out
    assert Page(on_stdout).policy == seen.policy


@pytest.mark.parametrize("content, says", [
    (b"", "report: in: there is no record in it"),
    (b"\n \n", "report: in: there is no record in it"),
    (b"ts,ip,port,host,probe,outcome\n2026,127.0.0.1,80,,tcp,success\n", "report: in: is csv; a report is made of ndjson"),
    (gzip.compress(b'{"ip":"127.0.0.1"}\n'), "report: in: is compressed with gzip; `zcat FILE | sonde report -` reads it"),
    (b"TARGET  OUTCOME\n", "there is no record in it"),
], ids=["empty", "blank", "csv", "gzip", "table"])
def test_what_holds_no_records_is_refused(sonde, tmp_path, content, says):
    (tmp_path / "in").write_bytes(content)
    finished = sonde("report", "in", code=2)
    assert says in finished.err
    assert not (tmp_path / "report.html").exists()


def test_files_that_are_not_there_and_outputs_that_cannot_be(sonde, tmp_path):
    assert "report: nowhere: open: No such file" in sonde("report", "nowhere", code=2).err
    assert "report: .: read: Is a directory" in sonde("report", ".", code=2).err
    assert "no file of records was given" in sonde("report", code=2).err
    assert "did you mean 'json'" in sonde("report", "x", "--format", "jsn", code=2).err
    (tmp_path / "r").write_text('{"ip":"127.0.0.1","outcome":"success"}\n')
    assert "report: --output nowhere/x" in sonde("report", "r", "-o", "nowhere/x", code=1).err

