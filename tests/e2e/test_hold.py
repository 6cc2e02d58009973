"""sonde hold: its figures, on both engines, with peers that behave and peers that do not."""
import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

ENGINES = ["epoll", "uring"]
FIGURES = {"requested", "established", "failed", "dropped", "connect_rate", "seconds_to_establish", "rss_kb", "bytes_per_connection_user",
           "bytes_per_connection_kernel", "timers_armed", "deadline_lateness_us"}
IDLE_CPU_PERCENT = 5
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close by RST

both_engines = pytest.mark.parametrize("engine", ENGINES)


class Peer:
    """A listener that accepts everything and hands each connection, numbered, to `greet`; keeps it unless that gives False."""

    def __init__(self, greet, address="127.0.0.1"):
        self.greet = greet
        self.listener = socket.create_server((address, 0), backlog=4096)
        self.port = self.listener.getsockname()[1]
        self.kept, self.accepted, self.stopping = [], 0, False
        self.thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        for each in [self.listener, *self.kept]:
            each.close()

    def _serve(self):
        while not self.stopping:
            if not select.select([self.listener], [], [], 0.05)[0]:
                continue
            connection, _ = self.listener.accept()
            number, self.accepted = self.accepted, self.accepted + 1
            with contextlib.suppress(OSError):
                if self.greet(number, connection) is False:
                    connection.close()
                else:
                    self.kept.append(connection)


def stay(_number, _connection):
    return True


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    return False


@pytest.fixture
def peer():
    """peer(greet) → a running Peer."""
    with contextlib.ExitStack() as running:
        yield lambda greet=stay: running.enter_context(Peer(greet))


@pytest.fixture
def hold(sonde):
    """hold(option…) → the figures, read from its JSON; quiet otherwise."""

    def run(*arguments, **options):
        finished = sonde("hold", "--format", "json", "--progress", "none", *arguments, **options)
        assert finished.out.count("\n") == 1
        figures = json.loads(finished.out)
        assert figures["requested"] >= figures["established"] + sum(figures["failed"].values())
        assert figures["established"] == figures["held"] + figures["dropped"] + figures["closed_idle"]
        return figures

    return run


# --- figures ------------------------------------------------------------------------------------------------------------------


@both_engines
def test_every_connection_is_established_and_kept(hold, peer, engine):
    server = peer()
    figures = hold("--count", 500, f"127.0.0.1:{server.port}", "--for", "300ms", "--engine", engine)
    assert FIGURES <= set(figures)
    assert {"p50", "p99", "p999", "max"} <= set(figures["deadline_lateness_us"])
    assert figures["engine"] == engine
    assert (figures["requested"], figures["established"], figures["held"], figures["dropped"]) == (500, 500, 500, 0)
    assert figures["failed"] == {} and figures["local_faults"] == 0 and not figures["interrupted"]
    assert figures["timers_armed"] == 500
    assert figures["connect_rate"] > 0 and figures["seconds_to_establish"] > 0 and figures["rss_kb"] > 1000
    assert server.accepted == 500


@both_engines
def test_targets_and_sources_get_even_shares(hold, peer, engine):
    seen = {}

    def note(_number, connection):
        key = connection.getpeername()[0]
        seen[key] = seen.get(key, 0) + 1

    first, second = peer(note), peer(note)
    hold("--count", 120, f"127.0.0.1:{first.port}", f"127.0.0.1:{second.port}", "--source", "127.121.0.1-127.121.0.3", "--source", "127.121.1.1",
         "--for", "100ms", "--engine", engine)
    assert (first.accepted, second.accepted) == (60, 60)
    assert seen == {"127.121.0.1": 30, "127.121.0.2": 30, "127.121.0.3": 30, "127.121.1.1": 30}


def test_text_is_for_a_person(sonde, peer):
    server = peer()
    finished = sonde("hold", "--count", 30, f"127.0.0.1:{server.port}", "--for", "100ms")
    assert finished.out.startswith("30 of 30 connections established in ")
    assert "  dropped     0\n" in finished.out and "of a core while holding" in finished.out
    assert "\x1b" not in finished.out + finished.err and "\r" not in finished.err


