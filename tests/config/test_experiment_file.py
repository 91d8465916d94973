"""Experiment files: those of the repository are valid; errors have file, line, value and nearest choice."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grid.config.yaml_file import config_folder
from grid.core.errors import RequestError
from grid.core.store import Store
from grid.experiment.grid import load_experiment, resolve
from tests.support.committed_experiments import COMMITTED, config_name, made_up_corpus
from tests.support.tiny_grid import EXPERIMENT, GRID, tiny, write_experiment

PLAN_WITHOUT_HEAVY_PACKAGES = """
import sys

HEAVY = {"ray", "mlflow", "transformers", "encodec", "dac", "audiotools", "snac", "bigcodec", "ai_edge_litert",
         "pyworld", "matplotlib", "torch"}
sys.argv = ["codecgrid", "plan", sys.argv[1], "--root", sys.argv[2], "--json"]
from tasks.cli import main
try:
    main()
finally:
    print("loaded:", *sorted(HEAVY & sys.modules.keys()), file=sys.stderr)
"""


@pytest.mark.parametrize("path", COMMITTED, ids=config_name)
def test_committed_experiment_plans(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grid.experiment.grid.corpus_facts", made_up_corpus)
    grid = resolve(path, Store.open(tmp_path))
    assert len(grid.cells) >= 1
    assert len({rendition.folder for rendition in grid.renditions}) == len(grid.renditions)


@pytest.mark.parametrize("path", COMMITTED, ids=config_name)
def test_committed_experiment_opens_with_command_hardware_and_expectation(path: Path) -> None:
    header = re.match(r"(#.*\n)+", path.read_text())
    assert header is not None
    for word in (f"codecgrid run configs/{config_name(path)}", "Command:", "Hardware:", "Expect:"):
        assert word in header[0]


@pytest.mark.slow
def test_plan_needs_no_heavy_package_and_writes_nothing(tmp_path: Path) -> None:
    demo = config_folder() / "demo.yaml"
    done = subprocess.run(
        [sys.executable, "-c", PLAN_WITHOUT_HEAVY_PACKAGES, str(demo), str(tmp_path / "root")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1].split() == ["loaded:"]
    assert done.stdout.count('"cell_id"') == len(
        {cell.cell_id for cell in resolve(demo, Store.open(tmp_path / "other")).cells}
    )
    assert list(tmp_path.iterdir()) == []


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "codec": ({"grid": {"selections": ["opus-6kbs"]}}, r"unknown codec 'opus-6kbs'; did you mean 'opus-6kbps'\?"),
    "codec of a selection": (
        {"grid": {"selections": [{"name": "two", "codecs": ["mu-law", "mulaw"]}]}},
        r"unknown codec 'mulaw'; did you mean 'mu-law'\?",
    ),
    "evaluation codec": ({"evaluation_codecs": ["gsm"]}, r"unknown codec 'gsm'"),
    "policy": ({"grid": {"policies": ["bona-fide"]}}, r"unknown policy 'bona-fide'; did you mean 'bonafide'\?"),
    "policy without its target": ({"grid": {"policies": ["soft"]}}, r"policy 'soft' needs a target"),
    "detector": ({"grid": {"detectors": ["tinny"]}}, r"unknown detector 'tinny'; did you mean 'tiny'\?"),
    "attack": ({"attacks": [{"name": "wrold"}]}, r"unknown attack 'wrold'; did you mean 'world'\?"),
    "recipe": ({"recipes": {"tiny": "tinny"}}, r"unknown recipe 'tinny'; did you mean 'tiny'\?"),
    "excluded policy": (
        {"grid": {"exclude": [{"policies": ["spoofs"]}]}},
        r"unknown policies 'spoofs'; did you mean 'spoof'\?",
    ),
    "excluded seed": ({"grid": {"exclude": [{"seeds": [3]}]}}, r"unknown seeds 3\. Choices: 0\."),
    "key": ({"evaluation": {}}, r"unknown key 'evaluation'; did you mean 'evaluations'\?"),
    "key of the grid": ({"grid": {"polices": ["none"]}}, r"unknown key 'polices'; did you mean 'policies'\?"),
    "key of a corpus": (
        {"corpora": [{"name": "tiny", "raeder": "csv"}]},
        r"unknown key 'raeder'; did you mean 'reader'\?",
    ),
    "role": (
        {"evaluations": {"x": {"bonafide": "raw", "spoof": "fake"}}},
        r"evaluations\.x\.spoof\.0: .*'raw', 'cors', 'attack' or 'cosg' \(given: 'fake'\)",
    ),
    "a role in both classes": (
        {"evaluations": {"x": {"bonafide": ["raw", "cors"], "spoof": "cors"}}},
        r"evaluations\.x: .*\['cors'\] cannot be bona fide and spoof at once",
    ),
    "probability": (
        {"grid": {"policies": [{"label": "spoof", "mixing": "replace", "probability": 1.5}]}},
        r"grid\.policies\.0\.probability: .*less than or equal to 1 \(given: 1\.5\)",
    ),
    "name": ({"name": "My Grid"}, r"name: .*'My Grid' must be lower-case"),
    "a name twice": ({"grid": {"seeds": [0, 1, 0]}}, r"seed 0 is given twice"),
    "cross testing": ({"cross_testing": "T-CoRS"}, r"cross_testing 'T-CoRS' is none of raw, cors"),
    "reader": (
        {"corpora": [{"name": "tiny", "reader": "cvs", "path": "corpus/protocol.csv"}]},
        r"unknown corpus reader 'cvs'; did you mean 'csv'\?|unknown reader 'cvs'; did you mean 'csv'\?",
    ),
    "path": (
        {"corpora": [{"name": "tiny", "reader": "csv", "path": "corpus/absent.csv"}]},
        r"absent\.csv",
    ),
    "corpus of an evaluation": (
        {"evaluations": {"x": {"bonafide": "raw", "spoof": "cors", "corpora": ["tiney"]}}},
        r"unknown corpus 'tiney'; did you mean 'tiny'\?",
    ),
    "a split that no corpus is used for": (
        {"corpora": [{"name": "tiny", "splits": ["train", "test"]}]},
        r"corpora: .*no corpus is used for dev: add it to the `splits` of one",
    ),
    "a bank named like a corpus": ({"noises": {"name": "tiny"}}, r"corpus tiny is given twice"),
    "augmentation without its impulse responses": (
        {"recipe": {"augmentation": [{"kind": "rir", "probability": 1}]}},
        r"recipe 'tiny' augments by 'rir', and the experiment names no impulse_responses; give it a corpus: ",
    ),
    "path without reader": (
        {"corpora": [{"name": "tiny", "path": "corpus/protocol.csv"}]},
        r"give `reader` and `path` together",
    ),
}


READER = {"name": "tiny", "reader": "csv", "path": "corpus/protocol.csv"}
ONE = {"bonafide": "raw", "spoof": "attack"}
NO_VALUE: list[tuple[dict[str, Any], str]] = [
    ({"name": "a" * 300}, "a name has at most 100 characters, and this one 300"),
    ({"grid": {"selections": [{"name": "a" * 300, "codecs": ["mu-law"]}]}}, "a name has at most 100 characters"),
    ({"corpora": [{**READER, "name": "a" * 101}]}, "a name has at most 100 characters, and this one 101"),
    ({"grid": {"seeds": [True]}}, "seeds: true is not a number"),
    ({"grid": {"seeds": [-1]}}, r"seeds\.0: .*greater than or equal to 0"),
    ({"grid": {"seeds": [2**32]}}, r"seeds\.0: .*less than 4294967296"),
    ({"codec_seed": True}, "codec_seed: true is not a number"),
    ({"resources": {"cpus_per_cell": float("inf")}}, r"resources\.cpus_per_cell: \.inf is no finite number"),
    ({"resources": {"cpus_per_cell": "inf"}}, r"resources\.cpus_per_cell: .*a finite number"),
    ({"resources": {"cpus_per_cell": 10**9}}, r"resources\.cpus_per_cell: .*less than or equal to 1024"),
    ({"resources": {"codec_workers": 10**9}}, r"resources\.codec_workers: .*less than or equal to 10000"),
    ({"bootstrap": {"replicates": 10**12}}, r"bootstrap\.replicates: .*less than or equal to 1000000"),
    ({"evaluations": {"a\nb": ONE}}, r"evaluations: 'a\\nb' must be one line of 1 to 100 characters"),
    ({"evaluations": {"a" * 101: ONE}}, "must be one line of 1 to 100 characters"),
    ({"recipe": {"epochs": 10**12}}, "epochs: .*less than or equal to 10000"),
    ({"recipe": {"epochs": True}}, "epochs: true is not a number"),
    ({"recipe": {"batch_size": 10**9}}, "batch_size: .*less than or equal to 65536"),
    ({"recipe": {"score_batch_size": 10**9}}, "score_batch_size: .*less than or equal to 65536"),
    ({"recipe": {"crop": {"samples": 10**12}}}, r"crop\.samples: .*less than or equal to 9600000"),
    ({"recipe": {"optimiser": {"learning_rate": float("inf")}}}, r"optimiser\.learning_rate: \.inf is no finite"),
    ({"recipe": {"optimiser": {"learning_rate": "1e999"}}}, r"optimiser\.learning_rate: .*a finite number"),
    ({"recipe": {"optimiser": {"learning_rate": 1, "betas": [float("nan"), 0.9]}}}, r"betas\.0: \.nan is no finite"),
    ({"recipe": {"optimiser": {"learning_rate": 1, "betas": [2, 2]}}}, r"betas\.0: .*less than 1 \(given: 2\)"),
    ({"recipe": {"optimiser": {"learning_rate": 1, "betas": [0.9, True]}}}, "betas: true is not a number"),
]


@pytest.mark.parametrize(("change", "said"), NO_VALUE, ids=[said[:40] for _, said in NO_VALUE])
def test_value_that_cannot_be_meant_is_refused_with_its_line(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    recipe = change.get("recipe")
    path = write_experiment(tmp_path, **change)
    with pytest.raises(RequestError, match=rf"tiny\.yaml:\d+: .*{said}") as caught:
        resolve(path, Store.open(tmp_path / "root"))
    assert ("recipes" in str(caught.value)) == (recipe is not None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delimiter": 5}, "option delimiter of reader 'csv' is 5; it must be a text"),
        ({"delimiter": "ab"}, "option delimiter is 'ab'; it must be one character"),
        ({"delimiter": '"'}, "option delimiter is '\"'; it must be one character"),
        ({"root": ["a"]}, r"option root of reader 'csv' is \['a'\]; it must be a text"),
        ({"split": True}, "option split of reader 'csv' is True; it must be a text"),
        ({"split": None}, "option split of reader 'csv' is None; it must be a text"),
    ],
)
def test_option_of_a_reader_of_another_type_says_which_it_must_be(
    options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    made = tiny(tmp_path, corpus={"speakers": 1, "utterances": 1}, corpora=[{**READER, "options": options}])
    with pytest.raises(RequestError, match=said):
        resolve(made.config, made.store)


@pytest.mark.parametrize("what", WRONG)
def test_wrong_value_names_place_and_choice(what: str, tmp_path: Path) -> None:
    change, message = WRONG[what]
    path = write_experiment(tmp_path, **change)
    with pytest.raises(RequestError, match=message) as caught:
        resolve(path, Store.open(tmp_path / "root"))
    without_line = {"path", "reader"}
    assert re.search(r"tiny\.yaml:\d+: ", str(caught.value)) or what in without_line


def test_the_line_is_that_of_the_value(tmp_path: Path) -> None:
    path = write_experiment(tmp_path, grid={"selections": ["opus-6kbps", "mu-law", "gsm-6.10"]})
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "gsm-6.10" in text)
    with pytest.raises(RequestError, match=rf"^{re.escape(str(path))}:{line}: unknown codec 'gsm-6\.10'"):
        load_experiment(path)


def test_all_wrong_values_are_told_at_once(tmp_path: Path) -> None:
    path = write_experiment(tmp_path, codec_seed="x", max_failed_share=2)
    with pytest.raises(RequestError) as caught:
        load_experiment(path)
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["codec_seed", "max_failed_share"]


def test_short_forms_of_selections_policies_and_roles(tmp_path: Path) -> None:
    experiment, _ = load_experiment(write_experiment(tmp_path))
    assert [(s.name, s.codecs) for s in experiment.grid.selections] == [(n, (n,)) for n in GRID["selections"]]
    assert [p.name for p in experiment.grid.policies] == GRID["policies"]
    assert experiment.evaluations["raw"].spoof == ("attack",)
    assert experiment.name == EXPERIMENT["name"]


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        ("none", "none"),
        ({"label": "bonafide", "mixing": "replace"}, "bonafide-replace-0.5"),
        ({"label": "soft", "target": 0.25}, "soft-0.25"),
        ({"label": "soft", "target": 0.25, "mixing": "replace", "probability": 1}, "soft-0.25-replace-1"),
    ],
)
def test_policies_have_short_names_that_tell_them_apart(tmp_path: Path, policy: Any, name: str) -> None:
    experiment, _ = load_experiment(write_experiment(tmp_path, grid={"policies": [policy]}))
    assert experiment.grid.policies[0].name == name
