"""The comment at the top of a YAML file, which says what the file is and where its values come from."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

FOR_EDITORS = "# yaml-language-server:"
_SENTENCE_END = re.compile(r"\.(?:\s+(?=[A-Z`])|$)")


def yaml_header(path: Path) -> str:
    """The comment lines at the top of the file as one text, without `#` and line breaks; "" where there are none.

    A line that names the file's schema for editors is left out.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = takewhile(lambda line: line.startswith("#"), lines)
    return " ".join(line.lstrip("#").strip() for line in comment if not line.startswith(FOR_EDITORS))


def first_sentence(text: str) -> str:
    """The text up to its first full stop that a capital letter or the end follows, without the full stop."""
    return _SENTENCE_END.split(text.strip(), maxsplit=1)[0]
