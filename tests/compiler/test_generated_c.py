# SPDX-License-Identifier: Apache-2.0
"""The generated C as its users meet it: interface, compilers, names, the same text every time."""

import re
import subprocess
from itertools import cycle, islice, product
from pathlib import Path

import networks
import numpy as np
import pytest
from every_op import networks_for_weights_apart, networks_of_every_op
from generated_c import check, run_oracle
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.compile import CompiledModel
from edgecnn.compiler.targets import TARGETS, find_target
from edgecnn.errors import ModelError
from edgecnn.runtime.host_compiler import HostCompiler, execute
from edgecnn.runtime.program import WARNINGS, compile_c

GOLDEN = Path(__file__).parent / "golden"


def run_main(folder: Path, compiled: CompiledModel, main: str, *more: Path) -> str:
    """Compile the model's C with a main function under sanitizers; return what it prints."""
    compiled.write(folder)
    name = compiled.model.name
    (folder / "main.c").write_text(f'#include <stdio.h>\n#include <string.h>\n#include "{name}.h"\n{main}')
    host = HostCompiler(sanitize=True, flags=("-O1",))
    host.compile([folder / f"{name}.c", folder / "main.c", *more], folder / "main", [f"-I{folder}"])
    return execute(folder / "main").decode()


@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_every_schedule_and_optimization_computes_the_oracles_bytes(rows: bool, optimize: str) -> None:
    models = [networks.small(), networks.residual(), networks.two_ends(), networks.two_heads()]
    check(models, rows=rows, optimize=optimize)


def test_the_interface_by_its_word(tmp_path: Path) -> None:
    printed = run_main(
        tmp_path,
        compile_tflite(networks.small(), name="net"),
        """
static EDGECNN_NET_ARENA(arena);
static EDGECNN_NET_ARENA(other);
static int8_t image[EDGECNN_NET_INPUT_SIZE];

int main(void)
{
    edgecnn_net_t nn, two;
    int8_t whole[EDGECNN_NET_OUTPUT_SIZE], pushed[EDGECNN_NET_OUTPUT_SIZE];
    int last = -2;
    for (unsigned i = 0; i < sizeof image; ++i) {
        image[i] = (int8_t)(i * 7u % 251u - 125u);
    }
    printf("%d", edgecnn_net_init(&nn, NULL, sizeof arena));
    printf(" %d", edgecnn_net_init(&nn, &arena, sizeof arena - 1u));
    printf(" %d", edgecnn_net_init(&nn, arena.bytes + 1, sizeof arena));
    printf(" %d", edgecnn_net_init(&nn, &arena, sizeof arena));
    printf(" %d", edgecnn_net_push_row(&nn, image, pushed)); /* not begun */
    printf(" %d\\n", edgecnn_net_run(&nn, image, whole));
    edgecnn_net_init(&two, &other, sizeof other);
    edgecnn_net_begin(&nn);
    edgecnn_net_push_row(&nn, image + 24, pushed); /* half an image, dropped */
    edgecnn_net_begin(&nn);
    for (unsigned y = 0; y < EDGECNN_NET_LINES; ++y) {
        int8_t apart[EDGECNN_NET_OUTPUT_SIZE];
        last = edgecnn_net_push_row(&nn, image + y * EDGECNN_NET_LINE_SIZE, pushed);
        printf("%d", last);
        edgecnn_net_run(&two, image, apart); /* another instance in between */
    }
    printf(" %d", edgecnn_net_push_row(&nn, image, pushed));
    printf(" %d %d\\n", memcmp(whole, pushed, sizeof whole), edgecnn_net_class(whole) == (whole[0] >= 0));
    printf("%s|%s %d %d\\n", edgecnn_net_labels[0], edgecnn_net_labels[1],
           edgecnn_net_quantize(0.5f), edgecnn_net_quantize(1e30f));
    return 0;
}
""",
    )
    assert printed.splitlines() == ["-1 -1 -1 0 -1 0", "0000000001 -1 0 1", "class 0|class 1 -1 127"]


