# SPDX-License-Identifier: Apache-2.0
"""A kernel's parameters are declared once, beside it, and everything else follows from the declaration."""

import re
import sys
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from tflite_builder import Builder

from edgecnn.compiler import isa, ops
from edgecnn.compiler.compile import run_passes
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.kernel import Kernel, Line, Role
from edgecnn.compiler.ops.conv_2d import CONV_2D, CONV_2D_S16
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.steps import Step
from edgecnn.compiler.writing.kernels import kernel_text
from edgecnn.errors import ModelError

ROOT = Path(ops.__file__).parents[1]


@cache
def declared() -> dict[str, Kernel]:
    """All kernels that modules of ops/ and of the rooms of isa/ declare, by their key."""
    files = [*(ROOT / "ops").glob("*.py"), *(ROOT / "isa").rglob("*.py")]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    modules = [import_module(f"edgecnn.compiler.{name}") for name in names if not name.endswith("__init__")]
    kernels = {value for module in modules for value in vars(module).values() if isinstance(value, Kernel)}
    assert len({kernel.key for kernel in kernels}) == len(kernels)
    return {kernel.key: kernel for kernel in sorted(kernels, key=lambda kernel: kernel.key)}


def names(kernel: Kernel) -> list[str]:
    return [name for line in kernel.lines for name in line.names]


def test_each_c_file_is_declared_and_each_declaration_has_one() -> None:
    files = {*(ROOT / "ops").glob("*.c"), *(ROOT / "isa").glob("*/*.c")}
    assert {kernel.file for kernel in declared().values()} == files
    assert len(files) == sum(not kernel.like for kernel in declared().values())


@pytest.mark.parametrize("key", declared())
def test_the_c_reads_each_parameter_and_no_other(key: str) -> None:
    kernel = declared()[key]
    assert len(set(names(kernel))) == len(names(kernel))
    read = set(re.findall(r"\bp->(\w+)", kernel.file.read_text()))
    assert set(names(kernel)) == read


@pytest.mark.parametrize("key", declared())
def test_limits_of_trained_numbers_fit_their_type(key: str) -> None:
    for line in declared()[key].lines:
        if line.role is Role.TRAINED and not line.is_table:
            least, most = line.limits_in({})
            bounds = np.iinfo(line.ctype.removesuffix("_t"))
            assert bounds.min <= least < most <= bounds.max, line.names
            assert line.ctype in ("int16_t", "int32_t")  # what the check of a file makes of 32 bits


def test_one_declaration_serves_all_kernels_of_an_op() -> None:
    shared = {"in_w", "in_c", "out_w", "out_c", "filter_h", "filter_w", "filter"}
    kernels = [kernel for kernel in declared().values() if kernel.name == "conv_2d" and not kernel.narrow]
    assert len(kernels) == 8 == len({kernel.isa for kernel in kernels}) + 1
    assert all(shared.issubset(names(kernel)) for kernel in kernels)


def test_a_struct_reads_as_if_written_by_hand() -> None:
    kernel = Kernel(
        "gather",
        (
            Line.trained("const int8_t *table", "by the value"),
            Line.shape("int16_t first, last"),
            Line.plan("int16_t chunk", "at once"),
            Line.shape("int32_t size"),
        ),
    )
    assert kernel.struct() == (
        "typedef struct {\n"
        "    int32_t size;\n"
        "    int16_t first, last;\n"
        "    int16_t chunk; /* at once */\n"
        "    const int8_t *table; /* by the value */\n"
        "} kernel_gather_params;\n"
    ).replace("chunk; /*", "chunk;       /*")
    wider = kernel.but(Line.shape("int32_t first"), without="chunk", isa="dsp")
    assert wider.struct() == (
        "typedef struct {\n"
        "    int32_t size;\n"
        "    int32_t first;\n"
        "    int16_t last;\n"
        "    const int8_t *table; /* by the value */\n"
        "} kernel_gather_dsp_params;\n"
    )


