"""A machine that misbehaves: memory that is refused in mid-run, ports that run out, a stop of seconds, a clock that steps.

What is expected is always the same: the same records as ever, the faults counted, nothing lost, nothing left running.
"""
import contextlib
import ctypes
import errno
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
from conftest import records_in
from syscall_faults import LIBC, Call, Faults

STOPPED_S = 3  # how long SIGSTOP lasts; longer than each deadline that must then be found late
CLOCK_START = 1_000_000_000  # 2001-09-09T01:46:40Z

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and sysctls need root")
both_engines = pytest.mark.parametrize("engine", ["epoll", "uring"])


def truth(served, probe="tcp"):
    return {(line["ip"], line["port"]): line[probe]["outcome"] for line in served.truth}


def outcomes(records):
    return {(record["ip"], record["port"]): record["outcome"] for record in records}


def hold(sonde, *arguments, **options):
    return json.loads(sonde("hold", "--format", "json", "--progress", "none", *arguments, **options).out)


# --- memory refused in mid-run -----------------------------------------------------------------------------------------------------


def test_sockets_that_are_refused_now_and_then_lose_no_target(scan, world):
    served = world(prefix="127.126.0.0/25", ports=1, mix="open_mute=1,ssh=2,refused=2", seed=4)
    with Faults("socket", lambda n, _: (errno.ENOBUFS, errno.ENOMEM, errno.ENFILE)[n % 3] if n % 5 == 2 else 0) as faults:
        records, summary = scan(served.prefix, "-p", served.ports, "--probe", "banner", "--all", "--rate", "0", "--read-timeout", "700ms", "--engine", "epoll",
                                preexec_fn=faults.install)
    assert outcomes(records) == truth(served, "banner")
    assert summary["local_faults"] == faults.refused >= 25
    assert summary["outcomes"]["local_error"] == 0


def test_refused_targets_prove_as_well_that_the_machine_is_back(scan, world):
    served = world(prefix="127.126.1.0/25", ports=1, mix="refused=1", seed=4)
    with Faults("socket", lambda n, _: errno.ENOBUFS if n % 2 == 0 else 0) as faults:
        # 64 faults or more: had each slowed down the next, it would take 320 ms a target, 40 s for all.
        records, summary = scan(served.prefix, "-p", served.ports, "--all", "--rate", "0", "--engine", "epoll", "--max-runtime", "20s", preexec_fn=faults.install)
    assert len(records) == summary["outcomes"]["refused"] == 128
    assert summary["local_faults"] == faults.refused >= 64


def test_after_a_fault_a_hold_goes_on(sonde, world):
    served = world(prefix="127.126.2.0/30", ports=1, mix="open_mute=1", seed=4)
    with Faults("socket", lambda n, _: errno.ENOBUFS if 100 <= n < 105 else 0) as faults:
        figures = hold(sonde, "--count", 500, served.prefix, "--ports", served.ports, "--for", "200ms", "--engine", "epoll", preexec_fn=faults.install)
    assert (figures["established"], figures["held"], figures["failed"]) == (500, 500, {})
    assert figures["local_faults"] == faults.refused == 5


def test_a_hold_ends_with_what_there_is_when_memory_stays_away(sonde, world):
    served = world(prefix="127.126.3.0/30", ports=1, mix="open_mute=1", seed=4)
    with Faults("socket", lambda n, _: errno.ENOBUFS if n >= 120 else 0) as faults:
        figures = hold(sonde, "--count", 5000, served.prefix, "--ports", served.ports, "--for", "200ms", "--engine", "epoll", preexec_fn=faults.install)
    assert 100 <= figures["established"] == figures["held"] <= 120  # a worker or two asked for a socket of another kind
    assert figures["failed"] == {"local_error": 5000 - figures["held"]}
    assert figures["local_faults"] == faults.refused < 200, "it does not ask again for each"


def test_an_io_uring_that_takes_nothing_now_and_then_loses_no_target(scan, world):
    served = world(prefix="127.126.4.0/24", ports=1, mix="open_mute=1,ssh=2,redis=1,reset_mid_banner=1,refused=1", seed=4)
    with Faults("io_uring_enter", lambda n, _: (0, errno.EAGAIN, errno.EBUSY)[n % 3]) as faults:
        records, summary = scan(served.prefix, "-p", served.ports, "--probe", "banner", "--all", "--rate", "0", "--read-timeout", "1500ms", "--engine",
                                "uring", preexec_fn=faults.install)
    assert summary["engine"] == "uring" and faults.refused > 20
    assert outcomes(records) == truth(served, "banner")
    assert summary["outcomes"]["local_error"] == 0


