"""Plug-ins: found by file name without an import, in other packages by entry point, and unique by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grid.core.errors import RequestError
from grid.core.plugins import Registry
from tests.support.installed_plugin import install_entry_point

PLUGIN = "from sounds import SOUNDS\n\n@SOUNDS.register({name!r})\ndef make():\n    return {name!r}\n"


@pytest.fixture
def sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry[object]]:
    """A registry over a package of its own, `sounds`, with the plugins `clear-tone` and `broken`."""
    package = tmp_path / "sounds"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from grid.core.plugins import Registry\nSOUNDS = Registry(kind='sound', package='sounds')\n"
    )
    (package / "clear_tone.py").write_text(PLUGIN.format(name="clear-tone"))
    (package / "broken.py").write_text("raise RuntimeError('imported')\n")
    (package / "silent.py").write_text("")
    (package / "shared").mkdir()
    (package / "shared" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("sounds").SOUNDS
    for name in [name for name in sys.modules if name.split(".")[0] == "sounds"]:
        del sys.modules[name]


def test_names_are_file_names_and_nothing_is_imported(sounds: Registry[object]) -> None:
    assert sounds.names() == ["broken", "clear-tone", "silent"]
    assert "sounds.clear_tone" not in sys.modules


def test_get_imports_one_plugin(sounds: Registry[object]) -> None:
    assert sounds.get("clear-tone")() == "clear-tone"  # type: ignore[operator]
    assert "sounds.broken" not in sys.modules


def test_get_unknown_name_proposes_the_nearest(sounds: Registry[object]) -> None:
    with pytest.raises(RequestError, match=r"here\.yaml:3: unknown sound 'clear_tone'; did you mean 'clear-tone'"):
        sounds.get("clear_tone", where="here.yaml:3")


def test_get_a_module_that_registers_nothing_says_so(sounds: Registry[object]) -> None:
    with pytest.raises(RequestError, match=r"module sounds\.silent does not register a sound named 'silent'"):
        sounds.get("silent")


def test_register_a_second_plugin_of_a_name_fails(sounds: Registry[object]) -> None:
    sounds.register("tone")(print)
    sounds.register("tone")(print)
    with pytest.raises(RequestError, match="two sound plugins are named 'tone'"):
        sounds.register("tone")(len)


def test_entry_point_of_another_package_adds_a_plugin(
    sounds: Registry[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(install_entry_point(tmp_path / "site", "sounds", "third-party", "their_sound"))
    (tmp_path / "site" / "their_sound.py").write_text(PLUGIN.format(name="third-party"))
    assert "third-party" in sounds.names()
    assert sounds.get("third-party")() == "third-party"  # type: ignore[operator]
    sys.modules.pop("their_sound")
