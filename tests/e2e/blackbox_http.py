"""A server that answers HTTP well and oddly, a path a behaviour, and a proxy; for the comparison with blackbox_exporter. Not a module of tests."""
import contextlib
import gzip
import json
import select
import socket
import ssl
import struct
import urllib.parse
import zlib

from blackbox_servers import QUIET, wait_for_end


def response(status, body=b"", *fields, version="HTTP/1.1", length=True):
    head = [f"{version} {status} Reason", *fields]
    if length:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode() + body


def chunked(body, size=7, end=b"0\r\n\r\n"):
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + size]), body[at:at + size]) for at in range(0, len(body), size))
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + end


def brotli(body):
    """RFC 7932: one meta-block that is not compressed, and the empty last one."""
    return (len(body) - 1 << 4 | 1 << 20).to_bytes(3, "little") + body + b"\x03"


def deflate(body, bits):
    compressor = zlib.compressobj(wbits=bits)
    return compressor.compress(body) + compressor.flush()


HELLO = b"hello, this is a page\n"
LINES = b"first line\nsecond line\nlast line\n"
BIG = b"0123456789abcdef" * 6400
GZIPPED = gzip.compress(LINES, mtime=0)

RAW = {  # path → what is written, before the connection is closed
    "/ok": response(200, HELLO),
    "/lines": response(200, LINES),
    "/big": response(200, BIG),
    "/empty": response(200),
    "/chunked": chunked(LINES),
    "/chunked-extended": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Trailer: t\r\n\r\n",
    "/chunked-cut": chunked(LINES, end=b""),
    "/chunked-bad": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n",
    "/no-length": response(200, LINES, length=False),
    "/http10": response(200, LINES, version="HTTP/1.0", length=False),
    "/http12": response(200, LINES, version="HTTP/1.2"),
    "/http30": response(200, LINES, version="HTTP/3.0"),
    "/short": response(200, b"", "Content-Length: 100", length=False) + b"only this",
    "/long": response(200, b"", "Content-Length: 4", length=False) + b"more than this",
    "/garbage": b"\x16\x03\x01 this is no HTTP\r\n\r\n",
    "/early": b"",
    "/cut-header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "/no-reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    "/lf-only": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "/folded": response(200, HELLO, "X-Folded: one\r\n two"),
    "/bad-field": b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 2\r\n\r\nok",
    "/space-before-colon": b"HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 2\r\n\r\nok",
    "/two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "/same-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "/bad-length": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nok",
    "/minus-length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
    "/both-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "/odd-transfer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n" + GZIPPED,
    "/status-099": response("099", HELLO),
    "/status-99": response("99", HELLO),
    "/status-text": response("abc", HELLO),
    "/status-999": response(999, HELLO),
    "/continue": response(100, length=False) + response(200, HELLO),
    "/early-hints": response(103, b"", "Link: </a.css>", length=False) + response(200, HELLO),
    "/many-1xx": response(102, length=False) * 7 + response(200, HELLO),
    "/no-content": response(204, length=False),
    "/not-modified": response(304, b"", "Content-Length: 99", length=False),
    "/gzip": response(200, GZIPPED, "Content-Encoding: gzip"),
    "/gzip-chunked": chunked(GZIPPED, 11),
    "/gzip-two": response(200, gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0)),
    "/gzip-cut": response(200, GZIPPED[:-12]),
    "/gzip-bad": response(200, GZIPPED[:12] + b"\xff" * 30),
    "/gzip-big": response(200, gzip.compress(BIG, mtime=0)),
    "/brotli": response(200, brotli(LINES), "Content-Encoding: br"),
    "/brotli-cut": response(200, brotli(LINES)[:20]),
    "/deflate": response(200, deflate(LINES, -15), "Content-Encoding: deflate"),
    "/zlib": response(200, deflate(LINES, 15), "Content-Encoding: deflate"),
    "/modified": response(200, HELLO, "Last-Modified: Tue, 01 Feb 2022 03:04:05 GMT"),
    "/modified-850": response(200, HELLO, "Last-Modified: Tuesday, 01-Feb-22 03:04:05 GMT"),
    "/modified-asctime": response(200, HELLO, "Last-Modified: Tue Feb  1 03:04:05 2022"),
    "/modified-zone": response(200, HELLO, "Last-Modified: Tue, 01 Feb 2022 03:04:05 +0100"),
    "/modified-old": response(200, HELLO, "Last-Modified: Thu, 01 Jan 1960 00:00:00 GMT"),
    "/fields": response(200, HELLO, "X-Kind: one", "x-kind: two", "X-Empty:", "Content-Type: text/html; charset=utf-8"),
    "/latin": response(200, "caf\xe9 \u20ac\n".encode("latin-1", "replace") + b"\xff\xfe\x00end\n"),
    "/large-field": response(200, HELLO, "X-Large: " + "x" * 20000),
    "/many-fields": response(200, HELLO, *(f"X-Field-{number}: {number}" for number in range(300))),
    "/bad-location": response(302, b"", "Location: http://[bad/"),
    "/no-location": response(302),
    "/loop": response(302, b"", "Location: /loop"),
    "/cookie": response(302, b"", "Set-Cookie: k=v; Path=/", "Set-Cookie: elsewhere=1; Path=/other", "Location: /echo"),
    "/redirect-body": response(302, HELLO, "Location: /lines", "X-Kind: redirect"),
    "/choices": response(300, HELLO, "Location: /ok"),
    "/use-proxy": response(305, HELLO, "Location: /ok"),
}
TO = {  # path → Location
    "/to/https": "https://127.0.0.1:8443/ok", "/to/http": "http://127.0.0.1:8080/ok", "/to/localhost": "http://localhost:8080/echo",
    "/to/refused": "http://127.0.0.1:1/", "/to/nobody": "http://nobody.test/", "/to/relative": "lines", "/to/up": "../lines", "/to/query": "?q=1",
    "/to/scheme-relative": "//127.0.0.1:8080/lines", "/to/fragment": "/lines#part", "/to/ftp": "ftp://127.0.0.1/", "/to/upper": "HTTP://127.0.0.1:8080/lines",
    "/to/gone": "/status/404", "/to/v6": "http://[::1]:8080/echo", "/to/silent": "/slow", "/to/short": "/short", "/to/expired": "https://127.0.0.1:8444/ok",
    "/to/name": "https://site.test:8443/ok", "/to/spaces": "/lines?a b", "/to/empty": "",
}
ECHOED = ("accept-encoding", "authorization", "content-length", "content-type", "cookie", "host", "referer", "x-one", "x-two")