def convolution(dtype: str = "int8") -> tuple[Graph, Step]:
    """A graph that is one convolution, and its portable step."""
    builder = Builder(dtype=dtype)
    source = builder.input((1, 6, 6, 4))
    graph, _ = run_passes(parse(builder.build((source,), (builder.conv(source, 4),))))
    [[step]] = [isa.lower(graph, operator, "c99") for operator in graph.operators]
    return graph, step


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"in_w": None}, "kernel conv_2d lacks in_w"),
        ({"chunk": 4}, "kernel conv_2d doesn't know chunk"),
        ({"in_w": 40_000}, "kernel conv_2d takes no such in_w"),
        ({"in_w": True}, "kernel conv_2d takes no such in_w"),
        ({"bias": 4, "in_c": np.ones(4, np.int16)}, "kernel conv_2d takes no such in_c, bias"),
        ({"filter": np.ones(4, np.int16)}, "kernel conv_2d takes no such filter"),
    ],
)
def test_a_step_has_the_parameters_that_its_kernel_declares(change: dict[str, object], message: str) -> None:
    _, step = convolution()
    params = {name: value for name, value in (dict(step.params) | change).items() if value is not None}
    with pytest.raises(TypeError, match=re.escape(message)):
        replace(step, params=params)


def test_a_kernel_over_other_types_may_be_an_instruction_sets_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = CONV_2D_S16.but(isa="dsp")
    module = ModuleType(f"{isa.__name__}.dsp.conv_2d_s16")
    module.__spec__ = ModuleSpec(module.__name__, None)
    module.faster = lambda graph, step: (replace(step, kernel=own),)  # type: ignore[attr-defined]
    graph, step = convolution("int16")
    assert step.kernel == CONV_2D_S16
    assert [way.kernel for way in isa.lower(graph, step.operator, "dsp")] == [CONV_2D_S16]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    [way] = isa.lower(graph, step.operator, "dsp")
    assert way.kernel.file == ROOT / "isa" / "dsp" / "conv_2d.s16.c"
    assert [way.kernel for way in isa.lower(graph, step.operator, "mve")] == [CONV_2D_S16]
    eight, step = convolution()
    assert all(way.kernel.key == "conv_2d.dsp" for way in isa.lower(eight, step.operator, "dsp"))


@pytest.mark.parametrize("key", [key for key, kernel in declared().items() if kernel.like])
def test_a_kernel_like_another_has_its_own_name_and_primitives(key: str) -> None:
    kernel = declared()[key]
    text, other = (kernel_text([of], "net", "speed") for of in (kernel, kernel.origin))
    body, ending = text.split("_params;")[-1], kernel.ending
    replaced = set(re.findall(rf"\b(net_\w+)_{ending}\(", body)) - {f"net_{kernel.name}"}
    assert replaced
    for primitive in replaced:
        [own], [others] = (
            re.findall(rf"{name}\(([^)]*)\)\n{{", code)
            for name, code in ((f"{primitive}_{ending}", text), (primitive, other))
        )
        assert re.findall(r"\w+ \*?(?:const \*)?", own) == re.findall(r"\w+ \*?(?:const \*)?", others)
        assert f"{primitive}(" not in body
    assert f"net_{kernel.function}(const net_{kernel.function}_params *p" in text
    assert f"net_{kernel.origin.function}_params" not in text


@pytest.mark.parametrize("instructions", ["c99", "dsp", "mve"])
def test_types_that_no_kernel_serves_are_refused(instructions: str) -> None:
    """An op whose check lets by what it has no kernel for must not get the kernel of another type."""
    builder = Builder()
    source = builder.input((1, 4, 4, 4))
    made = builder.move("DEPTH_TO_SPACE", (source,), (1, 8, 8, 1), block_size=2)
    graph = parse(builder.build((source,), (made,)))
    wide = replace(graph, tensors=tuple(replace(tensor, dtype="int16") for tensor in graph.tensors))
    refusal = (
        r'DEPTH_TO_SPACE "\w+" \(operator 0\) is over int16, for which there is no kernel; int8 is supported'
    )
    with pytest.raises(ModelError, match=refusal):
        isa.lower(wide, wide.operators[0], instructions)
    narrow = CONV_2D.but(types="s4w4")
    assert narrow.activations == ("int4",)
    assert not narrow.serves("int8")
