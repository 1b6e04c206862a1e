# SPDX-License-Identifier: Apache-2.0
"""Names, strings and numbers as C and C++ spell them: nothing from a model can break out of its place."""

import re

from edgecnn.errors import ModelError

# C99 to C23 and C++98 to C++20: the output is to be valid in all of them.
_KEYWORDS = re.compile(
    r"alignas|alignof|and|and_eq|asm|auto|bitand|bitor|bool|break|case|catch|char|char8_t|char16_t|"
    r"char32_t|class|co_await|co_return|co_yield|compl|concept|const|const_cast|consteval|constexpr|"
    r"constinit|continue|decltype|default|delete|do|double|dynamic_cast|else|enum|explicit|export|"
    r"extern|false|float|for|friend|goto|if|inline|int|long|mutable|namespace|new|noexcept|not|not_eq|"
    r"nullptr|operator|or|or_eq|private|protected|public|register|reinterpret_cast|requires|restrict|"
    r"return|short|signed|sizeof|static|static_assert|static_cast|struct|switch|template|this|"
    r"thread_local|throw|true|try|typedef|typeid|typename|typeof|typeof_unqual|union|unsigned|using|"
    r"virtual|void|volatile|wchar_t|while|xor|xor_eq"
)


def check_name(name: str) -> str:
    """Return `name` if C identifiers can start with it, and files be called after it.

    Raises:
        ModelError: it is no identifier, a keyword of C or C++, or would make a reserved identifier.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or "__" in name or name.endswith("_"):
        raise ModelError(
            f"name {name!r} can't prefix C identifiers: use letters, digits and single underscores, "
            "a letter first"
        )
    if _KEYWORDS.fullmatch(name):
        raise ModelError(f"name {name!r} is a keyword of C or C++: choose another, such as {name}_model")
    return name


def string_literal(text: str) -> str:
    r"""Return `text` as a C string literal of printable ASCII, UTF-8 inside.

    Octal escapes end after three digits, so that no following character joins them; ? is escaped because
    two of them start a trigraph.
    """
    return '"' + "".join(map(_character, text.encode(errors="replace"))) + '"'


def _character(byte: int) -> str:
    if byte in b'"\\?':
        return "\\" + chr(byte)
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}"


def comment_text(text: str) -> str:
    """Return `text` fit for the inside of a block comment: a line of ASCII, no comment mark, no trigraph."""
    text = text.encode("unicode_escape").decode("ascii")
    return re.sub(r"(?<=\*)(?=/)|(?<=/)(?=\*)|(?<=\?)(?=\?)", " ", text)


def float_literal(value: float) -> str:
    """Return a float32 as a C literal of type float that reads back to the same bits."""
    digits = f"{value:.9g}"
    return digits + ("f" if "." in digits or "e" in digits else ".0f")
