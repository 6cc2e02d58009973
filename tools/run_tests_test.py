"""The test runner sees failures: of gtest, of crashes, of fuzzers, of exceptions in a part."""
import json
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
    script(place / "build" / "fuzz" / "src" / "line_fuzz",
           'echo new >"$1/found"\nfor a in "$@"; do case $a in -artifact_prefix=*) echo y >"${a#*=}crash-1";; esac; done\nexit 77\n')
    case = run_tests.fuzz_one("line_fuzz", 1)
    assert case.status == "failed" and "build/runs/line_fuzz/crash-1" in case.output
    assert [path.name for path in corpus.iterdir()] == ["seed"], "the corpus in the repo stays as it is"


def test_a_fuzzer_without_seeds_fails(place):
    script(place / "build" / "fuzz" / "line_fuzz", "exit 0\n")
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
