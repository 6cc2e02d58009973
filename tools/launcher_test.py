"""./sonde builds when it must and only then, installs what is missing, and becomes the program it built.

cmake, dpkg-query, apt-get, id and sudo are stand-ins on PATH that keep a log of how they were called.
"""
import os
import pathlib
import shutil
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = '#!/bin/sh\necho "in $PWD: $*"\nexit 7\n'
STAND_INS = {
    # The build step writes the program; FAIL_BUILD makes it fail.
    "cmake": """echo "cmake $*" >>"$CALLS"
case "$1" in
  --build) [ -z "$FAIL_BUILD" ] || { echo "main.cc:1: broken"; exit 1; }
    printf '%s' "$PROGRAM" >"$2/sonde"; chmod +x "$2/sonde" ;;
  *) touch build/release/build.ninja 2>/dev/null || true ;;
esac
""",
    "dpkg-query": """for name in "$@"; do
  case " $MISSING " in *" $name "*) ;; *) printf 'installed=%s ' "$name" ;; esac
done
""",
    "apt-get": 'echo "apt-get $*" >>"$CALLS"; exit ${FAIL_APT:-0}\n',
    "id": "echo 1000\n",
    "sudo": 'echo "sudo $*" >>"$CALLS"; exit ${FAIL_APT:-0}\n',
}


class Checkout:
    def __init__(self, folder):
        self.root, self.stand_ins, self.calls_file = folder / "checkout", folder / "bin", folder / "calls"
        for path in ("src/base", "cmake", "tools", "../bin", "../elsewhere"):
            (self.root / path).mkdir(parents=True)
        for path in ("src/base/check.cc", "CMakeLists.txt", "CMakePresets.json"):
            (self.root / path).write_text("")
        for path in ("sonde", "tools/packages.sh", "tools/packages.txt"):
            shutil.copy(ROOT / path, self.root / path)
        for name, body in STAND_INS.items():
            (self.stand_ins / name).write_text("#!/bin/sh\n" + body)
            (self.stand_ins / name).chmod(0o755)
        self.elsewhere = folder / "elsewhere"

    def launch(self, *arguments, path=None, **variables):
        env = {"PATH": path or f"{self.stand_ins}:/usr/bin:/bin", "CALLS": str(self.calls_file), "PROGRAM": PROGRAM, **variables}
        return subprocess.run([self.root / "sonde", *arguments], cwd=self.elsewhere, env=env, capture_output=True, text=True,
                              timeout=60)

    @property
    def calls(self):
        return self.calls_file.read_text() if self.calls_file.exists() else ""

    def forget_calls(self):
        self.calls_file.unlink(missing_ok=True)


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_first_launch_builds_and_becomes_the_program(checkout):
    done = checkout.launch("scan", "a b")
    assert (done.returncode, done.stdout) == (7, f"in {checkout.elsewhere}: scan a b\n")
    assert "--preset release -DSONDE_TESTS=OFF" in checkout.calls and "--target sonde" in checkout.calls


def test_second_launch_runs_no_builder(checkout):
    checkout.launch()
    checkout.forget_calls()
    assert checkout.launch("x").stdout == f"in {checkout.elsewhere}: x\n"
    assert checkout.calls == ""


@pytest.mark.parametrize("changed", ["src/base/check.cc", "CMakeLists.txt", "CMakePresets.json"])
def test_a_changed_source_is_built(checkout, changed):
    checkout.launch()
    checkout.forget_calls()
    later = time.time() + 1
    os.utime(checkout.root / changed, (later, later))
    checkout.launch()
    assert "--build" in checkout.calls


def test_a_failed_build_shows_its_end_and_runs_nothing(checkout):
    done = checkout.launch(FAIL_BUILD="1")
    assert done.returncode == 1 and done.stdout == ""
    assert "main.cc:1: broken" in done.stderr


def test_missing_packages_are_named_and_installed(checkout):
    done = checkout.launch(MISSING="ninja-build libfmt-dev")
    assert done.returncode == 7
    assert "installing with apt-get what the build needs and this system lacks: ninja-build libfmt-dev\n" in done.stderr
    assert "install -y -qq --no-install-recommends ninja-build libfmt-dev\n" in checkout.calls
    assert "clang" not in checkout.calls, "what tests need is no business of the launcher"


def test_a_failed_installation_says_what_to_do_by_hand(checkout):
    done = checkout.launch(MISSING="cmake", FAIL_APT="100")
    assert done.returncode == 1 and done.stdout == ""
    assert "by hand, as root: apt-get install cmake" in done.stderr


def test_elsewhere_than_on_debian_the_needed_packages_are_named(checkout, tmp_path):
    # A PATH with what the script itself needs, and neither apt-get nor a builder.
    tools = tmp_path / "no-debian"
    tools.mkdir()
    for name in ("bash", "env", "readlink", "dirname", "find", "mkdir", "flock", "cat"):
        (tools / name).symlink_to(shutil.which(name))
    done = checkout.launch(path=str(tools))
    assert done.returncode == 1
    assert "this is not a Debian system; the build needs what Debian calls: g++ cmake" in done.stderr
