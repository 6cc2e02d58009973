"""--starttls: small servers that speak a protocol up to TLS and then TLS, in pieces, slowly, wrongly or not at all."""
import contextlib
import socket
import ssl
import threading
import time

import certificates
import pytest
from test_tls_servers import ENGINES
from tls_fingerprints import jarm
from tls_servers import Park

LDAP_OK = bytes.fromhex("300c02010178070a010004000400")
LDAP_REFUSED = b"\x30\x1c\x02\x01\x01\x78\x17\x0a\x01\x02\x04\x00\x04\x10no TLS for you !"
XMPP_HEADER = (b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1' "
               b"from='site.test' version='1.0'>")
XMPP_FEATURES = (b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
                 b"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>")
XMPP_PROCEED = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"


def mysql_greeting(capabilities):
    body = (b"\x0a" + b"8.0.36\0" + b"\1\0\0\0" + b"saltsalt\0" + (capabilities & 0xFFFF).to_bytes(2, "little") + b"\x21\2\0"
            + (capabilities >> 16).to_bytes(2, "little") + b"\x15" + bytes(10) + b"more salt 12\0" + b"mysql_native_password\0")
    return len(body).to_bytes(3, "little") + b"\0" + body


MYSQL_TLS = 0x000FAA8D | 0x800
# What the server says, and what it waits for, in turn: bytes are said; a string ends what the client says.
DIALOGUES = {
    "smtp": [b"220-mail.site.test\r\n220 ready\r\n", "EHLO ", b"250-mail.site.test\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n", "STARTTLS\r\n",
             b"220 2.0.0 go ahead\r\n"],
    "imap": [b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n", "a1 STARTTLS\r\n", b"* CAPABILITY IMAP4rev1\r\na1 OK begin TLS\r\n"],
    "pop3": [b"+OK ready\r\n", "STLS\r\n", b"+OK begin TLS\r\n"],
    "ftp": [b"220-welcome\r\n  to us\r\n220 ready\r\n", "AUTH TLS\r\n", b"234 proceed\r\n"],
    "ldap": ["1.3.6.1.4.1.1466.20037", LDAP_OK],
    "xmpp": ["<stream:stream", XMPP_HEADER + XMPP_FEATURES, "xmpp-tls'/>", XMPP_PROCEED],
    "postgres": ["\x00\x00\x00\x08\x04\xd2\x16\x2f", b"S"],
    "mysql": [mysql_greeting(MYSQL_TLS), "\x21" + 23 * "\0"],
}
REFUSALS = {  # the same up to a refusal, and a word that the record must hold
    "smtp": ([b"220 ready\r\n", "EHLO ", b"250-mail\r\n250 STARTTLS\r\n", "STARTTLS\r\n", b"454 4.7.0 TLS not available \x1b[31mnow\r\n"], "TLS not available \\x1b[31mnow"),
    "smtp-greeting": ([b"554 5.7.1 go away\r\n"], "go away"),
    "smtp-without": ([b"220 ready\r\n", "EHLO ", b"250-mail\r\n250 SIZE 1000\r\n"], "not offered"),
    "imap": ([b"* OK ready\r\n", "STARTTLS", b"a1 NO not today\r\n"], "not today"),
    "imap-bye": ([b"* BYE too many connections\r\n"], "too many connections"),
    "pop3": ([b"+OK ready\r\n", "STLS", b"-ERR unknown command\r\n"], "unknown command"),
    "ftp": ([b"220 ready\r\n", "AUTH TLS", b"502 not implemented\r\n"], "not implemented"),
    "ldap": (["1466.20037", LDAP_REFUSED], "no TLS for you"),
    "xmpp": (["<stream:stream", XMPP_HEADER + b"<stream:features/>"], "not offered"),
    "xmpp-error": (["<stream:stream", XMPP_HEADER + b"<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"], "host-unknown"),
    "postgres": (["\x04\xd2\x16\x2f", b"N"], "switched off"),
    "postgres-error": (["\x04\xd2\x16\x2f", b"E\0\0\0\x22SFATAL\0C53300\0Mno slots left\0\0"], "no slots left"),
    "mysql": ([mysql_greeting(MYSQL_TLS & ~0x800)], "not offered"),
    "mysql-error": ([b"\x1d\0\0\0\xff\x15\x04Host is not allowed here.."], "Host is not allowed"),
}
WRONG = {  # what a server of quite another kind says first
    "ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n", "http": b"HTTP/1.1 400 Bad Request\r\n\r\n", "tls": b"\x15\x03\x01\x00\x02\x02\x0a", "noise": b"\x80\xff\0\1\2\3\xfe\r\n",
}


class Server:
    """Speaks a dialogue on every connection. `pieces`: bytes are said so many at once; `pause_s` between them."""

    def __init__(self, dialogue, *, pieces=1 << 16, pause_s=0.0, tls=None, behind=b"", silent_at=None, port_behind=None, hangs_up=False):
        self.dialogue, self.pieces, self.pause_s, self.tls, self.behind, self.silent_at = dialogue, pieces, pause_s, tls, behind, silent_at
        self.port_behind, self.hangs_up, self.heard, self.connections = port_behind, hangs_up, b"", 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.ending, self.threads = threading.Event(), []
        self.acceptor = threading.Thread(target=self.accept)

    def __enter__(self):
        self.acceptor.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        for thread in self.threads:
            thread.join()
        self.listener.close()

    def accept(self):
        while not self.ending.is_set():
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self.serve, args=(peer,))
            thread.start()
            self.threads.append(thread)

    def say(self, peer, words):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(words), self.pieces):
            peer.sendall(words[start:start + self.pieces])
            if self.pause_s:
                time.sleep(self.pause_s)

    def hear(self, peer, awaited):
        """Byte by byte, for a ClientHello may follow at once."""
        heard = b""
        while not heard.endswith(awaited.encode("latin-1")):
            data = peer.recv(1)
            if not data:
                raise ConnectionResetError
            heard += data
        self.heard += heard

    def serve(self, peer):
        peer.settimeout(10)
        with peer, contextlib.suppress(OSError):
            for turn, words in enumerate(self.dialogue):
                if turn == self.silent_at:
                    break
                if isinstance(words, str):
                    self.hear(peer, words)
                else:
                    self.say(peer, words + (self.behind if turn == len(self.dialogue) - 1 else b""))
            else:
                if self.port_behind:
                    return self.relay(peer)
                if self.tls:
                    return self.shake(peer)
                if self.hangs_up:
                    return peer.shutdown(socket.SHUT_WR)
            while (data := peer.recv(4096)) and not self.ending.is_set():  # until the client leaves
                self.heard += data

    def shake(self, peer):
        """TLS over memory, so that its records are cut into pieces as well."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = self.tls.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                session.do_handshake()
                self.say(peer, outgoing.read())
                if not session.read(1):
                    return  # it said that it is done
            except ssl.SSLWantReadError:
                self.say(peer, outgoing.read())
                data = peer.recv(4096)
                if not data:
                    return
                incoming.write(data)
            except ssl.SSLError:
                self.say(peer, outgoing.read())
                return

    def relay(self, peer):
        with socket.create_connection(("127.0.0.1", self.port_behind)) as behind:
            downward = threading.Thread(target=pump, args=(behind, peer))
            downward.start()
            pump(peer, behind)
            downward.join()


def pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf = certificates.leaf()
    context.load_cert_chain(leaf.chain_file, leaf.key)
    return context


@pytest.fixture
def probe(scan):
    def run(server, protocol, *options):
        (record,), _ = scan(f"127.0.0.1:{server.port}", "--probe", "tls", "--starttls", protocol, "--sni", "site.test", "--all", *options)
        return record

    return run


def assert_whole(record):
    assert (record["outcome"], record["phase"]) == ("success", "done"), record
    assert record["tls"]["version"] == "TLS1.3" and record["tls"]["certificate"]["subject_cn"] == "site.test" and record["tls"]["verified"]


@pytest.fixture(scope="module")
def verified():
    return ["--verify", "--ca", certificates.root().file]


# --- it works -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("pieces, pause_s", [(1 << 16, 0.0), (1, 0.0), (7, 0.001)])
@pytest.mark.parametrize("protocol", DIALOGUES)
def test_tls_begins_behind_the_dialogue_in_any_pieces(probe, tls, verified, protocol, pieces, pause_s, engine):
    with Server(DIALOGUES[protocol], tls=tls, pieces=pieces, pause_s=pause_s) as server:
        record = probe(server, protocol, "--tls-engine", engine, *verified)
        assert_whole(record)
        assert server.connections == 1, "a plain probe uses one connection"
        assert record["timing_us"]["total"] >= sum(value for phase, value in record["timing_us"].items() if phase != "total")


def test_one_scan_takes_many_protocols_in_turn_and_their_ports_by_default(sonde):
    for protocol, port in {"smtp": 25, "imap": 143, "pop3": 110, "ftp": 21, "ldap": 389, "xmpp": 5222, "postgres": 5432, "mysql": 3306}.items():
        (line,) = sonde("scan", "127.0.0.1", "--probe", "tls", "--starttls", protocol, "--dry-run", "--progress", "none").lines
        assert line["port"] == port


@pytest.mark.parametrize("protocol", ["smtp", "xmpp", "mysql"])
def test_sonde_tls_speaks_it_too(sonde, tls, protocol):
    with Server(DIALOGUES[protocol], tls=tls) as server:
        common = ("tls", f"127.0.0.1:{server.port}", "--starttls", protocol, "--sni", "site.test", "--ca", certificates.root().file)
        page = sonde(*common)
        (record,) = sonde(*common, "--format", "json").records
    assert record["tls"]["verified"] and record["tls"]["certificate"]["sha256"] in page.out
    assert record["tls"]["versions"] == ["TLS1.2", "TLS1.3"]


@pytest.mark.parametrize("protocol", ["smtp", "imap", "postgres", "mysql"])
def test_surveys_and_resumption_go_through_the_dialogue(probe, tmp_path, verified, protocol):
    with Park(tmp_path) as park:
        port = park.s_server(certificates.leaf(), "-ciphersuites", "TLS_AES_128_GCM_SHA256", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384", "-groups",
                             "X25519:P-256")
        park.ready()
        with Server(DIALOGUES[protocol], port_behind=port) as server:
            record = probe(server, protocol, "--jarm", "--enumerate", "versions,ciphers,groups", *verified)
            resumed = probe(server, protocol, "--resumption", "--read-timeout", "300ms")
        assert_whole(record)
        found = record["tls"]
        assert found["versions"] == ["TLS1.2", "TLS1.3"] and set(found["groups"]) == {"x25519", "secp256r1"}
        assert found["ciphers"] == {"TLS1.2": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"], "TLS1.3": ["TLS_AES_128_GCM_SHA256"]}
        assert found["jarm"] == jarm(port, "site.test")
        assert resumed["tls"]["resumption"]["psk"] == "accepted"


# --- it does not ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_is_a_protocol_error_with_the_servers_words(probe, kind, engine):
    dialogue, words = REFUSALS[kind]
    with Server(dialogue, pieces=5) as server:
        record = probe(server, kind.split("-")[0], "--tls-engine", engine, "--jarm", "--enumerate", "versions")
        assert server.connections == 1, "no survey of who does not speak TLS"
    assert (record["outcome"], record["phase"]) == ("protocol_error", "read"), record
    assert words in record["error"] and "\x1b" not in record["error"]
    assert not {"version", "cipher", "certificate", "jarm", "versions"} & record["tls"].keys()


@pytest.mark.parametrize("kind, farewell", [("smtp", b"QUIT\r\n"), ("imap", b"LOGOUT\r\n"), ("pop3", b"QUIT\r\n"), ("ftp", b"QUIT\r\n"),
                                            ("xmpp", b"</stream:stream>")])
def test_a_refused_client_says_goodbye(probe, kind, farewell):
    with Server(REFUSALS[kind][0]) as server:
        probe(server, kind)
    assert server.heard.endswith(farewell)


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("protocol", DIALOGUES)
def test_another_protocol_is_a_protocol_error(probe, protocol, kind):
    opening = [words for words in DIALOGUES[protocol][:1] if isinstance(words, str)]
    with Server([*opening, WRONG[kind]]) as server:
        record = probe(server, protocol, "--read-timeout", "500ms")
    if (protocol, kind) == ("postgres", "ssh"):  # its first letter is the go-ahead, and the rest came behind it
        assert "behind the go-ahead" in record["error"]
    assert (record["outcome"], record["phase"]) == ("protocol_error", "read"), record
    assert record["error"] and record["error"].isprintable()


@pytest.mark.parametrize("protocol", [protocol for protocol in DIALOGUES if protocol != "mysql"])
def test_bytes_slipped_in_behind_the_go_ahead_are_refused(probe, tls, protocol):
    """CVE-2011-0411 and its kin: what came in the clear must never count as said within TLS."""
    with Server(DIALOGUES[protocol], tls=tls, behind=b"injected\r\n") as server:
        record = probe(server, protocol)
    assert (record["outcome"], record["phase"]) == ("protocol_error", "read")
    assert "behind the go-ahead" in record["error"] and "version" not in record["tls"]


@pytest.mark.parametrize("protocol", DIALOGUES)
def test_silence_in_any_turn_of_the_dialogue_costs_the_read_timeout(probe, protocol):
    spoken = [turn for turn, words in enumerate(DIALOGUES[protocol]) if isinstance(words, bytes)]
    for turn in spoken:
        with Server(DIALOGUES[protocol], silent_at=turn) as server:
            record = probe(server, protocol, "--read-timeout", "150ms")
        assert (record["outcome"], record["phase"]) == ("timeout", "first_byte" if turn == spoken[0] else "read"), (turn, record)
        assert 150_000 <= record["timing_us"]["total"] < 5_000_000


def test_a_server_that_dribbles_is_bounded_by_one_read_timeout(probe):
    with Server([b"220-" + b"x" * 3000 + b"\r\n220 ready\r\n"], pieces=1, pause_s=0.01) as server:
        record = probe(server, "smtp", "--read-timeout", "300ms")
    assert (record["outcome"], record["phase"]) == ("timeout", "read")
    assert record["timing_us"]["total"] < 5_000_000


def test_silence_behind_the_go_ahead_is_the_handshakes(probe):
    with Server(DIALOGUES["imap"]) as server:
        record = probe(server, "imap", "--tls-timeout", "150ms")
    assert (record["outcome"], record["phase"]) == ("timeout", "tls")


@pytest.mark.parametrize("protocol, endless", [("smtp", b"220-more\r\n" * 20_000), ("imap", b"* OK x\r\n" + b"* 1 EXISTS\r\n" * 20_000), ("ftp", b"220 " + b"x" * 100_000)],
                         ids=["smtp", "imap", "ftp"])
def test_an_endless_dialogue_is_cut(probe, protocol, endless):
    with Server([endless]) as server:
        record = probe(server, protocol, "--read-timeout", "5s")
    assert (record["outcome"], record["phase"]) == ("protocol_error", "read"), record


def test_fin_within_the_dialogue_is_closed(probe):
    with Server(DIALOGUES["smtp"][:2], hangs_up=True) as server:
        record = probe(server, "smtp")
    assert (record["outcome"], record["phase"]) == ("closed", "read")
