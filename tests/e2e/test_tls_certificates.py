"""A zoo of certificates through the whole program: handshake, record and page. And what --verify says of each kind of fault."""
import csv
import io
import re
import ssl
from concurrent.futures import ThreadPoolExecutor

import certificates
import pytest
from certificates import BMP, PRINTABLE, TELETEX, issue, name
from test_tls_servers import ENGINES, run_sonde, scan_all
from tls_servers import Park

HOSTILE = {  # subjects that would like to be more than text
    "newline": name(("CN", "two\nlines\r\nof text")), "escape": name(("CN", "\x1b[2J\x1b]0;owned\x07red")),
    "quotes": name(("O", 'He said "no", \\ and <left>; #1+1=2'), ("CN", '"};{"a":"b')), "nul": name(("CN", b"site.test\0.evil.test")),
    "utf-8": name(("CN", "bücher.example"), ("O", "東京 🔐 العربية")), "bidi": name(("CN", "\u202etxt.exe\u2066")),
    "c1": name(("CN", "a\u009b31mb\u0085c\x7f")), "not-utf-8": name(("CN", b"\xff\xfe\x80", PRINTABLE)), "latin-1": name(("CN", "caf\xe9".encode("latin-1"), TELETEX)),
    "bmp": name(("CN", "Łódź".encode("utf-16-be"), BMP)), "spaces": name(("CN", " leading and trailing ")), "sharp": name(("CN", "#hash")),
    "empty": name(), "two-cns": name(("CN", "first"), ("OU", "unit"), ("CN", "second")), "printable": name(("C", "DE", PRINTABLE), ("CN", "plain")),
    "long": name(("CN", "x" * 5000)),
}
KEYS = {"rsa-2048": "rsa-2048", "rsa-4096": "rsa-4096", "p256": "ecdsa-p256", "p384": "ecdsa-p384", "p521": "ecdsa-p521", "ed25519": "ed25519",
        "ed448": "ed448", "rsa-pss": "rsa-pss-2048"}
SERIALS = {"zero": (0, "00"), "negative": (-0x1234, "-1234"), "huge": (2 ** 400 + 5, f"{2 ** 400 + 5:0102x}"), "high-bit": (0xFF, "ff"),
           "minus-one": (-1, "-01")}
NAMES = {
    "wildcard": ("DNS:*.site.test",), "wildcard-base": ("DNS:*.test",), "addresses": ("IP:127.0.0.1", "IP:::1"), "other-address": ("IP:127.0.0.2",),
    "many": tuple(f"DNS:n{number}.site.test" for number in range(999)) + ("DNS:a.site.test",),
    "nul": (b"a.site.test\0.evil.test",), "control": (b"a\n\x1b[31mb.test",), "case": ("DNS:A.Site.TEST",),
}


def zoo():
    made = {f"subject-{kind}": issue(subject, names=("DNS:a.site.test",)) for kind, subject in HOSTILE.items()}
    made |= {f"key-{kind}": issue("a.site.test", kind=kind, names=("DNS:a.site.test",)) for kind in KEYS}
    made |= {f"serial-{kind}": issue("a.site.test", serial=serial) for kind, (serial, _) in SERIALS.items()}
    made |= {f"names-{kind}": issue("another", names=names) for kind, names in NAMES.items()}
    made["expired"] = issue("a.site.test", names=("DNS:a.site.test",), begins="20200101000000Z", ends="20210203040506Z")
    made["not-yet"] = issue("a.site.test", names=("DNS:a.site.test",), begins="20600102030405Z", ends="20991231235959Z")
    made["cn-alone"] = issue("a.site.test")
    made["embedded-scts"] = issue("a.site.test", names=("DNS:a.site.test",), extensions=(certificates.embedded_scts(2),))
    return made


@pytest.fixture(scope="module")
def shown(tmp_path_factory, sonde_bin):
    """Certificates, and by engine their records: by the name of each."""
    made = zoo()
    with Park(tmp_path_factory.mktemp("zoo")) as park:
        ports = {kind: park.s_server(certificate) for kind, certificate in made.items()}
        park.ready()
        options = ["--sni", "a.site.test", "--pem"]
        records = {engine: scan_all(sonde_bin, ports, "--tls-engine", engine, *options) for engine in ENGINES}
        with ThreadPoolExecutor(4) as pool:
            page = [["tls", f"127.0.0.1:{port}", "--sni", "a.site.test", "--enumerate", "versions"] for port in ports.values()]
            pages = dict(zip(ports, pool.map(lambda arguments: run_sonde(sonde_bin, *arguments), page), strict=True))
    return made, records, pages


def fields(shown, engine, kind):
    record = shown[1][engine][kind]
    assert (record["outcome"], record["phase"]) == ("success", "done"), record
    return record["tls"]["certificate"]


def openssl_says(certificate, *what):
    printed = certificates.openssl("x509", "-in", certificate.file, "-noout", *what).decode(errors="replace")
    return printed.replace("\\\n", "").rstrip("\n").split("=", 1)[1]


