"""The part `web` of the tests: types, tests and a rebuild of the dashboard, in a copy under build/ so that web/ stays clean."""
import filecmp
import hashlib
import json
import shutil


def outdated(folder):
    """What stands in for the installed packages: they are those of this lock file."""
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes() + (folder / "package.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".sonde-lock"
    return (stamp, wanted) if not stamp.is_file() or stamp.read_text() != wanted else None


def copy_sources(root, files, place):
    """The files at their paths below place, and nothing else there but node_modules."""
    for old in place.rglob("*"):
        if old.is_file() and "node_modules" not in old.relative_to(place).parts:
            old.unlink()
    for file in files:
        copy = place / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def vitest_cases(report, label="web"):
    """[(name, status, output)] of a report in vitest's JSON."""
    cases = []
    for suite in json.loads(report.read_text())["testResults"]:
        file = suite["name"].rsplit("/", 1)[-1].removesuffix(".ts").removesuffix(".js").removesuffix(".test")
        for test in suite["assertionResults"]:
            status = {"passed": "passed", "failed": "failed"}.get(test["status"], "skipped")
            cases.append((f"{label}.{file}.{test['fullName']}", status, "\n".join(test.get("failureMessages") or []) or test["status"]))
        if suite["status"] == "failed" and not any(status == "failed" for _, status, _ in cases):
            cases.append((f"{label}.{file}", "failed", suite.get("message", "")))
    return cases


def differences(committed, built):
    """What of the committed pages is not what the sources make; one line each."""
    def names(folder):
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()

    for name in sorted(names(committed) | names(built)):
        if name not in names(built):
            yield f"web/dist/{name} is committed, but the build does not make it"
        elif name not in names(committed):
            yield f"web/dist/{name} is not committed"
        elif not filecmp.cmp(committed / name, built / name, shallow=False):
            yield f"web/dist/{name} is not what web/src/ makes"
