"""Errors that a user can mend: the value, the nearest choice, all choices, the place and the next command."""

from __future__ import annotations

from grid.core.errors import MissingRequirementError, RequestError, unknown_name


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
