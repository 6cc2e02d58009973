#!/usr/bin/python3
"""Builds and runs the tests of sonde, part by part. Called by ./test, which installs what is needed first.

A part is a function that returns cases (name, status, output). A part that fails stops no other; what failed prints
its output where it happens and its name once more at the end. The last line is `N passed, N failed, N skipped`.
"""
import argparse
import base64
import concurrent.futures
import fcntl
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import web_part

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
RUNS = BUILD / "test-runs"  # reports and crash inputs
STEP_TIMEOUT_S = 1500
FUZZ_RUNS = 5_000  # of a fuzzer that tools/fuzz_runs.txt does not name
FUZZ_MOST_SECONDS = 60  # for its runs, which take some 2 s on an idle machine
FUZZ_MAX_LEN = 4096
CLANG_FORMAT = "clang-format-19"
CLANG_TIDY = "clang-tidy-19"
TIDY_KEPT_S = 30 * 86400
SYMBOLIZER = "/usr/bin/llvm-symbolizer-19"


@dataclass
class Case:
    name: str
    status: str = "passed"  # passed | failed | skipped
    output: str = ""  # of a failed one; the reason of a skipped one


# --- running things ---------------------------------------------------------------------------------------------------


def run(command, timeout=STEP_TIMEOUT_S, env=None, cwd=ROOT):
    """Runs a command in a process group of its own, which ends with it. Returns (exit code, output)."""
    process = subprocess.Popen([str(word) for word in command], cwd=cwd, env={**os.environ, **(env or {})},
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True)
    try:
        output, _ = process.communicate(timeout=timeout)
        return process.returncode, output.decode(errors="replace")
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        return 124, output.decode(errors="replace") + f"\n(ended after {timeout} s)"


def one_case(name, command, **options):
    code, output = run(command, **options)
    return Case(name) if code == 0 else Case(name, "failed", output)


def parallel(function, items, each_cpu=1):
    """each_cpu: how many at once for each processor, of what waits more than it works."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=each_cpu * (os.cpu_count() or 2)) as pool:
        return list(pool.map(function, items))


@functools.cache
def own_network():
    """What gives a command a loopback of its own, where nobody else takes its ports, and an address on a line that leads
    nowhere; empty where that cannot be had."""
    wrapper = ("unshare", "--net", "sh", "-ec", "ip link set lo up; ip link add nowhere type veth peer name outside; "
               'ip addr add 198.18.0.1/30 dev outside; ip link set outside up; ip route add default dev outside; exec "$@"', "sh")
    return wrapper if os.geteuid() == 0 and run([*wrapper, "true"])[0] == 0 else ()


def git_files(*patterns, cached="-c"):
    """cached: -c of what is tracked, -co with what is new and not ignored."""
    _, output = run(["git", "-c", f"safe.directory={ROOT}", "ls-files", cached, "--exclude-standard", "--", *patterns])
    return [ROOT / line for line in output.splitlines() if (ROOT / line).exists()]


# --- building ---------------------------------------------------------------------------------------------------------

PRESET_OPTIONS = {
    "release": ["-DSONDE_TESTS=ON", "-DSONDE_BENCH=ON"],
    "asan": ["-DSONDE_TESTS=ON"],
    "tsan": ["-DSONDE_TESTS=ON"],
}
built = {}  # preset → case of its build
printed = set()  # names of failed cases whose output was shown: several parts meet the same failed build


def build(preset, targets=()):
    """Builds a preset once a run. Returns the failed case, or None when the build is there: one with warnings is, and
    counts as failed all the same."""
    if preset not in built:
        started = time.monotonic()
        built[preset] = build_now(preset, targets)
        say(f"   built {preset} in {time.monotonic() - started:.0f} s")
        if built[preset].status == "failed":
            tell_failed(built[preset])
    return None if (BUILD / preset / ".stamp").exists() else built[preset]


def build_now(preset, targets):
    name = f"build.{preset}"
    folder = BUILD / preset
    cache = folder / "CMakeCache.txt"
    if cache.exists() and f"CMAKE_HOME_DIRECTORY:INTERNAL={ROOT}\n" not in cache.read_text():
        shutil.rmtree(folder)  # configured for another checkout
    folder.mkdir(parents=True, exist_ok=True)
    with open(BUILD / ".lock", "w") as lock:  # ./sonde builds the same release
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = folder / ".stamp.start"
        stamp.touch()
        (folder / ".stamp").unlink(missing_ok=True)
        code, output = run(["cmake", "--preset", preset, *PRESET_OPTIONS[preset]])
        if code == 0:
            wanted = [word for target in targets for word in ("--target", target)]
            code, output = run(["cmake", "--build", folder, "--parallel", os.cpu_count() or 2, *wanted,
                                "--", "-k", "0"])  # all errors at once
        if code != 0:
            return Case(name, "failed", compiler_output(output))
        stamp.rename(folder / ".stamp")
    return Case(name, "failed", compiler_output(output)) if re.search(r"\bwarning:", output) else Case(name)


def compiler_output(output):
    """A failed build's log without the lines of what went well."""
    return "\n".join(line for line in output.splitlines() if not re.match(r"\[\d+/\d+\] ", line))


