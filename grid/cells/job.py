"""One cell's work, complete: what to train on, with what, and what to score; a file that any machine can run."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from grid.cells.balance import Balance
from grid.config.recipe import Recipe
from grid.core.record import read_record
from grid.core.store import Store
from grid.core.vocabulary import Draw, MixingMode
from grid.detectors.spec import DetectorSpec


def scores_folder(cell_folder: str, rendition_folder: str) -> str:
    """Where the scores of one rendition lie in a cell; a rendition's folder name ends in its id."""
    return f"{cell_folder}/scores/{rendition_folder.rsplit('/', 1)[-1]}"


def renditions_to_score(store: Store, job: CellJob) -> list[str]:
    """The folders of the renditions that this cell has not scored yet."""
    return [folder for folder in job.scored if read_record(store, scores_folder(job.folder, folder)) is None]


STATE = "state.pt"
"""What a training continues from; gone when it is finished."""
HISTORY = "history.json"
"""The epochs so far."""
WEIGHTS = "weights.safetensors"
"""The detector that is scored."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CorsInput(Frozen):
    """CoRS of one codec in training: its rendition's folder and its target (1 bona fide, 0 spoof)."""

    folder: str
    codec: str
    target: float


class Mixing(Frozen):
    """How CoRS joins the recordings.

    `append` adds it as items of its own: each utterance through each codec, or through one that is drawn anew in every
    epoch (`draw`). `replace` puts it in the place of a bona fide item with `probability`, drawn anew in every epoch
    (the CDD paper's NAC augmentation, p = 0.5), through one codec.
    """

    how: MixingMode = "append"
    probability: float = 0.5
    draw: Draw = "each"


class CellJob(Frozen):
    """A cell of the grid.

    `identity` is all that can change its numbers and `cell_id` its digest; the other fields say the same in a form to
    work with (folders of renditions) or for people (names). Of the renditions in `only_train` and `only_dev` no other
    split is heard in training. `scored` are the renditions whose test split is scored;
    `impulse_responses` and `noises` those that the recipe's augmentation draws from, "" for none.
    """

    cell_id: str
    experiment: str
    selection: str
    codecs: tuple[str, ...]
    policy: str
    detector: str
    seed: int
    identity: dict[str, Any]
    recordings: tuple[str, ...]
    attacks: tuple[str, ...]
    cors: tuple[CorsInput, ...]
    only_train: tuple[str, ...] = ()
    only_dev: tuple[str, ...] = ()
    mixing: Mixing
    balance: Balance | None = None
    scored: tuple[str, ...]
    impulse_responses: str = ""
    noises: str = ""
    detector_spec: DetectorSpec
    recipe: Recipe

    @property
    def folder(self) -> str:
        return cell_folder(self.cell_id)

    def hears(self, folder: str, split: str) -> bool:
        """Whether training uses a split, train or dev, of one of its renditions."""
        return folder not in (self.only_dev if split == "train" else self.only_train)


def cell_folder(cell_id: str) -> str:
    """Where a cell lies in the store."""
    return f"cells/{cell_id}"


def read_job(store: Store, cell_id: str) -> CellJob:
    """The job as `codecgrid run` froze it."""
    return CellJob.model_validate(store.read_json(f"{cell_folder(cell_id)}/cell.json"))
