#!/usr/bin/python3
"""Holds the docs to the tree and to the program.

- The map in docs/architecture.md (the fenced block under "## Map") names every folder of src/ with its layer from
  src/CMakeLists.txt, and nothing that is not there.
- Relative links between *.md files and their #anchors lead somewhere, and so do paths in backticks (`src/…`, `tools/…`).
- Every long option that the docs give to sonde is in the program's --help (when the program is built).
- docs/schema.md and docs/schema.json are what `sonde schema` prints (when the program has that command).

Prints what is wrong, one line each, and exits 1; or a line of counts and exits 0.
"""
import pathlib
import re
import subprocess
import sys

import check_layers

TREE = ("src", "tests", "bench", "tools", "docs", "cmake", "packaging", "proto", "web")
LATER = "CHANGELOG.md"  # tells of the past: its paths and options may be gone


def markdown_files(root):
    listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "*.md"], capture_output=True, text=True)
    paths = [root / line for line in listed.stdout.splitlines()] if listed.returncode == 0 else root.rglob("*.md")
    return sorted(path for path in paths if path.is_file())


def prose(text):
    """The text without fenced blocks, its lines kept in place."""
    return re.sub(r"^```.*?^```", lambda block: "\n" * block.group(0).count("\n"), text, flags=re.S | re.M)


def numbered(text):
    return enumerate(text.splitlines(), 1)


def anchors(text):
    """Anchors as GitHub makes them of headings."""
    headings = re.findall(r"^#+\s+(.*)$", prose(text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


# --- the map ---------------------------------------------------------------------------------------------------------------


def check_map(root):
    page = root / "docs" / "architecture.md"
    block = re.search(r"^## Map\n.*?^```\w*\n(.*?)^```", page.read_text() if page.exists() else "", re.S | re.M)
    if not block:
        yield "docs/architecture.md: no fenced block under '## Map'"
        return
    layers = check_layers.layer_table(root / "src")
    named = {}
    for line in block.group(1).splitlines():
        found = re.match(r"\s*(?:L(\d+)\s+)?([\w./-]+/[\w./-]*|[\w.-]+\.\w+)\s", line + " ")
        if not found:
            continue
        layer, path = found.groups()
        named[path.rstrip("/")] = layer
        if not (root / path).exists():
            yield f"docs/architecture.md: the map names {path}, which is not there"
    for folder in sorted(path for path in (root / "src").iterdir() if path.is_dir() and any(path.iterdir())):
        path = f"src/{folder.name}"
        if path not in named:
            yield f"docs/architecture.md: the map lacks {path}/"
        elif named[path] != str(layers.get(folder.name)):
            yield f"docs/architecture.md: the map has {path}/ at L{named[path]}, src/CMakeLists.txt at L{layers.get(folder.name)}"


# --- links and paths -------------------------------------------------------------------------------------------------------


def check_links(root, path):
    for number, line in numbered(prose(path.read_text())):
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            other = (path.parent / file) if file else path
            if not other.exists():
                yield f"{path.relative_to(root)}:{number}: the link {target} leads nowhere"
            elif anchor and other.suffix == ".md" and anchor not in anchors(other.read_text()):
                yield f"{path.relative_to(root)}:{number}: {other.name} has no heading for #{anchor}"


def check_paths(root, path):
    for number, line in numbered(prose(path.read_text())):
        for code in re.findall(r"`([^`]+)`", line):
            word = code.split()[0] if code.split() else ""
            if word.split("/")[0] not in TREE or "/" not in word or re.search(r"[<>{}…]|NAME|/x[_.]", word):
                continue
            word = re.sub(r":\d+$", "", word)
            if not (any(root.glob(word)) if "*" in word else (root / word).exists()):
                yield f"{path.relative_to(root)}:{number}: `{word}` is not there"


# --- options ---------------------------------------------------------------------------------------------------------------


def help_options(program, command):
    done = subprocess.run([program, *command, "--help"], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    return set(re.findall(r"--[a-z][a-z0-9-]*", done.stdout + done.stderr))


def commands_of(program):
    """The subcommands in `sonde --help`: words that begin an indented line."""
    done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    return sorted(set(re.findall(r"^\s{1,6}([a-z]+)(?:\s{2,}|$)", done.stdout, re.M)))


def mentions(text):
    """(line number, command or None, option) for every long option that the text gives to sonde."""
    for number, line in numbered(text):
        for command, rest in re.findall(r"(?:^|[\s`(/])sonde ([a-z]+)\b([^`|;]*)", line):
            yield from ((number, command, option) for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", rest))
    for number, line in numbered(prose(text)):
        for code in re.findall(r"`(-[^`]*)`", line):
            yield from ((number, None, option) for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", code))


def check_options(root, path, known):
    everywhere = set().union(*known.values())
    for number, command, option in mentions(path.read_text()):
        if command is not None and command not in known:
            yield f"{path.relative_to(root)}:{number}: there is no command 'sonde {command}'"
        elif option not in (known[command] if command else everywhere):
            yield f"{path.relative_to(root)}:{number}: {option} is not in 'sonde {command or '…'} --help'"


def check_program(root, program, pages):
    commands = commands_of(program)
    known = {command: help_options(program, [command]) | {"--help"} for command in commands}
    for page in pages:
        yield from check_options(root, page, known)
    if "schema" in commands:
        for format, name in (("markdown", "docs/schema.md"), ("json", "docs/schema.json")):
            printed = subprocess.run([program, "schema", "--format", format], capture_output=True, text=True, timeout=20).stdout
            page = root / name
            if not page.exists() or page.read_text() != printed:
                yield (f"{name}: not what 'sonde schema --format {format}' prints; write it anew: "
                       f"./sonde schema --format {format} > {name}")


def problems(root, program=None):
    pages = markdown_files(root)
    found = list(check_map(root))
    for page in pages:
        found += check_links(root, page)
        if page.name != LATER:
            found += check_paths(root, page)
    if program:
        found += check_program(root, program, [page for page in pages if page.name != LATER])
    return found


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    program = root / "build" / "release" / "sonde"
    found = problems(root, program if program.is_file() else None)
    print("\n".join(found) if found else f"ok: {len(markdown_files(root))} pages" +
          ("" if program.is_file() else "; options unchecked, the program is not built"))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
