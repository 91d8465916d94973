"""The comment at the top of a YAML file, and its first sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.config.yaml_header import first_sentence, yaml_header


def test_header_is_the_comment_before_the_first_value(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("# One line\n# and another. More.\nname: a\n# not this\n")
    assert yaml_header(file) == "One line and another. More."
    file.write_text("name: a  # nothing above\n")
    assert yaml_header(file) == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("AASIST, 297,866 parameters. Every value", "AASIST, 297,866 parameters"),
        ("As lwbn.yaml has it, 2.5 s crops", "As lwbn.yaml has it, 2.5 s crops"),
        ("Tak et al. 2022: values. `ours` = not as there", "Tak et al. 2022: values"),
        ("Alone.", "Alone"),
        ("", ""),
    ],
)
def test_first_sentence_ends_before_a_capital_letter(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence
