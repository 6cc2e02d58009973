"""JARM and JA3S by other code than the program's: raw sockets, hellos packed by hand. Not a module of tests."""
import hashlib
import os
import socket
import struct
import threading

SUITES = [bytes.fromhex(text) for text in (
    "0016 0033 0067 c09e c0a2 009e 0039 006b c09f c0a3 009f 0045 00be 0088 00c4 009a c008 c009 c023 c0ac c0ae c02b c00a c024 c0ad c0af c02c c072 "
    "c073 cca9 1302 1301 cc14 c007 c012 c013 c027 c02f c014 c028 c030 c060 c061 c076 c077 cca8 1305 1304 1303 cc13 c011 000a 002f 003c c09c c0a0 "
    "009c 0035 003d c09d c0a1 009d 0041 00ba 0084 00c0 0007 0004 0005").split()]
NUMBERED = sorted(suite for suite in SUITES if suite[0] != 0x13) + sorted(suite for suite in SUITES if suite[0] == 0x13)
PROTOCOLS = [b"http/0.9", b"http/1.0", b"http/1.1", b"spdy/1", b"spdy/2", b"spdy/3", b"h2", b"h2c", b"hq"]
GREASE = b"\x0a\x0a"
# version, suites, their order, grease, protocols, supported versions, reversed lists
SHAPES = [
    (0x0303, "all", "forward", False, "full", 0x0303, True), (0x0303, "all", "reverse", False, "full", 0x0303, False),
    (0x0303, "all", "top", False, "full", 0, False), (0x0303, "all", "bottom", False, "rare", 0, False),
    (0x0303, "all", "middle", True, "rare", 0, True), (0x0302, "all", "forward", False, "full", 0, False),
    (0x0304, "all", "forward", False, "full", 0x0304, True), (0x0304, "all", "reverse", False, "full", 0x0304, False),
    (0x0304, "before 1.3", "forward", False, "full", 0x0304, False), (0x0304, "all", "middle", True, "full", 0x0304, True),
]


def ordered(suites, order):
    middle = len(suites) // 2
    if order == "reverse":
        return suites[::-1]
    if order == "bottom":
        return suites[middle + 1:] if len(suites) % 2 else suites[middle:]
    if order == "top":
        return suites[middle::-1] if len(suites) % 2 else suites[middle - 1::-1]
    if order == "middle":
        assert len(suites) % 2
        return [suites[middle]] + [suite for step in range(1, middle + 1) for suite in (suites[middle + step], suites[middle - step])]
    return suites


def sized(body, width=2):
    return len(body).to_bytes(width, "big") + body


def extension(number, body):
    return struct.pack(">H", number) + sized(body)


def hello(shape, name):
    version, which, order, grease, protocols, newest, reverse = shape
    suites = ordered([suite for suite in SUITES if which == "all" or suite[0] != 0x13], order)
    names = [each for each in PROTOCOLS if protocols == "full" or each not in (b"http/1.1", b"h2")]
    versions = [struct.pack(">H", each) for each in range(0x0301, newest + 1)]
    if reverse:
        names.reverse()
        versions.reverse()
    extensions = GREASE + b"\0\0" if grease else b""
    extensions += extension(0, sized(b"\0" + sized(name.encode())))
    extensions += extension(23, b"") + extension(1, b"\1") + extension(0xFF01, b"\0") + extension(10, sized(bytes.fromhex("001d001700180019")))
    extensions += extension(11, b"\1\0") + extension(35, b"") + extension(16, sized(b"".join(sized(each, 1) for each in names)))
    extensions += extension(13, sized(bytes.fromhex("040308040401050308050501080606010201")))
    extensions += extension(51, sized((GREASE + b"\0\1\0" if grease else b"") + b"\0\x1d" + sized(os.urandom(32)))) + extension(45, b"\1\1")
    if newest:
        extensions += extension(43, sized((GREASE if grease else b"") + b"".join(versions), 1))
    body = struct.pack(">H", min(version, 0x0303)) + os.urandom(32) + sized(os.urandom(32), 1)
    body += sized((GREASE if grease else b"") + b"".join(suites)) + b"\1\0" + sized(extensions)
    return b"\x16" + struct.pack(">H", 0x0301 if version == 0x0304 else version) + sized(b"\1" + sized(body, 3))


def server_hello(data):
    """(legacy version, suite, [(extension, body)]) of the first message, or None."""
    if len(data) < 44 or data[0] != 22 or data[5] != 2:
        return None
    end = 9 + int.from_bytes(data[6:9], "big")
    at = 44 + data[43]
    suite, at, extensions = data[at:at + 2], at + 3, []
    if at < end:
        at += 2
        while at < end:
            size = int.from_bytes(data[at + 2:at + 4], "big")
            extensions.append((int.from_bytes(data[at:at + 2], "big"), data[at + 4:at + 4 + size]))
            at += 4 + size
    return int.from_bytes(data[9:11], "big"), suite, extensions


def jarm(port, name):
    head, tail = "", ""
    for shape in SHAPES:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
            peer.sendall(hello(shape, name))
            try:
                answer = server_hello(peer.recv(1484))
            except ConnectionResetError:
                answer = None
        if answer is None:
            head += "000"
            continue
        version, suite, extensions = answer
        head += f"{NUMBERED.index(suite) + 1:02x}" + "abcdef"[version & 0xF]
        tail += "".join(body[3:].decode() for number, body in extensions if number == 16)
        tail += "-".join(f"{number:04x}" for number, _ in extensions)
    return head + (hashlib.sha256(tail.encode()).hexdigest()[:32] if tail or head.strip("0") else "0" * 32)


def ja3s(data):
    version, suite, extensions = server_hello(data)
    text = f"{version},{int.from_bytes(suite, 'big')},{'-'.join(str(number) for number, _ in extensions)}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Listening:
    """A relay to a server for one connection, which keeps what the server said: .port, .heard."""

    def __init__(self, server):
        self.server, self.heard, self.listener = server, b"", socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.relay)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join(timeout=20)
        self.listener.close()

    def relay(self):
        self.listener.settimeout(20)
        client, _ = self.listener.accept()
        with client, socket.create_connection(("127.0.0.1", self.server)) as server:
            upward = threading.Thread(target=self.pump, args=(client, server))
            upward.start()
            try:
                while data := server.recv(65536):
                    self.heard += data
                    client.sendall(data)
            except OSError:
                pass
            upward.join(timeout=20)

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        try:
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
