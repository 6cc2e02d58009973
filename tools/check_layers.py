#!/usr/bin/python3
"""Holds src/ to its layers: a folder includes and links only folders of lower layers, never a sibling.

The table is the list of folders in src/CMakeLists.txt (`os memory wire # L1`). Prints what is wrong, one line each, and
exits 1; or a line of counts and exits 0.
"""
import pathlib
import re
import sys

# What the higher folder may include of the lower one, where that is not all of it.
NARROW = {("probes", "engine"): {"engine/probe.h"}}


def layer_table(src):
    """{folder: layer} from the foreach over folders in src/CMakeLists.txt."""
    text = (src / "CMakeLists.txt").read_text()
    loop = re.search(r"foreach\(folder\b(.*?)\bL\d+\s*$(?=\s*if\()", text, re.S | re.M)
    table = {}
    for line in (loop.group(0) if loop else "").splitlines():
        found = re.match(r"\s*(?:foreach\(folder)?\s*([a-z0-9_ ]*?)\)?\s*#\s*L(\d+)", line)
        if found:
            table.update({folder: int(found.group(2)) for folder in found.group(1).split()})
    return table


def includes(path):
    """[(line number, header)] of the quoted includes."""
    found = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if match:
            found.append((number, match.group(1)))
    return found


def modules(src):
    """{target name without sonde_: (folder it is in, names of the modules it links)} from every CMakeLists.txt."""
    found = {}
    for path in sorted(src.glob("*/**/CMakeLists.txt")):
        text = re.sub(r"#[^\n]*", "", path.read_text())
        folder = path.parent.relative_to(src)
        for name, rest in re.findall(r"\bsonde_module\(\s*(\w+)([^)]*)\)", text):
            deps = re.search(r"\bDEPS\b(.*?)(?:\bLIBS\b|$)", rest, re.S)
            found[name] = (folder, set(deps.group(1).split() if deps else []))
        for name, rest in re.findall(r"\btarget_link_libraries\(\s*(\w+)([^)]*)\)", text):
            linked = set(re.findall(r"\bsonde_(\w+)", rest))
            name = name.removeprefix("sonde_")
            where, deps = found.get(name, (folder, set()))
            found[name] = (where, deps | linked)
    return found


def check_includes(src, table):
    for path in sorted(path for path in src.rglob("*") if path.suffix in (".h", ".cc")):
        own = path.relative_to(src).parts[0]
        for number, header in includes(path):
            where = f"src/{path.relative_to(src)}:{number}"
            other = header.split("/")[0]
            # Generated from proto/, which belongs to no layer.
            if header.endswith(".pb.h") and (src.parent / "proto" / f"{header.removesuffix('.pb.h')}.proto").is_file():
                continue
            if "/" not in header or not (src / header).is_file():
                yield f'{where}: "{header}" is not a file of src/ (includes are written from src/)'
            elif other != own:
                yield from (f"{where}: {problem}" for problem in check_pair(table, own, other, f'"{header}"'))
                narrow = NARROW.get((own, other))
                if narrow and header not in narrow:
                    yield f'{where}: "{header}": of {other}/ the folder {own}/ may include only {", ".join(narrow)}'


def check_pair(table, own, other, what):
    if own not in table or other not in table:
        return  # said once, by check_folders
    if table[other] == table[own]:
        yield f"{what}: {own}/ (L{table[own]}) and {other}/ are siblings"
    elif table[other] > table[own]:
        yield f"{what}: {own}/ (L{table[own]}) is below {other}/ (L{table[other]})"


def closure(graph, name):
    seen, open_names = set(), [name]
    while open_names:
        for dep in graph.get(open_names.pop(), (None, set()))[1]:
            if dep not in seen:
                seen.add(dep)
                open_names.append(dep)
    return seen


def check_links(src, table):
    graph = modules(src)
    for name, (folder, deps) in sorted(graph.items()):
        where = f"src/{folder}/CMakeLists.txt"
        for dep in sorted(deps):
            if dep not in graph:
                yield f"{where}: {name} links {dep}, which no folder makes"
                continue
            own, other = folder.parts[0], graph[dep][0].parts[0]
            if own != other:
                yield from (f"{where}: {problem}" for problem in check_pair(table, own, other, f"{name} links {dep}"))
    for folder in sorted({where for where, _ in graph.values()}):
        names = [name for name, (where, _) in graph.items() if where == folder]
        linked = {graph[dep][0].parts[0] for name in names for dep in closure(graph, name) if dep in graph}
        for path in sorted(path for path in (src / folder).glob("*") if path.suffix in (".h", ".cc")):
            for number, header in includes(path):
                other = header.split("/")[0]
                if other != folder.parts[0] and other in table and other not in linked:
                    yield (f"src/{path.relative_to(src)}:{number}: includes {header}, but src/{folder}/CMakeLists.txt does not "
                           f"link {other}")


def check_folders(src, table):
    for folder in sorted(path for path in src.iterdir() if path.is_dir() and any(path.rglob("*.[hc]*"))):
        if folder.name not in table:
            yield f"src/{folder.name}/: not in the table of src/CMakeLists.txt"


def problems(root):
    src = root / "src"
    table = layer_table(src)
    if not table:
        return ["src/CMakeLists.txt: no table of layers found"]
    return [*check_folders(src, table), *check_includes(src, table), *check_links(src, table)]


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent)
    found = problems(root)
    print("\n".join(found) if found else f"ok: {len(layer_table(root / 'src'))} folders keep to their layers")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