def test_a_rate_bounds_the_connections_made(hold, peer):
    server = peer()
    # 40 a second for the 30 that are asked for: never faster, however long a busy machine takes.
    figures = hold("--count", 30, f"127.0.0.1:{server.port}", "--rate", 40, "--for", "100ms")
    assert figures["established"] == 30 and figures["connect_rate"] <= 42


@both_engines
def test_keepalive_is_set_on_the_sockets(sonde_bin, peer, engine):
    server = peer()
    with running_hold(sonde_bin, server, 5, engine, "--keepalive", "77s"):
        printed = subprocess.run(["ss", "-Hnto", "state", "established", f"( dport = :{server.port} )"], capture_output=True, text=True, check=True).stdout
    timers = printed.splitlines()
    assert len(timers) == 5 and all("timer:(keepalive,1min1" in line for line in timers), printed


# --- peers that end it ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def running_hold(sonde_bin, server, count, engine, *arguments):
    """A hold whose `count` connections the server has accepted; the test ends it."""
    process = subprocess.Popen([sonde_bin, "hold", "--count", str(count), f"127.0.0.1:{server.port}", "--for", "60s", "--engine", engine, "--format", "json",
                                "--progress", "none", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: server.accepted == count or process.poll() is not None)
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not come to pass"
        time.sleep(0.01)


def figures_after(process, *signals):
    for each in signals:
        process.send_signal(each)
    out, err = process.communicate(timeout=30)
    return json.loads(out), err, process.returncode


LISTENER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
print(listener.getsockname()[1], flush=True)
kept = []
while True:
    kept.append(listener.accept()[0])
    print(len(kept), flush=True)
"""


@both_engines
def test_a_killed_listener_drops_them_all_and_costs_no_processor(hold, sonde_bin, engine):
    server = subprocess.Popen([sys.executable, "-c", LISTENER], stdout=subprocess.PIPE, text=True)
    port = server.stdout.readline().strip()
    process = subprocess.Popen([sonde_bin, "hold", "--count", "400", f"127.0.0.1:{port}", "--for", "2500ms", "--engine", engine, "--format", "json", "--progress", "none"],
                               stdout=subprocess.PIPE, text=True)
    for _ in range(400):
        server.stdout.readline()
    server.kill()
    server.wait()
    server.stdout.close()
    out, _ = process.communicate(timeout=60)
    figures = json.loads(out)
    assert process.returncode == 0
    assert (figures["established"], figures["dropped"], figures["held"]) == (400, 400, 0)
    assert figures["failed"] == {}
    assert figures["cpu_percent_holding"] < IDLE_CPU_PERCENT


@both_engines
def test_holding_costs_no_processor(hold, peer, engine):
    server = peer()
    figures = hold("--count", 2000, f"127.0.0.1:{server.port}", "--for", "2s", "--engine", engine)
    assert figures["held"] == 2000 and figures["cpu_percent_holding"] < IDLE_CPU_PERCENT


@both_engines
def test_what_half_of_the_peers_reset_is_dropped(hold, peer, engine):
    server = peer(lambda number, connection: number % 2 == 0 or reset(connection))
    figures = hold("--count", 400, f"127.0.0.1:{server.port}", "--for", "500ms", "--engine", engine)
    assert (figures["established"], figures["dropped"], figures["held"]) == (400, 200, 200)


@both_engines
def test_bytes_and_a_fin_are_a_drop_and_bytes_alone_are_not(hold, peer, engine):
    def greet(number, connection):
        connection.sendall(b"x" * 9000)  # more than one read
        return number % 4 != 0

    server = peer(greet)
    figures = hold("--count", 200, f"127.0.0.1:{server.port}", "--for", "500ms", "--engine", engine)
    assert (figures["established"], figures["dropped"], figures["held"]) == (200, 50, 150)


@both_engines
def test_half_closed_by_the_peer_is_closed(hold, peer, engine):
    server = peer(lambda number, connection: connection.shutdown(socket.SHUT_WR) if number < 30 else None)
    figures = hold("--count", 100, f"127.0.0.1:{server.port}", "--for", "500ms", "--engine", engine)
    assert (figures["established"], figures["dropped"], figures["held"]) == (100, 30, 70)


@both_engines
def test_idle_timeout_takes_leave_with_a_fin(hold, peer, engine):
    server = peer()
    figures = hold("--count", 50, f"127.0.0.1:{server.port}", "--idle-timeout", "200ms", "--for", "1s", "--engine", engine)
    assert (figures["established"], figures["closed_idle"], figures["dropped"], figures["held"]) == (50, 50, 0, 0)
    assert [connection.recv(1) for connection in server.kept] == [b""] * 50, "a FIN; a reset would raise"


@both_engines
def test_what_the_peer_says_keeps_a_connection_from_idling(hold, peer, engine):
    chatting = []

    def greet(number, connection):
        if number < 5:
            chatting.append(connection)

    server = peer(greet)
    stop = threading.Event()

    def chat():
        while not stop.wait(0.02):
            for connection in list(chatting):
                with contextlib.suppress(OSError):
                    connection.send(b".")

    talker = threading.Thread(target=chat)
    talker.start()
    try:
        figures = hold("--count", 20, f"127.0.0.1:{server.port}", "--idle-timeout", "700ms", "--for", "1500ms", "--engine", engine)
    finally:
        stop.set()
        talker.join()
    assert (figures["established"], figures["closed_idle"], figures["held"]) == (20, 15, 5)


# --- failures and ends ----------------------------------------------------------------------------------------------------------


@both_engines
def test_refused_by_all_is_exit_1(hold, closed_port, engine):
    figures = hold("--count", 300, f"127.0.0.1:{closed_port}", "--for", "60s", "--engine", engine, code=1, timeout=30)
    assert figures["failed"] == {"refused": 300} and figures["established"] == 0
    assert figures["bytes_per_connection_user"] is None


@both_engines
def test_one_target_that_refuses_leaves_the_others(hold, peer, closed_port, engine):
    server = peer()
    figures = hold("--count", 100, f"127.0.0.1:{server.port}", f"127.0.0.1:{closed_port}", "--for", "100ms", "--engine", engine)
    assert figures["failed"] == {"refused": 50} and figures["held"] == 50


@both_engines
def test_silent_targets_are_timeouts(hold, world, engine):
    served = world(prefix="127.122.0.0/30", ports=1, mix="silent=1", seed=1)
    figures = hold("--count", 40, served.prefix, "--ports", served.ports, "--connect-timeout", "300ms", "--engine", engine, code=1)
    assert figures["failed"] == {"timeout": 40}
    assert figures["deadline_lateness_us"]["count"] == 40


@both_engines
def test_sigint_while_holding_prints_the_figures(sonde_bin, peer, engine):
    server = peer()
    with running_hold(sonde_bin, server, 100, engine) as process:
        figures, _, code = figures_after(process, signal.SIGINT)
    assert code == 3 and figures["interrupted"]
    assert figures["established"] == figures["held"] == 100 and figures["dropped"] == 0


@both_engines
def test_sigterm_while_connecting_prints_the_figures(sonde_bin, world, engine):
    served = world(prefix="127.122.1.0/30", ports=1, mix="silent=1", seed=1)
    process = subprocess.Popen([sonde_bin, "hold", "--count", "100", served.prefix, "--ports", served.ports, "--connect-timeout", "60s", "--engine", engine,
                                "--format", "json", "--progress", "none"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    syn_sent = ["ss", "-Hnt", "state", "syn-sent", f"( dport = :{served.ports} )"]
    wait_until(lambda: subprocess.run(syn_sent, capture_output=True, text=True, check=True).stdout.count("\n") == 100)
    figures, _, code = figures_after(process, signal.SIGTERM)
    assert code == 3 and figures["interrupted"]
    assert (figures["established"], figures["failed"], figures["cpu_percent_holding"]) == (0, {}, 0)


def test_a_source_that_is_not_ours_is_this_machines_fault(hold, peer):
    server = peer()
    figures = hold("--count", 10, f"127.0.0.1:{server.port}", "--source", "192.0.2.77", code=1)
    assert figures["failed"] == {"local_error": 10} and figures["local_faults"] > 0


# --- usage ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.asan
@pytest.mark.parametrize("arguments, words", [
    (["--count", "0", "127.0.0.1:1"], ["--count", "'0'"]),
    (["--count", "many", "127.0.0.1:1"], ["--count", "'many'"]),
    (["--count", "-5", "127.0.0.1:1"], ["--count", "'-5'"]),
    (["--count", "99999M", "127.0.0.1:1"], ["--count", "'99999M'"]),
    (["--count", "5", "127.0.0.1", "--ports", "80,70000"], ["--ports", "70000"]),
    (["--count", "5", "127.0.0.1:1", "--source", "localhost"], ["--source"]),
    (["--count", "5", "127.0.0.1:1", "--source", "300.1.1.1"], ["--source", "300.1.1.1"]),
    (["--count", "5", "127.0.0.1:1", "--source", "10.0.0.9-10.0.0.1"], ["--source", "10.0.0.9-10.0.0.1"]),
    (["--count", "5", "127.0.0.1:1", "--for", "soon"], ["--for", "'soon'"]),
    (["--count", "5", "127.0.0.1:1", "--for", "-1s"], ["--for", "'-1s'"]),
    (["--count", "5", "127.0.0.1:1", "--rate", "fast"], ["--rate", "'fast'"]),
    (["--count", "5", "127.0.0.1:1", "--connect-timeout", "1w"], ["--connect-timeout", "'1w'"]),
    (["--count", "5", "127.0.0.1:1", "--keepalive", "x"], ["--keepalive", "'x'"]),
    (["--count", "5", "127.0.0.1:1", "--idle-timeout", "x"], ["--idle-timeout", "'x'"]),
    (["--count", "5", "127.0.0.1:1", "--workers", "0"], ["--workers", "'0'"]),
    (["--count", "5", "127.0.0.1:1", "--engine", "kqueue"], ["--engine", "'kqueue'", "epoll"]),
    (["--count", "5", "127.0.0.1:1", "--format", "xml"], ["--format", "'xml'", "json"]),
    (["--count", "5", "127.0.0.1:1", "--progress", "loud"], ["--progress", "'loud'", "none"]),
    (["--count"], ["--count", "value"]),
    (["--count", "5"], ["TARGET"]),
    (["127.0.0.1:1"], ["--count"]),
    (["--count", "5", "127.0.0.1"], ["127.0.0.1", "port"]),
    (["--count", "5", "127.0.0.256:1"], ["127.0.0.256"]),
    (["--count", "5", "no-such-name.invalid:1"], ["no-such-name.invalid"]),
    (["--cuont", "5", "127.0.0.1:1"], ["'--cuont'", "did you mean '--count'?"]),
    (["--count", "5", "127.0.0.1:1", "--idletimeout", "5s"], ["did you mean '--idle-timeout'?"]),
])
def test_bad_usage_names_the_option_and_the_value(sonde, arguments, words):
    finished = sonde("hold", *arguments, code=2)
    assert finished.out == "" and finished.err.startswith("sonde: ") and finished.err.count("\n") == 1
    assert all(word in finished.err for word in words), finished.err


def test_help_tells_every_option_and_the_exit_codes(sonde):
    out = sonde("hold", "--help").out
    for option in ("--count", "--ports", "--source", "--for", "--rate", "--connect-timeout", "--keepalive", "--idle-timeout", "--workers", "--engine",
                   "--format", "--progress"):
        assert option in out
    assert "Exit codes: 0 done" in out
