"""The test runner sees failures: of gtest, of crashes, of fuzzers, of exceptions in a part."""
import base64
import json
import os
import time
import types

import pytest
import run_tests


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(run_tests, "ROOT", tmp_path)
    monkeypatch.setattr(run_tests, "BUILD", tmp_path / "build")
    monkeypatch.setattr(run_tests, "RUNS", tmp_path / "build" / "runs")
    run_tests.RUNS.mkdir(parents=True)
    return tmp_path


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def statuses(cases):
    return {case.name: case.status for case in cases}


OPTIONS = types.SimpleNamespace(match=None)


def test_gtest_cases_are_counted_one_by_one(place):
    tests = [{"name": "good", "status": "RUN", "result": "COMPLETED"},
             {"name": "bad", "status": "RUN", "result": "COMPLETED", "failures": [{"failure": "1 != 2"}]},
             {"name": "left", "status": "RUN", "result": "SKIPPED", "skipped": [{"message": "no IPv6 here"}]},
             {"name": "off", "status": "NOTRUN", "result": "SUPPRESSED"}]
    report = json.dumps({"testsuites": [{"name": "Suite", "testsuite": tests}]})
    binary = script(place / "wire_test", f"echo '{report}' >${{1#--gtest_output=json:}}\nexit 1\n")
    cases = run_tests.gtest_binary("release", "wire", [binary], OPTIONS)
    assert statuses(cases) == {"release.wire.Suite.good": "passed", "release.wire.Suite.bad": "failed",
                               "release.wire.Suite.left": "skipped"}
    assert [case.output for case in cases if case.status == "skipped"] == ["no IPv6 here"]


def test_a_crash_is_a_failure_that_keeps_what_had_passed(place):
    binary = script(place / "wire_test", "echo '[       OK ] Suite.good (0 ms)'\necho 'check failed'\nkill -ABRT $$\n")
    cases = run_tests.gtest_binary("release", "wire", [binary], OPTIONS)
    assert statuses(cases) == {"release.wire.Suite.good": "passed", "release.wire": "failed"}
    assert "check failed" in cases[-1].output


def test_a_leak_after_good_tests_is_a_failure(place):
    report = json.dumps({"testsuites": []})
    binary = script(place / "wire_test", f"echo '{report}' >${{1#--gtest_output=json:}}\necho leaked\nexit 23\n")
    assert statuses(run_tests.gtest_binary("asan", "wire", [binary], OPTIONS)) == {"asan.wire": "failed"}


def test_a_fuzzer_that_crashes_fails_and_keeps_its_input(place):
    corpus = place / "tests" / "corpus" / "line_fuzz"
    corpus.mkdir(parents=True)
    (corpus / "seed").write_text("x")
    script(place / "build" / "asan" / "src" / "line_fuzz",
           'for a in "$@"; do case $a in -artifact_prefix=*) printf bad >"${a#*=}crash-1";; esac; done\nexit 77\n')
    case = run_tests.fuzz_one("line_fuzz", 5)
    assert case.status == "failed" and "build/runs/line_fuzz/crash-1" in case.output
    assert base64.b64encode(b"bad").decode() in case.output, "it can be had again when the machine is gone"
    assert [path.name for path in corpus.iterdir()] == ["seed"], "the corpus in the repo stays as it is"


def fuzzer_arguments(place, *given):
    corpus = place / "tests" / "corpus" / "line_fuzz"
    corpus.mkdir(parents=True)
    for name in "cab":
        (corpus / name).write_text(name)
    script(place / "build" / "asan" / "line_fuzz", f'echo "$@" >{place}/arguments\n')
    assert run_tests.fuzz_one("line_fuzz", *given).status == "passed"
    return (place / "arguments").read_text().split()


def test_a_fuzzer_takes_the_same_course_each_time(place):
    arguments = fuzzer_arguments(place, 5)
    assert "-seed=1" in arguments and "-runs=5" in arguments
    assert not [path for path in arguments if path.startswith("/")], "a folder's order is not fixed"
    seeds = next(argument for argument in arguments if argument.startswith("-seed_inputs="))
    assert seeds == "-seed_inputs=" + ",".join(f"{place}/tests/corpus/line_fuzz/{name}" for name in "abc")


def test_a_hunt_of_some_seconds_is_random(place):
    arguments = fuzzer_arguments(place, 5, 7)
    assert "-max_total_time=7" in arguments
    assert not [argument for argument in arguments if argument.startswith(("-seed=", "-runs="))]


def test_a_fuzzer_without_seeds_fails(place):
    script(place / "build" / "asan" / "line_fuzz", "exit 0\n")
    assert run_tests.fuzz_one("line_fuzz", 1).status == "failed"


def test_a_part_that_throws_is_a_failed_part(monkeypatch):
    monkeypatch.setitem(run_tests.PARTS, "unit", (lambda _: 1 / 0, "broken"))
    assert statuses(run_tests.run_part("unit", OPTIONS)) == {"unit": "failed"}


def test_a_command_that_hangs_is_ended_with_its_children(place):
    code, output = run_tests.run(["sh", "-c", "echo begun; sleep 60 & wait"], timeout=0.5)
    assert code == 124 and "begun" in output


def test_what_clang_tidy_remembers_depends_on_the_headers(place):
    source, header = place / "src" / "wire" / "a.cc", place / "src" / "wire" / "a.h"
    source.parent.mkdir(parents=True)
    source.write_text('#include "wire/a.h"\n')
    header.write_text("")
    assert run_tests.with_includes(source, set()) == {source, header}


def test_what_clang_tidy_remembers_holds_in_every_checkout(place, monkeypatch):
    keys = []
    for name in ("one", "two"):
        source = place / name / "src" / "a.cc"
        source.parent.mkdir(parents=True)
        source.write_text("int a;\n")
        monkeypatch.setattr(run_tests, "ROOT", place / name)
        keys.append(run_tests.tidy_key(f"c++ -I{place / name}/src -c {source}", source, "base"))
    assert keys[0] == keys[1]
    source.write_text("int b;\n")
    assert run_tests.tidy_key(f"c++ -I{place / 'two'}/src -c {source}", source, "base") != keys[0]


def test_the_oldest_that_clang_tidy_remembers_goes(place, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    for name, age in (("met", 0), ("forgotten", run_tests.TIDY_KEPT_S + 60)):
        path = run_tests.tidy_cache() / name
        path.touch()
        os.utime(path, times=(0, time.time() - age))
    assert [path.name for path in run_tests.tidy_cache().iterdir()] == ["met"]
