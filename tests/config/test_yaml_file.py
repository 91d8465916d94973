"""YAML files: the line of each value, and errors for repeated keys and for files that are not YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.config.yaml_file import read_yaml
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