# --- parts ------------------------------------------------------------------------------------------------------------


def part_format(_):
    def check(path):
        return one_case(f"format.{path.relative_to(ROOT)}", [CLANG_FORMAT, "--dry-run", "-Werror", path])

    return parallel(check, git_files("*.h", "*.cc", "*.c"))


def part_layers(_):
    return [one_case("layers", [sys.executable, "tools/check_layers.py"])]


def part_docs(_):
    failed = build("release")
    return [failed or one_case("docs", [sys.executable, "tools/check_docs.py"])]


def web_folder(*left_out):
    """A copy of web/ with its packages installed: (folder, None), or (None, the failed case)."""
    place = BUILD / "web"
    sources = [path for path in git_files("web", "proto", cached="-co") if not any(folder in path.parents for folder in left_out)]
    web_part.copy_sources(ROOT, sources, place)
    folder = place / "web"
    stale = web_part.outdated(folder)
    if stale:
        code, output = run(["npm", "ci"], cwd=folder)
        if code != 0:
            return None, Case("web.install", "failed", output)
        stale[0].write_text(stale[1])
    return folder, None


def part_web(options):
    folder, failed = web_folder(ROOT / "web" / "dist")
    if failed:
        return [failed]
    place = folder.parent

    report = RUNS / "web.json"
    report.unlink(missing_ok=True)
    wanted = ["-t", re.escape(options.match)] if options.match else []
    code, output = run(["npm", "test", "--", "--reporter=json", f"--outputFile={report}", *wanted], cwd=folder)
    cases = [Case(*case) for case in (web_part.vitest_cases(report) if report.exists() else [])]
    if options.match:
        return [case for case in cases if case.status != "skipped"]
    if code != 0 and not any(case.status == "failed" for case in cases):
        cases.append(Case("web.test", "failed", output))

    cases.append(one_case("web.types", ["npm", "run", "check"], cwd=folder))
    shutil.rmtree(place / "dist", ignore_errors=True)
    code, output = run(["npm", "run", "build"], cwd=folder, env={"SONDE_WEB_OUT": str(place / "dist")})
    wrong = [output] if code != 0 else list(web_part.differences(ROOT / "web" / "dist", place / "dist"))
    if code == 0 and wrong:
        wrong.append("build it anew: cd web && npm ci && npm run build")
    return [*cases, Case("web.dist", "failed", "\n".join(wrong)) if wrong else Case("web.dist")]


