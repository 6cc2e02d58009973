"""Bad TLS servers through the real program: each alone, and one among fifty good targets, on both engines. The outcome is
the contract's, the words say what it was, the others are unharmed, and neither time nor memory is the server's to take."""
import contextlib
import itertools
import socket
import struct
import time

import pytest

ENGINES = ["epoll", "uring"]
TLS_TIMEOUT_S = 2


def record(kind, body, version=0x0303):
    return struct.pack(">BHH", kind, version, len(body)) + body


def alert(level, number):
    return record(21, bytes([level, number]))


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def say(said, then=None):
    """A server that says this when it has heard the hello; then it closes, or does `then`."""

    def serve(connection):
        connection.recv(4096)
        connection.sendall(said)
        if then is not None:
            then(connection)

    return serve


def until_gone(connection):
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


def forever(piece):
    def serve(connection):
        connection.recv(4096)
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(piece * 100)

    return serve


def drip(connection):
    """A record of 16 KiB, a byte at a time: never silent, never done."""
    connection.recv(4096)
    with contextlib.suppress(OSError):
        for byte in itertools.chain(record(22, bytes(16384))[:5], itertools.repeat(0)):
            connection.sendall(bytes([byte]))
            time.sleep(0.05)


def impatient(connection):
    """Asks for another hello before it has heard the first one."""
    hello = (b"\x03\x03" + bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c") + b"\x00" + b"\x13\x01\x00" +
             b"\x00\x0c" + b"\x00\x2b\x00\x02\x03\x04" + b"\x00\x33\x00\x02\x00\x17")
    connection.sendall(record(22, b"\x02" + len(hello).to_bytes(3, "big") + hello))
    until_gone(connection)


# name → server, outcome, words of `error`
BAD = {
    "http": (say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "protocol_error", "HTTP"),
    "ssh": (say(b"SSH-2.0-x\r\n"), "protocol_error", "SSH"),
    "smtp": (say(b"220 mail.example ESMTP\r\n"), "protocol_error", "SMTP"),
    "alert": (say(alert(2, 40)), "tls_error", "handshake_failure"),
    "close_notify": (say(alert(1, 0)), "closed", "close_notify"),
    "fin": (say(b""), "closed", "without a word"),
    "rst": (say(b"\x16\x03\x03", reset), "reset", "reset"),
    "half_a_record": (say(b"\x16\x03\x03\x01\x00\x02", until_gone), "timeout", "before it was whole"),
    "silence": (say(b"", until_gone), "timeout", "said nothing"),
    "drip": (drip, "timeout", "before it was whole"),
    "impatient": (impatient, "timeout", "before it was whole"),
    "empty_records": (forever(record(22, b"")), "tls_error", ""),
    "warnings": (forever(alert(1, 112)), "tls_error", ""),
    "application_data": (forever(record(23, bytes(1000))), "tls_error", ""),
    "a_message_of_16_mib": (forever(record(22, b"\x02\xff\xff\xff" + bytes(16000))), "tls_error", ""),
    "garbage": (forever(bytes(range(256))), "protocol_error", "TLS"),
}


# What OpenSSL tells otherwise: it compares the session id before it looks further.
FULL = {"impatient": ("tls_error", ""), "smtp": ("protocol_error", "TLS")}


@pytest.mark.asan
@pytest.mark.parametrize("tls_engine", ["lean", "full"])
@pytest.mark.parametrize("engine", ENGINES)
def test_every_bad_server_gets_its_verdict_in_time(scan, served, engine, tls_engine):
    ports = {name: served(behaviour) for name, (behaviour, _, _) in BAD.items()}
    started = time.monotonic()
    records, _ = scan("127.0.0.1", "-p", ",".join(map(str, ports.values())), "--probe", "tls", "--all", "--rate", "0", "--engine", engine,
                      "--tls-engine", tls_engine, "--tls-timeout", f"{TLS_TIMEOUT_S}s")
    assert time.monotonic() - started < TLS_TIMEOUT_S + 20, "no server takes more time than the option gives"
    found = {record["port"]: record for record in records}
    assert len(records) == len(BAD)
    for name, port in ports.items():
        _, outcome, words = BAD[name]
        if tls_engine == "full":
            outcome, words = FULL.get(name, (outcome, words))
        assert (name, found[port]["outcome"], found[port]["phase"]) == (name, outcome, "tls"), found[port]
        assert words in found[port]["error"], found[port]
        assert found[port]["timing_us"]["tls"] < (TLS_TIMEOUT_S + 5) * 1_000_000


@pytest.mark.asan
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["drip", "empty_records", "a_message_of_16_mib", "garbage", "rst"])
def test_one_bad_server_among_fifty_good_ones_harms_nobody(scan, served, world, tmp_path, engine, name):
    good = world(prefix="127.95.0.0/26", ports=1, mix="tls12=1", seed=1)
    behaviour, outcome, _ = BAD[name]
    port = served(behaviour)
    (tmp_path / "targets.txt").write_text("".join(f"127.95.0.{i}:{good.ports}\n" for i in range(1, 51)) + f"127.0.0.1:{port}\n")
    records, summary = scan("-l", "targets.txt", "--probe", "tls", "--all", "--rate", "0", "--engine", engine, "--tls-timeout", f"{TLS_TIMEOUT_S}s")
    assert len(records) == 51
    assert summary["outcomes"]["success"] == 50
    assert [record["outcome"] for record in records if record["port"] == port and record["ip"] == "127.0.0.1"] == [outcome]
    subjects = {record["tls"]["certificate"]["subject_cn"] for record in records if record["outcome"] == "success"}
    assert subjects == {"tls.example"}


def test_floods_do_not_grow_the_program(scan, served):
    quiet = served(say(alert(2, 40)))
    loud = [served(BAD[name][0]) for name in ("empty_records", "application_data", "a_message_of_16_mib", "garbage", "drip")]
    _, before = scan("127.0.0.1", "-p", quiet, "--probe", "tls", "--all")
    _, after = scan("127.0.0.1", "-p", ",".join(map(str, loud)), "--probe", "tls", "--all", "--tls-timeout", f"{TLS_TIMEOUT_S}s")
    assert after["rss_peak_kb"] - before["rss_peak_kb"] < 8 << 10
