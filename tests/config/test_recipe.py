"""Recipes: those beside the experiment file come before those of the repository, which are all valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.config.recipe import LATER_FIELDS, Recipe, load_recipe
from grid.config.yaml_file import config_folder
from grid.core.errors import RequestError
from tests.support.tiny_grid import RECIPE, write_yaml

COMMITTED = sorted(path.stem for path in (config_folder() / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_recipe_loads_and_names_its_source(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.epochs >= 1 or recipe.initial_weights is not None
    assert (config_folder() / "recipes" / f"{name}.yaml").read_text().startswith("# ")


def test_a_recipe_beside_the_experiment_comes_first(tmp_path: Path) -> None:
    write_yaml(tmp_path / "recipes" / f"{COMMITTED[0]}.yaml", RECIPE | {"epochs": 77})
    assert load_recipe(COMMITTED[0], beside=tmp_path).epochs == 77
    assert load_recipe(COMMITTED[0]).epochs != 77


def test_an_unknown_recipe_proposes_the_nearest(tmp_path: Path) -> None:
    write_yaml(tmp_path / "recipes" / "mine.yaml", RECIPE)
    with pytest.raises(RequestError, match=r"x\.yaml:4: unknown recipe 'mnie'; did you mean 'mine'\? Choices: "):
        load_recipe("mnie", beside=tmp_path, where="x.yaml:4")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": -1}, r"tiny\.yaml:1: epochs: .*greater than or equal to 0 \(given: -1\)"),
        ({"optimiser": {"learning_rate": -1}}, r"tiny\.yaml:4: optimiser\.learning_rate: .*\(given: -1\)"),
        ({"epoch": 5}, r"tiny\.yaml:\d+: unknown key 'epoch'; did you mean 'epochs'\?"),
        ({"crop": {"sample": 4800}}, r"tiny\.yaml:6: .*unknown key 'sample'; did you mean 'samples'\?"),
        ({"schedule": {"kind": "cosin", "floor": 0}}, r"tiny\.yaml:\d+: schedule: .*'cosin'.*'cosine'"),
        ({"schedule": {"kind": "cosine"}}, r"tiny\.yaml:\d+: schedule\.floor: Field required"),
        ({"class_weights": [0.0, 1.0]}, r"class_weights must be positive"),
        ({"dev_labels": "fix"}, r"tiny\.yaml:\d+: dev_labels: .*'policy' or 'fixed' \(given: 'fix'\)"),
        ({"dev_cors": "all"}, r"dev_cors: all needs dev_labels: fixed"),
        ({"model_selection": "last", "ties": "last"}, r"ties: last does nothing with model_selection 'last'"),
        ({"averaged_epochs": 3}, r"'best dev EER' with averaged_epochs 3: give the number for 'average of the best'"),
        ({"model_selection": "average of the best"}, r"with averaged_epochs None: give the number"),
        (
            {"schedule": {"kind": "cosine", "floor": 0, "warm_up_epochs": 2.5}},
            r"warm_up_epochs 2\.5 is more than the 2",
        ),
        ({"precision": "float16"}, r"tiny\.yaml:\d+: precision: .*'float32' or 'bfloat16' \(given: 'float16'\)"),
    ],
)
def test_a_wrong_value_names_file_line_and_choices(tmp_path: Path, change: dict[str, object], message: str) -> None:
    write_yaml(tmp_path / "recipes" / "tiny.yaml", RECIPE | change)
    with pytest.raises(RequestError, match=message):
        load_recipe("tiny", beside=tmp_path)


def test_every_field_of_a_recipe_is_part_of_its_json() -> None:
    later = {"ties": "last", "dev_labels": "fixed", "dev_cors": "none", "averaged_epochs": 3}
    assert set(later) == set(LATER_FIELDS)
    later["model_selection"] = "average of the best"
    recipe = Recipe.model_validate(RECIPE | later | {"early_stopping": {"patience": 3, "compared_with": "last gain"}})
    written = recipe.model_dump(mode="json")
    assert set(written) == set(Recipe.model_fields)
    assert written["early_stopping"] == {"patience": 3, "minimum_change": 0.0, "compared_with": "last gain"}
    assert Recipe.model_validate(written) == recipe


def test_defaults_of_later_fields_are_left_out_of_the_json() -> None:
    recipe = Recipe.model_validate(RECIPE | {"early_stopping": {"patience": 3}})
    written = recipe.model_dump(mode="json")
    assert set(written) == set(Recipe.model_fields) - set(LATER_FIELDS)
    assert written["early_stopping"] == {"patience": 3, "minimum_change": 0.0}
    assert Recipe.model_validate(written) == recipe


@pytest.mark.parametrize("paper", ["cdd", "codecfake", "codecfake-plus"])
def test_recipe_of_the_code_marks_just_what_differs_from_the_paper(paper: str) -> None:
    recipes = [load_recipe(f"{paper}-{kind}") for kind in ("paper", "code")]
    stated, coded = ({name: getattr(recipe, name) for name in Recipe.model_fields} for recipe in recipes)
    text = (config_folder() / "recipes" / f"{paper}-code.yaml").read_text()
    marked = {_key(line) for line in text.splitlines() if "# differs" in line}
    # the floor is never reached; scores do not depend on their batches; an average holds all ties
    silent = {"schedule", "score_batch_size", "ties"}
    different = {key for key in stated if stated[key] != coded[key]} - silent
    inner = {"optimiser": {"learning_rate"}, "crop": {"evaluation"}, "augmentation": {"augmentation"}}
    assert marked == {name for key in different for name in inner.get(key, {key})}


def _key(line: str) -> str:
    """The key of a line of YAML; the steps of an augmentation count as that."""
    return "augmentation" if line.lstrip().startswith("-") else line.split(":")[0].strip()


def test_weights_without_a_digest_name_a_commit_or_say_main(tmp_path: Path) -> None:
    weights = {"path": "a/b/model.safetensors", "source": "hub:a/b"}
    untrained = RECIPE | {"epochs": 0}
    write_yaml(tmp_path / "recipes" / "none.yaml", untrained | {"initial_weights": weights})
    with pytest.raises(RequestError, match=r"give the sha256 of the file, or the revision of its hub repository"):
        load_recipe("none", beside=tmp_path)
    write_yaml(tmp_path / "recipes" / "main.yaml", untrained | {"initial_weights": weights | {"revision": "main"}})
    loaded = load_recipe("main", beside=tmp_path).initial_weights
    assert loaded is not None
    assert not loaded.is_pinned
    assert (loaded.file.hub_repo, loaded.file.hub_file, loaded.file.revision) == ("a/b", "model.safetensors", "main")
    other = weights | {"source": "https://example.org/b", "revision": "0" * 40}
    write_yaml(tmp_path / "recipes" / "url.yaml", untrained | {"initial_weights": other})
    with pytest.raises(RequestError, match=r"revision is of a hub repository, and the source is 'https://example\.org"):
        load_recipe("url", beside=tmp_path)
