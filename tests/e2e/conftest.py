"""Fixtures of the end-to-end tests: the program, real servers on loopback ports that are free, names of our own.

Everything listens on loopback only, and every process that a fixture starts ends with it.
"""
import contextlib
import functools
import http.server
import json
import os
import pathlib
import shutil
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SONDE = pathlib.Path(os.environ.get("SONDE_BIN", ROOT / "build" / "release" / "sonde"))
START_TIMEOUT_S = 20


def pytest_configure(config):
    config.addinivalue_line("markers", "asan: also run with the AddressSanitizer build (keep such tests quick)")


# --- the program ------------------------------------------------------------------------------------------------------


MOST_CHECKED = 200


def lines_in(text):
    """NDJSON. Strict: every line is whole and one JSON value."""
    assert text == "" or text.endswith("\n"), "the last line is torn"
    return [json.loads(line) for line in text.splitlines()]


def records_in(text, *, whole=True, most_checked=MOST_CHECKED):
    """NDJSON of records, of which many, spread over all, are held to the schema. whole: made without --fields."""
    records = lines_in(text)
    for record in records[::-(-len(records) // most_checked) or 1]:
        problem = jsonschema.exceptions.best_match(schema_validator(whole).iter_errors(record))
        assert problem is None, f"{problem.json_path}: {problem.message}\nin {record}"
    return records


@functools.cache
def schema_validator(whole):
    """Of what the program itself prints as the schema of a record; a part of one need not have what the whole has."""
    printed = subprocess.run([SONDE, "schema", "--format", "json"], capture_output=True, text=True, check=True, timeout=20)
    schema = json.loads(printed.stdout)
    if not whole:
        for required in (schema, *(rule["then"] for rule in schema["allOf"])):
            required.pop("required", None)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@dataclass
class Finished:
    code: int
    out: str
    err: str
    arguments: tuple = ()

    @property
    def lines(self):
        return lines_in(self.out)

    @functools.cached_property
    def records(self):
        return records_in(self.out, whole="--fields" not in self.arguments)


@pytest.fixture(scope="session")
def sonde_bin():
    if not SONDE.is_file():
        pytest.fail(f"{SONDE} is not there: build it, or name one in SONDE_BIN", pytrace=False)
    return SONDE


@pytest.fixture
def sonde(sonde_bin, tmp_path):
    """sonde("scan", "127.0.0.1", "-p", 80) → Finished; code=None takes any exit code, else that one is required."""

    def run(*arguments, code=0, timeout=120, stdin=None, **options):
        if stdin is None:
            options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([sonde_bin, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=timeout,
                              cwd=options.pop("cwd", tmp_path), **options)
        finished = Finished(done.returncode, done.stdout, done.stderr, arguments)
        assert code is None or finished.code == code, f"exit {finished.code}, not {code}\n{finished.err}"
        return finished

    return run


@pytest.fixture
def scan(sonde, tmp_path):
    """scan(target…, option…) → (records, summary): quiet, NDJSON, and checked to reconcile."""

    def run(*arguments, **options):
        summary_file = tmp_path / "scan-summary.json"
        finished = sonde("scan", "--format", "ndjson", "--progress", "none", "--summary", summary_file, *arguments, **options)
        summary = json.loads(summary_file.read_text())
        assert summary["probes_finished"] == sum(summary["outcomes"].values())
        if not summary["interrupted"]:
            assert summary["probes_started"] == summary["probes_finished"]
        assert summary["records_written"] == len(finished.records)
        return finished.records, summary

    return run


# --- ports and processes ------------------------------------------------------------------------------------------------


def free_port(kind=socket.SOCK_STREAM, host="127.0.0.1"):
    """A port that nothing listens on at this moment."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as taken:
        taken.bind((host, 0))
        return taken.getsockname()[1]


@pytest.fixture
def closed_port():
    """A port that refuses: bound by us for the test, so that nobody else opens it, and without a listener."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        pytest.fail(f"{name} is not installed: ./test installs it", pytrace=False)
    return path


def wait_for_listener(port, process, host="127.0.0.1"):
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
            return
        time.sleep(0.02)
    pytest.fail(f"{process.args[0]} does not listen on port {port}", pytrace=False)


@contextlib.contextmanager
def server_process(command, log, port=None):
    """Runs a server until the block ends; waits for its port first."""
    with open(log, "wb") as output:
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT)
    try:
        if port is not None:
            try:
                wait_for_listener(port, process)
            except BaseException:
                sys.stderr.write(pathlib.Path(log).read_text(errors="replace"))
                raise
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# --- real servers: each fixture is the port ---------------------------------------------------------------------------------

NGINX_CONF = """
daemon off;
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello\\n"; }} }}
}}
"""

SSHD_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
UsePAM no
StrictModes no
LogLevel ERROR
MaxStartups 1000
"""


@pytest.fixture(scope="session")
def nginx(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    (folder / "nginx.conf").write_text(NGINX_CONF.format(folder=folder, port=port))
    with server_process([program("nginx"), "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"],
                        folder / "output.log", port):
        yield port


@pytest.fixture(scope="session")
def sshd(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("sshd"), free_port()
    subprocess.run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", folder / "host_key"], check=True)
    (folder / "sshd_config").write_text(SSHD_CONFIG.format(folder=folder, port=port))
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # where it keeps its unprivileged half
    with server_process([program("sshd"), "-D", "-e", "-f", folder / "sshd_config"], folder / "output.log", port):
        yield port


@pytest.fixture(scope="session")
def redis(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    with server_process([program("redis-server"), "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                         "--dir", folder], folder / "output.log", port):
        yield port


# --- servers made of Python ---------------------------------------------------------------------------------------------------


@pytest.fixture
def served():
    """served(behaviour, host="127.0.0.1", port=0) → port of a server that behaves so on every connection; served.count[port] connections came."""
    count = {}
    with contextlib.ExitStack() as stack:

        def start(behaviour, host="127.0.0.1", port=0):
            listener = stack.enter_context(socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET))
            port = listener.getsockname()[1]
            count[port] = 0
            threads = []

            def one(connection):
                with contextlib.suppress(OSError), connection:
                    behaviour(connection)

            def accept():
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        count[port] += 1
                        threads.append(threading.Thread(target=one, args=(connection,), daemon=True))
                        threads[-1].start()

            accepting = threading.Thread(target=accept, daemon=True)
            accepting.start()

            def stop():
                with contextlib.suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)
                accepting.join(10)
                for thread in threads:
                    thread.join(10)
                assert not accepting.is_alive() and not any(thread.is_alive() for thread in threads)

            stack.callback(stop)
            return port

        start.count = count
        yield start


# --- names ------------------------------------------------------------------------------------------------------------------


def dns_answer(query, server, most):
    """RFC 1035, as little as a stub resolver needs: A and AAAA from a table, NXDOMAIN, truncation beyond `most` bytes; None is silence."""
    try:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind, question = struct.unpack(">H", query[at + 1:at + 3])[0], query[12:at + 5]
    except (IndexError, struct.error, UnicodeDecodeError):
        return None
    name = ".".join(labels)
    server.asked.append(name)
    if name in server.silent:
        return None
    addresses = server.names.get(name)
    family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
    wanted = [text for text in addresses or [] if family == (socket.AF_INET6 if ":" in text else socket.AF_INET)]
    flags = 0x8580 | (3 if addresses is None else 0)  # an authoritative answer; 3: NXDOMAIN
    answers = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(packed)) + packed
                       for packed in (socket.inet_pton(family, text) for text in wanted))
    if 12 + len(question) + len(answers) > most:
        flags, wanted, answers = flags | 0x0200, [], b""
    return query[:2] + struct.pack(">HHHHH", flags, 1, len(wanted), 0, 0) + question + answers


class DnsHandler(socketserver.BaseRequestHandler):
    def handle(self):
        query, reply_to = self.request
        answer = dns_answer(query, self.server, 512)
        if answer is not None:
            reply_to.sendto(answer, self.client_address)


class DnsStreamHandler(socketserver.StreamRequestHandler):
    def handle(self):
        while len(head := self.rfile.read(2)) == 2:
            answer = dns_answer(self.rfile.read(struct.unpack(">H", head)[0]), self.server.datagrams, 65535)
            self.server.datagrams.over_tcp += 1
            if answer is not None:
                self.wfile.write(struct.pack(">H", len(answer)) + answer)


class DnsStreamServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class DnsServer(socketserver.ThreadingUDPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), DnsHandler)
        self.names = {}  # name → addresses as text
        self.silent = set()  # names that get no answer
        self.asked = []
        self.over_tcp = 0

    @property
    def resolver(self):
        return f"127.0.0.1:{self.server_address[1]}"


class HttpServer(http.server.ThreadingHTTPServer):
    """Python's own asks the resolver of the machine for the name of its address."""
    daemon_threads = True
    server_bind = socketserver.TCPServer.server_bind

    @property
    def port(self):
        return self.server_address[1]


def dns_servers(tries=100):
    """Both on one port: one that is free for datagrams may be taken for streams, by a connection that was closed just now."""
    while True:
        server = DnsServer()
        try:
            return server, DnsStreamServer(server.server_address, DnsStreamHandler)
        except OSError:
            server.server_close()
            tries -= 1
            if tries == 0:
                raise


@pytest.fixture
def dns():
    """A resolver of our own: dns.names["shop.test"] = ["127.0.0.1"]; pass dns.resolver to --resolvers."""
    server, streams = dns_servers()
    with server, streams:
        streams.datagrams = server
        threads = [threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}) for one in (server, streams)]
        for thread in threads:
            thread.start()
        yield server
        for one in (server, streams):
            one.shutdown()
        for thread in threads:
            thread.join()


