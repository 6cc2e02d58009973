"""Small servers for the comparison with blackbox_exporter: how one listens, dialogues of lines, gRPC's health service over frames written out; those
of HTTP and DNS are in blackbox_http.py and blackbox_dns.py. Not a module of tests.

All know only loopback and fixed ports, because they run in a network namespace of their own (blackbox_world.py). A thread a connection.
"""
import contextlib
import socket
import ssl
import struct
import threading

QUIET = (OSError, ssl.SSLError, ValueError, IndexError, struct.error)


def listen(behaviour, host, port, context=None):
    """behaviour(connection) on each; over TLS where there is a context."""
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=256)

    def one(connection):
        with contextlib.suppress(*QUIET), connection:
            connection.settimeout(20)
            if context is None:
                behaviour(connection)
            else:
                with context.wrap_socket(connection, server_side=True) as secure:
                    behaviour(secure)
                    with contextlib.suppress(*QUIET):
                        secure.unwrap()

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def wait_for_end(connection):
    """Until the peer is gone."""
    with contextlib.suppress(*QUIET):
        while connection.recv(65536):
            pass


def exactly(connection, size):
    read = b""
    while len(read) < size:
        piece = connection.recv(size - len(read))
        if not piece:
            raise ValueError("the peer is gone")
        read += piece
    return read


# --- lines ------------------------------------------------------------------------------------------------------------


def line_from(connection):
    read = b""
    while not read.endswith(b"\n"):
        piece = connection.recv(1)
        if not piece:
            raise ValueError("the peer is gone")
        read += piece
    return read.decode("latin-1").rstrip("\r\n")


def smtp(context, connection):
    connection.sendall(b"220-mail.test ESMTP\r\n220 ready\r\n")
    secure = connection
    while True:
        line = line_from(secure)
        word = line[:4].upper()
        if word == "EHLO":
            secure.sendall(b"250-mail.test greets " + line[5:].encode() + b"\r\n250-SIZE 1000\r\n" +
                           (b"250 STARTTLS\r\n" if secure is connection else b"250 AUTH PLAIN\r\n"))
        elif word == "STAR":
            secure.sendall(b"220 go ahead\r\n")
            secure = context.wrap_socket(connection, server_side=True)
        elif word == "QUIT":
            secure.sendall(b"221 bye\r\n")
            return
        else:
            secure.sendall(b"500 what?\r\n")


def imap(context, connection):
    connection.sendall(b"* OK IMAP4 ready\r\n")
    secure = connection
    while True:
        tag, _, word = line_from(secure).partition(" ")
        if word.upper() == "STARTTLS":
            secure.sendall(f"{tag} OK begin\r\n".encode())
            secure = context.wrap_socket(connection, server_side=True)
        elif word.upper() == "CAPABILITY":
            secure.sendall(f"* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK done\r\n".encode())
        else:
            secure.sendall(f"{tag} BAD\r\n".encode())


def irc(connection):
    connection.sendall(b":irc.test NOTICE AUTH :*** Looking up\r\nPING :cookie-17\r\n")
    while True:
        line = line_from(connection)
        if line == "PONG cookie-17":
            connection.sendall(b":irc.test 001 prober :Welcome\r\n")
        elif not line.startswith(("NICK", "USER")):
            connection.sendall(b"ERROR :" + line.encode("latin-1") + b"\r\n")


def says(text, stays=True):
    def behave(connection):
        connection.sendall(text)
        if stays:
            wait_for_end(connection)

    return behave


def repeats(connection):
    """Each line back, with its bytes in sight."""
    while True:
        connection.sendall(b"got <" + line_from(connection).encode("latin-1") + b">\n")


# --- gRPC: frames of RFC 9113, fields of RFC 7541 as literals that are not indexed -------------------------------------

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
STATUS_OF = {"": 1, "up": 1, "down": 2, "undecided": 0, "missing": 3, "beyond": 9}  # of a service, HealthCheckResponse.ServingStatus


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def fields(*pairs):
    return b"".join(b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode() for name, value in pairs)


def grpc_answer(connection, stream, service):
    def headers(*pairs, end=False):
        connection.sendall(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, fields(*pairs)))

    def message(body, compressed=0):
        connection.sendall(frame(DATA, 0, stream, bytes([compressed]) + len(body).to_bytes(4, "big") + body))

    plain = ((":status", "200"), ("content-type", "application/grpc"))
    if service in STATUS_OF:
        headers(*plain)
        message(b"\x08" + bytes([STATUS_OF[service]]) if STATUS_OF[service] else b"")
        headers(("grpc-status", "0"), end=True)
    elif service.startswith("status-"):
        headers(*plain, ("grpc-status", service[7:]), ("grpc-message", "as%20asked"), end=True)
    elif service.startswith("late-"):
        headers(*plain)
        headers(("grpc-status", service[5:]), end=True)
    elif service.startswith("http-"):
        headers((":status", service[5:]), ("content-type", "text/html"), end=True)
    elif service == "html":
        headers((":status", "200"), ("content-type", "text/html"))
        connection.sendall(frame(DATA, END_STREAM, stream, b"<html>"))
    elif service == "no-status":
        headers(*plain)
        message(b"\x08\x01")
        headers(("x-other", "1"), end=True)
    elif service == "no-message":
        headers(*plain)
        headers(("grpc-status", "0"), end=True)
    elif service == "garbage":
        headers(*plain)
        message(b"\xff\xff\xff")
        headers(("grpc-status", "0"), end=True)
    elif service == "unknown-field":
        headers(*plain)
        message(b"\x12\x02hi\x08\x01")
        headers(("grpc-status", "0"), end=True)
    elif service == "reset":
        connection.sendall(frame(RST_STREAM, 0, stream, (8).to_bytes(4, "big")))
    elif service == "refused":
        connection.sendall(frame(RST_STREAM, 0, stream, (11).to_bytes(4, "big")))
    elif service == "closes":
        raise ValueError("as asked")


def grpc(connection):
    if exactly(connection, 24) != b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":
        return
    connection.sendall(frame(SETTINGS, 0, 0))
    bodies = {}
    while True:
        head = exactly(connection, 9)
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
        payload = exactly(connection, int.from_bytes(head[:3], "big"))
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            connection.sendall(frame(PING, ACK, 0, payload))
        elif kind == DATA:
            bodies[stream] = bodies.get(stream, b"") + payload
            if flags & END_STREAM:
                grpc_answer(connection, stream, bodies[stream][7:].decode())  # 5 bytes of length, tag, length
