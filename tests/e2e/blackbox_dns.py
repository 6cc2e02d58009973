"""A name server that answers a name as the name says, well and oddly, byte by byte; and the names of this world. For the comparison with
blackbox_exporter; not a module of tests."""
import contextlib
import functools
import socket
import struct
import threading

from blackbox_servers import QUIET, exactly

A, NS, CNAME, SOA, MX, TXT, AAAA, OPT = 1, 2, 5, 6, 15, 16, 28, 41
NAMES = {  # what the resolver of this world knows
    "v4.test": ["127.0.0.1"], "v6.test": ["::1"], "both.test": ["127.0.0.1", "::1"], "site.test": ["127.0.0.1"], "empty.test": [],
    "silent4.test": ["127.9.9.9"], "second.test": ["127.0.0.2"],
}


def wire_name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.strip(".").split(".") if label) + b"\0"


def record(name, kind, data, ttl=300, cls=1):
    return wire_name(name) + struct.pack(">HHIH", kind, cls, ttl, len(data)) + data


def soa(serial):
    return wire_name("ns.odd") + wire_name("root.odd") + struct.pack(">IIIII", serial, 7200, 3600, 86400, 300)


def a_record(name, last=1):
    return record(name, A, bytes([192, 0, 2, last]))


def question_of(query):
    """(name, type, the question's bytes)"""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
        at += 1 + query[at]
    return ".".join(labels), struct.unpack(">H", query[at + 1:at + 3])[0], query[12:at + 5]


def message(query, answers=(), authority=(), additional=(), *, flags=0x8080, rcode=0, counts=None, question=None):
    _, _, asked = question_of(query)
    flags |= rcode | (query[2] & 1) << 8
    counts = counts or (len(answers), len(authority), len(additional))
    return query[:2] + struct.pack(">HHHHH", flags, 1, *counts) + (asked if question is None else question) + b"".join((*answers, *authority, *additional))


RCODES = {"formerr": 1, "servfail": 2, "nxdomain": 3, "notimp": 4, "refused": 5, "yxdomain": 6, "notauth": 9, "reserved": 13}


def odd_answer(query, over_tcp):
    """What is sent for a query: messages, none for silence."""
    name, kind, asked = question_of(query)
    first = name.partition(".")[0]
    reply = functools.partial(message, query)
    if name in NAMES or name.endswith(".test") and first in ("nobody", "servfail", "silent"):
        return name_answer(query, name, kind)
    one = [a_record(name)]
    if first in RCODES:
        return [reply(rcode=RCODES[first])]
    odd = {
        "one": lambda: [reply(one)],
        "two": lambda: [reply([a_record(name, 1), a_record(name, 2)])],
        "none": lambda: [reply()],
        "alias": lambda: [reply([record(name, CNAME, wire_name("one.odd")), a_record("one.odd")])],
        "sections": lambda: [reply(one, [record("odd", NS, wire_name("ns1.odd")), record("odd", NS, wire_name("ns2.odd"))],
                                   [a_record("ns1.odd", 11), a_record("ns2.odd", 12), record("ns2.odd", AAAA, bytes(15) + b"\1")])],
        "edns": lambda: [reply(one, [], [b"\0" + struct.pack(">HHIH", OPT, 1232, 0, 0)])],
        "serials": lambda: [reply([record("odd", SOA, soa(7)), record("odd", SOA, soa(4294967295))])],
        "serial-elsewhere": lambda: [reply([], [record("odd", SOA, soa(7))])],
        "texts": lambda: [reply([record(name, TXT, b"\x05a \"b\"" + b"\x03\\;\x01" + b"\x00")])],
        "unknown": lambda: [reply([record(name, 65400, b"\xab\xcd\xef")])],
        "escaped": lambda: [reply([record(name, CNAME, b"\x05a.b@c\x04\"(;)\x00")])],
        "zero-ttl": lambda: [reply([record(name, A, bytes(4), ttl=0)])],
        "large-ttl": lambda: [reply([record(name, A, bytes(4), ttl=4294967295)])],
        "chaos": lambda: [reply([record(name, TXT, b"\x02hi", cls=3)])],
        "truncated": lambda: [reply(flags=0x8280)] if not over_tcp else [reply(one)],
        "truncated-some": lambda: [reply(one, flags=0x8280)],
        "large": lambda: [reply([record(name, TXT, b"\xc8" + b"x" * 200) for _ in range(4)])],
        "silent": lambda: [],
        "garbage": lambda: [b"\xff" * 40],
        "datagram-empty": lambda: [b""],
        "header-alone": lambda: [reply()[:12]],
        "id-alone": lambda: [query[:2]],
        "wrong-id": lambda: [bytes([query[0] ^ 1]) + reply(one)[1:]],
        "wrong-then-right": lambda: [bytes([query[0] ^ 1]) + reply(one)[1:], reply(one)],
        "question-back": lambda: [query],
        "other-question": lambda: [reply(one, question=wire_name("else.odd") + query[-4:])],
        "no-question": lambda: [query[:2] + struct.pack(">HHHHH", 0x8080, 0, 1, 0, 0) + a_record(name)],
        "short-data": lambda: [reply(one)[:-2]],
        "counts": lambda: [reply(one, counts=(2, 0, 0))],
        "no-such-answers": lambda: [reply(counts=(3, 1, 1))],
        "trailing": lambda: [reply(one) + b"xyz"],
        "loop": lambda: [reply([b"\xc0" + bytes([12 + len(asked)]) + struct.pack(">HHIH", A, 1, 1, 4) + bytes(4)])],
        "short-a": lambda: [reply([record(name, A, b"\1\2\3")])],
        "recursion": lambda: [reply(one) if query[2] & 1 else reply(rcode=5)],
    }.get(first)
    return odd() if odd else [reply(rcode=5)]


def name_answer(query, name, kind):
    first = name.partition(".")[0]
    if first == "silent":
        return []
    if first == "servfail":
        return [message(query, rcode=2)]
    family = {A: socket.AF_INET, AAAA: socket.AF_INET6}.get(kind)
    listed = [record(name, kind, socket.inet_pton(family, text)) for text in NAMES.get(name, ()) if family == (socket.AF_INET6 if ":" in text else socket.AF_INET)]
    return [message(query, listed, rcode=0 if name in NAMES else 3)]


def datagrams(host, port):
    server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((host, port))

    def serve():
        while True:
            query, client = server.recvfrom(65536)
            with contextlib.suppress(*QUIET):
                for answer in odd_answer(query, over_tcp=False):
                    server.sendto(answer, client)

    threading.Thread(target=serve, daemon=True).start()


def stream(connection):
    while True:
        query = exactly(connection, struct.unpack(">H", exactly(connection, 2))[0])
        first = question_of(query)[0].partition(".")[0]
        if first == "close":
            return
        if first == "cut":
            connection.sendall(struct.pack(">H", 100) + query)
            return
        for answer in odd_answer(query, over_tcp=True):
            for byte in struct.pack(">H", len(answer)) + answer if first == "one" else [struct.pack(">H", len(answer)) + answer]:
                connection.sendall(bytes([byte]) if isinstance(byte, int) else byte)
