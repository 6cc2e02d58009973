"""check_docs.py finds each kind of lie in docs, and nothing in docs that are true."""
import check_docs
import pytest

PAGE = """# Architecture

See [the map](#map) and [the readme](../README.md#sonde).

## Map

```
L0 src/base/     errors
L1 src/os/       errno
   tools/check.py
```
"""

PROGRAM = """#!/bin/sh
case "$1" in
  scan) echo "  --rate N   new connections a second" ;;
  schema) printf "$3 fields\\n" ;;
  --help) printf 'commands:\\n  scan   probe\\n  schema  fields\\n' ;;
esac
"""


@pytest.fixture
def tree(tmp_path):
    """A writer of files, and a small tree whose docs are true."""

    def write(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    write("src/CMakeLists.txt", "foreach(folder\n    base   # L0\n    os)  # L1\n  if(x)\n")
    write("src/base/error.h", "")
    write("src/os/fd.h", "")
    write("tools/check.py", "")
    write("docs/architecture.md", PAGE)
    write("docs/schema.md", "markdown fields\n")
    write("docs/schema.json", "json fields\n")
    write("README.md", "# sonde\n\n`sonde scan --rate 5` and `--rate`; `src/base/error.h`\n")
    program = write("sonde", PROGRAM)
    program.chmod(0o755)
    write.problems = lambda: check_docs.problems(tmp_path, program)
    return write


def test_true_docs_have_no_problems(tree):
    assert tree.problems() == []


@pytest.mark.parametrize("path, text, expected", [
    ("docs/architecture.md", PAGE.replace("L1 src/os/       errno\n", ""), "the map lacks src/os/"),
    ("docs/architecture.md", PAGE.replace("L1", "L2"), "src/CMakeLists.txt at L1"),
    ("docs/architecture.md", PAGE.replace("tools/check.py", "tools/gone.py"), "tools/gone.py, which is not there"),
    ("docs/architecture.md", "# Architecture\n", "no fenced block"),
    ("src/new/new.h", "", "the map lacks src/new/"),
    ("README.md", "[x](docs/gone.md)\n", "leads nowhere"),
    ("README.md", "[x](docs/architecture.md#gone)\n", "no heading for #gone"),
    ("README.md", "`src/base/gone.h`\n", "`src/base/gone.h` is not there"),
    ("README.md", "`src/base/*_gone.cc`\n", "is not there"),
    ("README.md", "```\n./sonde scan --fast\n```\n", "--fast is not in 'sonde scan --help'"),
    ("README.md", "Use `--fast`.\n", "--fast is not in"),
    ("README.md", "`sonde fly --rate 5`\n", "no command 'sonde fly'"),
    ("docs/schema.md", "other\n", "not what 'sonde schema --format markdown' prints"),
    ("docs/schema.json", "{}\n", "./sonde schema --format json > docs/schema.json"),
])
def test_each_lie_is_found(tree, path, text, expected):
    tree(path, text)
    assert any(expected in problem for problem in tree.problems()), tree.problems()
