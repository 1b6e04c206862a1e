# SPDX-License-Identifier: Apache-2.0
"""An ONNX file, which may be a stranger's, to a graph that is safe to walk; no code is in one.

Of its data nothing is read but the file itself and regular files in the same folder.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.errors import EdgecnnError, MissingToolError, ModelError
from edgecnn.escape import for_terminal
from edgecnn.files import MOST_BYTES, read_bytes, require_file

OPSETS = range(11, 29)  # all that tests/converters/test_onnx_to_keras.py tries
MOST_NODES = 20_000  # of a graph; networks for images have some hundred
_DOMAINS = ("", "ai.onnx")
_QUANTIZING = re.compile(r"(^|\.)(QLinear|QGemm|Quantize|Dequantize|DynamicQuantize)|Integer$")
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class OnnxNode:
    """An operator of the graph.

    Attributes:
        op: its op, with its domain in front where that isn't ONNX's own.
        name: its own, else that of its first output.
        inputs: names of values; "" stands for an input that is left out.
        outputs: names of values.
        attributes: by name; tensors are arrays.
    """

    op: str
    name: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class OnnxGraph:
    """What a file holds: one network of one input.

    Attributes:
        opset: the version of ONNX's operators.
        name: of the input.
        shape: of the input, the batch first; a batch of any size is 1.
        dtype: of the input, as NumPy calls it.
        constants: the weights by name.
        nodes: in the order in which they can be computed.
        outputs: names of values.
    """

    opset: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    constants: dict[str, Array]
    nodes: Sequence[OnnxNode]
    outputs: Sequence[str]


def read_onnx(path: Path) -> OnnxGraph:
    """Read an ONNX file of opset 11 to 28.

    Raises:
        MissingToolError: the package onnx is not installed.
        ModelError: it is no such file, is damaged, or has data in other folders.
    """
    require_file(path, ModelError)
    onnx = _onnx()
    content = read_bytes(path, MOST_BYTES, ModelError)
    try:
        model = onnx.load_model_from_string(content)
        if not model.graph.node or not model.opset_import:
            raise ModelError(f"{path} is no ONNX file: it holds no operators")
        opset = _opset(model, path)
        _refuse_unreadable(model, path)
        return _graph(model.graph, opset, path)
    except EdgecnnError:
        raise
    except Exception as error:  # protobuf's, onnx's and NumPy's, whatever a damaged file makes them raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{path} is no ONNX file, or a damaged one: {reason}") from error


def printable(name: str | bytes) -> str:
    """Return a name from a file as it can go into a message; protobuf gives bytes where text is no UTF-8."""
    return for_terminal(name if isinstance(name, str) else name.decode(errors="replace"))


def quantizing(graph: OnnxGraph) -> OnnxNode | None:
    """Return an operator by which a network shows that it is quantized already, or None."""
    return next((node for node in graph.nodes if _QUANTIZING.search(node.op)), None)


def _onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise MissingToolError(
            f"ONNX files need the package {error.name}, which is missing here; "
            "install it with: pip install 'edgecnn[onnx]'"
        ) from error
    return onnx


def _opset(model: Any, path: Path) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in _DOMAINS]
    if len(versions) != 1 or versions[0] not in OPSETS:
        said = ", ".join(map(str, versions)) or "none"
        raise ModelError(
            f"{path} has opset {said}; allowed are {OPSETS[0]} to {OPSETS[-1]}: export it with "
            "opset_version=18, say"
        )
    return int(versions[0])


def _refuse_unreadable(model: Any, path: Path) -> None:
    graph = model.graph
    if len(graph.node) > MOST_NODES:
        raise ModelError(f"{path} has {len(graph.node):,} operators; allowed are {MOST_NODES:,}")
    if len(model.functions):
        raise ModelError(
            f'{path} has functions of its own, such as "{printable(model.functions[0].name)}"; put their '
            "operators in their places by onnx.inliner.inline_local_functions"
        )
    if len(graph.sparse_initializer):
        raise ModelError(f"{path} holds sparse weights; save them dense")


def _graph(graph: Any, opset: int, path: Path) -> OnnxGraph:
    constants = {tensor.name: array_of(tensor, path) for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(f'"{printable(value.name)}"' for value in inputs) or "none"
        raise ModelError(f"{path} has the inputs {names}; it must have one, an image")
    [image] = inputs
    nodes = [_node(node, path) for node in graph.node]
    return OnnxGraph(
        opset,
        image.name,
        _shape(image, path),
        _dtype(image.type.tensor_type.elem_type, image.name, path),
        constants,
        nodes,
        [value.name for value in graph.output],
    )


def _shape(image: Any, path: Path) -> tuple[int, ...]:
    dimensions = image.type.tensor_type.shape.dim
    sides = [side.dim_value if side.HasField("dim_value") else side.dim_param or "?" for side in dimensions]
    if len(sides) < 2 or any(not isinstance(side, int) or side < 1 for side in sides[1:]):
        sizes = ", ".join(map(str, sides))
        raise ModelError(
            f'{path} takes "{printable(image.name)}" of shape [{printable(sizes)}]; all but the batch must '
            "be fixed: export it with an image of the size that the device will see, without dynamic axes"
        )
    batch = sides[0] if isinstance(sides[0], int) and sides[0] > 0 else 1
    return (batch, *map(int, sides[1:]))


def _dtype(number: int, name: str, path: Path) -> str:
    from onnx import helper

    try:
        dtype = helper.tensor_dtype_to_np_dtype(number).name
    except KeyError:
        dtype = f"type {number}"
    if dtype not in ("float16", "float32", "float64", "uint8", "int8"):
        raise ModelError(
            f'{path} takes "{printable(name)}" of {dtype}; it must be float32, float16, float64 or uint8'
        )
    return dtype if dtype in ("uint8", "int8") else "float32"


def _name(node: Any) -> str:
    return printable(node.name or (node.output[0] if node.output else "without a name"))


def _node(node: Any, path: Path) -> OnnxNode:
    from onnx import AttributeProto, helper

    attributes: dict[str, Any] = {}
    for attribute in node.attribute:
        value = helper.get_attribute_value(attribute)
        if attribute.type == AttributeProto.TENSOR:
            value = array_of(value, path)
        attributes[attribute.name] = value.decode(errors="replace") if isinstance(value, bytes) else value
    op = printable(node.op_type if node.domain in _DOMAINS else f"{node.domain}.{node.op_type}")
    return OnnxNode(op, _name(node), list(node.input), list(node.output), attributes)


def array_of(tensor: Any, path: Path) -> Array:
    """Return the values of a TensorProto; floats of any width as float32, integers of 4 bits as of 8.

    Args:
        tensor: of the file.
        path: the file, beside which data of its own may lie.

    Raises:
        ModelError: it holds no numbers, or its data are not beside the file.
        ValueError: there are more or fewer data than its shape says.
    """
    from onnx import TensorProto, numpy_helper

    if tensor.data_type == TensorProto.STRING:
        raise ModelError(f'{path}: constant "{printable(tensor.name)}" holds text; allowed are numbers')
    if tensor.data_location == TensorProto.EXTERNAL:
        tensor = TensorProto(
            name=tensor.name,
            dims=tensor.dims,
            data_type=tensor.data_type,
            raw_data=_external_data(tensor, path),
        )
    values: Array = numpy_helper.to_array(tensor)
    if values.dtype.kind == "c":
        raise ModelError(f'{path}: constant "{printable(tensor.name)}" is complex; allowed are real numbers')
    if values.dtype.kind in "iub" or values.dtype == np.float32:
        return values
    if tensor.data_type in (TensorProto.INT4, TensorProto.UINT4):
        return values.astype(np.int8 if tensor.data_type == TensorProto.INT4 else np.uint8)
    return values.astype(np.float32)


def _external_data(tensor: Any, path: Path) -> bytes:
    """Return the bytes of a tensor that lie in another file: in the same folder, and no link."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    beside = path.parent / location
    plain = location not in ("", "..") and Path(location).name == location and "\0" not in location
    if not plain or beside.is_symlink():
        raise ModelError(
            f'{path} has the data of "{printable(tensor.name)}" in "{printable(location)}"; they must be in '
            "a file beside it, and no link"
        )
    size = require_file(beside, ModelError)
    start = int(entries.get("offset", 0))
    length = int(entries.get("length", size - start))
    if not 0 <= start <= start + length <= size:
        raise ModelError(
            f'{path} has the data of "{printable(tensor.name)}" at bytes {start} to {start + length} of '
            f"{beside}, which has {size}"
        )
    with beside.open("rb") as file:
        file.seek(start)
        return bytes(file.read(length))
