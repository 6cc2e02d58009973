"""Bad web servers through the real program: each alone, and one among fifty good targets, on both engines. The outcome is the
contract's, the words say what it was, the others are unharmed, neither time nor memory is the server's to take, and no
redirect leads to what is excluded."""
import contextlib
import gzip
import itertools
import socket
import struct
import time

import pytest

ENGINES = ["epoll", "uring"]
READ_TIMEOUT_S = 2
OK = b"HTTP/1.1 200 OK\r\nServer: x\r\n"


def hear(connection):
    """A request's head."""
    heard = b""
    while b"\r\n\r\n" not in heard and (piece := connection.recv(4096)):
        heard += piece
    return heard


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def until_gone(connection):
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


def say(said, then=None):
    """A server that says this to a request; then it closes, or does `then`."""

    def serve(connection):
        hear(connection)
        connection.sendall(said)
        if then is not None:
            then(connection)

    return serve


def greet(said):
    """One that speaks first, and then waits."""

    def serve(connection):
        connection.sendall(said)
        until_gone(connection)

    return serve


def forever(first, piece):
    def serve(connection):
        hear(connection)
        with contextlib.suppress(OSError):
            connection.sendall(first)
            while True:
                connection.sendall(piece)

    return serve


def drip(first):
    """Never silent, never done."""

    def serve(connection):
        hear(connection)
        with contextlib.suppress(OSError):
            for byte in itertools.chain(first, itertools.repeat(ord("x"))):
                connection.sendall(bytes([byte]))
                time.sleep(0.05)

    return serve


def redirect(location, status=302):
    return say(f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())


BOMB = gzip.compress(bytes(1 << 20))

