"""check_layers.py finds each kind of violation, and nothing in a tree without one."""
import check_layers
import pytest

TABLE = """foreach(folder
    base                  # L0
    os wire               # L1
    engine                # L3
    probes)               # L4
  if(EXISTS x)
  endif()
endforeach()
"""


@pytest.fixture
def tree(tmp_path):
    """A writer of files under src/, and a small tree without faults."""

    def write(path, text):
        file = tmp_path / "src" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    write("CMakeLists.txt", TABLE)
    write("base/error.h", "#pragma once\n")
    write("os/fd.h", '#include "base/error.h"\n')
    write("wire/frame.h", '#include "base/error.h"\n')
    write("engine/probe.h", '#include "wire/frame.h"\n')
    write("engine/shard.h", '#include "engine/probe.h"\n#include "os/fd.h"\n')
    write("probes/tcp/tcp.cc", '#include "engine/probe.h"\n')
    write("base/CMakeLists.txt", "sonde_module(base LIBS fmt::fmt)\n")
    write("os/CMakeLists.txt", "sonde_module(os DEPS base)\n")
    write("wire/CMakeLists.txt", "sonde_module(wire DEPS base)\n")
    write("engine/CMakeLists.txt", "sonde_module(engine DEPS os wire\n  LIBS z)\n")
    write("probes/tcp/CMakeLists.txt", "sonde_module(probes_tcp DEPS engine)\n")
    write.problems = lambda: check_layers.problems(tmp_path)
    return write


def test_a_tree_that_keeps_to_the_layers_has_no_problems(tree):
    assert tree.problems() == []


def test_what_is_generated_from_the_contract_may_be_included(tree, tmp_path):
    tree("engine/a.cc", '#include "sonde/v1/stream.pb.h"\n')
    assert len(tree.problems()) == 1
    contract = tmp_path / "proto" / "sonde" / "v1" / "stream.proto"
    contract.parent.mkdir(parents=True)
    contract.write_text("")
    assert tree.problems() == []


def test_the_table_is_read_whole(tree, tmp_path):
    assert check_layers.layer_table(tmp_path / "src") == {"base": 0, "os": 1, "wire": 1, "engine": 3, "probes": 4}


@pytest.mark.parametrize("path, text, expected", [
    ("wire/a.h", '#include "os/fd.h"\n', "siblings"),
    ("wire/a.h", '#include "engine/probe.h"\n', "is below"),
    ("probes/tcp/a.cc", '#include "engine/shard.h"\n', "may include only engine/probe.h"),
    ("wire/a.cc", '#include "frame.h"\n', "not a file of src/"),
    ("wire/a.cc", '#include "base/gone.h"\n', "not a file of src/"),
    ("utils/a.h", "#pragma once\n", "not in the table"),
    ("os/CMakeLists.txt", "sonde_module(os DEPS base wire)\n", "siblings"),
    ("base/CMakeLists.txt", "sonde_module(base DEPS os)\n", "is below"),
    ("os/CMakeLists.txt", "sonde_module(os LIBS z)\n", "does not link base"),
    ("os/CMakeLists.txt", "sonde_module(os DEPS base typo)\n", "no folder makes"),
    ("CMakeLists.txt", "", "no table"),
])
def test_each_violation_is_found(tree, path, text, expected):
    tree(path, text)
    assert any(expected in problem for problem in tree.problems()), tree.problems()
