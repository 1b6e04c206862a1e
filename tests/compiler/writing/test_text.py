# SPDX-License-Identifier: Apache-2.0
"""Names, strings and numbers in C; converters/test_tflite_to_c_array.py has compilers read them."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.compiler.writing.text import check_name, comment_text, float_literal, string_literal
from edgecnn.errors import ModelError


@pytest.mark.parametrize("name", ["model_int8", "a", "Net2", "int8"])
def test_names_that_can_prefix_identifiers(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "2d", "_x", "a__b", "a_", "a-b", "a b", "é", "int", "class", "a\n", "xor"]
)
def test_names_that_cannot(name):
    with pytest.raises(ModelError, match=re.escape(repr(name))):
        check_name(name)


def test_string_literal():
    assert string_literal('a"b\\c??/\n') == r'"a\"b\\c\?\?/\012"'
    assert string_literal("é1") == r'"\303\2511"'
    assert string_literal("\udcff") == r'"\?"'  # a folder's name that is not UTF-8


@given(st.text())
def test_a_string_literal_reads_back(text):
    inside = string_literal(text)[1:-1]
    octal = re.sub(r"\\([0-7]{3})|\\(.)", lambda m: chr(int(m[1], 8)) if m[1] else m[2], inside)
    assert octal.encode("latin-1") == text.encode()


@given(st.text(alphabet="*/?\\\n aé"))
def test_a_comment_cannot_be_ended(text):
    comment = comment_text(text)
    assert comment.isascii()
    assert not any(mark in comment for mark in ("*/", "/*", "??", "\n"))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_literal_keeps_every_bit(value):
    literal = float_literal(value)
    assert literal.endswith("f")
    assert "." in literal or "e" in literal
    assert np.float32(literal[:-1]).tobytes() == np.float32(value).tobytes()