def test_the_interface_of_int16(tmp_path: Path) -> None:
    compiled = compile_tflite(networks.small(dtype="int16"), name="net")
    assert "edgecnn_net_run(edgecnn_net_t *nn, const int16_t *input, int16_t *output)" in compiled.header
    main = """
int main(void)
{
    const int16_t made[] = {EDGECNN_NET_THRESHOLD - 1, EDGECNN_NET_THRESHOLD};
    printf("%d%d %d %d %d", edgecnn_net_class(made), edgecnn_net_class(made + 1),
           edgecnn_net_quantize(1e30f), edgecnn_net_quantize(-1e30f), edgecnn_net_quantize(0.001f));
    return edgecnn_net_dequantize(made[1]) != 0.5f;
}
"""
    assert run_main(tmp_path, compiled, main) == "01 32767 -32768 65"  # of a scale of 1 / 65280


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_real_edges_have_a_run_of_their_own(tmp_path: Path, dtype: str) -> None:
    model = networks.float_edges(dtype=dtype)
    values = np.random.default_rng(0).uniform(-3, 3, (1, 6, 5, 2)).astype(np.float32)
    expected = run_oracle(model, [[values]])[0][0]
    given = ", ".join(
        f"{value:.9g}f" if "." in f"{value:.9g}" else f"{value:.9g}.0f" for value in values.ravel()
    )
    main = f"""
static EDGECNN_NET_ARENA(arena);
static const float input[EDGECNN_NET_INPUT_SIZE] = {{{given}}};
int main(void)
{{
    edgecnn_net_t nn;
    static float output[EDGECNN_NET_OUTPUT_SIZE];
    edgecnn_net_init(&nn, &arena, sizeof arena);
    edgecnn_net_run_f32(&nn, input, output);
    for (unsigned i = 0; i < EDGECNN_NET_OUTPUT_SIZE; ++i) {{
        printf("%.9g ", (double)output[i]);
    }}
    return 0;
}}
"""
    printed = run_main(tmp_path, compile_tflite(model, name="net"), main)
    np.testing.assert_array_equal(np.array(printed.split(), np.float32), expected.ravel())


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("real_input", [True, False])
def test_only_one_edge_may_be_real(tmp_path: Path, dtype: str, real_input: bool) -> None:
    builder, shape = Builder(1, dtype=dtype), (1, 6, 5, 2)
    source = at = builder.input(shape)
    if real_input:
        source = builder.tensor(shape, "float32")
        builder.operator("QUANTIZE", (source,), at)
    made = builder.conv(at, 3)
    model = builder.build((source,), (made if real_input else builder.dequantize(made),))
    compile_tflite(model, name="net").write(tmp_path)
    HostCompiler().compile([tmp_path / "net.c"], tmp_path / "net.o", ["-c"])


@pytest.mark.parametrize("model", [networks.small(), networks.two_ends(), networks.small(dtype="int16")])
def test_the_stored_vectors_pass_and_find_a_wrong_byte(tmp_path: Path, model: bytes) -> None:
    compiled = compile_tflite(model, name="net")
    test = tmp_path / "net_test.c"
    main = '#include "net_test.h"\nint main(void) { printf("%d", edgecnn_net_test(NULL)); return 0; }\n'
    assert run_main(tmp_path, compiled, main, test) == "0"
    first_value = r"(int\d+_t output0?_0\[\d+\] = \{\s*)(-?\d+)"
    test.write_text(re.sub(first_value, lambda match: f"{match[1]}{int(match[2]) ^ 1}", compiled.test))
    sources = [test, tmp_path / "net.c", tmp_path / "main.c"]
    HostCompiler().compile(sources, tmp_path / "main", [f"-I{tmp_path}"])
    assert execute(tmp_path / "main") == b"1"


@pytest.mark.needs_tool("clang", package="clang")
@pytest.mark.parametrize("standard", ["c99", "c11", "c17"])
@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_no_compiler_warns(tmp_path: Path, cc: str, standard: str) -> None:
    for model, optimize in ((networks.small(), "speed"), (networks.float_edges(), "size")):
        compiled = compile_tflite(model, name="net", optimize=optimize)
        compiled.write(tmp_path)
        for file in ("net.c", "net_test.c"):
            HostCompiler(cc, standard, flags=("-O2",)).compile([tmp_path / file], tmp_path / "net.o", ["-c"])


@pytest.mark.parametrize(
    "cc",
    [
        pytest.param(cc, marks=pytest.mark.needs_tool(cc, package=cc))
        for cc in ("gcc-11", "gcc-12", "clang-16", "clang-19")
    ],
)
def test_no_compiler_warns_of_any_op(tmp_path: Path, cc: str) -> None:
    models = (*networks_of_every_op(), networks.small(), networks.wake_word())
    inside = set(networks_of_every_op()) - set(networks_for_weights_apart())
    ways = cycle(product(("-O2", "-O3", "-Os"), (True, False), ("speed", "size"), (None, 1)))
    for model, (level, rows, optimize, version) in zip(models, islice(ways, len(cc), None), strict=False):
        compiled = compile_tflite(
            model,
            name="net",
            rows=rows,
            optimize=optimize,
            target="x86-64",
            weights_version=None if model in inside else version,
        )
        compiled.write(tmp_path)
        flags = (level, *find_target("x86-64").cflags)
        HostCompiler(cc, flags=flags).compile([tmp_path / "net.c"], tmp_path / "net.o", ["-c"])