def read_request(connection):
    """(method, target, fields, body), or None at the end."""
    read = b""
    while b"\r\n\r\n" not in read:
        piece = connection.recv(65536)
        if not piece:
            return None
        read += piece
    head, _, body = read.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, target = first.rpartition(" ")[0].partition(" ")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(fields.get("content-length", 0)):
        body += connection.recv(65536)
    return method, target, fields, body


def echo(method, target, fields, body):
    """What was asked, as far as two clients must ask the same."""
    shown = [f"{method} {target}", *(f"{name}: {fields[name]}" for name in ECHOED if name in fields), "", body.decode("latin-1")]
    return "\n".join(shown).encode()


def token(method, target, fields, body):
    """RFC 6749, 4.4: the access token tells what was asked for."""
    form = dict(urllib.parse.parse_qsl(body.decode()))
    login = fields.get("authorization", "")
    if login != "Basic aWQ6c2VjcmV0" and (form.get("client_id"), form.get("client_secret")) != ("id", "secret"):
        return response(401, b'{"error":"invalid_client"}', "Content-Type: application/json")
    asked = "-".join(form.get(name, "none").replace(" ", "+") for name in ("grant_type", "scope", "audience"))
    return response(200, json.dumps({"access_token": asked, "token_type": "Bearer", "expires_in": 3600}).encode(), "Content-Type: application/json")


def answer_request(connection, method, target, fields, body):
    path = target.partition("?")[0]
    if path in RAW:
        whole = RAW[path]
        if method == "HEAD":
            whole = whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    elif path.startswith("/echo"):
        whole = response(200, echo(method, target, fields, body))
    elif path == "/agent":
        whole = response(200, fields.get("user-agent", "none").encode())
    elif path.startswith("/status/"):
        whole = response(path[8:], b"as asked\n")
    elif path in TO:
        whole = response(302, b"", f"Location: {TO[path]}")
    elif path.startswith("/redirect/"):
        whole = response(path[10:], b"moved\n", "Location: /echo")
    elif path.startswith("/hop/"):
        left = int(path[5:])
        whole = response(302, b"", f"Location: /hop/{left - 1}" if left else "Location: /ok")
    elif path == "/private":
        allowed = fields.get("authorization") == "Basic dXNlcjpwYXNz"
        whole = response(200, HELLO) if allowed else response(401, b"who are you?\n", 'WWW-Authenticate: Basic realm="x"')
    elif path == "/token":
        whole = token(method, target, fields, body)
    elif path == "/token-bad":
        whole = response(200, b"this is no JSON", "Content-Type: application/json")
    elif path == "/slow":
        return wait_for_end(connection)
    elif path == "/slow-body":
        connection.sendall(response(200, b"", "Content-Length: 100", length=False) + b"a beginning")
        return wait_for_end(connection)
    elif path == "/reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return None
    else:
        whole = response(404, b"no such page\n")
    connection.sendall(whole)
    return None


def http(connection):
    request = read_request(connection)
    if request:
        answer_request(connection, *request)
        with contextlib.suppress(*QUIET):
            if not isinstance(connection, ssl.SSLSocket):
                connection.shutdown(socket.SHUT_WR)


def proxy(connection, password=None):
    """CONNECT to loopback, and absolute targets, which it answers itself: what would have been asked, behind a line that says so."""
    request = read_request(connection)
    if not request:
        return
    method, target, fields, body = request
    if password and fields.get("proxy-authorization") != password:
        connection.sendall(response(407, b"log in\n", 'Proxy-Authenticate: Basic realm="p"'))
    elif method != "CONNECT":
        whole = b"by proxy\n" + echo(method, target, fields, body)
        connection.sendall(response(200, whole, "X-Proxied: yes"))
    else:
        host, _, port = target.rpartition(":")
        try:
            onward = socket.create_connection((host.strip("[]"), int(port)), timeout=5)
        except OSError:
            connection.sendall(response(502, b"cannot\n"))
            return
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with onward:
            pump(connection, onward)


def pump(one, other):
    while True:
        ready, _, _ = select.select([one, other], [], [], 20)
        for source in ready:
            piece = source.recv(65536)
            if not piece:
                return
            (other if source is one else one).sendall(piece)
        if not ready:
            return
