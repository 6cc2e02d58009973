"""`sonde tls HOST` for a person: the verdict, what reaches a terminal or a pipe, exit codes. Against openssl s_server."""
import os
import pty
import re
import select
import subprocess
import time
import unicodedata

import pytest

from conftest import free_port, program, server_process

pytestmark = pytest.mark.asan

QUICK = ("--enumerate", "none")  # where what else the server supports is not the question


def openssl(folder, *words, stdin=None):
    subprocess.run([program("openssl"), *map(str, words)], cwd=folder, check=True, capture_output=True, input=stdin)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A folder with ca.pem, and issue(name, subject, extensions…) → a leaf of it."""
    folder = tmp_path_factory.mktemp("authority")
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out",
            "ca.pem", "-subj", "/CN=Test Root", "-days", "3650")

    class Authority:
        ca = folder / "ca.pem"

        @staticmethod
        def issue(name, subject="/CN=localhost", san="DNS:localhost,IP:127.0.0.1", days=60, key="ec"):
            kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["-newkey", key]
            openssl(folder, "req", *kind, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-utf8", "-subj", subject)
            (folder / f"{name}.ext").write_text(f"subjectAltName={san}\n" if san else "basicConstraints=CA:FALSE\n")
            openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", f"{name}.pem", "-days",
                    days, "-extfile", f"{name}.ext")
            return ["-cert", folder / f"{name}.pem", "-key", folder / f"{name}.key"]

    return Authority


@pytest.fixture
def serve(tmp_path):
    """serve(option…) as a context: openssl s_server on a port of its own, which is its value."""

    class Served:
        def __init__(self, *options):
            self.port = free_port()
            command = [program("openssl"), "s_server", "-accept", f"127.0.0.1:{self.port}", "-quiet", "-www", *options]
            self.process = server_process(command, tmp_path / f"s_server-{self.port}.log", self.port)

        def __enter__(self):
            self.process.__enter__()
            return self.port

        def __exit__(self, *raised):
            return self.process.__exit__(*raised)

    return Served


@pytest.fixture(scope="session")
def site(authority, tmp_path_factory):
    """A healthy server for localhost, for all tests that only look."""
    port = free_port()
    command = [program("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-quiet", "-www", "-alpn", "http/1.1",
               *authority.issue("site")]
    with server_process(command, tmp_path_factory.mktemp("site") / "log", port):
        yield port


def width(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def verdict(page):
    """The line after the title and a blank one."""
    return page.splitlines()[2]


# --- the verdict ---------------------------------------------------------------------------------------------------------------


def test_trusted_roots_make_it_acceptable(sonde, authority, site):
    page = sonde("tls", f"localhost:{site}", "--ca", authority.ca).out
    assert re.match(r"✓ A browser with your roots would accept it, until \d{4}-\d\d-\d\d \(in (59|60) days\)$", verdict(page))
    assert "\n  localhost\n  └─ Test Root  not sent\n" in page
    assert "\n  versions    TLS1.2, TLS1.3\n" in page


def test_without_them_it_is_not_and_the_handshake_is_done_all_the_same(sonde, site):
    page = sonde("tls", f"localhost:{site}", *QUICK, code=0).out
    assert verdict(page) == "✗ A browser would not accept it: its issuer is neither sent nor trusted here"
    assert "\n  error       unable to get local issuer certificate\n" in page


def test_a_url_an_address_and_a_name_are_the_same_site(sonde, authority, site):
    for target, options in ((f"https://localhost:{site}/path", ()), (f"127.0.0.1:{site}", ()), ("localhost", ("-p", site)),
                            (f"127.0.0.1:{site}", ("--sni", "localhost"))):
        page = sonde("tls", target, *options, "--ca", authority.ca, *QUICK).out
        assert verdict(page).startswith("✓"), target


def test_another_name_is_not_accepted(sonde, authority, site):
    page = sonde("tls", f"127.0.0.1:{site}", "--sni", "other.example", "--ca", authority.ca, *QUICK).out
    assert verdict(page) == "✗ A browser would not accept it: it is not for other.example"


def test_a_self_signed_certificate_is_named_so(sonde, authority, serve):
    with serve("-cert", authority.ca, "-key", authority.ca.with_suffix(".key")) as port:
        page = sonde("tls", f"127.0.0.1:{port}", *QUICK).out
    assert verdict(page) == "✗ A browser would not accept it: it is self-signed"


def test_nothing_is_claimed_when_nothing_is_verified(sonde, site):
    page = sonde("tls", f"127.0.0.1:{site}", "--verify=false", *QUICK).out
    assert verdict(page) == "? The handshake works; whether a browser would accept it was not asked"


def test_tls_1_1_alone_is_refused_by_browsers(sonde, authority, serve):
    with serve(*authority.issue("old"), "-tls1_1", "-cipher", "ALL:@SECLEVEL=0") as port:
        page = sonde("tls", f"localhost:{port}", "--ca", authority.ca).out
    assert verdict(page) == "✗ A browser would not accept it: it speaks nothing newer than TLS1.1"


def test_weak_suites_are_marked_and_warned_of(sonde, authority, serve):
    options = ("-tls1_2", "-cipher", "AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
    with serve(*authority.issue("weak", key="rsa:2048"), *options) as port:
        page = sonde("tls", f"localhost:{port}", "--ca", authority.ca).out
    assert "TLS_RSA_WITH_AES_128_CBC_SHA  no forward secrecy\n" in page
    assert "  ! Accepts 1 weak cipher suite, marked above.\n" in page
    assert "  ! TLS 1.3 is not supported.\n" in page


def test_the_group_of_the_handshake_is_among_the_groups(sonde, authority, serve):
    """OpenSSL takes X25519 only beside the curve of its ECDSA certificate, so the survey alone does not see it."""
    with serve(*authority.issue("curves"), "-tls1_2", "-groups", "X25519:P-256") as port:
        record, = sonde("tls", f"localhost:{port}", "--format", "json", "--enumerate", "versions,groups").records
    assert record["tls"]["group"] == "x25519" and set(record["tls"]["groups"]) == {"x25519", "secp256r1"}


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_demanded_client_certificate_is_told(sonde, authority, serve, version):
    with serve(*authority.issue("guarded"), "-Verify", "1", "-verify_return_error", "-CAfile", authority.ca, version) as port:
        page = sonde("tls", f"localhost:{port}", "--ca", authority.ca, *QUICK, code=None)
    assert "client certificate" in page.out
    assert "\n  subject     CN=localhost\n" in page.out, "its own certificate stays"
    if version == "-tls1_2":  # there the server ends the handshake itself
        assert page.code == 1 and verdict(page.out).startswith("✗ It demands a client certificate")


# --- no handshake -----------------------------------------------------------------------------------------------------------


def test_no_listener(sonde, closed_port):
    done = sonde("tls", f"127.0.0.1:{closed_port}", code=1)
    assert verdict(done.out) == f"✗ Nothing listens on port {closed_port}: the connection was refused"


def test_a_server_that_speaks_http(sonde, nginx):
    done = sonde("tls", f"127.0.0.1:{nginx}", code=1)
    assert verdict(done.out).startswith("✗ No TLS here: ") and "HTTP" in verdict(done.out)


def test_a_name_that_does_not_exist(sonde, dns):
    done = sonde("tls", "nowhere.test", "--resolvers", dns.resolver, code=1)
    assert done.out.startswith("nowhere.test:443\n\n✗ The name has no address")


# --- json and exit codes ----------------------------------------------------------------------------------------------------


def test_json_is_the_record_on_one_line(sonde, site):
    done = sonde("tls", f"localhost:{site}", "--format", "json", code=0)
    assert done.out.count("\n") == 1
    (record,) = done.records
    assert record["probe"] == "tls" and record["tls"]["certificate"]["subject_cn"] == "localhost"
    assert record["tls"]["verified"] is False and record["tls"]["versions"]


def test_json_of_what_failed_exits_1(sonde, closed_port):
    done = sonde("tls", f"127.0.0.1:{closed_port}", "--format", "json", code=1)
    assert done.records[0]["outcome"] == "refused"


@pytest.mark.parametrize("arguments, words", [
    (("http://localhost/",), "write https://localhost/"),
    (("localhost", "--starttls", "stmp"), "did you mean 'smtp'?"),
    (("localhost", "--format", "csv"), "--format: 'csv' is not one of page, json"),
    (("localhost", "--ca", "/nonexistent.pem"), "nonexistent.pem"),
    (("127.0.0.0/24",), "`sonde scan --probe tls` takes many"),
    (("localhost", "--client-key", "k.pem"), "--client-key: needs --client-cert"),
])
def test_bad_usage_is_one_line_and_exits_2(sonde, arguments, words):
    done = sonde("tls", *arguments, code=2)
    assert words in done.err and done.err.count("\n") == 1 and done.out == ""


# --- what a terminal gets -----------------------------------------------------------------------------------------------------


def on_a_terminal(command, **environment):
    """Runs it on a pseudo-terminal; what it wrote there, and its exit code."""
    ours, theirs = pty.openpty()
    child = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")} | {"TERM": "xterm"} | environment
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=child)
    os.close(theirs)
    written, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 1)[0]:
            continue
        try:
            piece = os.read(ours, 65536)
        except OSError:  # EIO: the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    return written.decode(), process.wait(timeout=20)


def test_colour_is_for_terminals(sonde, sonde_bin, site):
    command = [sonde_bin, "tls", f"127.0.0.1:{site}", *QUICK]
    on_terminal, code = on_a_terminal(command)
    assert code == 0 and "\x1b[31m✗\x1b[0m" in on_terminal
    assert "\x1b" not in sonde(*command[1:]).out


@pytest.mark.parametrize("name, value, coloured", [("NO_COLOR", "1", False), ("NO_COLOR", "", True), ("TERM", "dumb", False)])
def test_colour_can_be_switched_off(sonde_bin, site, name, value, coloured):
    written, _ = on_a_terminal([sonde_bin, "tls", f"127.0.0.1:{site}", *QUICK], **{name: value})
    assert ("\x1b" in written) == coloured and "✗" in written


def test_a_hostile_certificate_does_not_steer_the_terminal(sonde, sonde_bin, authority, serve):
    hostile = "/O=a\x1b]0;owned\x07\x1b[2J\u202egnp/CN=x\r✓ A browser would accept it\ty"
    with serve(*authority.issue("hostile", hostile, "DNS:localhost")) as port:
        written, _ = on_a_terminal([sonde_bin, "tls", f"localhost:{port}", *QUICK])
        page = sonde("tls", f"localhost:{port}", *QUICK).out
        record = sonde("tls", f"localhost:{port}", "--format", "json", *QUICK)
    assert set(re.findall(r"\x1b[^m]*m", written)) <= {f"\x1b[{code}m" for code in (0, 1, 31, 32, 33, 36)}
    plain = re.sub(r"\x1b\[\d+m", "", written).replace("\r\n", "\n")
    for text in (plain, page):
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
        assert not re.search(r"^✓", text, re.M)
    assert record.records[0]["tls"]["certificate"]["subject_cn"].startswith("x")


def test_no_line_is_longer_than_a_terminal(sonde, authority, serve):
    names = ",".join(f"DNS:{'a' * 50}.{'b' * 60}.host-{i}.example" for i in range(60))
    subject = "/O=東京株式会社東京株式会社東京株式会社/OU=" + "u" * 60 + "/CN=" + "n" * 60
    with serve(*authority.issue("long", subject, names)) as port:
        page = sonde("tls", f"localhost:{port}", "--resumption").out
    assert max(width(line) for line in page.splitlines()) <= 80
    assert "… 36 more\n" in page and "東京" in page
