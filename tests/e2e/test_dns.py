"""--probe dns against unbound, and against servers of our own that answer badly."""
import contextlib
import socket
import socketserver
import struct
import subprocess
import threading

import pytest

from conftest import free_port, program, server_process

UNBOUND_CONF = """
server:
  interface: 127.0.0.1@{port}
  interface: 127.0.0.1@{tls_port}
  tls-port: {tls_port}
  tls-service-key: "{folder}/key.pem"
  tls-service-pem: "{folder}/cert.pem"
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  chroot: ""
  username: ""
  use-syslog: no
  logfile: ""
  do-daemonize: no
  access-control: 127.0.0.0/8 allow_snoop
  identity: "e2e"
  hide-identity: no
  local-zone: "." always_refuse
  local-zone: "example." static
  local-data: "example. 3600 IN SOA ns.example. admin.example. 2026010203 7200 3600 86400 300"
  local-data: "www.example. 300 IN A 192.0.2.1"
  local-data: "www.example. 300 IN AAAA 2001:db8::1"
  local-data: "mail.example. 300 IN MX 10 mx.example."
  local-zone: "2.0.192.in-addr.arpa." static
  local-data: "7.2.0.192.in-addr.arpa. 60 IN PTR seven.example."
{texts}
"""


@pytest.fixture(scope="session")
def unbound(tmp_path_factory):
    """(port, TLS port) of a name server that knows one zone, and refuses all else."""
    folder, port, tls_port = tmp_path_factory.mktemp("unbound"), free_port(), free_port()
    subprocess.run([program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", "/CN=ns.example", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)
    texts = "".join(f'  local-data: \'many.example. 60 IN TXT "{number:02}{"x" * 200}"\'\n' for number in range(20))
    (folder / "unbound.conf").write_text(UNBOUND_CONF.format(folder=folder, port=port, tls_port=tls_port, texts=texts))
    with server_process([program("unbound"), "-d", "-c", folder / "unbound.conf"], folder / "output.log", port):
        yield port, tls_port


@pytest.fixture
def ask(scan):
    """ask(port, option…) → the one record of a scan of 127.0.0.1."""

    def run(port, *options):
        records, _ = scan("127.0.0.1", "-p", port, "--probe", "dns", "--all", *options)
        assert len(records) == 1
        return records[0]

    return run


@pytest.mark.asan
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("engine", ["epoll", "uring"])
def test_an_answer_over_each_transport(ask, unbound, transport, engine):
    port, tls_port = unbound
    record = ask(tls_port if transport == "tls" else port, "--dns-query", "www.example", "--dns-transport", transport, "--engine", engine)
    assert record["outcome"] == "success", record
    dns = record["dns"]
    assert (dns["query"], dns["type"], dns["class"], dns["transport"]) == ("www.example.", "A", "IN", transport)
    assert dns["rcode"] == "NOERROR"
    assert {"aa", "rd", "ra"} == set(dns["flags"])
    assert dns["records"] == [{"section": "answer", "name": "www.example.", "type": "A", "ttl": 300, "data": "192.0.2.1"}]
    assert (dns["sent"], dns["ignored"]) == (1, 0)
    assert ("connect" in record["timing_us"]) == (transport != "udp")
    assert dns.get("tls_version") == ("TLS1.3" if transport == "tls" else None)


@pytest.mark.parametrize("options, rcode, kind, data", [
    (["--dns-query", "www.example", "--dns-type", "aaaa"], "NOERROR", "AAAA", "2001:db8::1"),
    (["--dns-query", "mail.example", "--dns-type", "MX"], "NOERROR", "MX", "10 mx.example."),
    (["--dns-query", "192.0.2.7"], "NOERROR", "PTR", "seven.example."),
    (["--dns-query", "id.server", "--dns-type", "TXT", "--dns-class", "CH"], "NOERROR", "TXT", '"e2e"'),
    (["--dns-query", "nobody.example"], "NXDOMAIN", "SOA", None),
    (["--dns-query", "elsewhere.net"], "REFUSED", None, None),
    ([], "REFUSED", None, None),
])
def test_questions(ask, unbound, options, rcode, kind, data):
    dns = ask(unbound[0], *options)["dns"]
    assert dns["rcode"] == rcode
    found = [one for one in dns.get("records", []) if one["type"] == kind]
    assert len(found) == (kind is not None)
    if data:
        assert found[0]["data"] == data


def test_a_zones_serial(ask, unbound):
    assert ask(unbound[0], "--dns-query", "example", "--dns-type", "SOA")["dns"]["serial"] == 2026010203


def test_flags_of_the_query(ask, unbound):
    dns = ask(unbound[0], "--dns-query", "www.example", "--dns-no-recursion", "--dns-dnssec")["dns"]
    assert "rd" not in dns["flags"]
    assert dns["additionals"] == 1


@pytest.mark.parametrize("engine", ["epoll", "uring"])
def test_an_answer_that_does_not_fit_is_asked_for_over_tcp(ask, unbound, engine):
    record = ask(unbound[0], "--dns-query", "many.example", "--dns-type", "TXT", "--engine", engine)
    dns = record["dns"]
    assert record["outcome"] == "success"
    assert (dns["transport"], dns["truncated"], dns["sent"], dns["answers"]) == ("tcp", True, 2, 20)
    assert len(dns["records"]) == 20
    assert dns["response_bytes"] > 4000
    assert "connect" in record["timing_us"]


def test_a_closed_port_is_refused(ask):
    record = ask(free_port(socket.SOCK_DGRAM), "--dns-query", "a.example")
    assert (record["outcome"], record["error"]) == ("refused", "port unreachable")


def test_what_speaks_no_tls_is_named(ask, unbound):
    record = ask(unbound[0], "--dns-query", "a.example", "--dns-transport", "tls", "--read-timeout", "2s", "--tls-timeout", "2s")
    assert record["outcome"] in ("protocol_error", "closed", "reset", "timeout")
    assert record["outcome"] != "success"


# --- crafted answers --------------------------------------------------------------------------------------------------------


def question_of(query):
    at = 12
    while query[at]:
        at += 1 + query[at]
    return query[12:at + 5]


def answer(query, flags=0x8180, answers=1, records=b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01"):
    return query[:2] + struct.pack(">HHHHH", flags, 1, answers, 0, 0) + question_of(query) + records


def wrong_id(query):
    return bytes([query[0] ^ 1]) + answer(query)[1:]


def loop(query):
    whole = bytearray(answer(query))
    at = 12 + len(question_of(query))
    whole[at + 1] = at
    return bytes(whole)


class BadServer(socketserver.UDPServer):
    """Answers each query with what `make` gives of it: a list of datagrams."""

    def __init__(self, make):
        super().__init__(("127.0.0.1", 0), None)
        self.make, self.queries, self.seen = make, 0, []

    def finish_request(self, request, client_address):
        query, reply_to = request
        self.queries += 1
        self.seen.append(query)
        for datagram in self.make(query, self.queries):
            reply_to.sendto(datagram, client_address)


@contextlib.contextmanager
def bad_server(make):
    with BadServer(make) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.asan
@pytest.mark.parametrize("name, make, outcome, sent, ignored", [
    ("wrong id, then right", lambda query, n: [wrong_id(query), answer(query)], "success", 1, 1),
    ("wrong id", lambda query, n: [wrong_id(query)], "protocol_error", 2, 2),
    ("a query", lambda query, n: [query], "protocol_error", 2, 2),
    ("empty", lambda query, n: [b""], "protocol_error", 2, 2),
    ("garbage", lambda query, n: [b"\xff" * 2000], "protocol_error", 2, 2),
    ("loop", lambda query, n: [loop(query)], "protocol_error", 1, 0),
    ("short", lambda query, n: [answer(query)[:-1]], "protocol_error", 1, 0),
    ("too long", lambda query, n: [answer(query) + b"x"], "protocol_error", 1, 0),
    ("counts that lie", lambda query, n: [answer(query, answers=65535)], "protocol_error", 1, 0),
    ("the second query alone", lambda query, n: [answer(query)] if n == 2 else [], "success", 2, 0),
    ("silent", lambda query, n: [], "timeout", 2, 0),
    ("cut, and no TCP", lambda query, n: [answer(query, flags=0x8380)], "success", 1, 0),
])
def test_bad_answers(ask, name, make, outcome, sent, ignored):
    with bad_server(make) as server:
        record = ask(server.server_address[1], "--dns-query", "a.example", "--read-timeout", "1500ms")
        assert record["outcome"] == outcome, record
        assert (record["dns"]["sent"], record["dns"]["ignored"]) == (sent, ignored)
        assert len({query[:2] for query in server.seen}) == 1, "one id for all"
        if name == "cut, and no TCP":
            assert (record["dns"]["transport"], record["dns"]["truncated"]) == ("udp", True)


def test_many_servers_at_once(scan):
    """A thousand addresses of one socket, which answers from where it was asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        server.bind(("0.0.0.0", 0))
        server.settimeout(0.1)
        stop = threading.Event()

        def serve():
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    query, control, _, client = server.recvmsg(2000, 256)
                    server.sendmsg([answer(query)], control, 0, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            records, summary = scan("127.44.0.0/22", "-p", server.getsockname()[1], "--probe", "dns", "--dns-query", "a.example")
        finally:
            stop.set()
            thread.join()
    assert summary["outcomes"]["success"] == len(records) == 1024
    assert len({record["ip"] for record in records}) == 1024
