# SPDX-License-Identifier: Apache-2.0
"""CONTRIBUTING.md holds: imports point up, TensorFlow has its door, only the command line prints."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from edgecnn.compiler import supported_ops

ROOT = Path(__file__).parent.parent
BASE = ("errors", "escape", "files", "progress", "stderr", "tf", "values")
FOLDERS = re.findall(r"^      (\w+)/ ", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
COMPILER = re.findall(
    r"^        (\w+)(?:/|\.py) ", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE
)
# __init__ holds the version; the command line's own __init__ is in cli.
RANK = {**dict.fromkeys(("__init__", *BASE), 0), **{name: rank for rank, name in enumerate(FOLDERS, 1)}}
TENSORFLOW = {"tensorflow", "tf_keras", "keras", "tensorflow_model_optimization"}
# tf.py, and what reads the files of Keras 3, which tf.py's Keras 2 can't.
DOORS = {"tf": TENSORFLOW, "converters.keras_file": {"keras"}}
PRINTING = {"print", "click.echo", "sys.stdout.write", "sys.stderr.write"}
OUTLETS = {"cli.console", "cli.__init__"}
EXITING = {"sys.exit", "os._exit", "exit", "quit", "SystemExit"}


def sources() -> dict[str, Path]:
    """The modules of the package by their dotted name without "edgecnn.", e.g. compiler.ir."""
    # edgecnn/converters is a link, which glob does not follow on every Python.
    files = [(path, path.relative_to(ROOT / "edgecnn")) for path in (ROOT / "edgecnn").rglob("*.py")]
    files += [(path, path.relative_to(ROOT)) for path in (ROOT / "converters").rglob("*.py")]
    return {".".join(name.with_suffix("").parts): path for path, name in files}


SOURCES = sources()


def tree(module: str) -> ast.Module:
    return ast.parse(SOURCES[module].read_text(encoding="utf-8"))


def imports(module: str) -> Iterator[str]:
    """Every dotted name that a module imports, wherever in it."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: write imports in full, not relative"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(module: str) -> Iterator[str]:
    """Every function that a module calls, as it is written there."""
    yield from (ast.unparse(node.func) for node in ast.walk(tree(module)) if isinstance(node, ast.Call))


def layer(module: str) -> str:
    return module.partition(".")[0]


def own(name: str) -> str | None:
    """The layer of an imported dotted name; None for what is not ours."""
    package, _, rest = name.partition(".")
    if package != "edgecnn":
        return None
    return layer(rest) if layer(rest) in RANK else "__init__"


def test_the_layers_are_the_folders() -> None:
    folders = {
        path.name for path in (ROOT / "edgecnn").iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert set(FOLDERS) == folders
    assert {layer(module) for module in SOURCES} == set(RANK)


def test_imports_point_up() -> None:
    found = [(module, name) for module in SOURCES for name in imports(module)]
    assert [pair for pair in found if (to := own(pair[1])) and RANK[to] > RANK[layer(pair[0])]] == []


def test_the_compiler_is_read_from_top_to_bottom() -> None:
    rank = {name: number for number, name in enumerate(COMPILER)}
    pairs = [
        (module, name.removeprefix("edgecnn.compiler.").partition(".")[0])
        for module in SOURCES
        if module.startswith("compiler.") and module != "compiler.__init__"
        for name in imports(module)
        if name.startswith("edgecnn.compiler.") and name != "edgecnn.compiler.supported_ops"
    ]
    assert {module.split(".")[1] for module, _ in pairs} <= set(COMPILER)
    assert [pair for pair in pairs if rank[pair[1]] > rank[pair[0].split(".")[1]]] == []


def test_the_run_folder_knows_nothing_of_the_steps() -> None:
    room = "pipeline.run"
    imported = {name for module in SOURCES if module.startswith(f"{room}.") for name in imports(module)}
    steps = {name for name in imported if name.startswith("edgecnn.pipeline.")}
    assert steps
    assert {name for name in steps if not name.startswith(f"edgecnn.{room}.")} == set()


def test_tensorflow_has_its_door() -> None:
    found = {module: TENSORFLOW.intersection(map(layer, imports(module))) for module in SOURCES}
    assert {module: names for module, names in found.items() if names - DOORS.get(module, set())} == {}


def test_the_compiler_knows_nothing_of_tensorflow() -> None:
    modules = [module for module in SOURCES if layer(module) == "compiler"]
    assert modules
    assert [module for module in modules if "tf" in map(own, imports(module))] == []


def test_only_the_command_line_prints_or_exits() -> None:
    modules = [module for module in SOURCES if layer(module) != "cli"]
    assert {module: found for module in modules if (found := set(calls(module)) & (PRINTING | EXITING))} == {}


def test_commands_print_what_can_only_be_read() -> None:
    """Through cli.console, which spells out what a terminal would obey; the root's own print is constant."""
    commands = [module for module in SOURCES if layer(module) == "cli" and module not in OUTLETS]
    assert commands
    assert {module: found for module in commands if (found := set(calls(module)) & PRINTING)} == {}


# A macro of the C array, and what ops cost that Keras layers become.
OPS = set(supported_ops())
NAMES_OF_OPS = {
    "converters.tflite_to_c_array": {"SHAPE"},
    "compression.costs": OPS,
}


def ops_named(module: str) -> set[str]:
    """The ops that a module names in strings, one or several in each."""
    strings = (node.value for node in ast.walk(tree(module)) if isinstance(node, ast.Constant))
    words = [text.split() for text in strings if isinstance(text, str)]
    return {word for line in words if set(line) <= OPS for word in line}


def test_what_an_op_is_the_op_says() -> None:
    """Whoever needs to know asks for a trait; only who reads files of others has lists of ops."""
    rooms = ("compiler.ops.", "compiler.isa.", "compiler.reading.")
    named = {module: ops_named(module) for module in SOURCES if not module.startswith(rooms)}
    assert {module: ops for module, ops in named.items() if ops - NAMES_OF_OPS.get(module, set())} == {}
    assert ops_named("compiler.reading.schema")
