"""Gangs: the cells that may train together around one frozen encoder, and the encoder passes that this saves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grid.cells.job import CellJob
from grid.core.identity import canonical_json, plain
from grid.resynthesis.rendition import RAW, Rendition


@dataclass(frozen=True)
class RenditionCounts:
    """The utterances of one split of a rendition, by class."""

    bonafide: int
    spoof: int

    @property
    def all(self) -> int:
        return self.bonafide + self.spoof


def gangs(jobs: Iterable[CellJob], most: int) -> list[tuple[CellJob, ...]]:
    """The cells in gangs of at most `most`, in their order; a cell that can share with no other is alone.

    Cells can share when their frozen encoder, input level, crop, augmentation, batch sizes, precision, seed and
    recordings agree: then they train on the same waveforms, except for the CoRS that their policies mix in.
    """
    groups_of_key: dict[bytes, list[list[CellJob]]] = {}
    order: list[list[CellJob]] = []
    for job in jobs:
        key = _key(job)
        groups = groups_of_key.setdefault(key, []) if key is not None else []
        if not groups or len(groups[-1]) >= most:
            groups.append([])
            order.append(groups[-1])
        groups[-1].append(job)
    return [tuple(group) for group in order]


def expected_passes(gang: Sequence[CellJob], train: Mapping[str, RenditionCounts], dev: Mapping[str, int]) -> float:
    """The waveforms that go through the encoder in one epoch of training and dev when `gang` trains together.

    `train` and `dev` are the counts of each rendition folder. Exact in expectation over the draws: the draws of
    `replace` are the same for all cells of a gang, so a recording is replaced for all of them in the same epochs.
    """
    dev_shares: dict[str, float] = {}
    for job in gang:
        for folder, share in _dev_shares(job).items():
            dev_shares[folder] = max(share, dev_shares.get(folder, 0.0))
    total = sum(dev[folder] * share for folder, share in dev_shares.items())
    attacks = dict.fromkeys(folder for job in gang for folder in job.attacks)
    total += sum(train[folder].all for folder in attacks)
    total += sum(train[folder].spoof for folder in gang[0].recordings)
    total += sum(train[folder].bonafide for folder in gang[0].recordings) * max(map(_recorded_share, gang))
    shares: dict[str, float] = {}
    for job in gang:
        for folder, share in _cors_shares(job).items():
            shares[folder] = max(share, shares.get(folder, 0.0))
    return total + sum(train[folder].all * share for folder, share in shares.items())


def _key(job: CellJob) -> bytes | None:
    shared = job.detector_spec.resolved_frontend().shared_pass
    if shared is None:
        return None
    recipe = job.recipe
    return canonical_json(
        plain(
            {
                "encoder": shared,
                "input": job.detector_spec.input,
                "crop": recipe.crop,
                "augmentation": recipe.augmentation,
                "placement": [recipe.augment_before_crop, recipe.augment_dev],
                "batches": [recipe.batch_size, recipe.score_batch_size],
                "precision": recipe.precision,
                "seed": job.seed,
                "recordings": job.recordings,
                "banks": [job.impulse_responses, job.noises],
            }
        )
    )


def _dev_shares(job: CellJob) -> dict[str, float]:
    """The share of each rendition that dev uses."""
    whole = dict.fromkeys((*job.recordings, *job.attacks), 1.0)
    return whole | {cors.folder: _balanced_share(job, "dev") for cors in job.cors_of("dev")}


def _balanced_share(job: CellJob, split: str) -> float:
    """The share of its CoRS that a split uses with a balanced selection, the mean over its codecs."""
    balance = job.balance_of(split)
    return balance.scale / len({cors.codec for cors in job.cors}) if balance else 1.0


def _recorded_share(job: CellJob) -> float:
    """The share of the bona fide recordings that an epoch uses unreplaced."""
    return 1 - job.mixing.probability if job.cors and job.mixing.how == "replace" else 1.0


def _cors_shares(job: CellJob) -> dict[str, float]:
    """The share of each CoRS rendition that an epoch uses."""
    codecs = len({cors.codec for cors in job.cors}) or 1
    replaced = job.mixing.probability if job.mixing.how == "replace" else 1.0
    draws = job.mixing.how == "replace" or job.mixing.draw == "one"
    share = replaced / codecs if draws else _balanced_share(job, "train")
    return {cors.folder: share for cors in job.cors}


@dataclass(frozen=True)
class PlannedGang:
    """Cells that share an encoder, by id, and the waveforms of one epoch (train and dev) that go through it.

    `passes` counts them for the gang, `separate` for its cells one by one; both are expectations over the draws.
    """

    cells: tuple[str, ...]
    passes: float
    separate: float


def planned_gangs(jobs: Sequence[CellJob], most: int, renditions: Iterable[Rendition]) -> list[PlannedGang]:
    """The gangs of more than one and at most `most` cells that a run over `jobs` would make of these renditions."""
    shared = [gang for gang in gangs(jobs, most) if len(gang) > 1]
    by_folder = {rendition.folder: rendition for rendition in renditions}
    train = {folder: rendition_counts(rendition, "train") for folder, rendition in by_folder.items()}
    dev = {folder: rendition_counts(rendition, "dev").all for folder, rendition in by_folder.items()}
    return [
        PlannedGang(
            cells=tuple(job.cell_id for job in gang),
            passes=expected_passes(gang, train, dev),
            separate=sum(expected_passes([job], train, dev) for job in gang),
        )
        for gang in shared
    ]


def rendition_counts(rendition: Rendition, split: str) -> RenditionCounts:
    """The utterances of one split by class, from the holdings of the corpus: nothing has to be rendered yet.

    A codec or attack makes one utterance of each bona fide recording; failures are not taken into account.
    """
    in_split = [held for held in rendition.corpus.holdings if held.split == split]
    if rendition.chain == RAW:
        bonafide = sum(held.utterances for held in in_split if held.role == "raw")
        return RenditionCounts(bonafide, sum(held.utterances for held in in_split if held.role in ("attack", "cosg")))
    if rendition.chain.of_own_attacks:
        return RenditionCounts(0, sum(held.utterances for held in in_split if held.role == "attack"))
    if split in rendition.cors_parts.own:
        own = [held for held in in_split if held.role == "cors" and held.codec == rendition.chain.codec]
        return RenditionCounts(sum(held.utterances for held in own), 0)
    return RenditionCounts(sum(held.utterances for held in in_split if held.is_recorded), 0)