# --- worlds -----------------------------------------------------------------------------------------------------------------


class World:
    """A running `sonde world`. A scan of `prefix` and `ports` must find `truth`."""

    def __init__(self, sonde_bin, prefix, ports, mix, seed):
        self.prefix, self.ports = prefix, ",".join(str(port) for port in ports)
        self.arguments = [str(sonde_bin), "world", "--prefix", prefix, "--ports", self.ports, "--mix", mix, "--seed", str(seed)]

    @property
    def truth(self):
        """One object an endpoint: ip, port, role, and what each probe must find."""
        printed = subprocess.run([*self.arguments, "--truth", "ndjson"], capture_output=True, text=True, check=True, timeout=60)
        return [json.loads(line) for line in printed.stdout.splitlines()]

    def wait_until_ready(self, process, log):
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and process.poll() is None:
            if "ready" in log.read_text(errors="replace"):
                return
            time.sleep(0.02)
        pytest.fail(f"the world did not start:\n{log.read_text(errors='replace')}", pytrace=False)


@pytest.fixture
def world(sonde_bin, tmp_path):
    """world(prefix="127.80.0.0/24", ports=2, mix="default", seed=1) → World; several may run at once."""
    with contextlib.ExitStack() as running:

        def start(prefix="127.80.0.0/24", ports=2, mix="default", seed=1):
            numbers = sorted({free_port() for _ in range(ports)}) if isinstance(ports, int) else ports
            started = World(sonde_bin, prefix, numbers, mix, seed)
            log = tmp_path / f"world-{prefix.replace('/', '-')}-{seed}.log"
            process = running.enter_context(server_process(started.arguments, log))
            started.wait_until_ready(process, log)
            return started

        yield start
