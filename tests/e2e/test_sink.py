"""`sonde world --sink`: holds what connects, says how deep it is, and which sysctl it needs."""
import contextlib
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess

import pytest

from conftest import free_port

pytestmark = pytest.mark.asan

SOMAXCONN = pathlib.Path("/proc/sys/net/core/somaxconn")


def outside_address():
    """An address of this machine that is not loopback, or None. Nothing is sent: a UDP connect only asks for the route."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(("192.0.2.1", 9))
        address = asked.getsockname()[0]
        return None if address.startswith("127.") else address


@contextlib.contextmanager
def sink(sonde_bin, *arguments):
    """(process, what it said before it was ready). It is ended by SIGTERM, and must end well."""
    process = subprocess.Popen([sonde_bin, "world", "--sink", *map(str, arguments)], stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    try:
        said = []
        while not said or not said[-1].endswith("ready\n"):
            line = process.stderr.readline()
            assert line, "".join(said)
            said.append(line)
        yield process, "".join(said)
    finally:
        process.terminate()
        rest = process.stderr.read()
        assert process.wait(timeout=30) == 0, rest
        process.said_last = rest


def connect_many(port, count):
    """Blocking connects return when the handshake is done."""
    return [socket.create_connection((f"127.9.{i % 200}.{i // 200 + 1}", port), timeout=10) for i in range(count)]


def test_holds_what_connects_without_a_descriptor_of_its_own(sonde_bin):
    port = free_port()
    with sink(sonde_bin, port) as (process, said):
        depth = int(re.search(rf"sink on 127\.0\.0\.0/8 port {port}: holds (\d+) connections at once", said)[1])
        assert depth == int(SOMAXCONN.read_text()) + 1
        before = len(os.listdir(f"/proc/{process.pid}/fd"))
        with contextlib.ExitStack() as held:
            for client in connect_many(port, 300):
                held.enter_context(client)
            assert len(os.listdir(f"/proc/{process.pid}/fd")) == before
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
    assert "300 connections at the end" in process.said_last


def test_says_the_sysctl_that_it_needs_and_only_when_it_needs_it(sonde_bin):
    port, somaxconn = free_port(), int(SOMAXCONN.read_text())
    wanted = 10 * (somaxconn + 1)
    with sink(sonde_bin, port, "--backlog", wanted) as (_, said):
        assert f"for {wanted} connections: sysctl -w net.core.somaxconn={2 * wanted}, then start it again" in said
    with sink(sonde_bin, port, "--backlog", somaxconn) as (_, said):
        assert "sysctl" not in said


def test_several_ports_share_what_is_wanted(sonde_bin):
    ports, somaxconn = sorted({free_port() for _ in range(2)}), int(SOMAXCONN.read_text())
    with sink(sonde_bin, f"{ports[0]},{ports[1]}", "--backlog", 2 * somaxconn) as (_, said):
        assert f"port {ports[0]},{ports[1]}: holds {2 * (somaxconn + 1)} connections at once ({somaxconn + 1} a port)" in said
        assert "sysctl" not in said
        for port in ports:
            socket.create_connection(("127.0.0.1", port), timeout=10).close()


def test_accepting_reads_what_is_sent_beyond_the_limit_of_open_files(sonde_bin):
    """With 64 descriptors a table, 200 connections need several threads; each is read from."""
    port = free_port()
    low = (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    with sink(sonde_bin, port, "--accept") as (process, said):
        assert "accepts and drains" in said
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, low)
        with contextlib.ExitStack() as held:
            clients = [held.enter_context(client) for client in connect_many(port, 200)]
            for client in (clients[0], clients[-1]):
                client.settimeout(30)
                client.sendall(b"x" * (16 << 20))
            assert len(os.listdir(f"/proc/{process.pid}/task")) >= 4
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
    assert "200 connections at the end" in process.said_last


def test_only_loopback_reaches_it(sonde_bin):
    address = outside_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    port = free_port()
    with sink(sonde_bin, port) as (_, _said), socket.socket() as client:
        # Bound to the device of the address: from this machine itself a packet to it would come by loopback.
        device = next(name for _, name in socket.if_nameindex() if name != "lo")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
        client.settimeout(2)
        with pytest.raises(OSError):
            client.connect((address, port))


def test_ends_by_itself_after_for(sonde):
    assert "0 connections at the end" in sonde("world", "--sink", 0, "--for", "50ms").err


@pytest.mark.parametrize(("arguments", "complaint"), [
    (["--sink", "0", "--mix", "open"], "--mix does not go with --sink, which serves no population"),
    (["--sink", "0", "--prefix", "127.1.0.0/16"], "--prefix does not go with --sink, which serves no population"),
    (["--backlog", "10"], "--backlog goes with --sink PORT"),
    (["--accept"], "--accept goes with --sink PORT"),
    (["--sink", "0", "--backlog", "0"], "--backlog: '0' is too little"),
    (["--sink", "none"], "--sink: 'none'"),
])
def test_refuses_what_makes_no_sense(sonde, arguments, complaint):
    assert complaint in sonde("world", *arguments, code=2).err


def test_names_the_port_that_somebody_has(sonde):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"--sink: cannot listen on port {port}: bind: Address already in use" in sonde("world", "--sink", port, code=2).err
