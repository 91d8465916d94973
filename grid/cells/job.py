"""The job of one cell, complete enough for any machine: identity, data, detector, recipe and renditions to score."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from grid.cells.balance import Balance
from grid.config.recipe import Recipe
from grid.core.record import is_finished
from grid.core.store import Store
from grid.core.vocabulary import BONAFIDE, Draw, MixingMode
from grid.detectors.spec import DetectorSpec
from grid.policies import SpeechClass

CELLS = "cells"
"""The folder of all cells."""
STATE = "state.pt"
"""The saved state of an unfinished training; removed at its end."""
HISTORY = "history.json"
"""The epochs so far."""
WEIGHTS = "weights.safetensors"
"""The weights that are scored."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CorsInput(Frozen):
    """CoRS of one codec in training or dev: its rendition's folder and its target (1 bona fide, 0 spoof)."""

    folder: str
    codec: str
    target: float


class Mixing(Frozen):
    """How CoRS are mixed into the recordings.

    `append` adds them as items of their own: each utterance through each codec, or through one that is drawn anew in
    every epoch (`draw`). `replace` substitutes a bona fide item with `probability`, drawn anew in every epoch (the CDD
    paper's NAC augmentation, p = 0.5), through one codec.
    """

    how: MixingMode = "append"
    probability: float = 0.5
    draw: Draw = "each"


class CellJob(Frozen):
    """A cell of the grid.

    `identity` holds all that can change its numbers, and `cell_id` is its digest; the other fields hold the same as
    folders of renditions and as names for people. `dev_cors` are the CoRS of dev with their targets there, None where
    dev holds and labels the same CoRS as training; the recipe's `dev_cors` and `dev_labels` have the rule. Training
    uses only the split train of the renditions in `only_train`, and only dev of those in `only_dev`. `scored` are the
    renditions that the evaluations test on, and `probed` those that only the shortcut conditions do; `classes` are
    those of a policy of several outputs, with the label of CoRS on dev as the key of theirs; `impulse_responses` and
    `noises` those that the recipe's augmentation draws from, "" for none.
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
    dev_cors: tuple[CorsInput, ...] | None = None
    only_train: tuple[str, ...] = ()
    only_dev: tuple[str, ...] = ()
    mixing: Mixing
    balance: Balance | None = None
    scored: tuple[str, ...]
    probed: tuple[str, ...] = ()
    classes: tuple[SpeechClass, ...] = ()
    impulse_responses: str = ""
    noises: str = ""
    detector_spec: DetectorSpec
    recipe: Recipe

    @property
    def folder(self) -> str:
        return cell_folder(self.cell_id)

    @property
    def bonafide_classes(self) -> tuple[bool, ...]:
        """Of each class of a policy of several outputs, whether it is bona fide on dev; empty for detection."""
        return tuple(each.key == BONAFIDE for each in self.classes)

    @property
    def tested(self) -> tuple[str, ...]:
        """The renditions whose test split is scored."""
        return (*self.scored, *self.probed)

    def cors_of(self, split: str) -> tuple[CorsInput, ...]:
        """The CoRS that a split, train or dev, can hold."""
        return self.cors if split == "train" or self.dev_cors is None else self.dev_cors

    def balance_of(self, split: str) -> Balance | None:
        """The balance that chooses the CoRS of a split; dev is not balanced where it holds the CoRS of all codecs."""
        return self.balance if split == "train" or self.recipe.dev_cors == "as trained" else None

    def uses_split(self, folder: str, split: str) -> bool:
        """Whether training uses a split, train or dev, of one of its renditions."""
        return folder not in (self.only_dev if split == "train" else self.only_train)


def cell_folder(cell_id: str) -> str:
    """The folder of a cell in the store."""
    return f"{CELLS}/{cell_id}"


def read_job(store: Store, cell_id: str) -> CellJob:
    """The job as `codecgrid run` froze it."""
    return CellJob.model_validate(store.read_json(f"{cell_folder(cell_id)}/cell.json"))


def scores_folder(cell_folder: str, rendition_folder: str) -> str:
    """The folder of a cell's scores of one rendition; a rendition's folder name ends in its id."""
    return f"{cell_folder}/scores/{rendition_folder.rsplit('/', 1)[-1]}"


def renditions_to_score(store: Store, job: CellJob) -> list[str]:
    """The folders of the renditions that this cell has not scored yet: those whose scores have no record.

    The records are not read, for there may be hundreds of thousands; whoever reads scores checks them.
    """
    return [folder for folder in job.tested if not is_finished(store, scores_folder(job.folder, folder))]