@pytest.mark.parametrize("target", TARGETS)
def test_no_target_warns_of_rows_where_the_arena_begins(tmp_path: Path, target: str) -> None:
    row = find_target(target)
    for optimize in ("speed", "size"):
        compile_tflite(networks.wake_word(), name="net", target=target, optimize=optimize).write(tmp_path)
        for level in ("-O2", "-O3"):
            command = [row.cc, "-std=c99", level, *row.cflags, *WARNINGS, "-c", tmp_path / "net.c"]
            compile_c([*command, "-o", tmp_path / "net.o"])


def test_padding_alone_is_null() -> None:
    assert "net_padded(" not in compile_tflite(networks.wake_word(), name="net").source
    small = compile_tflite(networks.small(), name="net").source
    assert "net_window(rows, &net_rings[2], arena, at, 1)" in small  # a 1x1 convolution
    assert "net_padded(rows, &net_rings[3], arena, at - 1, 3)" in small


@pytest.mark.needs_tool("g++", package="g++")
def test_the_header_is_cpp(tmp_path: Path) -> None:
    compile_tflite(networks.small(), name="net").write(tmp_path)
    user = tmp_path / "user.cpp"
    user.write_text('#include "net.h"\nstatic EDGECNN_NET_ARENA(arena);\nvoid *use() { return &arena; }\n')
    HostCompiler("g++", "c++11").compile([user], tmp_path / "user.o", ["-c", f"-I{tmp_path}"])


@pytest.mark.parametrize(
    "cc",
    [
        pytest.param("g++", marks=pytest.mark.needs_tool("g++", package="g++")),
        pytest.param("clang++", marks=pytest.mark.needs_tool("clang++", package="clang")),
    ],
)
def test_as_cpp_the_source_is_one_error_that_says_so(tmp_path: Path, cc: str) -> None:
    compile_tflite(networks.small(), name="net").write(tmp_path)
    command = [cc, "-x", "c++", "-c", tmp_path / "net.c", "-o", tmp_path / "net.o"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    errors = [line for line in result.stderr.splitlines() if "error:" in line]
    assert len(errors) == 1
    assert "net.c is C99, which C++ is not: compile it with a C compiler" in errors[0]


@pytest.mark.needs_tool("cppcheck", package="cppcheck")
@pytest.mark.slow
def test_cppcheck_finds_nothing(tmp_path: Path) -> None:
    compile_tflite(networks.small(), name="net").write(tmp_path)
    command = ["cppcheck", "--std=c99", "--error-exitcode=1", "--enable=warning,portability", "--quiet"]
    result = subprocess.run([*command, tmp_path / "net.c"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_nothing_from_a_model_breaks_out(tmp_path: Path) -> None:
    hostile = '*/ "quoted" \\ \n#error ??/ int main() { /* é'
    compiled = compile_tflite(networks.small(description=hostile), name="net", labels=(hostile, "b"))
    main = 'int main(void) { printf("%s", edgecnn_net_labels[0]); return 0; }\n'
    assert run_main(tmp_path, compiled, main) == hostile


@pytest.mark.parametrize("name", ["int", "2net", "a-b", "net__x", 'x"', "class"])
def test_names_that_c_refuses_are_refused(name: str) -> None:
    with pytest.raises(ModelError, match="name"):
        compile_tflite(networks.small(), name=name)


def test_the_same_bytes_every_time_and_no_path(tmp_path: Path) -> None:
    path = tmp_path / "here.tflite"
    path.write_bytes(networks.small())
    first, second = compile_tflite(path, name="net"), compile_tflite(networks.small(), name="net")
    assert (first.header, first.source, first.test) == (second.header, second.source, second.test)
    assert str(tmp_path) not in first.header + first.source + first.test


@pytest.mark.parametrize("model", ["small", "residual"])
def test_golden(model: str, request: pytest.FixtureRequest) -> None:
    compiled = compile_tflite(getattr(networks, model)(), name=model)
    for suffix, text in (("h", compiled.header), ("c", compiled.source)):
        file = GOLDEN / f"{model}.{suffix}"
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        assert text == file.read_text(), "the generated C changed; if that is meant: pytest --update-golden"