@pytest.fixture(scope="module")
def printed(shown):
    """By the name of a certificate: what openssl prints of it, by its words for it."""

    def of(certificate):
        lines = certificates.openssl("x509", "-in", certificate.file, "-noout", "-fingerprint", "-sha256", "-serial", "-startdate", "-enddate",
                                     "-dateopt", "iso_8601").decode().replace("\\\n", "").splitlines()
        return dict(line.split("=", 1) for line in lines)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(shown[0], pool.map(of, shown[0].values()), strict=True))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_certificate_gives_a_record_that_agrees_with_openssl(shown, printed, engine):
    made, records, _ = shown
    assert records[engine].keys() == made.keys()
    for kind, certificate in made.items():
        found, said = fields(shown, engine, kind), printed[kind]
        assert found["sha256"] == said["sha256 Fingerprint"].replace(":", "").lower(), kind
        assert found["serial"] == said["serial"].lower(), kind
        assert (found["not_before"], found["not_after"]) == tuple(said[when].replace(" ", "T") for when in ("notBefore", "notAfter")), kind
        assert found["self_signed"] is True, kind
        assert [ssl.PEM_cert_to_DER_cert(text) for text in records[engine][kind]["tls"]["pem"]] == [certificate.der], kind


def test_both_engines_say_the_same_of_every_certificate(shown):
    made, records, _ = shown
    for kind in made:
        assert fields(shown, "lean", kind) == fields(shown, "full", kind), kind


@pytest.mark.parametrize("kind", KEYS)
def test_keys_are_named(shown, kind):
    found = fields(shown, "lean", f"key-{kind}")
    assert found["key_type"] == KEYS[kind]
    printed = certificates.openssl("x509", "-in", shown[0][f"key-{kind}"].file, "-noout", "-text").decode()
    assert found["signature_algorithm"] == re.search(r"Signature Algorithm: (\S+)", printed)[1]


@pytest.mark.parametrize("kind", SERIALS)
def test_serials_are_hex_with_their_sign(shown, kind):
    assert fields(shown, "lean", f"serial-{kind}")["serial"] == SERIALS[kind][1]


# For a.site.test
@pytest.mark.parametrize("kind, matches, wildcard, listed", [
    ("names-wildcard", True, True, ["*.site.test"]), ("names-wildcard-base", False, True, ["*.test"]),
    ("names-addresses", False, False, ["127.0.0.1", "::1"]), ("names-other-address", False, False, ["127.0.0.2"]),
    ("names-case", True, False, ["A.Site.TEST"]), ("cn-alone", False, False, []),
])
def test_names_match_as_they_should(shown, kind, matches, wildcard, listed):
    found = fields(shown, "lean", kind)
    assert (found["host_matches"], found["wildcard"], found["san"]) == (matches, wildcard, listed)


def test_a_thousand_names_are_kept_within_the_bound_and_all_are_matched(shown):
    found = fields(shown, "lean", "names-many")
    assert found["host_matches"], "the last of a thousand"
    assert found["san"][:3] == ["n0.site.test", "n1.site.test", "n2.site.test"] and len(found["san"]) > 90


def test_a_nul_cuts_no_name_short(shown):
    found = fields(shown, "lean", "names-nul")
    assert found["host_matches"] is False and "\0" not in found["san"][0] and found["san"][0].endswith(".evil.test")
    assert "evil.test" in fields(shown, "lean", "subject-nul")["subject_cn"]


def test_validity_is_told_in_two_fields(shown):
    told = {kind: (fields(shown, "lean", kind)["expired"], fields(shown, "lean", kind)["not_yet_valid"]) for kind in ("expired", "not-yet", "key-p256")}
    assert told == {"expired": (True, False), "not-yet": (False, True), "key-p256": (False, False)}


@pytest.mark.parametrize("engine", ENGINES)
def test_embedded_timestamps_are_counted(shown, engine):
    assert shown[1][engine]["embedded-scts"]["tls"]["scts"] == 2 and shown[1][engine]["key-p256"]["tls"]["scts"] == 0


@pytest.mark.parametrize("kind, wanted", [
    ("utf-8", "bücher.example"), ("latin-1", "café"), ("bmp", "Łódź"), ("spaces", " leading and trailing "), ("sharp", "#hash"),
    ("printable", "plain"), ("quotes", '"};{"a":"b'),
])
def test_text_of_any_encoding_is_text(shown, kind, wanted):
    assert fields(shown, "lean", f"subject-{kind}")["subject_cn"] == wanted


@pytest.mark.parametrize("kind", ["utf-8", "quotes", "printable", "two-cns", "sharp", "spaces"])
def test_names_are_rfc_4514_strings_as_openssl_writes_them(shown, kind):
    wanted = openssl_says(shown[0][f"subject-{kind}"], "-subject", "-nameopt", "RFC2253,-esc_msb,utf8")
    assert fields(shown, "lean", f"subject-{kind}")["subject_dn"] == wanted


def strings(value):
    if isinstance(value, dict):
        return [text for each in value.values() for text in strings(each)]
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    return [value] if isinstance(value, str) else []


CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")


def test_no_field_holds_a_control_character_but_those_of_plain_text(shown):
    for records in shown[1].values():
        for kind, record in records.items():
            assert [text for text in strings(record) if CONTROLS.search(re.sub("[\t\n\r]", "", text))] == [], kind
    assert fields(shown, "lean", "subject-escape")["subject_cn"] == "\\x1b[2J\\x1b]0;owned\\x07red"


def test_no_page_holds_a_control_character_but_newline(shown):
    for kind, page in shown[2].items():
        assert (page.returncode, page.stderr) == (0, ""), kind
        assert CONTROLS.search(page.stdout.replace("\n", "")) is None, kind
        assert shown[1]["full"][kind]["tls"]["certificate"]["sha256"] in page.stdout, kind
        assert "owned" not in page.stdout.splitlines(), kind


def test_csv_and_table_hold_the_worst_certificates_too(sonde_bin, tmp_path):
    with Park(tmp_path) as park:
        port = park.s_server(issue(name(("CN", 'a"b,c\nd\x1b[31m')), names=(b"x\ny.test",)))
        park.ready()
        for style in ("csv", "table"):
            done = run_sonde(sonde_bin, "scan", f"127.0.0.1:{port}", "--probe", "tls", "--format", style, "--progress", "none")
            assert done.returncode == 0 and CONTROLS.search(done.stdout.replace("\n", "")) is None
            if style == "csv":
                heads, values = csv.reader(io.StringIO(done.stdout))
                assert dict(zip(heads, values, strict=True))["tls.certificate.subject_cn"] == 'a"b,c\nd\\x1b[31m'
            else:
                assert done.stdout.count("\n") == 2, done.stdout


# --- --verify -------------------------------------------------------------------------------------------------------------------


def faults():
    """What is wrong: certificate, and what the verdict says; with the test's root and for site.test."""
    middle = certificates.intermediate()
    names = ("DNS:site.test",)
    stranger = issue("Another Root", owner="stranger", ca=True)
    no_authority = issue("no authority", issuer=certificates.root(), owner="no-authority", names=("DNS:no.test",))
    return {
        "good": (issue("site.test", issuer=middle, names=names), None),
        "expired": (issue("site.test", issuer=middle, names=names, ends="20210101000000Z"), "certificate has expired"),
        "not-yet": (issue("site.test", issuer=middle, names=names, begins="20600101000000Z"), "certificate is not yet valid"),
        "self-signed": (issue("site.test", names=names), "self-signed certificate"),
        "other-name": (issue("site.test", issuer=middle, names=("DNS:elsewhere.test",)), "hostname mismatch"),
        "cn-alone": (issue("site.test", issuer=middle), "hostname mismatch"),
        "unknown-root": (issue("site.test", issuer=stranger, names=names), "unable to get local issuer certificate"),
        "no-authority": (issue("site.test", issuer=no_authority, names=names), "invalid CA certificate"),
    }


@pytest.fixture(scope="module")
def judged(sonde_bin, tmp_path_factory):
    roots = certificates.root().file
    with Park(tmp_path_factory.mktemp("judged")) as park:
        ports = {kind: park.s_server(certificate) for kind, (certificate, _) in faults().items()}
        alone = issue("site.test", issuer=certificates.intermediate(), names=("DNS:site.test",))
        alone.issuers.clear()  # the server does not send the intermediate
        ports["missing-intermediate"] = park.s_server(alone)
        park.ready()
        verdicts = {engine: scan_all(sonde_bin, ports, "--tls-engine", engine, "--sni", "site.test", "--verify", "--ca", roots) for engine in ENGINES}
        verdicts["page"] = {kind: run_sonde(sonde_bin, "tls", f"127.0.0.1:{port}", "--sni", "site.test", "--ca", roots, "--enumerate", "none")
                            for kind, port in ports.items()}
    return verdicts


WRONG = {kind: error for kind, (_, error) in faults().items()} | {"missing-intermediate": "unable to get local issuer certificate"}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", WRONG)
def test_verify_says_what_is_wrong(judged, engine, kind):
    record, error = judged[engine][kind], WRONG[kind]
    assert record["outcome"] == "success", "the probe succeeded, whatever the certificate"
    assert (record["tls"]["verified"], record["tls"].get("verify_error")) == (error is None, error)


@pytest.mark.parametrize("kind", WRONG)
def test_the_page_says_it_too(judged, kind):
    page = judged["page"][kind]
    assert page.returncode == 0, "the handshake was completed"
    assert WRONG[kind] is None or WRONG[kind] in page.stdout


@pytest.mark.parametrize("engine", ENGINES)
def test_without_verify_nothing_is_said_of_trust(scan, engine, tmp_path):
    with Park(tmp_path) as park:
        port = park.s_server(issue("site.test"))
        park.ready()
        (record,), _ = scan(f"127.0.0.1:{port}", "--probe", "tls", "--tls-engine", engine)
    assert not {"verified", "verify_error"} & record["tls"].keys()