def part_browser(options):
    """The dashboard as a person sees it. Pages and mock are the committed ones, in the copy."""
    failed = None if "SONDE_BIN" in os.environ else build("release")
    folder, failed = (None, failed) if failed else web_folder()
    if failed:
        return [failed]
    code, output = run(["node", "browser/browser.js"], cwd=folder, timeout=120)
    if code != 0:
        return [Case("browser", "skipped" if code == 77 else "failed", output.strip())]
    code, output = run(["npm", "run", "-s", "gen"], cwd=folder)
    if code != 0:
        return [Case("browser.gen", "failed", output)]

    report = RUNS / "browser.json"
    report.unlink(missing_ok=True)
    wanted = ["-t", re.escape(options.match)] if options.match else []
    code, output = run(["npm", "run", "browser", "--", "--reporter=json", f"--outputFile={report}", *wanted], cwd=folder,
                       env={"SONDE_BIN": os.environ.get("SONDE_BIN", str(BUILD / "release" / "sonde"))})
    cases = [Case(*case) for case in (web_part.vitest_cases(report, "browser") if report.exists() else [])]
    if code != 0 and not any(case.status == "failed" for case in cases):
        cases.append(Case("browser", "failed", output))
    if os.environ.get("SONDE_SCREENSHOTS"):
        cases.append(one_case("browser.screenshots", ["node", "browser/screenshots.js", ROOT / os.environ["SONDE_SCREENSHOTS"]], cwd=folder))
    return [case for case in cases if case.status != "skipped"] if options.match else cases


def part_tools(options):
    return pytest_cases("tools", ["tools"], options)


def gtest_cases(preset, options):
    failed = build(preset)
    if failed:
        return [failed]
    code, output = run(["ctest", "--test-dir", BUILD / preset, "--show-only=json-v1"])
    if code != 0:
        return [Case(f"{preset}.ctest", "failed", output)]
    tests = json.loads(output[output.index("{"):])["tests"]
    shards = SHARDS if own_network() else 1
    jobs = [(test["name"], test["command"], (index, shards)) for index in range(shards) for test in tests]
    batches = parallel(lambda job: gtest_binary(preset, job[0], job[1], options, job[2]), jobs, each_cpu=3 if own_network() else 1)
    return [case for batch in batches for case in batch] or [Case(f"{preset}.ctest", "failed", "no tests")]


def gtest_binary(preset, module, command, options, shard=(0, 1)):
    """shard: which of how many parts of the binary's tests."""
    index, shards = shard
    report = RUNS / f"{preset}.{module}.{index}.json"
    report.unlink(missing_ok=True)
    wanted = [f"--gtest_filter=*{options.match}*"] if options.match else []
    code, output = run([*own_network(), *sanitizer_wrapper(preset), *command, *wanted, f"--gtest_output=json:{report}"],
                       env={**SANITIZER_ENV, "GTEST_TOTAL_SHARDS": str(shards), "GTEST_SHARD_INDEX": str(index)})
    cases = list(gtest_report(f"{preset}.{module}", report))
    if not report.exists():  # it crashed: keep what had passed by then
        passed = re.findall(r"^\[       OK \] (\S+)", output, re.M)
        cases = [Case(f"{preset}.{module}.{name}") for name in passed]
    if code != 0 and not any(case.status == "failed" for case in cases):
        cases.append(Case(f"{preset}.{module}", "failed", f"exit {code}\n" + "\n".join(output.splitlines()[-80:])))
    return cases


def gtest_report(prefix, report):
    if not report.exists():
        return
    for suite in json.loads(report.read_text())["testsuites"]:
        for test in suite["testsuite"]:
            name = f"{prefix}.{suite['name']}.{test['name']}"
            if "failures" in test:
                yield Case(name, "failed", "\n".join(failure["failure"] for failure in test["failures"]))
            elif test["result"] == "SKIPPED":
                yield Case(name, "skipped", " ".join(skip["message"] for skip in test.get("skipped", [])))
            elif test["status"] == "RUN":
                yield Case(name)


SHARDS = 6  # the scenarios over loopback wait for deadlines, a minute in all

SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


def sanitizer_wrapper(preset):
    """GCC 12's sanitizers do not know address spaces as random as newer kernels make them."""
    return fixed_addresses() if preset in ("asan", "tsan") else []


@functools.cache
def fixed_addresses():
    """What gives a command the same addresses each time; empty where that cannot be had."""
    return ["setarch", "-R"] if run(["setarch", "-R", "true"])[0] == 0 else []


