"""YAML files: the line of each value, and errors for repeated keys and for files that are not YAML."""

from __future__ import annotations

import os
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest

from grid.config.yaml_file import load_yaml, read_yaml
from grid.core.errors import RequestError

TEXT = """# a comment
name: x
grid:
  selections:
    - opus-6kbps
    - {name: two, codecs: [a, b]}
recipe: r
"""


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "file.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_where_gives_the_line_of_a_value_or_of_what_encloses_it(tmp_path: Path) -> None:
    file = read_yaml(written(tmp_path, TEXT))
    places = [("name",), ("grid",), ("grid", "selections", 0), ("grid", "selections", 1, "codecs", 1), ("recipe",)]
    assert [file.where(*place).rsplit(":", 1)[1] for place in places] == ["2", "3", "5", "6", "7"]
    assert file.where("grid", "seeds", 3) == f"{tmp_path}/file.yaml:3"
    assert file.where("nothing").endswith("file.yaml:2")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", r"file\.yaml:3: key 'a' is given twice"),
        ("a:\n  b: 1\n  b: 2\n", r"file\.yaml:3: key 'b' is given twice"),
        ("a: [1, {b: 1, b: 2}]\n", r"file\.yaml:1: key 'b' is given twice"),
        ("a: [1\n", r"file\.yaml is not valid YAML"),
        ("- a\n- b\n", r"must hold a mapping of keys to values, not list"),
        ("", r"must hold a mapping of keys to values, not NoneType"),
        (b"a: \xff\xfe\n", r"cannot read .*file\.yaml: .*utf-8"),
    ],
)
def test_a_wrong_file_says_what_and_where(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        read_yaml(written(tmp_path, content))


def test_an_absent_file_is_a_request_error(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"cannot read .*never\.yaml: No such file"):
        read_yaml(tmp_path / "never.yaml")


LEVELS = "\n".join(f"{name}: &{name} [{', '.join([f'*{inner}'] * 10)}]" for inner, name in pairwise("abcdefghi"))
BEYOND = {
    "aliases of aliases": ("a: &a [x, x]\n" + LEVELS, "more than 50,000 values, those of aliases counted"),
    "an alias in its own list": ("a: &a [*a]", r"file\.yaml:1: the alias \*a stands inside of what it stands for"),
    "an alias of the file": ("&r {a: *r}", r"the alias \*r stands inside"),
    "lists in lists": ("a: " + "[" * 400_000, "more than 50 levels"),
    "mappings in mappings": ("\n".join(" " * i + "a:" for i in range(1000)), r"file\.yaml:51: more than 50 levels"),
    "a number of a million digits": ("a:\n  b: " + "1" * 1_000_000, r"yaml:2: a number of 1,000,000 characters, 111"),
    "a hexadecimal number": ("a: 0x" + "f" * 900_000, "a number of 900,002 characters"),
    "many values": ("a: [" + "1," * 200_000 + "]", "more than 50,000 values"),
    "two megabytes": ("a: " + "x" * 2_000_000, "more than 1,048,576 bytes"),
}


@pytest.mark.parametrize("what", BEYOND)
def test_a_file_beyond_the_bounds_is_one_line_within_a_second(tmp_path: Path, what: str) -> None:
    content, message = BEYOND[what]
    path = written(tmp_path, content)
    started = time.process_time()
    for read in (read_yaml, load_yaml):
        with pytest.raises(RequestError, match=message) as caught:
            read(path)
        assert "\n" not in str(caught.value)
    assert time.process_time() - started < 2.0  # both of them


def test_aliases_of_aliases_take_no_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(RequestError, match="more than 50,000 values"):
            read_yaml(written(tmp_path, BEYOND["aliases of aliases"][0]))
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a:\n  b: .inf", r"file\.yaml:2: a\.b: \.inf is no finite number"),
        ("a: [1, .NaN]", r"a\.1: \.NaN is no finite number"),
        ("a: 1.0e+999", r"1\.0e\+999 is no finite number"),
        ("a: 2024-01-01", "a value of kind 'timestamp', which no setting has; a text needs quotes"),
        ("a: 2024-13-01", "a value of kind 'timestamp'"),
        ("a: !!set {x}", "a value of kind 'set'"),
        ("a: !!binary eA==", "a value of kind 'binary'"),
        ("a: !!python/object:os.system x", "a value of kind 'python/object:os.system'"),
        ("a: !!bool x", "a value is not of its kind: KeyError"),
        ("a: !!int x", "a value is not of its kind: ValueError"),
        ("? [a]\n: 1", "a key must be a word, not a list or a mapping"),
        ('a: "\\0"', "has a NUL character"),
        ("a: *b", r"not valid YAML: found undefined alias \(line 1, column 4\)"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        (
            "a: [1\nb: 2",
            r"not valid YAML: while parsing a flow sequence did not find expected ',' or '\]' \(line 2, col",
        ),
    ],
)
def test_a_value_that_no_setting_can_be_is_refused_in_one_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        read_yaml(written(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_aliases_and_merged_keys_are_read_with_their_own_lines(tmp_path: Path) -> None:
    file = read_yaml(written(tmp_path, "x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  a: 3\nz: [*x, *x]\n"))
    both = {"a": 1, "b": 2}
    assert file.values == {"x": both, "y": {"a": 3, "b": 2}, "z": [both, both]}
    assert file.where("y", "a").endswith(":4")


@pytest.mark.parametrize("what", ["pipe", "device", "folder"])
def test_what_is_no_regular_file_is_not_opened(tmp_path: Path, what: str) -> None:
    path = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "folder": tmp_path}[what]
    if what == "pipe":
        os.mkfifo(path)
    said = "Is a directory" if what == "folder" else "no regular file but a pipe, a socket or a device"
    with pytest.raises(RequestError, match=f"cannot read {path}: .*{said}"):
        read_yaml(path)
