"""What the tests of `sonde watch` share: a site to check that can be told how to behave, and a gateway that is asked over HTTP."""
import collections
import contextlib
import datetime
import http.client
import json
import re
import selectors
import signal
import socket
import subprocess
import threading
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from conftest import free_port

PATIENCE_S = 30


def until(what, condition, patience_s=PATIENCE_S):
    """What `condition` gives once it is true. It may fail as one does who asks a server that is not there."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if found := condition():
                return found
        time.sleep(0.03)
    pytest.fail(f"it did not come to pass that {what}", pytrace=False)


def unix(text):
    """RFC 3339 as the program writes it, as seconds."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Site:
    """An HTTP server on one thread, each path a target of its own. All may be changed while it runs.

    answers[path] = (status, body), else 200 without one. Who asks for a path in `silent` is accepted, read and not answered until the
    path is taken out of it. asked[path] counts, posts[path] has the bodies. stop() is a server that was killed: its port refuses.
    """

    def __init__(self, listener):
        self.listener, self.port = listener, listener.getsockname()[1]
        self.answers, self.silent = {}, set()
        self.asked, self.posts = collections.Counter(), collections.defaultdict(list)
        self.stopping = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def urls(self, prefix, count):
        return [self.url(f"/{prefix}/{i}") for i in range(count)]

    def serve(self):
        self.listener.setblocking(False)
        waiting = {}  # connection → its path, those that are not answered yet
        with selectors.DefaultSelector() as ready, contextlib.ExitStack() as open_ones:
            ready.register(self.listener, selectors.EVENT_READ, None)
            while not self.stopping:
                for key, _ in ready.select(0.02):
                    if key.data is None:
                        with contextlib.suppress(OSError):
                            connection, _ = self.listener.accept()
                            connection.setblocking(False)
                            open_ones.callback(connection.close)
                            ready.register(connection, selectors.EVENT_READ, bytearray())
                    elif not self.read(key.fileobj, key.data, waiting):
                        waiting.pop(key.fileobj, None)
                        ready.unregister(key.fileobj)
                        key.fileobj.close()
                for connection, path in list(waiting.items()):
                    if path not in self.silent:
                        del waiting[connection]
                        status, body = self.answers.get(path, (200, ""))
                        with contextlib.suppress(OSError):
                            connection.send(f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    def read(self, connection, data, waiting):
        try:
            piece = connection.recv(65536)
        except OSError:
            return False
        data += piece
        head, _, body = bytes(data).partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
        wanted = int(length.group(1)) if length else 0
        if b"\r\n\r\n" in data and len(body) >= wanted:
            path = head.split()[1].decode()
            if head.startswith(b"POST"):
                self.posts[path].append(json.loads(body[:wanted]))
            self.asked[path] += 1
            waiting[connection] = path
            del data[:len(head) + 4 + wanted]
        return bool(piece)

    def stop(self):
        self.stopping = True
        self.thread.join(10)
        assert not self.thread.is_alive()
        self.listener.close()


class Sites:
    """sites() is a site on a port of its own; sites(port) comes back where one was stopped."""

    def __init__(self):
        self.all = []

    def __call__(self, port=0):
        self.all.append(Site(socket.create_server(("127.0.0.1", port), backlog=4096)))
        return self.all[-1]


@pytest.fixture
def sites():
    made = Sites()
    yield made
    for site in made.all:
        if not site.stopping:
            site.stop()


@pytest.fixture
def site(sites):
    return sites()


class Answer:
    def __init__(self, response):
        self.status, self.fields, self.body = response.status, response.headers, response.read().decode()


class Metrics:
    """/metrics, taken apart by the client library of Prometheus."""

    def __init__(self, text):
        self.samples = collections.defaultdict(list)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self.samples[sample.name].append(sample)

    def all(self, name, **labels):
        return [sample for sample in self.samples[name] if all(sample.labels.get(key) == value for key, value in labels.items())]

    def value(self, name, **labels):
        """The sum of the series with these labels, of which there is one at least."""
        found = self.all(name, **labels)
        assert found, f"no series {name} {labels}"
        return sum(sample.value for sample in found)


def text_of(configuration):
    return configuration if isinstance(configuration, str) else json.dumps(configuration, indent=1)


class Watch:
    """A running `sonde watch` with a configuration of its own."""

    def __init__(self, command, log, port, file):
        self.command, self.log, self.port, self.file = [str(word) for word in command], log, port, file
        self.begin()

    def begin(self):
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        until("it listens", lambda: self.process.poll() is not None or self.ask("/-/ready").status == 200)
        assert self.process.poll() is None, self.log.read_text()

    def ask(self, path, method="GET", fields=None, timeout=20):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, headers=fields or {})
            return Answer(connection.getresponse())

    def json(self, path):
        answer = self.ask(path)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def metrics(self):
        return Metrics(self.ask("/metrics").body)

    def value(self, name, **labels):
        return self.metrics().value(name, **labels)

    def probe(self, target, module="http", **options):
        return self.ask(f"/probe?module={module}&target={target}", **options)

    def checks(self, name=None):
        """target → check, of all or of one entry."""
        return {check["target"]: check for check in self.json("/api/v1/checks?limit=10000")["checks"] if name in (None, check["name"])}

    def check(self, target):
        return self.json(f"/api/v1/checks/{self.checks()[target]['id']}")

    def states(self, name=None):
        return collections.Counter(check["state"] for check in self.checks(name).values())

    def history(self, target):
        return self.json(f"/api/v1/checks/{self.checks()[target]['id']}/history")["points"]

    def write(self, configuration):
        """Replaces the file as editors do: by a rename."""
        new = self.file.with_suffix(".new")
        new.write_text(text_of(configuration))
        new.rename(self.file)

    def reload(self, configuration):
        """Written and taken; whichever of the watch and the request comes first."""
        self.write(configuration)
        answer = self.ask("/-/reload", "POST")
        assert answer.status == 200, answer.body

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def watch(sonde_bin, tmp_path):
    """watch(configuration, argument…) → Watch, that listens. before: words before the program's name."""
    with contextlib.ExitStack() as running:

        def start(configuration, *arguments, before=(), folder=tmp_path):
            port = free_port()
            file = folder / "gateway.yaml"
            file.write_text(text_of(configuration))
            started = Watch([*before, sonde_bin, "watch", "--config", file, "--listen", f"127.0.0.1:{port}", *arguments],
                            folder / "gateway.log", port, file)
            running.callback(lambda: started.process.poll() is None and started.end())
            return started

        yield start


HTTP = {"prober": "http", "timeout": "900ms", "http": {"preferred_ip_protocol": "ip4"}}
MODULES = {"http": HTTP, "patient": {**HTTP, "timeout": "15s"}, "quick": {**HTTP, "timeout": "150ms"},
           "tcp": {"prober": "tcp", "timeout": "900ms", "tcp": {"preferred_ip_protocol": "ip4"}}}


def entry(name, targets, **options):
    return {"name": name, "module": "http", "interval": "200ms", "targets": targets, **options}