def part_unit(options):
    return gtest_cases("release", options)


def part_asan(options):
    return gtest_cases("asan", options)


def part_tsan(options):
    return gtest_cases("tsan", options)


def pytest_cases(label, arguments, options, env=None, wrapper=(), part=""):
    """part: of what several runs are, as it is to be called."""
    report = RUNS / f"{label}{part and '.'}{part}.xml"
    report.unlink(missing_ok=True)
    wanted = ["-k", options.match] if options.match else []
    code, output = run([*wrapper, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short",
                        f"--junitxml={report}", *wanted, *arguments],
                       env={"PYTHONDONTWRITEBYTECODE": "1", **SANITIZER_ENV, **(env or {})})
    if not report.exists():
        return [Case(report.stem, "failed", output)]
    cases = []
    for element in ElementTree.parse(report).iter("testcase"):
        name = f"{label}.{element.get('classname').split('.')[-1]}.{element.get('name')}"
        problem = element.find("failure")
        problem = problem if problem is not None else element.find("error")
        skip = element.find("skipped")
        if problem is not None:
            cases.append(Case(name, "failed", problem.text or problem.get("message", "")))
        elif skip is not None:
            cases.append(Case(name, "skipped", skip.get("message", "")))
        else:
            cases.append(Case(name))
    if code not in (0, 1, 5):  # 5: nothing matched
        cases.append(Case(report.stem, "failed", output))
    return cases


LONG = ("test_bad_conditions", "test_watch_bad", "test_kill", "test_hold_100k")  # half a minute and more: they begin first


def e2e_cases(label, options, env, wrapper=(), marked=()):
    """The files of tests/e2e side by side, each in a network of its own."""
    if options.match or not own_network():
        return pytest_cases(label, ["tests/e2e", *marked], options, env, wrapper)
    files = sorted((ROOT / "tests" / "e2e").glob("test_*.py"), key=lambda file: (file.stem not in LONG, file))
    batches = parallel(lambda file: pytest_cases(label, [file, *marked], options, env, [*own_network(), *wrapper], file.stem), files, each_cpu=2)
    return [case for batch in batches for case in batch]


def part_e2e(options):
    failed = build("release")
    return [failed] if failed else e2e_cases("e2e", options, {"SONDE_BIN": str(BUILD / "release" / "sonde")})


def part_e2e_asan(options):
    failed = build("asan")
    return [failed] if failed else e2e_cases("e2e-asan", options, {"SONDE_BIN": str(BUILD / "asan" / "sonde")}, sanitizer_wrapper("asan"),
                                             ["-m", "asan"])


def part_fuzz(options):
    names = sorted(path.stem for path in (ROOT / "src").rglob("*_fuzz.cc"))
    if options.match:
        names = [name for name in names if options.match in name]
    runs = fuzz_runs()
    failed = build("asan", names)
    return [failed] if failed else parallel(lambda name: fuzz_one(name, runs.get(name, FUZZ_RUNS), options.fuzz_seconds), names)


def fuzz_runs():
    """How many runs each fuzzer gets, by name: what it does in some 2 s."""
    lines = (ROOT / "tools" / "fuzz_runs.txt").read_text().splitlines()
    return {name: int(runs) for name, runs in (line.split() for line in lines if line and not line.startswith("#"))}


