"""The effects of an experiment: what changing one codec attribute, in training or in test, does to the EER."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from grid.analysis.effects.contrasts import effects_of
from grid.analysis.effects.eers_by_codec import CodecAndSeed, CodecEers, Exchange, TestedCodecs, exchange_of_training
from grid.analysis.effects.main_effects import main_effects
from grid.analysis.effects.results import Effects
from grid.cells.job import CellJob
from grid.cells.status import cell_states
from grid.codecs.catalogue import Catalogue
from grid.codecs.pairs import contrasts
from grid.config.analyses import EffectChoice
from grid.core.randomness import generator
from grid.core.store import Store
from grid.experiment.grid import Grid
from grid.measuring.measure import scored_trials

log = logging.getLogger(__name__)


def effects(store: Store, grid: Grid) -> tuple[Effects, ...]:
    """The effects on every evaluation of `effects` in the experiment file, by policy and detector; empty without it.

    Effects of the training codec come before those of the tested codec. Only trainings on a single codec are used. A
    pure function of the scores and of the catalogue. Raises RequestError when two cells scored different utterances.
    """
    choice = grid.experiment.effects
    if choice is None:
        return ()
    jobs = [job for job in grid.cells if len(job.codecs) == 1]
    states = {state.job.cell_id: state.status for state in cell_states(store, jobs)}
    tested, eers = _eers(store, grid, choice, [job for job in jobs if states[job.cell_id] == "done"])
    computed: list[Effects] = []
    for name in tested:
        for policy, detector in dict.fromkeys((job.policy, job.detector) for job in jobs):
            cells = [job for job in jobs if (job.policy, job.detector) == (policy, detector)]
            training_side = exchange_of_training(
                (name, policy, detector),
                tested[name].codecs,
                {_training(job): eers[name][job.cell_id] for job in cells if job.cell_id in eers[name]},
                {_training(job): states[job.cell_id] for job in cells},
            )
            sides = (training_side, training_side.other_side())
            computed += [_effects(side, tested[name].drawn, grid.catalogue, choice) for side in sides]
    shown = tuple(item for item in computed if item.has_content)
    if jobs and not shown:
        log.warning("effects: no two codecs, trained with or tested, differ in one attribute alone")
    return shown


def _effects(exchange: Exchange, speakers: int, catalogue: Catalogue, choice: EffectChoice) -> Effects:
    matched = contrasts(entry for entry in catalogue if entry.name in exchange.codecs)
    main = main_effects(exchange, catalogue, choice.level)
    return replace(effects_of(exchange, speakers, matched, catalogue, choice), main=main)


def _training(job: CellJob) -> CodecAndSeed:
    return job.codecs[0], job.seed


def _eers(
    store: Store, grid: Grid, choice: EffectChoice, done: Sequence[CellJob]
) -> tuple[dict[str, TestedCodecs], dict[str, dict[str, CodecEers]]]:
    """By evaluation: the tested codecs, and the EERs of each cell. The scores of one cell are in memory at a time."""
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