def test_an_io_uring_that_is_full_for_a_while_drops_nothing(sonde, world):
    served = world(prefix="127.126.5.0/30", ports=1, mix="ssh=1", seed=4)  # each says something: a poll and a read to be taken
    with Faults("io_uring_enter", lambda n, _: errno.EBUSY if 5 <= n < 200 else 0) as faults:
        figures = hold(sonde, "--count", 1500, served.prefix, "--ports", served.ports, "--for", "500ms", "--engine", "uring", preexec_fn=faults.install)
    assert (figures["established"], figures["held"], figures["dropped"], figures["failed"]) == (1500, 1500, 0, {})
    assert figures["engine"] == "uring" and faults.refused == 195


# --- ports ---------------------------------------------------------------------------------------------------------------------------

FEW_PORTS = """
import json, socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as range_of_ports:
    range_of_ports.write("40000 40049")
listener = socket.create_server(("0.0.0.0", 5000), backlog=1000)  # it accepts nothing: the backlog keeps them
sys.exit(subprocess.run(sys.argv[1:]).returncode)
"""


def with_50_ports(sonde_bin, *arguments):
    """Runs sonde in a network namespace of its own, where all of 127/8 listens on port 5000 and there are 50 source ports."""
    return subprocess.run(["unshare", "-n", sys.executable, "-c", FEW_PORTS, sonde_bin, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


@needs_root
def test_ports_that_run_out_are_foretold_and_told(sonde_bin):
    done = with_50_ports(sonde_bin, "hold", "--count", 200, "127.0.0.1:5000", "--for", "200ms", "--engine", "epoll", "--workers", 1, "--format", "json", "--progress", "none")
    figures = json.loads(done.stdout)
    assert done.returncode == 0
    assert (figures["established"], figures["held"], figures["failed"]) == (50, 50, {"local_error": 150})
    assert "200 connections from 1 address to 1 destination need as many source ports; there are 50, so 150 will wait or fail" in done.stderr


@needs_root
@both_engines
def test_each_source_address_has_its_own_ports(sonde_bin, engine):
    done = with_50_ports(sonde_bin, "hold", "--count", 200, "127.0.0.1:5000", "--source", "127.0.0.1-127.0.0.4", "--for", "200ms", "--engine", engine, "--format", "json",
                         "--progress", "none")
    figures = json.loads(done.stdout)
    assert (figures["established"], figures["held"], figures["failed"], figures["local_faults"]) == (200, 200, {}, 0)
    assert done.returncode == 0 and done.stderr == ""


@needs_root
def test_many_more_connections_than_ports_do_not_keep_it_searching(sonde_bin):
    done = with_50_ports(sonde_bin, "hold", "--count", 30_000, "127.0.0.1:5000", "--for", "100ms", "--engine", "uring", "--workers", 2, "--format", "json", "--progress", "none")
    figures = json.loads(done.stdout)
    assert figures["established"] + figures["failed"]["local_error"] == 30_000 and figures["established"] == 50


@needs_root
@both_engines
def test_ports_are_per_destination(sonde_bin, engine):
    done = with_50_ports(sonde_bin, "scan", "127.0.1.0/24", "127.0.2.0/24", "-p", 5000, "--all", "--engine", engine, "--concurrency", 400, "--rate", 0, "--format", "ndjson",
                         "--progress", "none")
    records = records_in(done.stdout)
    assert len(records) == 512 and {record["outcome"] for record in records} == {"success"}


# --- stopped for seconds ---------------------------------------------------------------------------------------------------------------


def stop_and_continue(process):
    process.send_signal(signal.SIGSTOP)
    time.sleep(STOPPED_S)  # the time that is lost is what is tested
    process.send_signal(signal.SIGCONT)


@both_engines
def test_a_scan_that_was_stopped_loses_nothing(sonde_bin, world, tmp_path, engine):
    served = world(prefix="127.127.0.0/22", ports=1, mix="open_mute=1,ssh_slow=1,silent=2", seed=6)
    summary, output = tmp_path / "summary.json", tmp_path / "found.ndjson"
    process = subprocess.Popen([sonde_bin, "scan", served.prefix, "-p", served.ports, "--all", "--probe", "banner", "--rate", "600", "--connect-timeout", "1s",
                                "--read-timeout", "1500ms", "--engine", engine, "-o", output, "--summary", summary, "--progress", "none"])
    deadline = time.monotonic() + 30
    while not (output.exists() and output.read_text().count("\n") > 50):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    stop_and_continue(process)
    assert process.wait(timeout=60) == 0
    receipt = json.loads(summary.read_text())
    found = outcomes(records_in(output.read_text()))
    assert found == truth(served, "banner")
    assert receipt["probes_started"] == receipt["probes_finished"] == receipt["records_written"] == 1024
    assert receipt["deadline_lateness_us"]["max"] >= (STOPPED_S - 2) * 1_000_000, "deadlines that passed meanwhile are told as late"


class Chatter:
    """A server that says a byte to each connection ten times a second."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.target = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections, self.stopping = [], threading.Event()
        self.thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        for each in [self.listener, *self.connections]:
            each.close()

    def _serve(self):
        while not self.stopping.is_set():
            until = time.monotonic() + 0.1
            while select.select([self.listener], [], [], max(0, until - time.monotonic()))[0]:
                self.connections.append(self.listener.accept()[0])
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.send(b".", socket.MSG_DONTWAIT)


@both_engines
def test_a_hold_that_was_stopped_keeps_what_lives(sonde_bin, engine):
    with Chatter() as server:
        process = subprocess.Popen([sonde_bin, "hold", "--count", "1500", server.target, "--for", f"{STOPPED_S + 1}s", "--idle-timeout", f"{STOPPED_S - 1}s", "--engine", engine,
                                    "--workers", "1", "--format", "json", "--progress", "none"], stdout=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 30
        while len(server.connections) < 1500:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)
        stop_and_continue(process)
        figures = json.loads(process.communicate(timeout=60)[0])
    assert process.returncode == 0
    assert figures["deadline_lateness_us"]["count"] == 0, "what came while it was stopped is looked at before what is overdue"
    assert (figures["established"], figures["held"], figures["closed_idle"], figures["dropped"]) == (1500, 1500, 0, 0)


# --- the clock ---------------------------------------------------------------------------------------------------------------------------


def without_vdso(process):
    """Takes the vDSO from a program that was stopped at its exec, so that it asks the kernel for the time."""
    PTRACE_DETACH, AT_SYSINFO_EHDR, AT_IGNORE = 17, 33, 1
    _, status = os.waitpid(process.pid, 0)
    assert os.WIFSTOPPED(status)
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        at = int(stat.read().rpartition(")")[2].split()[25])  # startstack: argc, argv, 0, envp, 0, then the auxiliary vector
    with open(f"/proc/{process.pid}/mem", "r+b", buffering=0) as memory:
        def word():
            nonlocal at
            memory.seek(at)
            at += 8
            return struct.unpack("=Q", memory.read(8))[0]

        word()
        for _ in ("argv", "envp"):
            while word() != 0:
                pass
        while (kind := word()) != 0:
            if kind == AT_SYSINFO_EHDR:
                memory.seek(at - 8)
                memory.write(struct.pack("=Q", AT_IGNORE))
            word()
    LIBC.ptrace(PTRACE_DETACH, process.pid, None, None)


class SteppingClock(Faults):
    """CLOCK_REALTIME of a program: 2001 when it is first read, and each time after that a day later or earlier."""

    def __init__(self):
        super().__init__("clock_gettime", self._tell, first_argument=time.CLOCK_REALTIME)

    def install(self):
        super().install()
        LIBC.ptrace(0, 0, None, None)  # PTRACE_TRACEME: stop at exec

    @staticmethod
    def _tell(n, call):
        step = 0 if n == 0 else 86_400 if n % 2 else -86_400
        with open(f"/proc/{call.pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(call.arguments[1])
            memory.write(struct.pack("=qq", CLOCK_START + step, 0))
        return Call.DONE


@both_engines
def test_a_clock_that_steps_moves_no_deadline_and_no_timestamp(sonde_bin, world, tmp_path, engine):
    LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    served = world(prefix="127.127.4.0/25", ports=1, mix="open_mute=1,silent=1,ssh=1", seed=6)
    summary, output = tmp_path / "summary.json", tmp_path / "found.ndjson"
    with SteppingClock() as clock:
        process = subprocess.Popen([sonde_bin, "scan", served.prefix, "-p", served.ports, "--all", "--workers", "3", "--connect-timeout", "500ms", "--probe", "tcp",
                                    "--engine", engine, "-o", output, "--summary", summary, "--seed", "1", "--checkpoint", tmp_path / "scan.ckpt", "--progress", "none"],
                                   preexec_fn=clock.install)
        without_vdso(process)
        assert process.wait(timeout=60) == 0
    assert clock.calls > 0, "the program did not read this clock"
    receipt = json.loads(summary.read_text())
    records = records_in(output.read_text())
    assert outcomes(records) == truth(served)
    assert receipt["started"].startswith("2001-09-")
    assert all(receipt["started"] <= record["ts"] <= receipt["ended"] for record in records)
    assert 0.5 <= receipt["elapsed_s"] < 60
    timeouts = [record["timing_us"]["total"] for record in records if record["outcome"] == "timeout"]
    assert timeouts and min(timeouts) >= 499_000
