"""Selections: codecs by the papers' letters, `all`, and balanced over the taxonomy."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from grid.core.errors import RequestError
from grid.experiment.grid import load_experiment
from grid.inputs.batches import UtteranceLoader
from grid.inputs.preparation import Preparation
from grid.training.cell_items import CellDataset
from tests.support.own_cors import own_tiny, read_rows, write_rows
from tests.support.tiny_grid import Tiny, write_experiment, write_yaml

TIME, FREQ = ("bigcodec", "dac-24khz"), ("audiodec-24khz", "language-codec", "wavtokenizer-small")
NEURAL = [*TIME, *FREQ]


def codecs_of(tmp_path: Path, *selections: Any, **fields: Any) -> dict[str, tuple[str, ...]]:
    """The codecs of each selection of a file."""
    config = write_experiment(tmp_path, grid={"selections": list(selections)}, **fields)
    return {selection.name: selection.codecs for selection in load_experiment(config)[0].grid.selections}


# --- words


def test_codecs_are_named_by_the_letters_of_the_papers(tmp_path: Path) -> None:
    letters = {"name": "j-l", "codecs": ["codecfake-plus:J", "codecfake-plus:L1", "codecfake-plus:L2"]}
    found = codecs_of(tmp_path, letters, "codecfake-plus:D1", "mu-law", {"name": "e", "codecs": "codecfake:A"})
    assert found == {
        "j-l": ("language-codec", "vocos-encodec-6kbps", "vocos-encodec-12kbps"),
        "encodec-24khz-6kbps": ("encodec-24khz-6kbps",),
        "mu-law": ("mu-law",),
        "e": ("speechtokenizer-hubert-avg",),
    }


def test_all_are_the_codecs_named_elsewhere_and_those_of_a_paper_its_table(tmp_path: Path) -> None:
    everything, paper = {"name": "all", "codecs": "all"}, {"name": "paper", "codecs": "codecfake-plus:all"}
    found = codecs_of(tmp_path, everything, "mu-law", "codecfake:D2", evaluation_codecs=["gsm-06.10", "mu-law"])
    assert found["all"] == ("mu-law", "dac-24khz", "gsm-06.10")
    assert len(codecs_of(tmp_path, paper)["paper"]) == 31
    assert len(codecs_of(tmp_path, everything, evaluation_codecs=["codecfake:all"])["all"]) == 15


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("codecfake-plus:Z", r"tiny.yaml:\d+: unknown codecfake_plus letter 'Z'"),
        ("cdd-2:A", r"tiny.yaml:\d+: unknown paper 'cdd-2'; did you mean 'cdd'"),
        ({"name": "all", "codecs": "all"}, r"tiny.yaml:\d+: `all` are the codecs .* and there are none"),
        ({"name": "x"}, "give `codecs`, or `top` and `of`"),
        ({"name": "x", "codecs": ["mu-law"], "scale": 4}, "`scale` is that of a balance"),
        ({"name": "x", "codecs": ["mu-law"], "balance": "dec", "draw": "one"}, "leave out `draw: one`"),
        ({"name": "x", "top": 2}, "`top` and `of` belong together"),
        ({"name": "x", "codecs": ["mu-law"], "by": "CoSG"}, "and `by`, `detector` and `policy` to them"),
    ],
)
def test_selections_that_say_nothing_or_too_much_are_refused(tmp_path: Path, selection: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        codecs_of(tmp_path, selection)


def test_a_codec_by_name_and_by_letter_is_one_selection_twice(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="selection dac-24khz is given twice"):
        codecs_of(tmp_path, "dac-24khz", "codecfake-plus:B")


def read_yaml_of(made: Tiny) -> dict[str, Any]:
    loaded = yaml.safe_load(made.config.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


# --- balance


def balanced(folder: Path, *policies: Any, **selection: Any) -> Tiny:
    """A cell for each policy on a corpus whose recordings have CoRS of five neural codecs, all of its own."""
    made = own_tiny(
        folder,
        corpus={"speakers": 3, "utterances": 3},
        grid={
            "selections": [{"name": "balanced", "codecs": NEURAL, "balance": "dec", **selection}],
            "policies": list(policies) or ["spoof"],
        },
        evaluations={"cors": {"bonafide": "raw", "spoof": "cors"}},
    )
    protocol = folder / "corpus" / "protocol.csv"
    rows = [row for row in read_rows(protocol) if not row["codec"]]
    recordings = [row for row in rows if row["key"] == "bonafide"]
    rows += [
        row | {"utterance_id": f"{row['utterance_id']}~{codec}", "codec": codec, "pending": ""}
        for row in recordings
        for codec in NEURAL
    ]
    write_rows(protocol, rows)
    return made


@pytest.mark.parametrize(("scale", "time", "freq"), [(1, 5, 4), (2, 9, 9)])
@pytest.mark.parametrize("split", ["train", "dev"])
@pytest.mark.slow
def test_a_balanced_cell_trains_on_as_many_utterances_of_each_sub_category(
    tmp_path: Path, split: Any, scale: int, time: int, freq: int
) -> None:
    made = balanced(tmp_path, scale=scale)
    (job,) = made.rendered().cells
    audio = UtteranceLoader(made.store, Preparation(job.detector_spec.input, job.recipe.crop), split, 0)
    data = CellDataset(job, audio, split)
    items = data.training_set.items(3)
    heard = defaultdict(list)
    for place, target in zip(data.rows(items, range(len(items))), items.target, strict=True):
        row = audio.source(place.folder).table.slice(place.row, 1).to_pylist()[0]
        if row["codec"]:
            assert target == 0
            heard[row["codec"]].append(row["origin"])
    sizes = [sum(len(heard[codec]) for codec in codecs) for codecs in (TIME, FREQ)]
    assert sizes == [time, freq]
    assert set(Counter(origin for names in heard.values() for origin in names).values()) == {scale}
    assert data.training_set.prior().spoof == 9 + 9 * scale
    assert [len(data.training_set.items(epoch)) for epoch in range(3)] == [9 + 9 + 9 * scale] * 3


def test_a_balance_and_its_scale_move_a_cell_that_comes_back_from_its_json(tmp_path: Path) -> None:
    made = balanced(tmp_path)
    made.corpus()
    content = read_yaml_of(made)
    ids = set()
    for changes in ({}, {"balance": "qua"}, {"scale": 2}, {"balance": None}):
        (selection,) = content["grid"]["selections"]
        write_yaml(made.config, content | {"grid": content["grid"] | {"selections": [selection | changes]}})
        (job,) = made.grid.cells
        assert type(job).model_validate_json(job.model_dump_json()) == job
        ids.add(job.cell_id)
    assert len(ids) == 4


def test_a_balance_with_a_policy_that_replaces_is_refused(tmp_path: Path) -> None:
    made = balanced(tmp_path, {"label": "spoof", "mixing": "replace"})
    made.corpus()
    with pytest.raises(RequestError, match="selection balanced: its CoRS are appended, and policy spoof-replace"):
        _ = made.grid.cells
