"""Scores of finished cells -> what changing one attribute of a codec, trained with or tested, does to the EER."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from grid.analysis.effects.contrasts import effects_of
from grid.analysis.effects.eers_by_codec import CodecAndSeed, CodecEers, Exchange, TestedCodecs, exchange_of_training
from grid.analysis.effects.main_effects import main_effects
from grid.analysis.effects.results import Effects
from grid.cells.job import CellJob
from grid.cells.status import cell_state
from grid.codecs.catalogue import Catalogue
from grid.codecs.pairs import contrasts
from grid.config.analyses import EffectChoice
from grid.core.randomness import generator
from grid.core.store import Store
from grid.experiment.grid import Grid
from grid.measuring.measure import scored_trials

log = logging.getLogger(__name__)


def effects(store: Store, grid: Grid) -> tuple[Effects, ...]:
    """The effects on every evaluation that is asked for, of every policy and detector; none where none are asked for.

    Those of the codec trained with come before those of the tested one. Trainings are those of the grid's selections of
    one codec. A pure function of the scores and of the catalogue. RequestError: two cells scored different utterances.
    """
    choice = grid.experiment.effects
    if choice is None:
        return ()
    jobs = [job for job in grid.cells if len(job.codecs) == 1]
    states = {job.cell_id: cell_state(store, job).status for job in jobs}
    tested, eers = _eers(store, grid, choice, [job for job in jobs if states[job.cell_id] == "done"])
    made: list[Effects] = []
    for name in tested:
        for policy, detector in dict.fromkeys((job.policy, job.detector) for job in jobs):
            cells = [job for job in jobs if (job.policy, job.detector) == (policy, detector)]
            trained = exchange_of_training(
                (name, policy, detector),
                tested[name].codecs,
                {_training(job): eers[name][job.cell_id] for job in cells if job.cell_id in eers[name]},
                {_training(job): states[job.cell_id] for job in cells},
            )
            sides = (trained, trained.from_the_other_side())
            made += [_effects(side, tested[name].drawn, grid.catalogue, choice) for side in sides]
    found = tuple(each for each in made if each.says_something)
    if jobs and not found:
        log.warning("effects: no two codecs, trained with or tested, differ in one attribute alone")
    return found


def _effects(exchange: Exchange, speakers: int, catalogue: Catalogue, choice: EffectChoice) -> Effects:
    found = contrasts(entry for entry in catalogue if entry.name in exchange.codecs)
    main = main_effects(exchange, catalogue, choice.level)
    return replace(effects_of(exchange, speakers, found, catalogue, choice), main=main)


def _training(job: CellJob) -> CodecAndSeed:
    return job.codecs[0], job.seed


def _eers(
    store: Store, grid: Grid, choice: EffectChoice, done: Sequence[CellJob]
) -> tuple[dict[str, TestedCodecs], dict[str, dict[str, CodecEers]]]:
    """By evaluation: the codecs that it tests, and the EERs of each cell; one cell's scores are held at a time."""
    tested: dict[str, TestedCodecs] = {}
    eers: dict[str, dict[str, CodecEers]] = {name: {} for name in choice.evaluation}
    for job in done:
        trials = scored_trials(store, job)
        for name in choice.evaluation:
            if name not in tested:
                draw = generator("effects", name, "speakers")
                tested[name] = TestedCodecs.of(trials, grid.experiment.evaluations[name], choice.replicates, draw)
            eers[name][job.cell_id] = tested[name].eers(trials)
    return tested, eers
