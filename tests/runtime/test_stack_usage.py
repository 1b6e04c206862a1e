# SPDX-License-Identifier: Apache-2.0
"""The worst stack from GCC's call graphs."""

from edgecnn.runtime.stack_usage import StackBound, worst_stack

FIRST = r"""graph: { title: "a.c"
node: { title: "run" label: "run\na.c:9:5\n24 bytes (static)" }
node: { title: "a.c:shallow" label: "shallow\na.c:1:5\n100 bytes (static)" }
node: { title: "deep" label: "deep\nb.c:1:5" shape : ellipse }
edge: { sourcename: "run" targetname: "a.c:shallow" label: "a.c:10:1" }
edge: { sourcename: "run" targetname: "deep" label: "a.c:11:1" }
}"""
SECOND = r"""graph: { title: "b.c"
node: { title: "deep" label: "deep\nb.c:1:5\n64 bytes (dynamic,bounded)\n1 dynamic objects\n x b.c:2:3" }
node: { title: "deeper" label: "deeper\nb.c:5:5\n40 bytes (static)" }
node: { title: "unused" label: "unused\nb.c:7:5\n4000 bytes (static)" }
node: { title: "open" label: "open\nb.c:8:5\n16 bytes (dynamic)" }
edge: { sourcename: "deep" targetname: "deeper" }
}"""


def edges(*pairs: tuple[str, str]) -> str:
    return "\n".join(f'edge: {{ sourcename: "{caller}" targetname: "{callee}" }}' for caller, callee in pairs)


def test_the_deepest_path_counts() -> None:
    assert worst_stack([FIRST, SECOND], "run") == StackBound(24 + 64 + 40, ())


def test_functions_of_libraries_are_named() -> None:
    assert worst_stack([FIRST], "run") == StackBound(24 + 100, ("deep",))
    more = edges(("deeper", "memcpy"), ("a.c:shallow", "__indirect_call"))
    assert worst_stack([FIRST, SECOND, more], "run").unknown == ("__indirect_call", "memcpy")


def test_variable_arrays_are_named() -> None:
    assert worst_stack([SECOND, edges(("deeper", "open"))], "deep").unknown == ("open",)


def test_recursion_ends_and_is_named() -> None:
    assert worst_stack([FIRST, SECOND, edges(("deeper", "deep"))], "run") == StackBound(128, ("deep",))


def test_a_chain_shared_by_many_callers_is_walked_once() -> None:
    layers = [edges((f"f{i}", f"f{i + 1}"), (f"f{i}", f"g{i}"), (f"g{i}", f"f{i + 1}")) for i in range(200)]
    assert "f200" in worst_stack(layers, "f0").unknown
