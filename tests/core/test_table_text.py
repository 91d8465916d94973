"""Texts that one line can hold, and cells that a spreadsheet shows instead of computing them."""

from __future__ import annotations

import pytest

from grid.core.table_text import fits_a_line, from_cell, to_cell


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "-abc", "--", "=5"])
def test_a_formula_gets_a_quote_in_front_and_is_read_back(text: str) -> None:
    assert to_cell(text) == f"'{text}"
    assert from_cell(to_cell(text)) == text


@pytest.mark.parametrize("text", ["-1.5", "+2", "-1e-300", "-inf", "-", "+", "a=1", "", "'a", "'tis", " =1", "é"])
def test_numbers_and_other_texts_stay_as_they_are(text: str) -> None:
    assert to_cell(text) == text
    assert from_cell(text) == text


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\0", "\x1b[31m", "a\u2028b", "\x85", "\udc80", "\t"])
def test_control_characters_and_what_is_no_utf_8_do_not_fit_a_line(text: str) -> None:
    assert not fits_a_line(text)
    assert fits_a_line("Ünïcode, spaces and 'quotes'")
