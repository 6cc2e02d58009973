"""`sonde http URL` for a person: the page, what reaches a terminal or a pipe, exit codes."""
import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import unicodedata

import certificates
import pytest
from test_tls_page import on_a_terminal, verdict, width

pytestmark = pytest.mark.asan


def answers(*answers):
    """A server that says one of these to each request of a connection."""

    def serve(connection):
        for answer in answers:
            heard = b""
            while b"\r\n\r\n" not in heard:
                if not (piece := connection.recv(4096)):
                    return
                heard += piece
            connection.sendall(answer)

    return serve


def page_of(body, *headers, status="200 OK"):
    head = "".join(f"{header}\r\n" for header in (f"Content-Length: {len(body)}", *headers))
    return f"HTTP/1.1 {status}\r\n{head}\r\n{body}".encode()


HELLO = page_of("<title>Hello</title>\n", "Server: test/1", "Content-Type: text/html; charset=utf-8")


@pytest.fixture
def site(served):
    return served(answers(HELLO))


@pytest.fixture
def secure(served):
    """A port of https for localhost, by a root of our own."""
    leaf = certificates.leaf("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.chain_file, leaf.key)

    def serve(connection):
        with context.wrap_socket(connection, server_side=True) as inner:
            answers(HELLO)(inner)

    return served(serve)


def test_the_page_of_an_answer(sonde, site):
    page = sonde("http", f"127.0.0.1:{site}").out
    assert re.match(rf"http://127\.0\.0\.1:{site}/\n\n✓ 200 OK, 21 bytes in \d+(\.\d+)? ms\n\nAnswer\n  title       Hello\n  protocol    HTTP/1\.1\n"
                    r"  type        text/html\n  body        21 bytes\n  sha256      [0-9a-f]{64}\n\nHeaders\n  server: test/1\n\nTime\n", page), page
    assert re.search(r"\n  connect     .*ms\n(.*\n)*  in all      █{52} .* ms\n$", page)


def test_a_url_a_host_and_an_address_with_a_path(sonde, served):
    heard = []

    def serve(connection):
        heard.append(connection.recv(4096).split(b"\r\n")[0])
        connection.sendall(HELLO)

    port = served(serve)
    for target in (f"http://localhost:{port}/a?b", f"localhost:{port}/a?b", f"127.0.0.1:{port}/a?b", f"HTTP://u:p@LOCALHOST:{port}/x/../a?b#c"):
        sonde("http", target)
    assert heard == [b"GET /a?b HTTP/1.1"] * 4


def test_certificates_are_asked_for(sonde, secure):
    url = f"https://localhost:{secure}/"
    done = sonde("http", url, code=1)
    assert verdict(done.out).startswith("✗ ") and "No request was sent. --insecure asks whatever" in done.out
    page = sonde("http", url, "--ca", certificates.root().file).out
    assert verdict(page).startswith("✓ 200 OK") and "\n  verdict     A browser with your roots would accept it" in page
    page = sonde("http", url, "--insecure").out
    assert verdict(page).startswith("✓ 200 OK") and "\n  verdict     A browser would not accept it" in page
    assert "! No Strict-Transport-Security" in page


def test_redirects_are_followed_and_told(sonde, served, secure):
    port = served(answers(b"HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
                          f"HTTP/1.1 302 Found\r\nLocation: https://localhost:{secure}/y\r\nContent-Length: 0\r\n\r\n".encode()))
    page = sonde("http", f"localhost:{port}", "--ca", certificates.root().file).out
    assert f"\nWay\n  301         http://localhost:{port}/\n  302         http://localhost:{port}/x\n  200         https://localhost:{secure}/y\n" in page
    assert re.search(r"\n  3 tls ", page) and "verdict     A browser with your roots would accept it" in page
    page = sonde("http", f"localhost:{port}", "--follow", 0).out
    assert verdict(page).startswith("✓ 301 Moved") and "--follow 10 goes there" in page
    done = sonde("http", f"localhost:{port}", "--follow", 1, code=1)
    assert verdict(done.out) == "✗ more than 1 redirect"


def test_the_dialogue(sonde, site):
    page = sonde("http", f"127.0.0.1:{site}", "-v", "--header", "X-Trace: " + "t" * 100).out
    dialogue = page.split("\nDialogue\n")[1]
    assert dialogue.startswith(f"  > GET / HTTP/1.1\n  > Host: 127.0.0.1:{site}\n") and f"\n  > X-Trace: {'t' * 100}\n" in dialogue
    assert dialogue.endswith("\n  < HTTP/1.1 200 OK\n  < Content-Length: 21\n  < Server: test/1\n  < Content-Type: text/html; charset=utf-8\n")


def test_several_paths(sonde, served):
    port = served(answers(HELLO, page_of("no", status="404 Not Found")))
    page = sonde("http", f"127.0.0.1:{port}", "--path", "/a", "--path", "/b").out
    assert re.search(rf"\nAnswers\n  200         http://127\.0\.0\.1:{port}/a +\S+ ms\n  404         http://127\.0\.0\.1:{port}/b +\S+ ms\n", page), page
    assert "\n  requests    2, over 1 connection\n" in page


# --- json and exit codes ----------------------------------------------------------------------------------------------------


def test_json_is_the_record_on_one_line(sonde, site):
    done = sonde("http", f"http://127.0.0.1:{site}/", "--format", "json", code=0)
    assert done.out.count("\n") == 1 and done.err == ""
    record = json.loads(done.out)
    assert record["probe"] == "http" and record["http"]["status"] == 200 and record["http"]["title"] == "Hello"


def test_exit_codes_follow_what_was_wanted(sonde, served, closed_port):
    port = served(answers(page_of("gone\n", status="410 Gone")))
    assert verdict(sonde("http", f"127.0.0.1:{port}", code=0).out).startswith("! 410 Gone"), "it is an answer"
    sonde("http", f"127.0.0.1:{port}", "--expect-status", "410", "--expect-body", "^gone", code=0)
    assert verdict(sonde("http", f"127.0.0.1:{port}", "--expect-status", "200", code=1).out).startswith("✗ 410 Gone")
    sonde("http", f"127.0.0.1:{port}", "--expect-body", "here", code=1)
    done = sonde("http", f"127.0.0.1:{closed_port}", code=1)
    assert verdict(done.out) == "✗ connection refused"
    assert json.loads(sonde("http", f"127.0.0.1:{closed_port}", "--format", "json", code=1).out)["outcome"] == "refused"


def test_a_port_that_speaks_something_else_is_named(sonde, served, sshd):
    assert verdict(sonde("http", f"127.0.0.1:{sshd}", code=1).out) == "✗ the port speaks ssh, not HTTP"
    done = sonde("http", f"https://127.0.0.1:{sshd}/", code=1)
    assert verdict(done.out) == "✗ the port speaks ssh, not TLS"


@pytest.mark.parametrize("arguments, words", [
    ((), "http: name a URL"),
    (("a.example", "b.example"), "one URL at a time"),
    (("ftp://localhost/",), "ftp://localhost/"),
    (("127.0.0.0/24",), "127.0.0.0/24"),
    (("127.0.0.1-9",), "`sonde scan --probe http` takes many"),
    (("localhost", "-p", "80"), "--ports: a URL names its port itself"),
    (("localhost", "--format", "csv"), "--format: 'csv' is not one of page, json"),
    (("localhost", "--htp", "2"), "did you mean '--http'"),
    (("localhost", "--http", "3"), "--http: '3' is not one of auto, 1.1, 2"),
    (("https://localhost/", "--ca", "/nonexistent.pem"), "nonexistent.pem"),
])
def test_bad_usage_is_one_line_and_exits_2(sonde, arguments, words):
    done = sonde("http", *arguments, code=2)
    assert words in done.err and done.err.count("\n") == 1 and done.out == ""


def test_help_has_every_option_with_its_default(sonde):
    text = sonde("http", "--help").out
    for words in ("Usage: sonde http [OPTION …] URL", "--follow N", "--max-body SIZE", "--expect-body REGEX", "--insecure", "-v, --verbose", "Exit codes:",
                  "Examples:"):
        assert words in text, words
    assert max(width(line) for line in text.splitlines()) <= 120


# --- what a terminal gets -----------------------------------------------------------------------------------------------------


def test_colour_is_for_terminals_that_want_it(sonde, sonde_bin, site):
    command = [sonde_bin, "http", f"127.0.0.1:{site}"]
    written, code = on_a_terminal(command)
    assert code == 0 and "\x1b[32m✓\x1b[0m" in written
    assert "\x1b" not in sonde(*command[1:]).out
    written, _ = on_a_terminal(command, NO_COLOR="1")
    assert "\x1b" not in written and "✓" in written


def test_a_hostile_server_does_not_steer_the_terminal(sonde, sonde_bin, served):
    nasty = b"\x1b]0;owned\x07\x1b[2J\xe2\x80\xaegnp\x9b31m\xff"
    answer = (b"HTTP/1.1 200 " + nasty + b"\r\nServer: " + nasty + b"\r\nSet-Cookie: " + nasty + b"=1\r\nLocation: " + nasty +
              b"\r\nContent-Type: text/html" + nasty + b"\r\nConnection: close\r\n\r\n<title>" + nasty + b"\r\n\xe2\x9c\x93 forged</title>")
    port = served(answers(answer))
    written, _ = on_a_terminal([sonde_bin, "http", f"127.0.0.1:{port}", "-v"])
    page = sonde("http", f"127.0.0.1:{port}", "-v").out
    assert set(re.findall(r"\x1b[^m]*m", written)) <= {f"\x1b[{code}m" for code in (0, 1, 31, 32, 33, 36)}
    plain = re.sub(r"\x1b\[\d+m", "", written).replace("\r\n", "\n")
    for text in (plain, page):
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
        assert len(re.findall(r"^✓", text, re.M)) == 1, "its own"


def test_no_line_is_longer_than_a_terminal(sonde, served):
    long = "東京" * 40 + " " + "w" * 300
    headers = [f"{name}: {long}" for name in ("Server", "Content-Security-Policy", "Set-Cookie", "X-Powered-By", "Via")]
    there = page_of(f"<title>{long}</title>", *headers, "Content-Type: text/html")
    port = served(answers(f"HTTP/1.1 302 {'Found' * 50}\r\nLocation: /{'p' * 500}\r\nContent-Length: 0\r\n\r\n".encode(), there))
    for options in ((), ("--follow", 0)):
        page = sonde("http", f"127.0.0.1:{port}", *options).out
        assert max(width(line) for line in page.splitlines()) <= 80, page
    assert "東京" in sonde("http", f"127.0.0.1:{port}").out


def test_ipv6(sonde, served):
    try:
        port = served(answers(HELLO), host="::1")
    except OSError:
        pytest.skip("this machine has no ::1")
    for target in (f"http://[::1]:{port}/", f"[::1]:{port}"):
        assert sonde("http", target).out.startswith(f"http://[::1]:{port}/\n\n✓ 200 OK")


@contextlib.contextmanager
def silent(host, port):
    """A listener that takes no more connections and refuses none: what comes to a full queue is dropped."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.create_server((host, port), family=socket.AF_INET6, backlog=0))
        for _ in range(2):
            filler = held.enter_context(socket.socket(socket.AF_INET6))
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield


@pytest.mark.parametrize("first", ["silent", "refuses"])
def test_of_several_addresses_the_first_that_connects_answers(sonde, site, dns, first):
    dns.names["both.test"] = ["127.0.0.1", "::1"]

    def ask(*options, code=0):
        return json.loads(sonde("http", f"http://both.test:{site}/", "--resolvers", dns.resolver, "--format", "json", *options, code=code).out)

    with silent("::1", site) if first == "silent" else contextlib.nullcontext():
        for order in ("prefer4", "prefer6"):
            record = ask("--ip-version", order)
            assert (record["ip"], record["outcome"], record["host"]) == ("127.0.0.1", "success", "both.test")
        alone = ask("--ip-version", "6", "--connect-timeout", "300ms", code=1)
        assert (alone["ip"], alone["outcome"], alone["phase"]) == ("::1", "timeout" if first == "silent" else "refused", "connect")


def test_a_closed_pipe_is_no_crash(sonde_bin, site):
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run([sonde_bin, "http", f"127.0.0.1:{site}"], stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE, timeout=60)
    os.close(theirs)
    assert done.returncode == 1, done.stderr