def fuzz_one(name, runs, seconds=None):
    """A fuzzer from its corpus, on a fixed course of so many runs: the same program passes or fails each time. With
    seconds: for so long on a random course."""
    case = f"fuzz.{name}"
    corpus = ROOT / "tests" / "corpus" / name
    binary = next((path for path in (BUILD / "asan").rglob(name) if path.is_file() and os.access(path, os.X_OK)), None)
    if binary is None:
        return Case(case, "failed", f"no such binary under {BUILD / 'asan'}")
    if not corpus.is_dir() or not any(corpus.iterdir()):
        return Case(case, "failed", f"{corpus.relative_to(ROOT)} has no seeds")
    work = RUNS / name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    # Of a folder the order would be the file system's, and what is found would be written there.
    seeds = ",".join(str(path) for path in sorted(corpus.iterdir()))
    course = [f"-max_total_time={seconds}"] if seconds else ["-seed=1", f"-runs={runs}", f"-max_total_time={FUZZ_MOST_SECONDS}"]
    # Comparisons of addresses are among what leads the fuzzer.
    code, output = run([*fixed_addresses(), binary, *course, f"-seed_inputs={seeds}", f"-max_len={FUZZ_MAX_LEN}", "-timeout=10",
                        "-rss_limit_mb=2048", f"-artifact_prefix={work}/"], timeout=(seconds or FUZZ_MOST_SECONDS) + 120,
                       env={**SANITIZER_ENV, "ASAN_SYMBOLIZER_PATH": SYMBOLIZER})
    if code == 0:
        return Case(case)
    inputs = [as_base64(path) for path in sorted(work.iterdir())]
    return Case(case, "failed", "\n".join([*output.splitlines()[-60:], *(inputs or ["no input was kept"])]))


def as_base64(path):
    """An input in a form that outlives the machine."""
    text = base64.b64encode(path.read_bytes()[:2 * FUZZ_MAX_LEN]).decode()
    return f"input {path.relative_to(ROOT)}, `base64 -d` of: {text}"


def part_bench(options):
    """Benchmarks run tiny, and the baselines compile, so that they do not rot. Their figures mean nothing here."""
    failed = build("release")
    if failed:
        return [failed]
    binaries = sorted(path for path in (BUILD / "release").rglob("*_bench") if path.is_file())
    cases = [one_case(f"bench.{path.name}", [path, "--benchmark_min_time=0.001"], timeout=120) for path in binaries
             if not options.match or options.match in path.name]
    if not options.match:
        cases += [scenario_smoke(name) for name in ("connect", "dashboard", "engines", "gateway", "hold", "names", "report", "silent", "stream", "tls", "tls_chains", "tls_in_flight", "watch_soak")]
    return cases


def scenario_smoke(name):
    """A scenario that exits with 77 cannot run on this machine, and has said why."""
    code, output = run([sys.executable, f"bench/scenarios/{name}", "--smoke"], timeout=300)
    if code == 77:
        return Case(f"bench.{name}", "skipped", output.strip())
    return Case(f"bench.{name}") if code == 0 else Case(f"bench.{name}", "failed", output)


# --- clang-tidy, remembered by content ---------------------------------------------------------------------------------


def part_tidy(options):
    """clang-tidy over the sources (not the tests), each result remembered by what went into it."""
    failed = build("release")
    database = BUILD / "release" / "compile_commands.json"  # there even when something does not compile
    if not database.exists():
        return [failed]
    entries = json.loads(database.read_text())
    entries = [entry for entry in entries if entry["file"].startswith(str(ROOT / "src"))
               and not re.search(r"_(test|bench)\.cc$", entry["file"])
               and (not options.match or options.match in entry["file"])]
    base = hashlib.sha256(run([CLANG_TIDY, "--version"])[1].encode())
    for path in (ROOT / ".clang-tidy", *git_files("proto/*.proto")):  # sources include what is made of the latter
        base.update(path.read_bytes())
    known = tidy_cache()
    return parallel(lambda entry: tidy_one(entry, base.hexdigest(), known), entries)


def tidy_cache():
    """The folder with an empty file for each result that was clean, of any checkout. What is not met for so long goes."""
    folder = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "sonde-tidy"
    folder.mkdir(parents=True, exist_ok=True)
    oldest = time.time() - TIDY_KEPT_S
    for path in folder.iterdir():
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
    return folder


def tidy_one(entry, base, known):
    path = pathlib.Path(entry["file"])
    case = f"tidy.{path.relative_to(ROOT)}"
    clean = known / tidy_key(entry["command"], path, base)
    if clean.exists():
        clean.touch()
        return Case(case)
    code, output = run([CLANG_TIDY, "--quiet", "-p", BUILD / "release", path], timeout=300)
    if code != 0:
        return Case(case, "failed", output)
    clean.touch()
    return Case(case)


