"""The expansion of an experiment: its cells, and what changes their ids and what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grid.cells.job import CellJob
from grid.core.errors import RequestError
from grid.experiment.grid import Grid
from grid.resynthesis.rendition import RAW, Chain
from tests.support.tiny_grid import DETECTOR, GRID, Tiny, tiny, write_experiment, write_yaml

WORLD = [{"name": "world", "through": "nothing"}, {"name": "world", "through": "selection"}]
COSG = {"all": {"bonafide": ["raw", "cors"], "spoof": ["attack", "cosg"]}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A tiny experiment whose corpus is imported; tests write the file again."""
    experiment = tiny(tmp_path_factory.mktemp("experiment"))
    experiment.corpus()
    return experiment


def expand(made: Tiny, **changes: Any) -> Grid:
    write_experiment(made.config.parent, **changes)
    return made.grid


def only(grid: Grid) -> CellJob:
    (cell,) = grid.cells
    return cell


def one_cell(made: Tiny, policy: Any = "bonafide", selection: Any = "opus-6kbps", **changes: Any) -> CellJob:
    axes = {"policies": [policy], "selections": [selection], **changes.pop("grid", {})}
    return only(expand(made, grid=axes, **changes))


def test_cells_are_the_product_with_one_baseline_for_all_selections(made: Tiny) -> None:
    cells = expand(made).cells
    assert len({cell.cell_id for cell in cells}) == len(cells)
    assert [(c.selection, c.policy) for c in cells] == [
        ("none", "none"),
        ("opus-6kbps", "bonafide"),
        ("opus-6kbps", "spoof"),
        ("gsm-06.10", "bonafide"),
        ("gsm-06.10", "spoof"),
        ("mu-law", "bonafide"),
        ("mu-law", "spoof"),
    ]


def test_baselines_that_hear_codec_fed_attacks_are_not_shared(made: Tiny) -> None:
    cells = expand(made, attacks=WORLD, evaluations=COSG).cells
    baselines = [cell for cell in cells if cell.policy == "none"]
    assert [cell.selection for cell in baselines] == GRID["selections"]
    assert len(cells) == 9


def test_excluded_cells_are_absent_and_the_others_keep_their_ids(made: Tiny) -> None:
    before = {cell.cell_id: cell for cell in expand(made, grid={"seeds": [0, 1]}).cells}
    rules = [{"policies": ["spoof"], "selections": ["mu-law", "gsm-06.10"]}, {"seeds": [1], "policies": ["bonafide"]}]
    after = expand(made, grid={"seeds": [0, 1], "exclude": rules}).cells
    left_out = [before[cell_id] for cell_id in before.keys() - {cell.cell_id for cell in after}]
    assert {cell.cell_id for cell in after} < before.keys()
    assert all(
        (c.policy == "spoof" and c.selection in ("mu-law", "gsm-06.10")) or (c.policy, c.seed) == ("bonafide", 1)
        for c in left_out
    )
    assert len(left_out) == 4 + 3


def test_names_and_resources_do_not_move_a_cell(made: Tiny) -> None:
    cell = one_cell(made)
    write_yaml(made.config.parent / "detectors" / "other.yaml", {**DETECTOR, "name": "other"})
    same: dict[str, dict[str, Any]] = {
        "name of the selection": {"selection": {"name": "mine", "codecs": ["opus-6kbps"]}},
        "label of the detector": {"grid": {"detectors": ["other"]}},
        "name of the experiment": {"name": "renamed"},
        "drawing one of one codec": {"selection": {"name": "one", "codecs": ["opus-6kbps"], "draw": "one"}},
        "probability of a mixing that draws nothing": {"policy": {"label": "bonafide", "probability": 0.2}},
        "resources": {"resources": {"cpus_per_cell": 4, "gpus_per_codec_worker": 1, "codec_workers": 3}},
        "evaluations": {"evaluations": {"other": {"bonafide": "raw", "spoof": "cors"}}},
        "bootstrap": {"bootstrap": {"replicates": 500}},
        "evaluation codecs": {"evaluation_codecs": ["mu-law"]},
        "root": {"root": "elsewhere"},
    }
    found = {what: one_cell(made, **changes).cell_id for what, changes in same.items()}
    assert found == dict.fromkeys(same, cell.cell_id)


def test_everything_that_changes_numbers_moves_a_cell(made: Tiny) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"recipe": {"epochs": 3}},
        {"recipe": {"precision": "bfloat16"}},
        {"grid": {"seeds": [1]}},
        {"selection": "opus-16kbps"},
        {"selection": {"name": "two", "codecs": ["opus-6kbps", "mu-law"]}},
        {"selection": {"name": "two", "codecs": ["opus-6kbps", "mu-law"], "draw": "one"}},
        {"policy": "spoof"},
        {"policy": {"label": "soft", "target": 0.5}},
        {"policy": {"label": "soft", "target": 0.6}},
        {"policy": {"label": "bonafide", "mixing": "replace"}},
        {"policy": {"label": "bonafide", "mixing": "replace", "probability": 0.4}},
        {"codec_seed": 1},
        {"attacks": WORLD[:1]},
    ]
    ids = [one_cell(made, **change).cell_id for change in changes]
    assert len(set(ids)) == len(changes)
    write_yaml(made.config.parent / "detectors" / "wider.yaml", {**DETECTOR, "name": "wider", "input": {}})
    assert one_cell(made, grid={"detectors": ["wider"]}).cell_id not in ids


