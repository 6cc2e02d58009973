"""sonde doctor: what this machine carries, for a person and for a program; --fix inside a network namespace of our own."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

LEVELS = {"ok", "limits", "warn", "unknown"}
BOUNDS = {"descriptors", "open_files", "epoll_watches", "ports", "conntrack", "memory"}
PORT_RANGE = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
SOMAXCONN = pathlib.Path("/proc/sys/net/core/somaxconn")
WHOLE_MACHINE = [pathlib.Path("/proc/sys/fs/nr_open"), pathlib.Path("/proc/sys/fs/file-max")]  # no namespace holds these

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and sysctls need root")
# Where "/" is a folder and no mount (a chroot), no mount namespace can be made private.
needs_mounts = pytest.mark.skipif(
    subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True, check=False).returncode != 0,
    reason="no mount namespace can be made here")


def diagnosis(sonde, *arguments, **options):
    return json.loads(sonde("doctor", "--format", "json", *arguments, **options).out)


def limit(report, name):
    return next(each for each in report["limits"] if each["name"] == name)


def in_own_namespace(script):
    """Runs a shell script in a network namespace that ends with it: net.* sysctls there are not the machine's."""
    return subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.asan
def test_text_begins_with_the_verdict_and_names_each_limit(sonde):
    out = sonde("doctor").out
    assert out.startswith("This machine carries about ")
    for name in BOUNDS | {"io_uring", "clock_source", "direct_sockets"}:
        assert f" {name} " in out
    assert "\x1b" not in out, "no colours where nobody looks"


@pytest.mark.asan
def test_json_has_the_verdict_the_limits_and_the_engine(sonde):
    report = diagnosis(sonde)
    assert report["capacity"]["connections"] > 0
    assert report["capacity"]["bound_by"] in BOUNDS
    bounding = [each["allows"] for each in report["limits"] if each["allows"] is not None]
    assert report["capacity"]["connections"] == min(bounding)
    for each in report["limits"]:
        assert set(each) == {"name", "value", "allows", "level", "explanation", "command"}
        assert each["level"] in LEVELS and each["explanation"] and each["value"]
    uring = report["engine"]["uring"]
    assert uring["usable"] == (uring["why_not"] == "")
    assert {"direct_sockets", "buffer_rings", "defer_taskrun"} <= set(uring["features"])
    assert report["engine"]["used_when"]
    assert report["kernel"] == os.uname().release
    assert "fixes" not in report


@needs_root
def test_readings_are_those_of_its_network_namespace(sonde_bin):
    done = in_own_namespace(f"""
        echo '20000 20099' > {PORT_RANGE}; echo 77 > {SOMAXCONN}
        exec {sonde_bin} doctor --destinations 3 --sources 2 --format json""")
    report = json.loads(done.stdout)
    assert limit(report, "ports")["value"] == "20000–20099: 100"
    assert limit(report, "ports")["allows"] == 600 == report["capacity"]["connections"]
    assert limit(report, "listen_backlog")["value"] == "somaxconn 77"
    assert limit(report, "nr_open")["value"].replace(",", "") == WHOLE_MACHINE[0].read_text().strip()


def test_the_descriptor_limit_is_that_of_the_process(sonde_bin):
    done = subprocess.run(["sh", "-c", f"ulimit -n 512; exec {sonde_bin} doctor --engine epoll --connections 100k --format json"],
                          capture_output=True, text=True, timeout=60, check=True)
    found = limit(json.loads(done.stdout), "descriptors")
    assert found["value"] == "soft 512, hard 512"
    assert found["level"] == "limits" and found["allows"] == (512 - 32) * len(os.sched_getaffinity(0))
    assert "prlimit" in found["command"] or "CAP_SYS_RESOURCE" in found["explanation"]


def test_a_stated_number_is_judged(sonde):
    assert sonde("doctor", "--connections", 10).out.startswith("10 connections at once fit: ")
    much = sonde("doctor", "--connections", "900M").out
    assert much.startswith("900,000,000 connections at once do not fit: ")
    assert limit(diagnosis(sonde, "--connections", "900M"), "memory")["level"] == "limits"


@needs_root
def test_nothing_is_changed_without_fix(sonde_bin):
    done = in_own_namespace(f"""
        echo '32768 60999' > {PORT_RANGE}; echo 128 > {SOMAXCONN}
        {sonde_bin} doctor --connections 40000 --destinations 1 --loopback || exit 9
        cat {PORT_RANGE} {SOMAXCONN}""")
    assert done.returncode == 0, done.stderr
    assert "sysctl -w net.core.somaxconn=65535" in done.stdout
    assert done.stdout.split()[-3:] == ["32768", "60999", "128"]


