"""The gateway's reader of modules beside blackbox_exporter's own: the same files are taken, the same refused."""
import subprocess

import pytest

import watch_config_cases as cases
from conftest import program


def oracle_takes(path):
    """What blackbox_exporter 0.23 says of a file; it listens nowhere with --config.check."""
    command = [program("prometheus-blackbox-exporter"), f"--config.file={path}", "--config.check"]
    return subprocess.run(command, capture_output=True, timeout=20).returncode == 0


def written(tmp_path, text):
    path = tmp_path / "blackbox.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# Of each group: whether the oracle takes it, whether sonde does, whether sonde says something of it.
GROUPS = [("good", cases.GOOD, True, True, False), ("doubted", cases.DOUBTED, True, True, True), ("bad", cases.BAD, False, False, True),
          ("stricter", cases.STRICTER, True, False, True), ("later", cases.LATER, False, True, False)]
ALL = [pytest.param(text, oracle, ours, speaks, id=f"{group}-{name}")
       for group, texts, oracle, ours, speaks in GROUPS for name, text in texts.items()]


@pytest.mark.parametrize("text, oracle, ours, speaks", ALL)
def test_a_file_is_taken_or_refused(sonde, tmp_path, text, oracle, ours, speaks):
    path = written(tmp_path, text)
    assert oracle_takes(path) == oracle
    finished = sonde("watch", "--config", path, "--check-config", code=0 if ours else 2)
    told = [line for line in finished.err.splitlines() if f"{path}:" in line]
    assert bool(told) == speaks, finished.err
    only_warned = all(line.endswith("(each probe of it fails)") for line in told)
    assert not told or only_warned == ours, finished.err


def test_all_errors_of_a_file_are_told_with_their_lines(sonde, tmp_path):
    path = written(tmp_path, "lisen: x\nmodules:\n  a: {prober: http, timeout: 5}\n  b: {prober: tcp, htpp: {}}\n")
    finished = sonde("watch", "--config", path, "--check-config", code=2)
    for line in (1, 3, 4):
        assert f"blackbox.yml:{line}: " in finished.err
