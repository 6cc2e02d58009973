"""The Debian package, its units, and what watches the gateway: they name what is there, and nothing else."""
import json
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml
from conftest import ROOT, SONDE, program

PACKAGING = ROOT / "packaging"
OWN = r"\b(?:sonde|process|blackbox_exporter)_[a-z0-9_]+"


def exposed():
    """The families that the sources declare, with the series of histograms."""
    text = "".join(path.read_text() for path in (ROOT / "src" / "gateway").rglob("*.cc"))
    declared = re.findall(r'Family k\w+\{\s*"([a-z0-9_]+)"(.*?)\};', text, re.S)
    assert len(declared) > 40
    names = {name for name, _ in declared}
    return names | {name + end for name, rest in declared if "kHistogram" in rest for end in ("_bucket", "_sum", "_count")}


def expressions_in(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "definition", "query") and isinstance(value, str):
                yield value
            else:
                yield from expressions_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions_in(value)


@pytest.mark.parametrize("path", ["grafana/sonde.json", "prometheus/sonde.rules.yml"])
def test_dashboard_and_rules_ask_for_metrics_that_there_are(path):
    text = (PACKAGING / path).read_text()
    expressions = list(expressions_in(json.loads(text) if path.endswith("json") else yaml.safe_load(text)))
    named = {name for expression in expressions for name in re.findall(OWN, expression)}
    assert len(named) >= 10
    assert named <= exposed(), named - exposed()
    for expression in expressions:
        for opening, closing in ("()", "[]", "{}"):
            assert expression.count(opening) == expression.count(closing), expression


def test_a_histogram_is_asked_by_its_buckets():
    for path in ("grafana/sonde.json", "prometheus/sonde.rules.yml"):
        for name in re.findall(OWN, (PACKAGING / path).read_text()):
            if name.startswith(("sonde_check_duration_seconds", "sonde_check_lateness_seconds")):
                assert name.endswith("_bucket"), f"{path}: {name}"


def test_rules_have_what_prometheus_wants():
    groups = yaml.safe_load((PACKAGING / "prometheus" / "sonde.rules.yml").read_text())["groups"]
    alerts = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in alerts}) == len(alerts)
    for rule in alerts:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["annotations"]["summary"] and rule["labels"]["severity"] in ("warning", "critical")


def test_panels_do_not_lie_on_each_other():
    panels = json.loads((PACKAGING / "grafana" / "sonde.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [(x, y) for panel in panels for place in [panel["gridPos"]]
             for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]
    assert len(set(cells)) == len(cells) and max(x for x, _ in cells) < 24


def test_the_example_configuration_is_right(sonde):
    sonde("watch", "--check-config", "--config", PACKAGING / "gateway.yaml")


# --- the package -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package(sonde_bin, tmp_path_factory):
    """(its file, what it unpacks to)."""
    folder = tmp_path_factory.mktemp("package")
    config = SONDE.parent / "CPackConfig.cmake"
    done = subprocess.run([program("cpack"), "-G", "DEB", "--config", config, "-B", folder], cwd=folder, capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    file, = folder.glob("*.deb")
    subprocess.run([program("dpkg-deb"), "--extract", file, folder / "root"], check=True, timeout=60)
    return file, folder / "root"


def field(file, name):
    return subprocess.run([program("dpkg-deb"), "--field", file, name], capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_the_package_says_what_it_is_and_what_it_needs(package):
    file, _ = package
    assert re.fullmatch(r"sonde_[0-9.]+_amd64\.deb|sonde_[0-9.]+_arm64\.deb", file.name)
    assert field(file, "Package") == "sonde"
    needs = field(file, "Depends")
    for library in ("libc6", "libssl3", "liburing2", "libsqlite3-0"):
        assert library in needs
    listed = subprocess.run([program("dpkg-deb"), "--contents", file], capture_output=True, text=True, check=True, timeout=60).stdout
    assert all(line.split()[1] == "root/root" for line in listed.splitlines())
    assert re.search(r"^-rwxr-xr-x .* \./usr/bin/sonde$", listed, re.M)


def test_the_package_holds_the_program_its_units_and_what_watches_it(package):
    file, root = package
    for path, source in {"etc/sonde/gateway.yaml": "gateway.yaml", "lib/systemd/system/sonde-watch.service": "systemd/sonde-watch.service",
                         "lib/systemd/system/sonde-watch.socket": "systemd/sonde-watch.socket",
                         "usr/share/sonde/sonde.json": "grafana/sonde.json",
                         "usr/share/sonde/sonde.rules.yml": "prometheus/sonde.rules.yml"}.items():
        assert (root / path).read_bytes() == (PACKAGING / source).read_bytes(), path
    assert (root / "usr/share/doc/sonde/operating.md").is_file()
    version = subprocess.run([root / "usr/bin/sonde", "version"], capture_output=True, text=True, check=True, timeout=20).stdout
    assert field(file, "Version") in version
    control = root.parent / "control"
    subprocess.run([program("dpkg-deb"), "--control", file, control], check=True, timeout=60)
    assert (control / "conffiles").read_text() == "/etc/sonde/gateway.yaml\n"
    for script in ("postinst", "prerm"):
        assert (control / script).stat().st_mode & 0o111
        subprocess.run(["sh", "-n", control / script], check=True, timeout=20)


def test_systemd_finds_nothing_wrong_with_the_units(package):
    """With the program that the package holds, in the place that the service names."""
    _, root = package
    units = root.parent / "units"
    units.mkdir()
    for name in ("sonde-watch.service", "sonde-watch.socket"):
        text = (root / "lib/systemd/system" / name).read_text()
        (units / name).write_text(text.replace("/usr/bin/sonde", str(root / "usr/bin/sonde")))
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units.iterdir()], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    told = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=25", units / "sonde-watch.service"],
                          capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stdout + told.stderr


def test_the_service_lets_both_engines_and_the_own_user_work():
    service = (PACKAGING / "systemd" / "sonde-watch.service").read_text()
    options = dict(line.split("=", 1) for line in service.splitlines() if "=" in line and not line.startswith("#"))
    assert options["Type"] == "notify" and options["NotifyAccess"] == "all", "a successor tells of itself"
    assert pathlib.PurePath("/var/lib") / options["StateDirectory"] == pathlib.PurePath("/var/lib/sonde")
    assert "/var/lib/sonde/" in (PACKAGING / "gateway.yaml").read_text()
    assert "io_uring_setup io_uring_enter io_uring_register" in service