@pytest.mark.parametrize("arguments, words", [
    (["--conections", "5"], "did you mean '--connections'?"),
    (["--connections", "none"], "--connections: 'none'"),
    (["--connections", "0"], "--connections: '0'"),
    (["--format", "xml"], "--format: 'xml' is not one of text, json"),
    (["--engine", "kqueue"], "--engine: 'kqueue' is not one of auto, epoll, uring"),
    (["--persist"], "--persist needs --fix"),
    (["now"], "'now' is too much"),
])
def test_bad_usage_is_told(sonde, arguments, words):
    finished = sonde("doctor", *arguments, code=2)
    assert words in finished.err
    assert finished.out == ""


def test_help_tells_its_options(sonde):
    out = sonde("doctor", "--help").out
    for option in ("--connections", "--destinations", "--sources", "--loopback", "--engine", "--format", "--fix", "--persist"):
        assert option in out


@needs_root
def test_fix_without_root_says_so_and_exits_1(sonde_bin, tmp_path):
    program = tmp_path / "sonde"
    shutil.copy(sonde_bin, program)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o011)  # nobody may pass through to it
    done = subprocess.run([program, "doctor", "--fix"], user=65534, group=65534, extra_groups=[], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == "sonde: doctor: --fix writes /proc/sys, which only root may: sudo sonde doctor --fix\n"


@needs_root
def test_fix_raises_what_is_needed_in_this_namespace_and_nothing_more(sonde_bin):
    before = [path.read_text() for path in WHOLE_MACHINE]
    done = in_own_namespace(f"""
        echo '32768 60999' > {PORT_RANGE}; echo 128 > {SOMAXCONN}
        {sonde_bin} doctor --connections 40000 --destinations 1 --loopback --fix || exit 9
        cat {PORT_RANGE} {SOMAXCONN}""")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "net.ipv4.ip_local_port_range: 32768 60999 → 1024 65535\n" in done.stdout
    assert "net.core.somaxconn: 128 → 65535\n" in done.stdout
    assert done.stdout.split()[-3:] == ["1024", "65535", "65535"]
    assert "40,000 connections at once fit: " in done.stdout, "the report is of the machine as it is afterwards"
    assert [path.read_text() for path in WHOLE_MACHINE] == before
    assert not pathlib.Path("/etc/sysctl.d/90-sonde.conf").exists(), "no file without --persist"


@needs_root
def test_fix_does_not_lower_and_tells_in_json(sonde_bin):
    done = in_own_namespace(f"""
        echo 500 > /proc/sys/net/ipv4/ip_unprivileged_port_start
        echo '500 50000' > {PORT_RANGE}; echo 200000 > {SOMAXCONN}
        {sonde_bin} doctor --connections 60000 --destinations 1 --loopback --fix --format json""")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["fixes"] == {"changes": [
        {"key": "net.ipv4.ip_local_port_range", "before": "500 50000", "after": "500 65535"}]}


@needs_mounts
def test_a_value_that_is_refused_is_told_and_the_run_goes_on(sonde_bin):
    # A read-only /proc/sys, as containers have it; the mount ends with the namespace.
    done = subprocess.run(
        ["unshare", "-n", "-m", "sh", "-c", f"""
            echo '32768 60999' > {PORT_RANGE}
            mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys || exit 9
            exec {sonde_bin} doctor --connections 40000 --destinations 1 --fix"""],
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "net.ipv4.ip_local_port_range: refused, stays 32768 60999 (open: Read-only file system)\n" in done.stdout
    assert "40,000 connections at once do not fit: " in done.stdout


@needs_mounts
def test_persist_writes_the_file_that_sysctl_reads(sonde_bin, tmp_path):
    # /etc/sysctl.d of the mount namespace is a folder of the test.
    done = subprocess.run(
        ["unshare", "-n", "-m", "sh", "-c", f"""
            echo '32768 60999' > {PORT_RANGE}
            mkdir -p /etc/sysctl.d && mount --bind {tmp_path} /etc/sysctl.d || exit 9
            exec {sonde_bin} doctor --connections 40000 --destinations 1 --fix --persist"""],
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Written to /etc/sysctl.d/90-sonde.conf" in done.stdout
    assert "net.ipv4.ip_local_port_range = 1024 65535\n" in (tmp_path / "90-sonde.conf").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["90-sonde.conf"]