# name → server, outcome, phase, words of `error`, and fields of http
BAD = {
    "ssh": (greet(b"SSH-2.0-x\r\n"), "protocol_error", "read", "speaks ssh, not HTTP", {"speaks": "ssh"}),
    "smtp": (greet(b"220 mail.example ESMTP\r\n"), "protocol_error", "read", "speaks smtp, not HTTP", {"speaks": "smtp"}),
    "tls": (say(b"\x15\x03\x01\x00\x02\x02\x46"), "protocol_error", "read", "speaks tls, not HTTP", {"speaks": "tls"}),
    "noise": (say(b"\x00\x01\x02\xff\xfe", until_gone), "protocol_error", "read", "not HTTP", {}),
    "fin": (say(b""), "closed", "first_byte", "without a word", {}),
    "rst": (say(b"HTTP/1.1 200 OK\r\nCont", reset), "reset", "read", "reset within", {"status": 200}),
    "silence": (say(b"", until_gone), "timeout", "first_byte", "said nothing", {}),
    "half_a_head": (say(OK, until_gone), "timeout", "read", "", {"status": 200}),
    "drip": (drip(OK + b"X: "), "timeout", "read", "", {"status": 200}),
    "head_without_end": (forever(OK, b"X: " + b"y" * 1000 + b"\r\n"), "protocol_error", "read", "longer than 64 KiB", {"status": 200}),
    "line_without_end": (forever(OK, b"y" * 1000), "protocol_error", "read", "longer than 16 KiB", {"status": 200}),
    "many_headers": (forever(OK, b"X: y\r\n" * 100), "protocol_error", "read", "256 headers", {"status": 200}),
    "interim_forever": (forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "protocol_error", "read", "8 interim answers", {"status": 100}),
    "binary_header": (say(OK + b"a\x01b: c\r\n\r\n"), "protocol_error", "read", "binary", {"status": 200}),
    "nul_in_a_value": (say(OK + b"a: b\0c\r\n\r\n"), "protocol_error", "read", "binary", {"status": 200}),
    "length_too_long": (say(OK + b"Content-Length: 100\r\n\r\nhello"), "closed", "read", "within its body", {"body_bytes": 5, "truncated": True}),
    "length_too_short": (say(OK + b"Content-Length: 2\r\n\r\nhello"), "success", "done", None, {"body_bytes": 2, "truncated": False}),
    "length_of_2_63": (say(OK + b"Content-Length: 9223372036854775808\r\n\r\n"), "protocol_error", "read", "below 2^63", {"status": 200}),
    "chunk_of_2_63": (say(OK + b"Transfer-Encoding: chunked\r\n\r\n8000000000000000\r\n"), "protocol_error", "read", "2^63", {"status": 200}),
    "body_without_end": (forever(OK + b"\r\n", b"z" * 10000), "success", "done", None, {"body_bytes": 65536, "truncated": True}),
    "bomb": (forever(OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", b"%x\r\n%s\r\n" % (len(BOMB), BOMB)), "success", "done",
             None, {"body_bytes": 65536, "truncated": True}),
    "no_gzip": (say(OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"), "success", "done", None, {"body_bytes": 0, "truncated": True}),
    "old": (say(b"<html><title>old</title></html>"), "success", "done", None, {"version": "0.9", "title": "old"}),
    "nul_in_a_title": (say(b"HTTP/1.0 200\r\n\r\n<title>a\0\x1b[2Jb</title>"), "success", "done", None, {"title": "a [2Jb", "version": "1.0"}),
    "circle": (redirect("/"), "protocol_error", "read", "circle", {"status": 302}),
    "nowhere": (redirect("gopher://x/"), "protocol_error", "read", "gopher", {"status": 302}),
}


@pytest.mark.asan
@pytest.mark.parametrize("engine", ENGINES)
def test_every_bad_server_gets_its_verdict_in_time(scan, served, engine):
    ports = {name: served(behaviour) for name, (behaviour, *_) in BAD.items()}
    started = time.monotonic()
    records, _ = scan("127.0.0.1", "-p", ",".join(map(str, ports.values())), "--probe", "http", "--all", "--rate", "0", "--engine", engine,
                      "--follow", 3, "--read-timeout", f"{READ_TIMEOUT_S}s")
    assert time.monotonic() - started < READ_TIMEOUT_S + 20, "no server takes more time than the option gives"
    found = {record["port"]: record for record in records}
    assert len(records) == len(BAD)
    for name, port in ports.items():
        _, outcome, phase, words, fields = BAD[name]
        record = found[port]
        # Who speaks first may do so before the request is written.
        assert (name, record["outcome"], record["phase"]) == (name, outcome, phase), record
        assert words is None and "error" not in record or words in record["error"], record
        assert fields.items() <= record["http"].items(), record
        phases = [us for part, us in record["timing_us"].items() if part != "total"]
        assert sum(phases) <= record["timing_us"]["total"] < (READ_TIMEOUT_S + 5) * 1_000_000


@pytest.mark.asan
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["drip", "head_without_end", "interim_forever", "bomb", "rst"])
def test_one_bad_server_among_fifty_good_ones_harms_nobody(scan, served, world, tmp_path, engine, name):
    good = world(prefix="127.94.0.0/26", ports=1, mix="http_keep_alive=1", seed=1)
    behaviour, outcome, *_ = BAD[name]
    port = served(behaviour)
    (tmp_path / "targets.txt").write_text("".join(f"127.94.0.{i}:{good.ports}\n" for i in range(1, 51)) + f"127.0.0.1:{port}\n")
    records, summary = scan("-l", "targets.txt", "--probe", "http", "--all", "--rate", "0", "--engine", engine, "--read-timeout", f"{READ_TIMEOUT_S}s")
    assert len(records) == 51
    assert summary["outcomes"]["success"] == 50 + (outcome == "success")
    assert [record["outcome"] for record in records if record["port"] == port and record["ip"] == "127.0.0.1"] == [outcome]
    assert {record["http"]["body_sha256"] for record in records if record["ip"] != "127.0.0.1"} == {
        "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"}


def test_floods_do_not_grow_the_program(scan, served):
    quiet = served(say(OK + b"Content-Length: 0\r\n\r\n"))
    loud = [served(BAD[name][0]) for name in ("head_without_end", "line_without_end", "many_headers", "interim_forever", "body_without_end", "bomb")]
    _, before = scan("127.0.0.1", "-p", quiet, "--probe", "http", "--all")
    _, after = scan("127.0.0.1", "-p", ",".join(map(str, loud)), "--probe", "http", "--all", "--max-body", "16M")
    assert after["rss_peak_kb"] - before["rss_peak_kb"] < 16 << 10, "bodies are hashed as they come, not kept"


# --- redirects and exclusions ---------------------------------------------------------------------------------------------------


@pytest.fixture
def forbidden(served):
    """A server at an address that the tests exclude, and how often somebody came there."""
    port = served(say(OK + b"Content-Length: 6\r\n\r\nsecret"), host="127.93.1.7")
    return port


@pytest.mark.asan
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("location", ["http://127.93.1.7:{port}/", "http://[::ffff:127.93.1.7]:{port}/", "//127.93.1.7:{port}/x", "http://127.93.1.7.:{port}/"])
def test_a_redirect_to_an_excluded_address_is_blocked_and_nothing_goes_there(scan, served, forbidden, engine, location):
    port = served(redirect(location.format(port=forbidden)))
    (record,), summary = scan(f"127.0.0.1:{port}", "--probe", "http", "--follow", 3, "--exclude", "127.93.0.0/16", "--all", "--engine", engine)
    assert (record["outcome"], record["ip"], record["port"]) == ("blocked", "127.0.0.1", port), record
    assert "excluded" in record["error"] and "127.93.1.7" in record["error"].replace("[::ffff:7f5d:107]", "127.93.1.7")
    assert record["http"]["status"] == 302 and len(record["http"]["redirects"]) == 1
    assert served.count[forbidden] == 0
    assert summary["outcomes"]["blocked"] == 1


@pytest.mark.asan
def test_a_redirect_to_a_name_at_an_excluded_address_is_blocked(scan, served, forbidden, dns):
    dns.names["inside.test"] = ["127.93.1.7"]
    port = served(redirect(f"http://inside.test:{forbidden}/"))
    options = ("--probe", "http", "--follow", 3, "--all", "--resolvers", dns.resolver)
    (record,), _ = scan(f"127.0.0.1:{port}", *options, "--exclude", "127.93.0.0/16")
    assert record["outcome"] == "blocked" and "inside.test" in record["error"], record
    assert served.count[forbidden] == 0
    (record,), _ = scan(f"127.0.0.1:{port}", *options, "--exclude", "inside.test")
    assert record["outcome"] == "blocked", record
    assert served.count[forbidden] == 0
    (record,), _ = scan(f"127.0.0.1:{port}", *options)
    assert record["outcome"] == "success" and record["http"]["final_ip"] == "127.93.1.7", record
    assert served.count[forbidden] == 1


@pytest.mark.asan
def test_redirects_to_names_that_do_not_exist_or_stay_silent(scan, served, dns):
    dns.silent.add("mute.test")
    gone, mute = served(redirect("http://gone.test/")), served(redirect("http://mute.test/"))
    records, _ = scan("127.0.0.1", "-p", f"{gone},{mute}", "--probe", "http", "--follow", 3, "--all", "--resolvers", dns.resolver, "--dns-timeout", "300ms")
    found = {record["port"]: record for record in records}
    assert (found[gone]["outcome"], found[gone]["phase"]) == ("dns_error", "dns") and "gone.test" in found[gone]["error"]
    assert (found[mute]["outcome"], found[mute]["phase"]) == ("timeout", "dns"), found[mute]
    for record in records:
        assert record["http"]["status"] == 302 and record["ip"] == "127.0.0.1"


@pytest.mark.asan
def test_a_redirect_to_a_port_that_refuses(scan, served, closed_port):
    port = served(redirect(f"http://127.0.0.1:{closed_port}/"))
    (record,), _ = scan(f"127.0.0.1:{port}", "--probe", "http", "--follow", 3, "--all")
    assert (record["outcome"], record["phase"], record["port"]) == ("refused", "connect", port), record
    assert record["http"]["final_url"] == f"http://127.0.0.1:{closed_port}/"


@pytest.mark.asan
def test_secrets_do_not_follow_to_another_host(scan, served):
    heard = []

    def listens(connection):
        heard.append(hear(connection))
        connection.sendall(OK + b"Content-Length: 0\r\n\r\n")

    port = served(redirect(f"http://127.0.0.2:{served(listens, host='127.0.0.2')}/"))
    (record,), _ = scan(f"127.0.0.1:{port}", "--probe", "http", "--follow", 3, "--header", "Authorization: Bearer s3cret", "--header", "Cookie: k=s3cret",
                        "--header", "X-Trace: on")
    assert record["outcome"] == "success" and len(heard) == 1
    assert b"s3cret" not in heard[0] and b"X-Trace: on" in heard[0]
