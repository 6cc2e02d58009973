"""Bad input: exit 2 before anything is sent, one line that names where, and what would be right."""
import os
import subprocess

import pytest

pytestmark = pytest.mark.asan

BAD = [
    (["10.0.0.0/33", "-p", "80"], "10.0.0.0/33"),
    (["300.1.1.1", "-p", "80"], "300.1.1.1"),
    (["10.0.0.9-10.0.0.1", "-p", "80"], "10.0.0.9-10.0.0.1"),
    (["127.0.0.1"], "--ports"),
    (["127.0.0.1:0"], "127.0.0.1:0"),
    (["127.0.0.1:99999"], "99999"),
    (["127.0.0.1", "-p", "80-20"], "80-20"),
    (["127.0.0.1", "-p", "http"], "http"),
    (["127.0.0.1", "-p", "80", "--rate", "-1"], "--rate"),
    (["127.0.0.1", "-p", "80", "--shard", "3/2"], "--shard"),
    (["127.0.0.1", "-p", "80", "--shard", "0/2"], "--shard"),
    (["127.0.0.1", "-p", "80", "--connect-timeout", "0"], "--connect-timeout"),
    (["127.0.0.1", "-p", "80", "--connect-timeout", "3 parsecs"], "--connect-timeout"),
    (["127.0.0.1", "-p", "80", "--fields", "outcom"], "did you mean 'outcome'"),
    (["127.0.0.1", "-p", "80", "--format", "xml"], "ndjson"),
    (["127.0.0.1", "-p", "80", "--probe", "tpc"], "tcp"),
    (["127.0.0.1", "-p", "80", "--exclude", "127.0.0.0/8"], "nothing"),
    (["127.0.0.1", "-p", "80", "--exclude", "10.0.0.0/99"], "10.0.0.0/99"),
    (["127.0.0.1", "-p", "80", "--exclude-file", "missing.txt"], "missing.txt"),
    (["127.0.0.1", "-p", "80", "--config", "missing.yaml"], "missing.yaml"),
    (["-l", "missing.txt", "-p", "80"], "missing.txt"),
    (["127.0.0.1", "-p", "80", "--resume", "missing.ckpt"], "missing.ckpt"),
    (["127.0.0.1", "-p", "80", "--max-banner", "9x", "--probe", "banner"], "--max-banner"),
    (["127.0.0.1", "-p", "80", "--hello", "htp", "--probe", "banner"], "--hello"),
    (["-l", "-", "-p", "80", "--checkpoint", "c"], "--checkpoint"),
    (["-l", "-", "-p", "80", "--resume", "c"], "--resume"),
    (["::/1", "-p", "80"], "2^62"),
    (["--raet", "5", "127.0.0.1"], "--rate"),
    ([], "TARGET"),
]


@pytest.mark.parametrize("arguments, word", BAD, ids=[" ".join(arguments) or "nothing" for arguments, _ in BAD])
def test_it_is_refused_in_one_line(sonde, tmp_path, arguments, word):
    output = tmp_path / "out.ndjson"
    finished = sonde("scan", *arguments, "-o", output, code=2)
    assert word in finished.err
    assert finished.err.count("\n") == 1 and finished.err.startswith("sonde: ")
    assert not output.exists(), "nothing is touched"


LISTS = [
    (b"10.0.0.1\n\n# comment\n10.0.0.0/33\n", "targets.txt:4: '10.0.0.0/33'"),
    (b"10.0.0.1\r\n10.0.0.256\r\n", "targets.txt:2: '10.0.0.256'"),
    (b"ok.test\n\x00\x01\x02\xff\n", "targets.txt:2:"),
    (b"# nothing\n\n", "targets.txt"),
    (b"a" * 100_000 + b"\n", "targets.txt:1:"),
]


@pytest.mark.parametrize("content, words", LISTS)
def test_a_bad_line_is_named(sonde, tmp_path, content, words):
    (tmp_path / "targets.txt").write_bytes(content)
    finished = sonde("scan", "-l", "targets.txt", "-p", "80", code=2)
    assert words in finished.err and finished.err.count("\n") == 1


def test_lists_may_hold_what_people_write(sonde, tmp_path):
    (tmp_path / "targets.txt").write_bytes(b"\xef\xbb\xbf# a list\r\n127.0.0.1\r\n\r\n  127.0.0.2:8080  # inline\n[::1]:9\nhost.test\n127.0.0.1:80\n"
                                           b"127.0.0.4-5\nhttps://host.test/path")
    lines = sonde("scan", "-l", "targets.txt", "-p", "80", "--order", "sequential", "--dry-run").lines
    assert sorted((line["ip"] or line["host"], line["port"]) for line in lines) == [
        ("127.0.0.1", 80), ("127.0.0.2", 8080), ("127.0.0.4", 80), ("127.0.0.5", 80), ("::1", 9), ("host.test", 80), ("host.test", 443)]


