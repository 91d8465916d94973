"""The comparison of artefacts on a tiny grid: the draw, resuming by pieces, the record, and the results it gives."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from statistics import mean

import pyarrow.parquet as pq
import pytest

from grid.analysis.artefacts import (
    PAIRS,
    ArtefactJob,
    compared_renditions,
    finish_artefacts,
    finished_artefacts,
    measure_piece,
    plan_artefacts,
    read_artefacts,
    unmeasured_pieces,
)
from grid.core.errors import RequestError
from grid.core.record import check_outputs
from grid.experiment.grid import Grid
from grid.metrics.residuals import pearson_correlation
from tests.support.tiny_grid import Tiny, tiny, write_corpus

CODECS = ("opus-6kbps", "opus-16kbps", "mu-law")
GRID = {"selections": list(CODECS), "policies": ["spoof"]}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid]:
    made = tiny(tmp_path_factory.mktemp("artefacts"), grid=GRID, artefacts={"utterances": 3})
    return made, made.rendered()


def drawn(job: ArtefactJob) -> set[str]:
    return {utterance for piece in job.pieces for utterance in piece.utterance_ids}


def with_choice(made: Tiny, folder: Path, **choice: object) -> Grid:
    """The grid of the same corpus and store with another `artefacts`."""
    text = made.config.read_text().replace("utterances: 3", "\n  ".join(f"{k}: {v}" for k, v in choice.items()))
    config = made.config.with_name(f"{folder.name}.yaml")
    config.write_text(text)
    return Tiny(config, made.store).grid


@pytest.mark.slow
def test_comparison_resumes_by_pieces_and_holds_every_pair_of_every_drawn_recording(
    rendered: tuple[Tiny, Grid],
) -> None:
    made, grid = rendered
    job = plan_artefacts(made.store, grid)
    assert unmeasured_pieces(made.store, job) == list(range(len(job.pieces)))
    assert finished_artefacts(made.store, grid) is None
    assert read_artefacts(made.store, grid) is None
    measure_piece(job, 0)
    assert unmeasured_pieces(made.store, job) == list(range(1, len(job.pieces)))
    for number in unmeasured_pieces(made.store, job):
        measure_piece(job, number)
    record = finish_artefacts(made.store, grid, job)
    check_outputs(made.store, job.folder, record)
    assert finished_artefacts(made.store, grid) == record
    rows = pq.read_table(made.store.local(f"{job.folder}/{PAIRS}")).to_pylist()
    assert {(r["utterance_id"], r["codec_a"], r["codec_b"]) for r in rows} == {
        (utterance, *pair) for utterance in drawn(job) for pair in combinations(CODECS, 2)
    }
    found = read_artefacts(made.store, grid)
    assert found is not None
    assert (found.utterances, found.codecs) == (3, CODECS)
    example = {(r["codec_a"], r["codec_b"]): r["pearson"] for r in rows if r["utterance_id"] == found.example}
    for one, other in combinations(CODECS, 2):  # half precision is all that a picture needs
        shown = pearson_correlation(found.residuals[one], found.residuals[other])
        assert shown == pytest.approx(example[one, other], abs=1e-3)
        pair = found.pair(one, other)
        assert pair is found.pair(other, one)
        assert pair.example_pearson == example[one, other]
        assert pair.ssim == pytest.approx(mean(r["ssim"] for r in rows if {r["codec_a"], r["codec_b"]} == {one, other}))
    assert found.corpora == ("tiny",)


def test_plan_draws_recordings_of_the_split_and_more_utterances_leave_the_first(
    rendered: tuple[Tiny, Grid], tmp_path: Path
) -> None:
    made, grid = rendered
    few = drawn(plan_artefacts(made.store, grid))
    every = drawn(plan_artefacts(made.store, with_choice(made, tmp_path, utterances=100)))
    assert len(few) == 3
    assert few < every == {f"test-s{speaker}-u{number}" for speaker in (0, 1) for number in (0, 1)}


@pytest.mark.parametrize(("changed"), [{"seed": 1}, {"split": "dev"}, {"codecs": "[opus-6kbps, mu-law]"}])
def test_plan_of_another_request_has_another_folder(
    rendered: tuple[Tiny, Grid], tmp_path: Path, changed: dict[str, object]
) -> None:
    made, grid = rendered
    other = plan_artefacts(made.store, with_choice(made, tmp_path, utterances=3, **changed))
    assert other.folder != plan_artefacts(made.store, grid).folder


def test_plan_before_rendering_says_so(tmp_path: Path) -> None:
    made = tiny(tmp_path, grid=GRID, artefacts={"utterances": 3})
    made.corpora()
    with pytest.raises(RequestError, match="is not finished"):
        plan_artefacts(made.store, made.grid)


def test_plan_without_a_request_names_the_line_to_write(tmp_path: Path) -> None:
    made = tiny(tmp_path, grid=GRID)
    made.corpora()
    with pytest.raises(RequestError, match=r"artefacts: \{utterances: 100\}"):
        plan_artefacts(made.store, made.grid)


def test_experiment_whose_artefacts_name_another_codec_is_refused(tmp_path: Path) -> None:
    made = tiny(tmp_path, grid=GRID, artefacts={"codecs": ["opus-6kbps", "gsm-06.10"]})
    with pytest.raises(RequestError, match=r"artefacts names .gsm-06\.10."):
        _ = made.grid


def test_comparison_is_of_the_corpora_that_are_chosen(tmp_path: Path) -> None:
    write_corpus(tmp_path / "more")
    both = [{"name": name, "reader": "csv", "path": f"{folder}/protocol.csv"}
            for name, folder in (("tiny", "corpus"), ("more", "more"))]  # fmt: skip
    chosen = {"utterances": 2, "corpora": "more"}
    made = tiny(tmp_path, grid=GRID, corpora=both, artefacts=chosen)
    made.corpora()
    assert [found.recordings.corpus.name for found in compared_renditions(made.grid)] == ["more"]
    unknown = tiny(tmp_path, grid=GRID, corpora=both, artefacts=chosen | {"corpora": ["mor"]})
    with pytest.raises(RequestError, match=r"tiny.yaml:\d+: unknown corpus 'mor'; did you mean 'more'"):
        _ = unknown.grid
    both[1]["splits"] = "train"
    elsewhere = tiny(tmp_path, grid=GRID, corpora=both, artefacts=chosen)
    with pytest.raises(RequestError, match="artefacts: no corpus of more is used for test"):
        compared_renditions(elsewhere.grid)