def test_an_utterance_more_moves_every_cell_and_a_moved_corpus_none(tmp_path: Path) -> None:
    here, there = tiny(tmp_path / "a"), tiny(tmp_path / "b")
    more = tiny(tmp_path / "c", corpus={"speakers": 3})
    ids = [{cell.cell_id for cell in made.grid.cells} for made in (here, there, more)]
    assert ids[0] == ids[1]
    assert not ids[0] & ids[2]


def test_by_design_leaves_out_codecs_of_both_aims(made: Tiny) -> None:
    mixed = {"name": "mixed", "codecs": ["opus-6kbps", "mimi-8cb", "semanticodec-0.7kbps"]}
    cell = one_cell(made, policy="by-design", selection=mixed)
    assert [(given.codec, given.target) for given in cell.cors] == [("opus-6kbps", 1.0), ("mimi-8cb", 0.0)]


def test_renditions_hold_all_that_cells_hear_parents_first(made: Tiny) -> None:
    grid = expand(made, attacks=WORLD, evaluations=COSG, evaluation_codecs=["opus-16kbps"])
    folders = [rendition.folder for rendition in grid.renditions]
    needed = {f for c in grid.cells for f in (*c.recordings, *c.attacks, *c.scored, *(x.folder for x in c.cors))}
    assert needed == set(folders)
    chains = [rendition.chain for rendition in grid.renditions]
    assert chains[0] == RAW
    assert all(chain.parent is None or chain.parent in chains[:i] for i, chain in enumerate(chains))
    assert {Chain("world", "opus-16kbps"), Chain("", "opus-16kbps")} <= set(chains)


def test_every_cell_is_scored_on_the_same_renditions(made: Tiny) -> None:
    cells = expand(made, attacks=WORLD, evaluations=COSG).cells
    assert len({cell.scored for cell in cells}) == 1
    assert len(cells[0].scored) == 1 + 1 + 3 + 3


def test_a_job_comes_back_from_its_json(made: Tiny) -> None:
    cell = one_cell(made, policy={"label": "soft", "target": 0.3})
    assert CellJob.model_validate_json(cell.model_dump_json()) == cell


def test_a_corpus_that_is_nowhere_says_how_to_import_it(made: Tiny) -> None:
    with pytest.raises(
        RequestError, match=r"corpus 'asvspoof5' is not in .*codecgrid import READER PATH --name asvspoof5"
    ):
        _ = expand(made, corpora=[{"name": "asvspoof5"}]).cells


def test_attacks_through_codecs_by_name_are_the_same_for_every_cell(tmp_path: Path) -> None:
    attacks = [{"name": "world", "through": ["gsm-06.10", "mu-law"]}]
    made = tiny(tmp_path, attacks=attacks, evaluations={"T-CoSG": {"bonafide": "raw", "spoof": "cosg"}})
    made.corpora()
    cells = made.grid.cells
    assert len({cell.attacks for cell in cells}) == 1
    assert [name.split("/")[-1].rsplit("-", 1)[0] for name in cells[0].attacks] == ["world~gsm-06.10", "world~mu-law"]
    baseline = [cell for cell in cells if cell.policy == "none"]
    assert [(cell.selection, cell.codecs) for cell in baseline] == [("none", ())]


def test_attacks_that_are_not_trained_are_heard_in_the_tests_alone(made: Tiny) -> None:
    untrained = [{**source, "trained": False} for source in WORLD]
    axes = {"policies": ["spoof"]}
    plain, tested = expand(made, grid=axes), expand(made, grid=axes, attacks=untrained, evaluations=COSG)
    assert [cell.cell_id for cell in tested.cells] == [cell.cell_id for cell in plain.cells]
    assert all(not cell.attacks for cell in tested.cells)
    assert sum("world~" in folder for folder in tested.cells[0].scored) == len(GRID["selections"])


def test_a_design_of_the_experiment_goes_before_that_of_the_catalogue(tmp_path: Path) -> None:
    axes = {"selections": ["mu-law"], "policies": ["by-design"]}
    targets = []
    for number, designs in enumerate([{}, {"mu-law": "synthesis"}]):
        made = tiny(tmp_path / str(number), grid=axes, designs=designs)
        made.corpora()
        (cell,) = made.grid.cells
        targets.append(cell.cors[0].target)
    assert targets == [1.0, 0.0]


def test_a_design_of_an_unknown_codec_is_refused_with_its_line(tmp_path: Path) -> None:
    made = tiny(tmp_path, designs={"mulaw": "synthesis"})
    with pytest.raises(RequestError, match=r"tiny\.yaml:\d+: unknown codec 'mulaw'; did you mean 'mu-law'\?"):
        made.corpora()
