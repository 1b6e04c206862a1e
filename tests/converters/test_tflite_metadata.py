# SPDX-License-Identifier: Apache-2.0
"""Metadata in a .tflite: standard readers find them, runtimes don't mind, weights stay where they were."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tflite
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecnn.compiler.reading.metadata import read_labels
from edgecnn.compiler.reading.tflite import parse
from edgecnn.converters.tflite_metadata import add_metadata
from edgecnn.errors import ModelError
from edgecnn.runtime.tflite import Interpreter

ASSETS = Path(__file__).parents[1] / "assets"
INT8 = (ASSETS / "tiny_int8.tflite").read_bytes()
FLOAT = (ASSETS / "tiny_float32.tflite").read_bytes()
LABELS = ("benign", "malignant nodule", "né")


def with_metadata(model=INT8, labels=LABELS):
    return add_metadata(model, "tiny", "an untrained network, for tests", labels)


def buffers(model):
    root = tflite.Model.GetRootAs(model, 0)
    return [root.Buffers(i) for i in range(root.BuffersLength())]


@pytest.mark.parametrize("model", [INT8, FLOAT])
def test_labels_come_back(model):
    assert read_labels(model) == parse(model).labels == ()
    assert read_labels(with_metadata(model)) == parse(with_metadata(model)).labels == LABELS
    assert read_labels(with_metadata(model, ["no", "yes"])) == ("no", "yes")
    assert read_labels(with_metadata(model, [])) == ()


@pytest.mark.parametrize("model", [INT8, FLOAT])
def test_the_threshold_comes_back(model):
    assert parse(model).threshold == parse(with_metadata(model)).threshold == 0.5
    with_threshold = add_metadata(model, "tiny", "for tests", LABELS, 0.25)
    assert parse(with_threshold).threshold == 0.25
    assert read_labels(with_threshold) == LABELS


def test_weights_stay_whole_and_aligned():
    before, after = parse(INT8), parse(with_metadata())
    assert str(after) == str(before)
    assert [tensor.name for tensor in after.tensors] == [tensor.name for tensor in before.tensors]
    for old, new in zip(before.tensors, after.tensors, strict=True):
        np.testing.assert_array_equal(new.data, old.data)
    positions = [buffer._tab.Vector(buffer._tab.Offset(4)) for buffer in buffers(with_metadata())[1:]]
    constants = {tensor.data.tobytes() for tensor in after.tensors if tensor.data is not None}
    assert len(positions) == len(constants) + len(after.metadata)
    assert {position % 16 for position in positions} == {0}


def test_the_rest_of_the_model_reads_as_before():
    old, new = tflite.Model.GetRootAs(INT8, 0), tflite.Model.GetRootAs(with_metadata(), 0)
    assert new.Version() == old.Version() == 3
    assert new.Description() == old.Description()
    assert new.SignatureDefs(0).SignatureKey() == old.SignatureDefs(0).SignatureKey()
    assert new.OperatorCodesLength() == old.OperatorCodesLength()
    entries = [new.Metadata(i) for i in range(new.MetadataLength())]
    names = [old.Metadata(i).Name() for i in range(old.MetadataLength())]
    assert [entry.Name() for entry in entries] == [*names, b"TFLITE_METADATA"]
    payload = new.Buffers(entries[-1].Buffer()).DataAsNumpy().tobytes()
    assert payload[4:8] == b"M001"
    assert b"an untrained network, for tests" in payload
    assert np.array([255], np.float32).tobytes() in payload


@pytest.mark.parametrize("runtime", ["tflite_runtime", "ai_edge_litert"])
@pytest.mark.parametrize("model", [INT8, FLOAT])
def test_outputs_stay_identical(model, runtime):
    pytest.importorskip(runtime)

    def run(content):
        interpreter = Interpreter(content, parse(content), runtime)
        (image,) = interpreter.about.inputs.values()
        pixels = np.random.default_rng(1).integers(0, 256, image.shape)
        values = pixels / 255 if image.dtype == np.float32 else pixels - 128
        return interpreter.run([values.astype(image.dtype)])[0]

    np.testing.assert_array_equal(run(model), run(with_metadata(model)))


def test_the_same_bytes_every_time_and_an_archive_any_zip_program_opens():
    model = with_metadata()
    assert model == with_metadata()
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        assert archive.testzip() is None
        (info,) = archive.infolist()
        assert (info.filename, info.compress_type) == ("labels.txt", zipfile.ZIP_STORED)
        assert model[info.header_offset :].startswith(b"PK\3\4")  # counted from the start of the file
        assert archive.read(info).decode().splitlines() == list(LABELS)


def test_metadata_are_not_added_twice():
    with pytest.raises(ModelError, match="carries metadata already"):
        with_metadata(with_metadata())


@pytest.mark.parametrize("label", ["", " ", "two\nlines", "tab\t", "\udcff"])
def test_labels_that_are_no_line_are_refused(label):
    with pytest.raises(ModelError, match="must be a line of printable text") as error:
        with_metadata(labels=["fine", label])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("broken", [b"", b"not a model at all", INT8[:100], INT8[:1000]])
def test_broken_files_are_refused(broken):
    with pytest.raises(ModelError):
        with_metadata(broken)


def test_only_what_the_metadata_name_are_labels():
    packed = io.BytesIO(INT8)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("other_labels.txt", "a\nb\nc\n")
    assert read_labels(packed.getvalue()) == parse(packed.getvalue()).labels == ()


def test_labels_that_are_cut_off_are_missed_by_who_asks_for_them():
    cut = with_metadata()[:-30]
    with pytest.raises(ModelError, match=r"metadata are damaged .*; export it again"):
        read_labels(cut)
    assert parse(cut).labels == ()


def test_a_model_that_lost_its_archive_has_no_labels() -> None:
    model = with_metadata()
    assert read_labels(model[: model.index(b"PK\x03\x04")]) == ()


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(with_metadata()) - 1), st.integers(0, 255))
def test_one_wrong_byte_gives_a_result_or_a_model_error(position, value):
    model = bytearray(with_metadata())
    model[position] = value
    try:
        read_labels(bytes(model))
        add_metadata(bytes(model[:-300]), "tiny", "")
    except ModelError as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may also be fine
