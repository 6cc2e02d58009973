"""The part `web` sees old packages, failed tests, and pages that are not what the sources make."""
import json

import web_part


def test_packages_are_installed_anew_when_the_lock_changes(tmp_path):
    (tmp_path / "node_modules").mkdir()
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_text("{}")
    stamp, wanted = web_part.outdated(tmp_path)
    stamp.write_text(wanted)
    assert web_part.outdated(tmp_path) is None
    (tmp_path / "package-lock.json").write_text('{"a": 1}')
    assert web_part.outdated(tmp_path) is not None


def test_the_copy_is_of_the_sources_and_keeps_the_packages(tmp_path):
    root, place = tmp_path / "root", tmp_path / "place"
    for file in (root / "web" / "src" / "a.ts", place / "web" / "src" / "gone.ts", place / "web" / "node_modules" / "x.js"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    web_part.copy_sources(root, [root / "web" / "src" / "a.ts"], place)
    assert sorted(path.name for path in place.rglob("*") if path.is_file()) == ["a.ts", "x.js"]


def test_each_vitest_test_is_a_case_and_a_suite_that_broke_is_one(tmp_path):
    report = tmp_path / "web.json"
    report.write_text(json.dumps({"testResults": [
        {"name": "/x/store.test.ts", "status": "failed", "assertionResults": [
            {"fullName": "good", "status": "passed"}, {"fullName": "bad", "status": "failed", "failureMessages": ["1 != 2"]}, {"fullName": "left", "status": "pending"}]}]}))
    assert web_part.vitest_cases(report) == [("web.store.good", "passed", "passed"), ("web.store.bad", "failed", "1 != 2"), ("web.store.left", "skipped", "pending")]
    report.write_text(json.dumps({"testResults": [{"name": "/x/a.test.ts", "status": "failed", "message": "no such import", "assertionResults": []}]}))
    assert web_part.vitest_cases(report) == [("web.a", "failed", "no such import")]


def test_any_difference_of_the_pages_is_told(tmp_path):
    committed, built = tmp_path / "committed", tmp_path / "built"
    for folder, files in ((committed, {"same": "1", "old": "1", "other": "1"}), (built, {"same": "1", "new": "1", "other": "2"})):
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
    assert len(list(web_part.differences(committed, built))) == 3
    assert not list(web_part.differences(built, built))
    assert len(list(web_part.differences(tmp_path / "none", built))) == 3
