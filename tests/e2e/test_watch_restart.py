"""SIGUSR2 starts the gateway again: no request fails, no check is missed or run twice, nothing that was known is lost."""
import collections
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from conftest import HttpServer, free_port, server_process
from watch import unix, until

PATIENCE_S = 40  # longer than the old process may take to drain


class Counting(HttpServer):
    """Answers 200 (a path that begins with /slow after 2.5 s), and keeps when each path was asked for."""

    request_queue_size = 256

    def __init__(self):
        self.came = collections.defaultdict(list)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler):  # noqa: N802, N805
                self.came[handler.path].append(time.time())
                if handler.path.startswith("/slow"):
                    time.sleep(2.5)
                handler.send_response(200)
                handler.send_header("Content-Length", "0")
                handler.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def counting():
    with Counting() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Gateway:
    """A running `sonde watch`, whichever process it is by now."""

    def __init__(self, command, log, port):
        self.log, self.port = log, port
        with open(log, "ab") as output:
            self.first = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.pid = self.first.pid

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.read().decode()

    def json(self, path):
        return json.loads(self.get(path))

    def metric(self, name):
        return float(next(line for line in self.get("/metrics").splitlines() if line.startswith(name + " ")).split()[-1])

    def check(self, name):
        found = [check for check in self.json("/api/v1/checks")["checks"] if check["name"] == name]
        return self.json(f"/api/v1/checks/{found[0]['id']}")

    def logged(self, message):
        """The pids that lines with this message tell."""
        lines = [line for line in self.log.read_text().splitlines() if f'msg="{message}"' in line]
        return [int(word.removeprefix("pid=")) for line in lines for word in line.split() if word.startswith("pid=")]

    def restart(self):
        over = "restart: the successor has taken over"
        before = len(self.logged(over))
        old = self.pid
        os.kill(old, signal.SIGUSR2)
        self.pid = until("the successor took over", lambda: self.logged(over)[before:])[0]
        if old == self.first.pid:
            assert self.first.wait(PATIENCE_S) == 0
        else:
            until("the old process ended", lambda: not pathlib.Path(f"/proc/{old}").exists()
                  or pathlib.Path(f"/proc/{old}/stat").read_text().rpartition(")")[2].split()[0] == "Z")

    def stop(self):
        self.pid = ([self.pid] + self.logged("restart: the successor has taken over"))[-1]  # whoever it was to be
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        if self.pid == self.first.pid:
            self.first.wait(PATIENCE_S)
        else:
            until("the gateway ended", lambda: not os.path.exists(f"/proc/{self.pid}")
                  or pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.fixture
def gateway(sonde_bin, tmp_path):
    """gateway(configuration) → Gateway, that answers; the file is gateway.json (YAML, as well)."""
    with contextlib.ExitStack() as running:

        def start(configuration, *arguments, env=None):
            port = free_port()
            file = tmp_path / "gateway.json"
            file.write_text(json.dumps({"listen": f"127.0.0.1:{port}", **configuration}))
            started = Gateway([sonde_bin, "watch", "--config", file, *arguments], tmp_path / "gateway.log", port)
            running.callback(started.stop)
            until("it answers", lambda: started.get("/-/ready") == "Ready")
            return started

        yield start


MODULES = {"tcp": {"prober": "tcp", "timeout": "5s"},
           "http": {"prober": "http", "timeout": "900ms", "http": {"preferred_ip_protocol": "ip4"}},
           "patient": {"prober": "http", "timeout": "5s", "http": {"preferred_ip_protocol": "ip4"}}}


class Load:
    """Clients that ask for /probe, 500 times a second all together, with connections kept or new ones."""

    CLIENTS, EACH_A_SECOND = 10, 50

    def __init__(self, port, target):
        self.port, self.path = port, f"/probe?module=tcp&target={target}"
        self.answers, self.failures = collections.Counter(), []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.ask, args=(i % 2 == 0,)) for i in range(self.CLIENTS)]

    def ask(self, keeps):
        client, due = None, time.monotonic()
        while not self.stopped.is_set():
            # As every client does: a connection that was closed while it was idle is not asked.
            if client is not None and (client.sock is None or select.select([client.sock], [], [], 0)[0]):
                client.close()
                client = None
            client = client or http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            try:
                client.request("GET", self.path)
                answer = client.getresponse()
                body = answer.read()
                if answer.status != 200 or b"\nprobe_success 1\n" not in body:
                    self.failures.append((answer.status, body[-300:]))
                self.answers[keeps] += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            if not keeps or self.failures:
                client.close()
                client = None
            due = max(due + 1 / self.EACH_A_SECOND, time.monotonic() - 1)  # what a slow machine cannot do is left out
            self.stopped.wait(max(0, due - time.monotonic()))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def runs_by_turn(times, phase, interval):
    """How many runs came in each interval between the due times, first to last."""
    turns = collections.Counter(int((at - phase) // interval) for at in times)
    return [turns[turn] for turn in range(min(turns), max(turns) + 1)]


SINK = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
while True:
    listener.accept()[0].close()
"""


@pytest.fixture
def sink(tmp_path):
    """The port of a process that takes each connection and ends it: the load's, so that none of it is the counting server's."""
    port = free_port()
    with server_process([sys.executable, "-c", SINK, port], tmp_path / "sink.log", port):
        yield port


def test_three_restarts_under_load_fail_no_request_and_move_no_check(gateway, counting, sink, tmp_path):
    port = counting.port
    running = gateway({
        "modules": MODULES,
        "checks": [{"name": "steady", "module": "http", "interval": "2s",
                    "targets": [f"http://127.0.0.1:{port}/steady/{i}" for i in range(20)]},
                   {"name": "slow", "module": "patient", "interval": "4s", "targets": [f"http://127.0.0.1:{port}/slow"]},
                   {"name": "rising", "module": "http", "interval": "2s", "rise": 6, "targets": [f"http://127.0.0.1:{port}/rising"]}],
        "storage": {"path": str(tmp_path / "history.db")}})
    first_pid = running.pid
    with Load(running.port, f"127.0.0.1:{sink}") as load:
        until("a check is up", lambda: running.check("steady")["state"] == "up")
        up_since = {check["target"]: check["since"] for check in running.json("/api/v1/checks")["checks"]}
        for _ in range(3):
            answered = sum(load.answers.values())
            runs, slow_runs = len(counting.came["/steady/0"]), len(counting.came["/slow"])
            until("requests were answered and checks ran before the restart",
                  lambda: sum(load.answers.values()) > answered + 200 and len(counting.came["/steady/0"]) > runs)
            until("the slow one runs at the time of the restart", lambda: len(counting.came["/slow"]) > slow_runs)
            running.restart()
        runs = len(counting.came["/steady/0"])
        until("checks ran behind the last restart", lambda: len(counting.came["/steady/0"]) > runs + 2)
        until("the slow one is up", lambda: running.check("slow")["state"] == "up")
        until("the rising one is up", lambda: running.check("rising")["state"] == "up")
    assert not load.failures, load.failures[:5]
    assert load.answers[True] > 200 and load.answers[False] > 200
    assert running.pid != first_pid

    # Each due second one run: not two, and none is missing. What began is told by the server, when by the schedule.
    checks = running.json("/api/v1/checks")["checks"]
    for check in checks:
        path = "/" + check["target"].split("/", 3)[3]
        turns = runs_by_turn(sorted(counting.came[path])[:-1], unix(check["next"]), check["interval_s"])
        assert set(turns) == {1}, f"{path}: {turns}"
    # What was known of a check goes on: since when it is up, and what led there.
    for check in checks:
        if check["name"] == "steady" and check["target"].endswith("/0"):
            assert check["since"] == up_since[check["target"]]
    assert [change["to"] for change in running.check("steady")["transitions"]] == ["up"]
    # Six in a row, in whichever processes they ran.
    rising = running.check("rising")
    assert [change["to"] for change in rising["transitions"]] == ["up"]
    assert sum(at <= unix(rising["transitions"][0]["ts"]) for at in counting.came["/rising"]) == 6
    # The history is whole: each run of the counting server is a point, but for the last that may not be written yet.
    steady = next(check for check in checks if check["target"].endswith("/steady/0"))
    until("the last process writes the history", lambda: running.metric("sonde_history_ok") == 1)
    came = len(counting.came["/steady/0"])
    until("all runs are in the history",
          lambda: sum(point["count"] for point in running.json(f"/api/v1/checks/{steady['id']}/history")["points"]) >= came)
    points = running.json(f"/api/v1/checks/{steady['id']}/history")["points"]
    assert 0 <= len(counting.came["/steady/0"]) - sum(point["count"] for point in points) <= 1


def test_a_successor_that_cannot_start_leaves_the_old_one_at_work(gateway, counting, tmp_path):
    port = counting.port
    running = gateway({"modules": MODULES, "checks": [
        {"name": "steady", "module": "http", "interval": "1s", "targets": [f"http://127.0.0.1:{port}/steady"]}]})
    good = (tmp_path / "gateway.json").read_text()
    pid = running.pid
    (tmp_path / "gateway.json").write_text(good.replace('"interval": "1s"', '"interval": "soon"'))
    os.kill(pid, signal.SIGUSR2)
    until("the restart failed", lambda: running.metric("sonde_restart_failures_total") == 1)
    assert running.first.poll() is None
    assert "successor" in running.json("/api/v1/status")["restart_problem"]
    assert "restart failed, this process goes on" in running.log.read_text()
    assert "probe_success 1" in running.get(f"/probe?module=tcp&target=127.0.0.1:{port}")
    runs = len(counting.came["/steady"])
    until("checks still run", lambda: len(counting.came["/steady"]) > runs + 1)
    # And with a file that is right again it takes place.
    (tmp_path / "gateway.json").write_text(good)
    running.restart()
    assert running.pid != pid
    assert "restart_problem" not in running.json("/api/v1/status")
    assert running.metric("sonde_restart_failures_total") == 0
    assert set(runs_by_turn(sorted(counting.came["/steady"])[:-1], unix(running.check("steady")["next"]), 1)) == {1}


def test_the_program_is_started_by_its_path_though_the_file_is_another_by_then(gateway, sonde_bin, counting, tmp_path, monkeypatch):
    """What an upgrade does: the file under the path is replaced; the process' own file is no longer there."""
    path = tmp_path / "sonde"
    path.symlink_to(sonde_bin)
    port = free_port()
    file = tmp_path / "gateway.json"
    file.write_text(json.dumps({"listen": f"127.0.0.1:{port}", "modules": MODULES}))
    monkeypatch.chdir(tmp_path)
    running = Gateway(["./sonde", "watch", "--config", "gateway.json"], tmp_path / "gateway.log", port)
    try:
        until("it answers", lambda: running.get("/-/ready") == "Ready")
        path.unlink()
        os.kill(running.pid, signal.SIGUSR2)
        until("the restart failed", lambda: running.metric("sonde_restart_failures_total") == 1)
        path.symlink_to(sonde_bin)
        running.restart()
        assert running.get("/-/ready") == "Ready"
    finally:
        running.stop()


# As systemd starts a service: the socket is number 3, and the variables name the process that the program becomes.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_sockets_of_systemd_are_taken_and_it_is_told(sonde_bin, tmp_path):
    file = tmp_path / "gateway.json"
    file.write_text(json.dumps({"listen": "127.0.0.1:1", "modules": MODULES}))
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        port = listening.getsockname()[1]
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE_S)

        def told(but="WATCHDOG=1"):
            while (line := systemd.recv(4096).decode()) == but:
                pass
            return line

        def is_ready():
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=10).read() == b"Ready"

        with open(tmp_path / "log", "wb") as log:
            process = subprocess.Popen([sys.executable, "-c", ACTIVATE, str(listening.fileno()), sonde_bin, "watch", "--config", file],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[listening.fileno()],
                                       env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "4000000"})
        left = process.pid  # to be killed at the end
        try:
            assert told() == "READY=1"
            assert is_ready()
            assert told(but="") == "WATCHDOG=1"
            process.send_signal(signal.SIGHUP)
            assert told().startswith("RELOADING=1\nMONOTONIC_USEC=")
            assert told() == "READY=1"
            # The successor has the socket, too, and systemd's attention.
            process.send_signal(signal.SIGUSR2)
            first, second = sorted([told(), told()])
            left = int(first.removeprefix("MAINPID="))
            assert second == f"{first}\nREADY=1"
            assert process.wait(PATIENCE_S) == 0
            assert is_ready()
            assert told(but="") == "WATCHDOG=1"
            os.kill(left, signal.SIGTERM)
            assert told() == "STOPPING=1"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
            if process.poll() is None:
                process.kill()
                process.wait()