CONFIGS = [
    ("raet: 5\n", "scan.yaml:1: unknown key 'raet'; did you mean 'rate'?"),
    ("rate: 5\nrate: 6\n", "scan.yaml:2: 'rate' stands here twice"),
    ("\nrate: fast\n", "scan.yaml:2: rate: 'fast'"),
    ("rate: [1, 2]\n", "scan.yaml:1: rate:"),
    ("- 1\n", "scan.yaml:1:"),
    ("rate: {a: \n", "scan.yaml:"),
    ("\x00\x01", "scan.yaml:"),
]


@pytest.mark.parametrize("content, words", CONFIGS)
def test_a_bad_configuration_is_named(sonde, tmp_path, content, words):
    (tmp_path / "scan.yaml").write_text(content)
    finished = sonde("scan", "127.0.0.1", "-p", "80", "--config", "scan.yaml", code=2)
    assert words in finished.err and finished.err.count("\n") == 1


def test_print_config_gives_the_same_run(sonde, tmp_path):
    arguments = ["127.0.0.0/24", "-p", "1-9,80", "--exclude", "127.0.0.5,127.0.0.77-99", "--rate", "1.5k", "--fields", "ip,timing_us.total"]
    printed = sonde("scan", *arguments, "--dry-run", "--print-config").out
    (tmp_path / "again.yaml").write_text(printed)
    assert sonde("scan", "--config", "again.yaml", "--print-config").out == printed
    first = sonde("scan", "--config", "again.yaml").out
    assert first and first == sonde("scan", "--config", "again.yaml").out
    seed = next(line.split(": ")[1] for line in printed.splitlines() if line.startswith("seed"))
    assert first == sonde("scan", *arguments, "--dry-run", "--seed", seed).out
    assert sonde("scan", "--config", "again.yaml", "-p", "7", "--shard", "1/1").out.count("\n") < first.count("\n"), "the command line wins"


def test_exclusions_of_file_and_command_line_add_up(sonde, tmp_path):
    (tmp_path / "scan.yaml").write_text("exclude: [127.0.0.1]\nports: 80\n")
    lines = sonde("scan", "127.0.0.0/30", "--config", "scan.yaml", "--exclude", "127.0.0.2", "--dry-run").lines
    assert sorted(line["ip"] for line in lines) == ["127.0.0.0", "127.0.0.3"]


def test_a_checkpoint_that_is_damaged_is_refused(sonde, tmp_path):
    (tmp_path / "bad.ckpt").write_text("hello\n")
    finished = sonde("scan", "127.0.0.1:1", "--resume", "bad.ckpt", code=2)
    assert "bad.ckpt: not a checkpoint" in finished.err


def test_a_full_disk_is_exit_1_and_said(sonde, world):
    served = world(prefix="127.88.0.0/24", ports=1, mix="open", seed=5)
    finished = sonde("scan", served.prefix, "-p", served.ports, "-o", "/dev/full", "--progress", "none", code=1)
    assert "/dev/full: write: No space left on device" in finished.err


def test_a_missing_directory_is_exit_1_and_said(sonde):
    finished = sonde("scan", "127.0.0.1:1", "-o", "no/such/dir/out", code=1)
    assert "no/such/dir/out: open: No such file" in finished.err


def test_a_directory_that_vanishes_under_the_checkpoint_is_exit_1(sonde_bin, world, tmp_path):
    served = world(prefix="127.88.0.0/20", ports=1, mix="open", seed=5)
    folder = tmp_path / "gone"
    folder.mkdir()
    process = subprocess.Popen([sonde_bin, "scan", served.prefix, "-p", served.ports, "--rate", "500", "--checkpoint", folder / "c", "-o",
                                tmp_path / "out", "--progress", "none"], stderr=subprocess.PIPE, text=True)
    while not (folder / "c").exists():
        assert process.poll() is None
    os.unlink(folder / "c")
    os.rmdir(folder)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1 and "--checkpoint" in err
    assert (tmp_path / "out").read_text().endswith("\n"), "no half line"


def test_a_closed_pipe_ends_it_quietly(sonde_bin, world):
    served = world(prefix="127.88.0.0/20", ports=1, mix="open", seed=5)
    process = subprocess.Popen([sonde_bin, "scan", served.prefix, "-p", served.ports, "--format", "ndjson", "--progress", "none"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline().startswith("{")
    process.stdout.close()
    assert process.wait(timeout=20) == 1
    assert process.stderr.read() == ""
