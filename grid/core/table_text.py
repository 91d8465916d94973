"""Texts from anybody's protocol in tables: what one line can hold, and what a spreadsheet would compute.

A spreadsheet takes a cell of a CSV file that begins with = + - or @ for a formula, so that `=HYPERLINK(...)` as the
name of an attack would be a link in a report. The remedy is OWASP's, a single quote in front
(https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import re

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a formula can begin with."""
_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
"""Characters that end a text or a line somewhere, and what Python makes of file names that are not UTF-8."""


def fits_a_line(text: str) -> bool:
    """Whether `text` can stand in one line of any table: it is UTF-8, without control characters and line ends."""
    return _NOT_IN_A_LINE.search(text) is None


def to_cell(text: str) -> str:
    """`text` as a cell that a spreadsheet shows and does not compute; numbers, and a mere `-`, stay as they are."""
    return f"'{text}" if _is_formula(text) else text


def from_cell(cell: str) -> str:
    """The text that `to_cell` wrote as `cell`."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell[1:]) else cell


def _is_formula(text: str) -> bool:
    if len(text) < 2 or not text.startswith(FORMULA):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False