def tidy_key(command, path, base):
    """The same in each checkout that has the same sources."""
    key = hashlib.sha256((base + command.replace(f"{ROOT}/", "")).encode())
    for source in sorted(with_includes(path, set())):
        key.update(source.read_bytes())
    return key.hexdigest()


def with_includes(path, seen):
    """The file and, over and over, what it includes from src/."""
    if path not in seen and path.is_file():
        seen.add(path)
        for include in re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(errors="replace"), re.M):
            with_includes(ROOT / "src" / include, seen)
    return seen


# --- all of it --------------------------------------------------------------------------------------------------------

PARTS = {  # in the order of a whole run
    "format": (part_format, "clang-format over the tracked sources"),
    "layers": (part_layers, "includes and the link graph keep to the layers"),
    "tools": (part_tools, "the tests of tools/"),
    "web": (part_web, "the dashboard: types, tests, and dist/ is what the sources make"),
    "unit": (part_unit, "unit and scenario tests, release build"),
    "docs": (part_docs, "the docs name what exists"),
    "e2e": (part_e2e, "the program against real servers on loopback"),
    "browser": (part_browser, "the dashboard in a real browser, of the program and of web/mock"),
    "bench": (part_bench, "benchmarks, tiny"),
    "asan": (part_asan, "unit tests under AddressSanitizer and UBSan"),
    "e2e-asan": (part_e2e_asan, "end-to-end tests marked asan, with that build"),
    "tsan": (part_tsan, "unit tests under ThreadSanitizer"),
    "fuzz": (part_fuzz, "every fuzzer on a fixed course of a few seconds"),
    "tidy": (part_tidy, "clang-tidy over the sources"),
}


def say(text):
    print(text, flush=True)


def tell_failed(case):
    if case.name not in printed:
        say(f"-- FAILED {case.name}\n{case.output.rstrip()}")
        printed.add(case.name)


def run_part(name, options):
    started = time.monotonic()
    say(f"== {name}: {PARTS[name][1]}")
    try:
        cases = PARTS[name][0](options)
    except Exception as error:  # a broken part is a failure of that part
        cases = [Case(name, "failed", f"{type(error).__name__}: {error}")]
    for case in cases:
        if case.status == "failed":
            tell_failed(case)
    count = {status: sum(case.status == status for case in cases) for status in ("passed", "failed", "skipped")}
    say(f"   {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped, "
        f"{time.monotonic() - started:.0f} s")
    return cases


def main():
    parser = argparse.ArgumentParser(prog="./test", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description="Builds and runs the tests of sonde.",
                                     epilog="parts:\n" + "\n".join(f"  {name:9} {part[1]}" for name, part in PARTS.items()))
    parser.add_argument("parts", nargs="*", metavar="PART", help="which parts (all of them without)")
    parser.add_argument("-k", dest="match", metavar="TEXT", help="only tests whose name has it (an expression for pytest)")
    parser.add_argument("--fuzz-seconds", type=int, metavar="N",
                        help="a random hunt instead of the fixed course: N seconds with each fuzzer")
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part '{unknown[0]}'; there are: {' '.join(PARTS)}")
    RUNS.mkdir(parents=True, exist_ok=True)

    started = time.monotonic()
    cases = {}  # by name: a failed build that several parts met counts once
    for name in PARTS:
        if not options.parts or name in options.parts:
            cases.update((case.name, case) for case in run_part(name, options))
    for case in built.values():
        cases.setdefault(case.name, case)

    say(f"== all: {time.monotonic() - started:.0f} s")
    for case in cases.values():
        if case.status == "skipped":
            say(f"skipped {case.name}: {case.output}")
    for case in cases.values():
        if case.status == "failed":
            say(f"FAILED {case.name}")
    count = {status: sum(case.status == status for case in cases.values()) for status in ("passed", "failed", "skipped")}
    say(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    sys.exit(1 if count["failed"] else 0)


if __name__ == "__main__":
    main()
