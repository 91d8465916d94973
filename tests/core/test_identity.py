"""Identities: the same bytes in every process, no values that serialise differently, and readable differences."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel

from grid.core.identity import (
    canonical_json,
    canonical_members,
    difference,
    digest,
    digest_of_members,
    file_digest,
    plain,
)

SCRIPT = """
import sys
from grid.core.identity import canonical_json
names = {"opus", "gsm", "mu-law", "lyra"}
value = {name: [len(name), 0.1 + 0.2, True, None, "é"] for name in names}
sys.stdout.buffer.write(canonical_json(value))
"""


@dataclass(frozen=True)
class Codec:
    name: str
    bitrates: tuple[float, ...]


class Model(BaseModel):
    path: Path
    size: int


def test_digest_of_members_is_that_of_the_whole_object() -> None:
    shared = {"recipe": Model(path=Path("a/b"), size=3), "z": [0.1 + 0.2, None], 'é "quoted"': {"b": 1, "a": True}}
    members = canonical_members(shared)
    for seed in (0, 17):
        assert digest_of_members(members | canonical_members({"seed": seed})) == digest({**shared, "seed": seed})


def test_canonical_json_two_fresh_processes_write_the_same_bytes() -> None:
    written = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."}, capture_output=True
        )
        for seed in ("1", "2")
    ]
    assert [done.returncode for done in written] == [0, 0], written[0].stderr
    assert written[0].stdout == written[1].stdout
    assert list(json.loads(written[0].stdout)) == ["gsm", "lyra", "mu-law", "opus"]


def test_digest_key_order_does_not_count_and_list_order_does() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1, "b": [1, 2]}) != digest({"a": 1, "b": [2, 1]})


def test_digest_of_a_small_value_is_golden() -> None:
    # printf '{"a":[1,0.5,true,null,"x"]}' | sha256sum
    assert digest({"a": [1, 0.5, True, None, "x"]}, 16) == "e1181266f9ee9a44"


def test_digest_integer_float_and_bool_are_three_things() -> None:
    assert len({digest(value) for value in (1, 1.0, True, "1")}) == 4


def test_plain_dataclasses_and_models_become_mappings() -> None:
    assert plain(Codec("opus", (6.0, 16.0))) == {"name": "opus", "bitrates": [6.0, 16.0]}
    assert plain({"m": Model(path=Path("a/b"), size=1)}) == {"m": {"path": "a/b", "size": 1}}


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"recipe": {"loss": lambda x: x}}, "$.recipe.loss: function"),
        ({"rates": [0.1, math.nan]}, "$.rates[1]: nan"),
        ({"rate": math.inf}, "$.rate: inf"),
        ({"folder": Path("results")}, "$.folder: "),
        ({"names": {"a"}}, "$.names: set"),
        ({"byte": b"x"}, "$.byte: bytes"),
        ({"a": {1: "x"}}, "$.a: key 1 is not a string"),
        (Codec, "$: type"),
    ],
)
def test_plain_a_value_without_one_form_fails_with_its_place(value: object, place: str) -> None:
    with pytest.raises(TypeError) as caught:
        plain(value)
    assert str(caught.value).startswith(place)


def test_difference_gives_one_line_for_each_field() -> None:
    old = {"recipe": {"epochs": 5, "rate": 0.1}, "codecs": ["a", "b"], "seed": 0, "gone": 1}
    new = {"recipe": {"epochs": 6, "rate": 0.1}, "codecs": ["a", "c"], "seed": 0, "new": "x"}
    assert difference(old, new) == [
        'codecs[1]: "b" -> "c"',
        "gone: 1 -> (absent)",
        'new: (absent) -> "x"',
        "recipe.epochs: 5 -> 6",
    ]


def test_difference_same_values_is_empty_and_types_count() -> None:
    assert difference({"a": [1, None]}, {"a": [1, None]}) == []
    assert difference({"a": 1}, {"a": 1.0}) == ["a: 1 -> 1.0"]
    assert difference([1], [1, 2]) == ["$: [1] -> [1, 2]"]


def test_file_digest_is_the_sha256_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    golden = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_digest(tmp_path / "abc") == golden


def test_canonical_json_is_utf8_without_spaces() -> None:
    assert canonical_json({"b": "é", "a": [1]}) == '{"a":[1],"b":"é"}'.encode()
