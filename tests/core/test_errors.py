"""Errors that a user can correct (value, nearest choice, all choices, place, next command), and errors on one line."""

from __future__ import annotations

from errno import ENOSPC
from pathlib import Path

import pytest
import torch

from grid.core.errors import (
    FAILURE_KINDS,
    LostProcessError,
    MissingRequirementError,
    RequestError,
    failure_kind,
    one_line,
    unknown_name,
)
from grid.corpus.audio import UnusableAudioError


def test_unknown_name_near_a_choice_proposes_it() -> None:
    error = unknown_name("codec", "lyra-v2-3.2kbs", ["opus-6kbps", "lyra-v2-3.2kbps"], where="demo.yaml:12")
    assert str(error) == (
        "demo.yaml:12: unknown codec 'lyra-v2-3.2kbs'; did you mean 'lyra-v2-3.2kbps'? "
        "Choices: lyra-v2-3.2kbps, opus-6kbps."
    )


def test_unknown_name_like_no_choice_proposes_none_and_names_all() -> None:
    error = unknown_name("policy", "xyz", ["spoof", "bonafide"], command="codecgrid plan CONFIG")
    assert "did you mean" not in str(error)
    assert str(error) == "unknown policy 'xyz'. Choices: bonafide, spoof. See: codecgrid plan CONFIG"


def test_unknown_name_of_many_choices_shows_24_and_the_number_of_the_rest() -> None:
    text = str(unknown_name("codec", "zzz", [f"c{i:02d}" for i in range(30)]))
    assert "c23, ... 6 more." in text
    assert "c24" not in text


def test_unknown_name_of_another_type_is_shown_as_written() -> None:
    assert "unknown seed 7" in str(unknown_name("seed", 7, ["1", "2"]))


def test_missing_requirement_is_a_request_error_and_a_value_error() -> None:
    assert issubclass(MissingRequirementError, RequestError)
    assert issubclass(RequestError, ValueError)


@pytest.mark.parametrize(
    ("error", "options", "line"),
    [
        (ValueError("the loss is nan"), {}, "ValueError: the loss is nan"),
        (RequestError("a.yaml:1: wrong\n\n  b.yaml:2:\twrong \n"), {}, "RequestError: a.yaml:1: wrong b.yaml:2: wrong"),
        (RuntimeError("\nnot an archive\nframe #0: torch"), {"first": True}, "RuntimeError: not an archive"),
        (RuntimeError("not an archive\nframe #0"), {"first": True, "kind": False}, "not an archive"),
        (ValueError(), {}, "ValueError: "),
        (EOFError(), {"first": True, "kind": False}, "EOFError"),
    ],
)
def test_one_line_has_the_kind_and_the_message_without_line_ends(
    error: Exception, options: dict[str, bool], line: str
) -> None:
    assert one_line(error, **options) == line


def test_one_line_is_cut_to_a_thousand_characters() -> None:
    assert one_line(ValueError("x" * 5000)) == f"ValueError: {'x' * 988}"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RequestError("unknown codec"), "request"),
        (MissingRequirementError("no weights"), "request"),
        (UnusableAudioError(Path("a.wav"), "unreadable", "cut short"), "data"),
        (FileNotFoundError("manifest.parquet"), "data"),
        (LostProcessError("killed"), "infrastructure"),
        (OSError(ENOSPC, "No space left on device"), "infrastructure"),
        (ConnectionResetError(), "infrastructure"),
        (TimeoutError(), "infrastructure"),
        (MemoryError(), "infrastructure"),
        (torch.OutOfMemoryError("CUDA out of memory"), "infrastructure"),
        (ZeroDivisionError(), "code"),
        (RuntimeError("shapes do not fit"), "code"),
    ],
)
def test_failure_kind_says_who_can_mend_it(error: BaseException, kind: str) -> None:
    assert failure_kind(error) == kind
    assert kind in FAILURE_KINDS
