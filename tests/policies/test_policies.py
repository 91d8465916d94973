"""Labelling policies: the target of each, and policies from other packages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from grid.core.errors import RequestError
from grid.core.vocabulary import Design
from grid.experiment.grid import resolve
from grid.policies import POLICIES
from tests.support.installed_plugin import install_entry_point
from tests.support.tiny_grid import tiny

DESIGNS: tuple[Design, ...] = ("compression", "synthesis", "both")
# The CDD paper's labels B and S, its discussion of design aims, and the baseline without CoRS
TARGETS: dict[str, tuple[float | None, ...]] = {
    "none": (None, None, None),
    "bonafide": (1.0, 1.0, 1.0),
    "spoof": (0.0, 0.0, 0.0),
    "by-design": (1.0, 0.0, None),
}

THIRD_PARTY = """
from grid.policies import POLICIES, Labelling

POLICIES.register("third-party")(Labelling(target=lambda design, soft_target: 0.75, revision=3))
"""


def test_policies_are_those_of_the_folder() -> None:
    assert POLICIES.names() == ["bonafide", "by-design", "four-class", "none", "soft", "spoof"]


@pytest.mark.parametrize("name", TARGETS)
def test_target_follows_the_design_only_where_the_policy_says_so(name: str) -> None:
    assert tuple(POLICIES.get(name).target(design, None) for design in DESIGNS) == TARGETS[name]


def test_soft_gives_the_target_of_the_experiment() -> None:
    assert [POLICIES.get("soft").target(design, 0.3) for design in DESIGNS] == [0.3, 0.3, 0.3]


def test_soft_without_a_target_says_how_to_give_one() -> None:
    with pytest.raises(RequestError, match=r"policy 'soft' needs a target .* \{label: soft, target: 0\.5\}"):
        POLICIES.get("soft").target("both", None)


def test_a_policy_of_another_package_is_used_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(install_entry_point(tmp_path / "site", "policies", "third-party", "their_policy"))
    (tmp_path / "site" / "their_policy.py").write_text(THIRD_PARTY)
    made = tiny(tmp_path, grid={"policies": ["third-party"], "selections": ["mu-law"]})
    try:
        assert "third-party" in POLICIES.names()
        (cell,) = resolve(made.config, made.store).cells
    finally:
        POLICIES._found.pop("third-party", None)
        sys.modules.pop("their_policy", None)
    assert [given.target for given in cell.cors] == [0.75]
    assert cell.identity["policy"] == {"label": "third-party", "revision": 3}
